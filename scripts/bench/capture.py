# SPDX-License-Identifier: BSD-3-Clause
"""What passes an interface, with the kernel's time stamps: nobody has to be awake meanwhile."""

import contextlib
import fcntl
import socket
import struct

from harness.netns import call_inside

ETH_P_ALL = 3
ETHERTYPE_IP = 0x0800
PROTO_ICMP, PROTO_IPIP, PROTO_TCP = 1, 4, 6
ICMP_UNREACHABLE = 3
TCP_SYN, TCP_ACK = 0x02, 0x10
# Not in Python's socket module.
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFHWADDR, IFF_UP = 0x8913, 0x8914, 0x8927, 1
ROOM = 64 << 20
#: A port is used again later than that, a SYN sent again earlier.
NEW_AFTER_S = 30


class Packet:
    """An IPv4 packet without options, in a tunnel or not: who it is for, and what it is."""

    def __init__(self, time, frame):
        self.time = time
        self.mac = frame[:6]
        self.outer = None  # Destination of the tunnel.
        self.protocol, self.flow, self.flags, self.icmp_type = 0, None, 0, None
        self.source = None
        if len(frame) < 34 or struct.unpack_from("!H", frame, 12)[0] != ETHERTYPE_IP:
            return
        at = 14
        self.protocol = frame[at + 9]
        self.source = socket.inet_ntoa(frame[at + 12:at + 16])
        if self.protocol == PROTO_IPIP and len(frame) >= at + 40:
            self.outer = socket.inet_ntoa(frame[at + 16:at + 20])
            at += 20
            self.protocol = frame[at + 9]
        if self.protocol == PROTO_TCP and len(frame) >= at + 34:
            self.flow = frame[at + 12:at + 24]  # Addresses and ports.
            self.flags = frame[at + 33]
        elif self.protocol == PROTO_ICMP and len(frame) > at + 20:
            self.icmp_type = frame[at + 20]

    @property
    def is_syn(self):
        return self.flags & (TCP_SYN | TCP_ACK) == TCP_SYN

    @property
    def is_to_vip(self):
        return self.flow is not None and self.flow[4:7] == socket.inet_aton("192.0.2.0")[:3]


class Capture:
    """Of one interface, both ways. Times are time.time()'s."""

    def __init__(self, namespace, interface):
        self._seen = {}  # Flow -> its last SYN.
        self._socket = call_inside(namespace, lambda: self._open(interface))

    @staticmethod
    def _open(interface):
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind((interface, 0))
        sock.setblocking(False)
        return sock

    def take(self):
        """Every packet since the last call."""
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    frame, ancillary, _, _ = self._socket.recvmsg(128, 64)
                except OSError as error:
                    if isinstance(error, BlockingIOError):
                        raise
                    continue  # The link went down: told once.
                for level, kind, content in ancillary:
                    if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                        seconds, nanoseconds = struct.unpack("=qq", content)
                        packets.append(Packet(seconds + nanoseconds / 1e9, frame))
        return packets

    def new_flows(self, packets):
        """Of them, the first SYN of each flow to the VIP: not those that are sent again."""
        found = []
        for packet in packets:
            if not packet.is_syn or not packet.is_to_vip:
                continue
            if packet.time - self._seen.get(packet.flow, 0) > NEW_AFTER_S:
                found.append(packet)
            self._seen[packet.flow] = packet.time
        return found

    def close(self):
        self._socket.close()


def set_link(namespace, interface, up):
    """Without a process of its own, so that it is known when."""
    def change():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            request = struct.pack("16sh14x", interface.encode(), 0)
            flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
            flags = flags | IFF_UP if up else flags & ~IFF_UP
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", interface.encode(), flags))
    call_inside(namespace, change)


def mac_of(namespace, interface):
    """As bytes."""
    def ask():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            return fcntl.ioctl(sock, SIOCGIFHWADDR,
                               struct.pack("256s", interface.encode()))[18:24]
    return call_inside(namespace, ask)
