# SPDX-License-Identifier: BSD-3-Clause
"""Frames that tests send, and what should become of them, built layer by layer with Scapy."""

import ipaddress

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from harness.rig import FRONT_MAC, WIRE_MAC

TCP_PROTOCOL = 6
UDP_PROTOCOL = 17


def family_of(address):
    return ipaddress.ip_address(address).version


def ip_header(src, dst, **fields):
    """IPv4 or IPv6 by the addresses. tos and ttl are spelled as in IPv4."""
    if family_of(src) == 4:
        return IP(src=src, dst=dst, **fields)
    names = {"tos": "tc", "ttl": "hlim"}
    return IPv6(src=src, dst=dst, **{names.get(name, name): value
                                     for name, value in fields.items()})


def l4_header(protocol, sport, dport, flags="S", **fields):
    if protocol == TCP_PROTOCOL:
        return TCP(sport=sport, dport=dport, flags=flags, seq=1000, **fields)
    return UDP(sport=sport, dport=dport, **fields)


def frame(client, vip, protocol=TCP_PROTOCOL, sport=40000, dport=80, payload=b"payload",
          flags="S", vlan=None, dst_mac=FRONT_MAC, src_mac=WIRE_MAC, **ip_fields):
    """A client's frame to a service, as bytes, checksums right."""
    ether = Ether(src=src_mac, dst=dst_mac)
    if vlan is not None:
        ether = ether / Dot1Q(vlan=vlan)
    return bytes(ether / ip_header(client, vip, **ip_fields)
                 / l4_header(protocol, sport, dport, flags) / Raw(payload))


def l3(data):
    """The bytes of a frame from its IP header on."""
    return data[18:] if data[12:14] == b"\x81\x00" else data[14:]


def is_forwarded(data):
    """Not the balancer's own ARP and neighbour discovery."""
    packet = Ether(data)
    return ARP not in packet and not (IPv6 in packet and packet[IPv6].nh == 58)
