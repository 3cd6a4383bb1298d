# SPDX-License-Identifier: BSD-3-Clause
"""The life of a next hop: announced, asked, lost, found again, moved; packets meanwhile."""

import time

import pytest
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6NDOptDstLLAddr, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether

from harness.channel import Backend, Service
from harness.frames import frame, l3
from harness.rig import BACK_MAC, FRONT_MAC, WIRE_MAC, backend

VIP = {4: "192.0.2.60", 6: "2001:db8::60"}
OWN = {4: "10.2.0.2", 6: "fd02::2"}
BROADCAST = "ff:ff:ff:ff:ff:ff"
both = pytest.mark.parametrize("family", [4, 6])


def request_for(address):
    """Is a frame an ARP request or solicitation for this address?"""
    def check(data):
        packet = Ether(data)
        return (ARP in packet and packet[ARP].op == 1 and packet[ARP].pdst == address
                or ICMPv6ND_NS in packet and packet[ICMPv6ND_NS].tgt == address)
    return check


def is_unicast(request):
    return request[Ether].dst not in (BROADCAST,) and not request[Ether].dst.startswith("33:33:")


def answer(request, mac):
    """What the host at mac says to a request."""
    ether = Ether(src=mac, dst=request[Ether].src)
    if Dot1Q in request:
        ether = ether / Dot1Q(vlan=request[Dot1Q].vlan)
    if ARP in request:
        asked = request[ARP]
        return ether / ARP(op=2, hwsrc=mac, psrc=asked.pdst, hwdst=asked.hwsrc, pdst=asked.psrc)
    target = request[ICMPv6ND_NS].tgt
    advert = (ether / IPv6(src=target, dst=request[IPv6].src, hlim=255)
              / ICMPv6ND_NA(tgt=target, S=1, O=1, R=0))
    # To a unicast solicitation Linux leaves the option out (RFC 4861 7.2.4).
    return advert if is_unicast(request) else advert / ICMPv6NDOptDstLLAddr(lladdr=mac)


def announcement(family, address, mac):
    """A gratuitous ARP request, or an unsolicited advertisement."""
    if family == 4:
        return Ether(src=mac, dst=BROADCAST) / ARP(op=1, hwsrc=mac, psrc=address, pdst=address)
    return (Ether(src=mac, dst="33:33:00:00:00:01") / IPv6(src=address, dst="ff02::1", hlim=255)
            / ICMPv6ND_NA(tgt=address, S=0, O=1, R=0) / ICMPv6NDOptDstLLAddr(lladdr=mac))


def resolve(rig, address, mac):
    """Play the host once: wait for the request, answer it. Returns the request."""
    (request,) = rig.back.receive_packets(1, keep=request_for(address))
    rig.back.send(answer(request, mac))
    return request


def mac_used(rig, service, family):
    """Where a new flow's packet goes, or None."""
    sent = frame(rig.fresh_client(family), service.vip, dport=service.port)
    rig.front.send(sent)
    out = rig.back.receive(1, timeout=0.5, keep=lambda data: l3(data) == l3(sent))
    return Ether(out[0]).dst if out else None


def service_on(rig, family, number, network=2):
    service = Service(VIP[family], port=8000 + number,
                      backends=[Backend(backend(family, number, network))])
    rig.apply(service)
    return service, backend(family, number, network)


@both
def test_a_new_vip_of_a_connected_network_is_announced_twice(rig, family):
    vip = {4: "10.1.0.60", 6: "fd01::60"}[family]

    def is_announcement(data):
        packet = Ether(data)
        return (ARP in packet and packet[ARP].psrc == vip and packet[ARP].pdst == vip
                or ICMPv6ND_NA in packet and packet[ICMPv6ND_NA].tgt == vip)

    rig.apply(Service(vip, backends=[Backend(backend(family, 11))]))
    seen = rig.front.receive_packets(3, timeout=3.5, keep=is_announcement)
    assert len(seen) == 2
    for out in seen:
        assert out[Ether].src == FRONT_MAC
        if family == 4:
            assert (out[Ether].dst, out[ARP].hwsrc) == (BROADCAST, FRONT_MAC)
        else:
            assert (out[IPv6].dst, out[ICMPv6ND_NA].S, out[ICMPv6ND_NA].O) == ("ff02::1", 0, 1)
            assert out[ICMPv6NDOptDstLLAddr].lladdr == FRONT_MAC
    assert rig.back.receive(1, timeout=0.1, keep=is_announcement) == []


@both
def test_eight_packets_wait_and_are_sent_in_order(rig, family):
    service, address = service_on(rig, family, 61)
    (request,) = rig.back.receive_packets(1, keep=request_for(address))
    sent = [frame(rig.fresh_client(family), service.vip, dport=service.port) for _ in range(11)]
    rig.await_drop("unresolved_full", lambda: rig.front.send(*sent), count=3)
    rig.back.send(answer(request, "02:00:00:00:dd:61"))
    wanted = [l3(data) for data in sent[3:]]
    out = rig.back.receive(9, timeout=0.5, keep=lambda data: l3(data) in wanted)
    assert [l3(data) for data in out] == wanted
    assert {Ether(data).dst for data in out} == {"02:00:00:00:dd:61"}
    assert {Ether(data).src for data in out} == {BACK_MAC}


@both
def test_a_tagged_next_hop_is_resolved_within_its_vlan(rig, family):
    service, address = service_on(rig, family, 62, network=3)
    (request,) = rig.back.receive_packets(1, keep=request_for(address))
    assert request[Dot1Q].vlan == 200
    sent = frame(rig.fresh_client(family), service.vip, dport=service.port)
    rig.front.send(sent)
    rig.back.send(answer(request, "02:00:00:00:dd:62"))
    (out,) = rig.back.receive(1, keep=lambda data: l3(data) == l3(sent))
    assert (Ether(out)[Dot1Q].vlan, Ether(out).dst) == (200, "02:00:00:00:dd:62")


@both
def test_a_dead_backend_is_asked_thrice_then_drops_and_recovers_by_traffic(rig, family):
    service, address = service_on(rig, family, 63)
    sent = frame(rig.fresh_client(family), service.vip, dport=service.port)
    rig.await_drop("unresolved", lambda: rig.front.send(sent), timeout=5)
    requests = rig.back.receive_packets(3, timeout=0.1, keep=request_for(address))
    assert len(requests) == 3
    time.sleep(3.5)  # Back-off: asked seldom from now on.
    rig.back.drain()
    # The host is back: the next packet makes the balancer ask at once, and is not lost.
    rig.front.send(sent)
    start = time.monotonic()
    resolve(rig, address, "02:00:00:00:dd:63")
    (out,) = rig.back.receive(1, timeout=0.5, keep=lambda data: l3(data) == l3(sent))
    assert Ether(out).dst == "02:00:00:00:dd:63"
    assert time.monotonic() - start < 1.5


@both
def test_a_backend_that_moved_is_followed_within_two_seconds(rig, family):
    """A pair of servers fails over: the new one announces itself, the old one is silent."""
    old, new = "02:00:00:00:dd:64", "02:00:00:00:ee:64"
    service, address = service_on(rig, family, 64)
    resolve(rig, address, old)
    assert mac_used(rig, service, family) == old
    rig.back.drain()
    rig.back.send(announcement(family, address, new))
    start = time.monotonic()
    probes = 0
    while time.monotonic() - start < 2:
        for request in rig.back.receive_packets(1, timeout=0.2, keep=request_for(address)):
            if is_unicast(request):
                assert request[Ether].dst == old
                probes += 1
            else:
                rig.back.send(answer(request, new))
        if mac_used(rig, service, family) == new:
            break
    assert mac_used(rig, service, family) == new
    assert probes == 3


@both
def test_a_forged_announcement_costs_one_unicast_probe(rig, family):
    mac, thief = "02:00:00:00:dd:65", "02:00:00:00:ee:65"
    service, address = service_on(rig, family, 65)
    resolve(rig, address, mac)
    assert mac_used(rig, service, family) == mac
    rig.back.drain()
    rig.back.send(*[announcement(family, address, thief)] * 50)
    probe = resolve(rig, address, mac)
    assert probe[Ether].dst == mac
    # The thief's answer to what he was not asked.
    rig.back.send(answer(probe, thief))
    assert mac_used(rig, service, family) == mac
    time.sleep(0.5)
    assert mac_used(rig, service, family) == mac
    more = rig.back.receive_packets(5, timeout=0.5, keep=request_for(address))
    assert all(is_unicast(request) for request in more)


def test_a_flood_of_requests_does_not_keep_a_next_hop_from_resolving(rig):
    service, address = service_on(rig, 4, 66)
    flood = bytes(Ether(src=WIRE_MAC, dst=BROADCAST) / ARP(op=1, hwsrc=WIRE_MAC, psrc=OWN[4],
                                                          pdst="10.2.0.99"))
    (request,) = rig.back.receive_packets(1, keep=request_for(address))
    rig.back.send(*[flood] * 300, answer(request, "02:00:00:00:dd:66"), *[flood] * 300)
    assert mac_used(rig, service, 4) == "02:00:00:00:dd:66"
