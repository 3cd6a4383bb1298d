# SPDX-License-Identifier: BSD-3-Clause
"""The far end of a cable to the dataplane: raw frames in and out."""

import errno
import select
import socket
import struct
import time

from scapy.layers.l2 import Ether

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33  # Not in Python's socket module.
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6


class Wire:
    """Sends and receives on one interface; slower than a NIC, faster than scapy's sniff()."""

    def __init__(self, namespace, interface, mac):
        self.mac = mac
        self.interface = interface
        self.socket = namespace.call(lambda: self._open(interface))

    @staticmethod
    def _open(interface):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        sock.bind((interface, 0))
        sock.setblocking(False)
        return sock

    def close(self):
        self.socket.close()

    def send(self, *frames):
        """Frames as bytes or as Scapy packets."""
        for frame in frames:
            data = bytes(frame)
            for _ in range(1000):
                try:
                    self.socket.send(data)
                    break
                except OSError as error:
                    if error.errno not in (errno.EAGAIN, errno.ENOBUFS):
                        raise
                    time.sleep(0.001)

    def _receive_one(self):
        """The next frame; None: the link went down."""
        try:
            data, ancillary, _, _ = self.socket.recvmsg(65536, 256)
        except OSError as error:
            if error.errno == errno.ENETDOWN:
                return None
            raise
        for level, kind, content in ancillary:
            # The kernel takes the VLAN tag out of the frame; put it back.
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", content)
                if status & TP_STATUS_VLAN_VALID:
                    tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                    data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        return data

    def receive(self, count=1, timeout=2.0, keep=lambda frame: True):
        """Up to count frames (bytes) for which keep() holds, waiting at most timeout seconds."""
        frames = []
        end = time.monotonic() + timeout
        while len(frames) < count:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                break
            frame = self._receive_one()
            if frame is not None and keep(frame):
                frames.append(frame)
        return frames

    def receive_packets(self, count=1, timeout=2.0, keep=lambda frame: True):
        """The same, dissected."""
        return [Ether(frame) for frame in self.receive(count, timeout, keep)]

    def drain(self):
        """Forget what has arrived."""
        while True:
            try:
                self._receive_one()
            except BlockingIOError:
                return
