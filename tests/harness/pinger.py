# SPDX-License-Identifier: BSD-3-Clause
"""guideway-pinger, its protocol, and a host to ping: two network namespaces with a cable.

     pinger's namespace                 host's namespace
    ┌────────────────────┐             ┌──────────────────────────┐
    │ 10.99.0.1  fd99::1 ├── cable ────┤ 10.99.0.2  fd99::2       │
    └────────────────────┘             │ 10.99.1.0/24, fd99:1::/64│ unreachable
                                       └──────────────────────────┘
"""

import ipaddress
import socket
import struct

from harness.netns import Namespace, delete_namespace, run
from harness.process import BUILD, Program

HOST = {4: "10.99.0.2", 6: "fd99::2"}
OWN = {4: "10.99.0.1", 6: "fd99::1"}
#: The host says that it has no way there.
UNREACHABLE = {4: "10.99.1.9", 6: "fd99:1::9"}

SENT, ANSWERED, UNREACHED, FAILED = 1, 2, 3, 4
RESULT = struct.Struct("=IB3xi")
ADDRESS = struct.Struct("=16sB3x")


def packed(address):
    if address is None:
        return bytes(ADDRESS.size)
    ip = ipaddress.ip_address(address)
    return ADDRESS.pack(ip.packed, 4 if ip.version == 4 else 6)


def request(number, address, source=None):
    return struct.pack("=I", number) + packed(address) + packed(source)


class Network:
    """Both namespaces."""

    def __init__(self, lab):
        self.near, self.far = f"{lab}-ping", f"{lab}-host"
        self.spaces = [Namespace(self.near), Namespace(self.far)]
        run("ip", "link", "add", "eth0", "netns", self.near, "type", "veth", "peer", "name",
            "eth0", "netns", self.far)
        for space, addresses in ((self.near, OWN), (self.far, HOST)):
            run("ip", "netns", "exec", space, "sysctl", "-qw",
                "net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.eth0.disable_ipv6=0",
                "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0",
                "net.ipv4.icmp_msgs_per_sec=100000")
            run("ip", "-n", space, "addr", "add", f"{addresses[4]}/24", "dev", "eth0")
            run("ip", "-n", space, "addr", "add", f"{addresses[6]}/64", "dev", "eth0", "nodad")
            run("ip", "-n", space, "link", "set", "eth0", "up")
        for net, version in (("10.99.1.0/24", 4), ("fd99:1::/64", 6)):
            run("ip", "-n", self.near, "route", "add", net, "via", HOST[version])
            run("ip", "-n", self.far, "route", "add", "unreachable", net)

    def set_link(self, state):
        run("ip", "-n", self.far, "link", "set", "eth0", state)
        if state == "up":  # A link that goes down takes IPv6 addresses and routes with it.
            run("ip", "-n", self.far, "addr", "replace", f"{HOST[6]}/64", "dev", "eth0", "nodad")

    def delete(self):
        for name in (self.near, self.far):
            delete_namespace(name)


class Pinger:
    """One that runs in the near namespace."""

    def __init__(self, network, directory, user="root"):
        self.network = network
        self.socket = directory / "pinger.sock"
        self.log = directory / "pinger.log"
        self.user = user
        self.program = None

    def start(self):
        self.log.unlink(missing_ok=True)
        self.program = Program("guideway-pinger", [
            "ip", "netns", "exec", self.network.near,
            "env", "ASAN_OPTIONS=detect_leaks=0",  # It may not be looked into, by that neither.
            str(BUILD / "guideway-pinger"), "--socket", str(self.socket), "--user", self.user],
            self.log)
        self.program.wait_until(lambda: "ready" in self.program.log_text(), "it is ready")

    @property
    def pid(self):
        return self.program.pid

    def client(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        client.settimeout(10)
        client.connect(str(self.socket))
        return client


def results(client, nb):
    """So many of them, or fewer when nothing has come for a while."""
    found = []
    while len(found) < nb:
        try:
            packet = client.recv(RESULT.size * 64)
        except TimeoutError:
            return found
        if not packet:
            return found
        found += RESULT.iter_unpack(packet)
    return found
