#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A stand-in for a backend's ipip tunnel, which the kernels of labs lack.

    decapsulate.py INTERFACE

Takes the outer header off packets of protocol 4 and gives what was inside to the kernel, by a
tun interface of that name. For tests only.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000

tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", sys.argv[1].encode(), IFF_TUN | IFF_NO_PI))
subprocess.run(["ip", "link", "set", sys.argv[1], "up"], check=True)
outer = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IPIP)
outer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
print("ready", flush=True)
while True:
    packet = outer.recv(65536)
    os.write(tun, packet[(packet[0] & 15) * 4:])
