# SPDX-License-Identifier: BSD-3-Clause
"""ARP, neighbour discovery and echo: who is answered, and how next hops are found."""

import time

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import (ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_NS,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPv6)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from harness.channel import DIRECT, Backend, Service
from harness.frames import frame, l3
from harness.rig import BACK_MAC, FRONT_MAC, WIRE_MAC, backend

VIP = {4: "192.0.2.40", 6: "2001:db8::40"}
PEER = {4: "10.1.0.77", 6: "fd01::77"}
BROADCAST = "ff:ff:ff:ff:ff:ff"
both = pytest.mark.parametrize("family", [4, 6])


@pytest.fixture
def services(rig):
    rig.apply(*(Service(VIP[f], backends=[Backend(backend(f, 11))]) for f in (4, 6)))
    time.sleep(0.2)  # A new VIP is announced.
    rig.front.drain()
    rig.back.drain()


def who_has(target, sender=PEER[4], vlan=None):
    ether = Ether(src=WIRE_MAC, dst=BROADCAST)
    if vlan is not None:
        ether = ether / Dot1Q(vlan=vlan)
    return ether / ARP(op=1, hwsrc=WIRE_MAC, psrc=sender, pdst=target)


def solicited_node(address):
    """RFC 4291 2.7.1, and its Ethernet address (RFC 2464 7)."""
    import ipaddress
    low = ipaddress.ip_address(address).packed[13:]
    group = ipaddress.ip_address(b"\xff\x02" + bytes(9) + b"\x01\xff" + low)
    return str(group), "33:33:ff:" + ":".join(f"{b:02x}" for b in low)


def solicit(target, source=PEER[6], vlan=None, **ip_fields):
    group, mac = solicited_node(target)
    ether = Ether(src=WIRE_MAC, dst=mac)
    if vlan is not None:
        ether = ether / Dot1Q(vlan=vlan)
    ns = IPv6(src=source, dst=group, hlim=255, **ip_fields) / ICMPv6ND_NS(tgt=target)
    return ether / (ns / ICMPv6NDOptSrcLLAddr(lladdr=WIRE_MAC) if source != "::" else ns)


def is_arp_reply(data):
    packet = Ether(data)
    return ARP in packet and packet[ARP].op == 2


@pytest.mark.parametrize("target", [VIP[4], "10.1.0.2"], ids=["vip", "own"])
def test_arp_is_answered_for_vips_and_own_addresses(rig, services, target):
    rig.front.send(who_has(target))
    (out,) = rig.front.receive_packets(1)
    assert (out[Ether].src, out[Ether].dst) == (FRONT_MAC, WIRE_MAC)
    reply = out[ARP]
    assert (reply.op, reply.hwtype, reply.ptype) == (2, 1, 0x0800)
    assert (reply.hwsrc, reply.psrc) == (FRONT_MAC, target)
    assert (reply.hwdst, reply.pdst) == (WIRE_MAC, PEER[4])


def test_arp_on_a_vlan_is_answered_with_its_tag(rig, services):
    rig.front.send(who_has("10.4.0.2", "10.4.0.77", vlan=100))
    (out,) = rig.front.receive_packets(1)
    assert out[Dot1Q].vlan == 100
    assert (out[ARP].op, out[ARP].hwsrc) == (2, FRONT_MAC)


@pytest.mark.parametrize("target", ["10.1.0.3", "192.0.2.41", "10.2.0.2"],
                         ids=["stranger", "no-vip", "other-network"])
def test_arp_for_other_addresses_is_not_answered(rig, services, target):
    rig.front.send(who_has(target))
    assert rig.front.receive(1, timeout=0.3, keep=is_arp_reply) == []


@pytest.mark.parametrize("target", [VIP[6], "fd01::2"], ids=["vip", "own"])
def test_a_solicitation_is_answered_for_vips_and_own_addresses(rig, services, target):
    rig.front.send(solicit(target))
    (out,) = rig.front.receive_packets(1)
    assert (out[Ether].src, out[Ether].dst) == (FRONT_MAC, WIRE_MAC)
    assert (out[IPv6].dst, out[IPv6].hlim) == (PEER[6], 255)
    advert = out[ICMPv6ND_NA]
    assert (advert.tgt, advert.S, advert.R) == (target, 1, advert.R)
    assert out[ICMPv6NDOptDstLLAddr].lladdr == FRONT_MAC
    # Its checksum is right: Scapy computes the same.
    again = Ether(bytes(out))
    del again[ICMPv6ND_NA].cksum
    assert Ether(bytes(again))[ICMPv6ND_NA].cksum == advert.cksum


def test_duplicate_address_detection_is_answered_to_all_nodes(rig, services):
    rig.front.send(solicit(VIP[6], source="::"))
    (out,) = rig.front.receive_packets(1)
    assert (out[IPv6].dst, out[ICMPv6ND_NA].S) == ("ff02::1", 0)
    assert out[ICMPv6ND_NA].tgt == VIP[6]


@pytest.mark.parametrize("fields", [{"hlim": 254}], ids=["hop-limit"])
def test_a_forged_solicitation_is_dropped(rig, services, fields):
    """It came from beyond a router (RFC 4861 7.1.1)."""
    data = solicit(VIP[6])
    data[IPv6].hlim = fields["hlim"]
    rig.await_drop("neighbour_bad", lambda: rig.front.send(data))


def test_a_solicitation_with_a_wrong_checksum_is_dropped(rig, services):
    data = bytearray(bytes(solicit(VIP[6])))
    data[14 + 40 + 2] ^= 0xff
    rig.await_drop("neighbour_bad", lambda: rig.front.send(bytes(data)))


@both
@pytest.mark.parametrize("which", ["vip", "own"])
def test_echo_is_answered_for_vips_and_own_addresses(rig, services, family, which):
    dst = VIP[family] if which == "vip" else {4: "10.1.0.2", 6: "fd01::2"}[family]
    payload = bytes(range(256))
    if family == 4:
        request = IP(src=PEER[4], dst=dst, ttl=3) / ICMP(id=77, seq=9) / Raw(payload)
    else:
        request = IPv6(src=PEER[6], dst=dst, hlim=3) / ICMPv6EchoRequest(id=77, seq=9,
                                                                         data=payload)
    rig.front.send(Ether(src=WIRE_MAC, dst=FRONT_MAC) / request)
    (out,) = rig.front.receive_packets(1)
    assert (out[Ether].src, out[Ether].dst) == (FRONT_MAC, WIRE_MAC)
    if family == 4:
        assert (out[IP].src, out[IP].dst, out[IP].ttl) == (dst, PEER[4], 64)
        reply = out[ICMP]
        assert (reply.type, reply.code, reply.id, reply.seq) == (0, 0, 77, 9)
        assert bytes(reply.payload) == payload
    else:
        assert (out[IPv6].src, out[IPv6].dst, out[IPv6].hlim) == (dst, PEER[6], 64)
        reply = out[ICMPv6EchoReply]
        assert (reply.id, reply.seq, reply.data) == (77, 9, payload)
    # Every checksum is what Scapy would have computed.
    rebuilt = Ether(bytes(out))
    for layer, field in ((IP, "chksum"), (ICMP, "chksum"), (ICMPv6EchoReply, "cksum")):
        if layer in rebuilt:
            delattr(rebuilt[layer], field)
    assert bytes(rebuilt) == bytes(out)


def test_echo_for_other_addresses_is_not_answered(rig, services):
    ping = Ether(src=WIRE_MAC, dst=FRONT_MAC) / IP(src=PEER[4], dst="192.0.2.41") / ICMP()
    rig.await_drop("no_service", lambda: rig.front.send(ping))
    assert rig.front.receive(1, timeout=0.1) == []


def answer_for(request, mac):
    """A neighbour's answer to a dissected ARP request or solicitation."""
    if ARP in request:
        return Ether(src=mac, dst=request[Ether].src) / ARP(
            op=2, hwsrc=mac, psrc=request[ARP].pdst, hwdst=request[ARP].hwsrc,
            pdst=request[ARP].psrc)
    target = request[ICMPv6ND_NS].tgt
    return (Ether(src=mac, dst=request[Ether].src)
            / IPv6(src=target, dst=request[IPv6].src, hlim=255)
            / ICMPv6ND_NA(tgt=target, S=1, O=1, R=0) / ICMPv6NDOptDstLLAddr(lladdr=mac))


def is_request_for(target):
    def check(data):
        packet = Ether(data)
        return (ARP in packet and packet[ARP].op == 1 and packet[ARP].pdst == target
                or ICMPv6ND_NS in packet and packet[ICMPv6ND_NS].tgt == target)
    return check


@both
def test_a_backend_is_resolved_and_waiting_packets_are_sent(rig, family):
    number = 40
    address, mac = backend(family, number), "02:00:00:00:dd:40"
    service = Service(VIP[family], port=8040, mode=DIRECT, backends=[Backend(address)])
    rig.apply(service)
    (request,) = rig.back.receive_packets(1, keep=is_request_for(address))
    assert request[Ether].src == BACK_MAC
    if family == 4:
        assert request[Ether].dst == BROADCAST
        assert (request[ARP].hwsrc, request[ARP].psrc) == (BACK_MAC, "10.2.0.2")
    else:
        group, group_mac = solicited_node(address)
        assert (request[Ether].dst, request[IPv6].dst) == (group_mac, group)
        assert (request[IPv6].src, request[IPv6].hlim) == ("fd02::2", 255)
        assert request[ICMPv6NDOptSrcLLAddr].lladdr == BACK_MAC
    sent = frame(rig.fresh_client(family), service.vip, dport=8040)
    rig.front.send(sent)
    time.sleep(0.05)
    rig.back.send(answer_for(request, mac))
    (out,) = rig.back.receive(1, keep=lambda data: l3(data) == l3(sent))
    assert Ether(out).dst == mac
    # From now on without delay.
    sent = frame(rig.fresh_client(family), service.vip, dport=8040)
    rig.front.send(sent)
    (out,) = rig.back.receive(1, keep=lambda data: l3(data) == l3(sent))
    assert Ether(out).dst == mac


@both
def test_an_unsolicited_announcement_does_not_change_a_next_hop(rig, family):
    """It only starts a probe; the old neighbour answers, and nothing has changed."""
    address, mac, thief = backend(family, 41), "02:00:00:00:dd:41", "02:00:00:00:ee:41"
    service = Service(VIP[family], port=8041, backends=[Backend(address)])
    rig.apply(service)
    (request,) = rig.back.receive_packets(1, keep=is_request_for(address))
    rig.back.send(answer_for(request, mac))
    if family == 4:
        forged = Ether(src=thief, dst=BROADCAST) / ARP(op=2, hwsrc=thief, psrc=address,
                                                       hwdst=thief, pdst=address)
    else:
        forged = (Ether(src=thief, dst="33:33:00:00:00:01")
                  / IPv6(src=address, dst="ff02::1", hlim=255)
                  / ICMPv6ND_NA(tgt=address, S=0, O=1, R=0)
                  / ICMPv6NDOptDstLLAddr(lladdr=thief))
    time.sleep(0.1)
    rig.back.send(forged)
    for probe in rig.back.receive_packets(1, timeout=0.5, keep=is_request_for(address)):
        rig.back.send(answer_for(probe, mac))
    for _ in range(5):
        sent = frame(rig.fresh_client(family), service.vip, dport=8041)
        rig.front.send(sent)
        (out,) = rig.back.receive(1, keep=lambda data, sent=sent: l3(data) == l3(sent))
        assert Ether(out).dst == mac
