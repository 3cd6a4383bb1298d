# SPDX-License-Identifier: BSD-3-Clause
"""Every forwarding mode × family × protocol: every layer of what leaves the balancer."""

import ipaddress

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether

from harness.channel import DIRECT, IPIP, TCP, UDP, Backend, Service
from harness.frames import frame, is_forwarded, l3
from harness.rig import BACK_MAC, BACK_VLAN, FRONT_VLAN, OWN, backend, mac_of

VIP = {4: "192.0.2.10", 6: "2001:db8::10"}
PROTOCOL_NUMBER = {4: 4, 6: 41}  # IANA: IPv4 and IPv6 encapsulation.

# (mode, family of the client, family of the backend)
WAYS = {
    "direct4": (DIRECT, 4, 4), "direct6": (DIRECT, 6, 6),
    "4in4": (IPIP, 4, 4), "6in6": (IPIP, 6, 6), "4in6": (IPIP, 4, 6), "6in4": (IPIP, 6, 4),
}


def internet_sum(data):
    """RFC 1071, plainly: 0xffff over a header whose checksum is right."""
    total = sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def check_ethernet(out, vlan, dst):
    assert out[Ether].src == BACK_MAC
    assert out[Ether].dst == mac_of(dst)
    if vlan is None:
        assert out[Ether].type in (0x0800, 0x86dd)
    else:
        assert out[Ether].type == 0x8100
        assert (out[Dot1Q].vlan, out[Dot1Q].prio, out[Dot1Q].id) == (vlan, 0, 0)


def check_outer4(packet, inner, inner_family, src, dst, tos):
    """RFC 2003 and 4213: all 20 bytes of the outer header."""
    header = IP(packet[:20])
    assert (header.version, header.ihl) == (4, 5)
    assert header.tos == tos  # RFC 6040: DSCP and ECN are copied.
    assert header.len == 20 + len(inner)
    assert (header.id, str(header.flags), header.frag) == (0, "DF", 0)
    assert header.ttl == 64
    assert header.proto == PROTOCOL_NUMBER[inner_family]
    assert (header.src, header.dst) == (src, dst)
    assert internet_sum(packet[:20]) == 0xffff


def check_outer6(packet, inner, inner_family, src, dst, tos):
    """RFC 2473: all 40 bytes of the outer header."""
    header = IPv6(packet[:40])
    assert (header.version, header.fl) == (6, 0)
    assert header.tc == tos
    assert header.plen == len(inner)
    assert header.nh == PROTOCOL_NUMBER[inner_family]
    assert header.hlim == 64
    assert ipaddress.ip_address(header.src) == ipaddress.ip_address(src)
    assert ipaddress.ip_address(header.dst) == ipaddress.ip_address(dst)


def check_way(rig, way, protocol, network=2, out_vlan=None, in_vlan=None, **fields):
    """Send one packet of a client; assert all that comes out of the other side."""
    mode, client_family, backend_family = WAYS[way]
    dst = backend(backend_family, 11, network)
    service = Service(VIP[client_family], protocol, 80, mode, [Backend(dst)])
    rig.apply(service)
    tos = fields.pop("tos", 0x2a)
    sent = frame(rig.fresh_client(client_family), service.vip, protocol, vlan=in_vlan, tos=tos,
                 **fields)
    rig.front.send(sent)
    frames = rig.back.receive(1, keep=is_forwarded) + rig.back.receive(1, 0.03, is_forwarded)
    assert len(frames) == 1, f"{len(frames)} frames came out; drops {rig.stats.drops}"
    check_ethernet(Ether(frames[0]), out_vlan, dst)
    packet, original = l3(frames[0]), l3(sent)
    src = OWN[network][0 if backend_family == 4 else 1]
    if mode == DIRECT:
        assert packet == original
    elif backend_family == 4:
        assert packet[20:] == original
        check_outer4(packet, original, client_family, src, dst, tos)
    else:
        assert packet[40:] == original
        check_outer6(packet, original, client_family, src, dst, tos)
    assert rig.front.receive(1, 0.02, is_forwarded) == []


@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["tcp", "udp"])
@pytest.mark.parametrize("way", WAYS)
def test_every_layer_of_a_forwarded_packet_is_right(rig, way, protocol):
    check_way(rig, way, protocol)


@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["tcp", "udp"])
@pytest.mark.parametrize("way", WAYS)
def test_a_backend_on_a_vlan_gets_tagged_frames(rig, way, protocol):
    check_way(rig, way, protocol, network=3, out_vlan=BACK_VLAN)


@pytest.mark.parametrize("way", WAYS)
def test_a_client_on_a_vlan_is_served_untagged_on_the_other_side(rig, way):
    check_way(rig, way, TCP, in_vlan=FRONT_VLAN)


@pytest.mark.parametrize("way", WAYS)
def test_a_tag_is_exchanged_for_another(rig, way):
    check_way(rig, way, UDP, network=3, in_vlan=FRONT_VLAN, out_vlan=BACK_VLAN)


@pytest.mark.parametrize("tos", [0x00, 0x01, 0x02, 0x03, 0xb8, 0xff])
@pytest.mark.parametrize("way", [way for way in WAYS if "in" in way])
def test_dscp_and_ecn_are_copied_to_the_outer_header(rig, way, tos):
    check_way(rig, way, TCP, tos=tos)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 1000, 1380, 1399])
@pytest.mark.parametrize("way", WAYS)
def test_payloads_of_any_length_pass_unchanged(rig, way, size):
    check_way(rig, way, UDP, payload=bytes(i * 7 & 0xff for i in range(size)))


@pytest.mark.parametrize("ttl", [1, 2, 255])
@pytest.mark.parametrize("way", WAYS)
def test_the_clients_ttl_is_left_alone(rig, way, ttl):
    """The balancer is a bump on the wire, no router: doc/architecture.md."""
    check_way(rig, way, TCP, ttl=ttl)


def test_ipv4_options_pass_unchanged(rig):
    from scapy.layers.inet import IPOption_NOP, IPOption_RR
    for way in ("direct4", "4in4", "4in6"):
        check_way(rig, way, TCP, options=[IPOption_RR(), IPOption_NOP()])


def test_an_ethernet_trailer_is_not_forwarded_into_a_tunnel(rig):
    """Padding behind the IP packet (short frames have it) is no part of it."""
    service = Service(VIP[4], UDP, 80, IPIP, [Backend(backend(4, 11))])
    rig.apply(service)
    sent = frame(rig.fresh_client(4), service.vip, UDP, payload=b"x")
    rig.front.send(sent + b"\xee" * 17)
    (out,) = rig.back.receive(1, keep=is_forwarded)
    assert l3(out)[20:20 + len(l3(sent))] == l3(sent)
    assert IP(l3(out)).len == 20 + len(l3(sent))
    assert b"\xee" not in out


def test_a_remote_backend_of_ipip_is_reached_through_the_gateway(rig):
    """Its own network is not ours: the frame goes to the gateway's MAC address."""
    for family, remote in ((4, "198.51.100.7"), (6, "2001:db8:ff::7")):
        service = Service(VIP[4], UDP, 80, IPIP, [Backend(remote)])
        rig.apply(service)
        sent = frame(rig.fresh_client(4), service.vip, UDP)
        rig.front.send(sent)
        # The only gateway is on the front network.
        (out,) = rig.front.receive(1, keep=is_forwarded)
        assert Ether(out).dst == mac_of(backend(family, 1, network=1))
        assert l3(out)[20 if family == 4 else 40:] == l3(sent)


def test_a_packet_goes_out_where_it_came_in_if_the_backend_is_there(rig):
    """One-armed: the same port for both directions."""
    service = Service(VIP[4], TCP, 80, DIRECT, [Backend(backend(4, 12, network=1))])
    rig.apply(service)
    sent = frame(rig.fresh_client(4), service.vip)
    rig.front.send(sent)
    (out,) = rig.front.receive(1, keep=is_forwarded)
    assert Ether(out).dst == mac_of(backend(4, 12, network=1))
    assert l3(out) == l3(sent)
