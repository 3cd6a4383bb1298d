# SPDX-License-Identifier: BSD-3-Clause
"""on-down: what becomes of the flows of a backend whose health is down."""

import ipaddress

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from flows import Flow, backends, open_flows
from harness.channel import DIRECT, DISABLED, DOWN, IPIP, KEEP, MOVE, RESET, UDP, Service
from harness.frames import ip_header, is_forwarded, l3
from harness.rig import FRONT_MAC, FRONT_VLAN, WIRE_MAC, backend

VIP = {4: "192.0.2.50", 6: "2001:db8::50"}
NUMBERS = (11, 12, 13)
NB_FLOWS = 30
SEQ, ACK = 0x11223344, 0xfedcba98

# (mode, family of clients, family of backends)
WAYS = {"direct4": (DIRECT, 4, 4), "direct6": (DIRECT, 6, 6), "4in4": (IPIP, 4, 4),
        "6in6": (IPIP, 6, 6), "4in6": (IPIP, 4, 6), "6in4": (IPIP, 6, 4)}
every_way = pytest.mark.parametrize("way", WAYS)


def make_service(way, on_down, **fields):
    make_service.port += 1
    mode, client_family, backend_family = WAYS[way]
    return Service(VIP[client_family], port=make_service.port, mode=mode, on_down=on_down,
                   backends=backends(backend_family, NUMBERS), **fields)


make_service.port = 3000


def lost_of(way):
    return backend(WAYS[way][2], 12)


def open_and_lose(rig, way, on_down):
    """Flows, then one of three backends goes down."""
    service = make_service(way, on_down)
    rig.apply(service)
    flows = open_flows(rig, service, NB_FLOWS)
    assert {where for _, where in flows} == {b.address for b in service.backends}
    down = service.with_backend(lost_of(way), health=DOWN)
    rig.apply(down)
    return down, flows


def check_new_flows_avoid(rig, service, lost):
    assert lost not in {where for _, where in open_flows(rig, service, NB_FLOWS)}


def segment(flow, flags, payload=b"", vlan=None, seq=SEQ, ack=ACK):
    ether = Ether(src=WIRE_MAC, dst=FRONT_MAC)
    if vlan is not None:
        ether = ether / Dot1Q(vlan=vlan)
    return bytes(ether / ip_header(flow.client, flow.service.vip)
                 / TCP(sport=flow.sport, dport=flow.service.port, flags=flags, seq=seq, ack=ack)
                 / Raw(payload))


def answer(rig, sent):
    """Send a frame; what comes back to the client, None: nothing. Nothing may reach a backend."""
    rig.front.drain()
    rig.back.drain()
    rig.front.send(sent)
    frames = rig.front.receive(1, timeout=1.0, keep=is_forwarded)
    assert rig.back.receive(1, 0.02, is_forwarded) == []
    return frames[0] if frames else None


def check_rst(data, flow, seq, ack, flags="R", vlan=None):
    """Every field of both headers (RFC 9293 section 3.10.7.1)."""
    frame = Ether(data)
    assert (frame.src, frame.dst) == (FRONT_MAC, WIRE_MAC)
    assert (frame[Dot1Q].vlan if Dot1Q in frame else None) == vlan
    packet = l3(data)
    if ":" in flow.client:
        ip = IPv6(packet)
        assert (ip.plen, ip.nh, ip.hlim) == (20, 6, 64)
    else:
        ip = IP(packet)
        assert (ip.ihl, ip.len, ip.proto, ip.ttl, str(ip.flags), ip.frag) == (5, 40, 6, 64, "DF", 0)
    assert ipaddress.ip_address(ip.src) == ipaddress.ip_address(flow.service.vip)
    assert ipaddress.ip_address(ip.dst) == ipaddress.ip_address(flow.client)
    tcp = ip[TCP]
    assert (tcp.sport, tcp.dport) == (flow.service.port, flow.sport)
    assert (tcp.seq, tcp.ack, str(tcp.flags)) == (seq, ack, flags)
    assert (tcp.dataofs, tcp.window, tcp.urgptr) == (5, 0, 0)
    # Scapy computes what is deleted; both checksums must be the same again.
    again = ip.__class__(bytes(packet[:len(packet)]))
    del again[TCP].chksum
    if IP in again:
        del again[IP].chksum
    rebuilt = bytes(again)
    assert packet[:len(rebuilt)] == rebuilt


@every_way
def test_move_each_flow_chooses_anew_and_nobody_is_told(rig, way):
    service, flows = open_and_lose(rig, way, MOVE)
    resets = rig.stats.resets_sent
    for flow, where in flows:
        now = flow.data()
        assert now == where if where != lost_of(way) else now not in (None, lost_of(way))
    check_new_flows_avoid(rig, service, lost_of(way))
    assert rig.stats.resets_sent == resets


@every_way
def test_keep_flows_stay_and_new_ones_avoid_it(rig, way):
    service, flows = open_and_lose(rig, way, KEEP)
    moved = rig.stats.workers["flows_moved"]
    for flow, where in flows:
        assert flow.data() == where
        assert flow.send("S") == where  # A SYN changes no open flow.
    check_new_flows_avoid(rig, service, lost_of(way))
    assert rig.stats.workers["flows_moved"] == moved


@every_way
def test_reset_the_next_segment_is_answered_and_later_ones_go_elsewhere(rig, way):
    service, flows = open_and_lose(rig, way, RESET)
    nb_lost = 0
    before = rig.stats.workers
    for flow, where in flows:
        if where != lost_of(way):
            assert flow.data() == where
            continue
        nb_lost += 1
        check_rst(answer(rig, segment(flow, "PA", b"a request")), flow, ACK, 0)
        # Had the RST been lost: the new backend knows no such connection, and answers itself.
        now = flow.data()
        assert now not in (None, lost_of(way))
        assert flow.data() == now
    after = rig.stats.workers
    assert nb_lost > 0
    for counter in ("exceptions", "flows_moved"):
        assert after[counter] - before[counter] == nb_lost
    check_new_flows_avoid(rig, service, lost_of(way))


def lost_flow(rig, way, on_down=RESET, **fields):
    """One open flow whose backend has gone down, and its service."""
    service = make_service(way, on_down, **fields)
    rig.apply(service)
    while True:
        flow = Flow(rig, service)
        if flow.open() == lost_of(way):
            break
    down = service.with_backend(lost_of(way), health=DOWN)
    rig.apply(down)
    return flow, down


@every_way
def test_reset_a_segment_that_acknowledges_nothing_is_acknowledged(rig, way):
    flow, _ = lost_flow(rig, way)
    out = answer(rig, segment(flow, "F", b"four", seq=0xfffffffe, ack=77))
    check_rst(out, flow, 0, 3, "RA")  # Data and FIN, over the wrap.


@pytest.mark.parametrize("way", ["direct4", "direct6"])
def test_reset_a_client_on_a_vlan_is_told_there(rig, way):
    flow, _ = lost_flow(rig, way)
    out = answer(rig, segment(flow, "A", vlan=FRONT_VLAN))
    check_rst(out, flow, ACK, 0, vlan=FRONT_VLAN)


@pytest.mark.parametrize("way", ["direct4", "6in6"])
@pytest.mark.parametrize("flags", ["S", "R", "RA", "SA"])
def test_reset_is_no_answer_to_syn_and_rst(rig, way, flags):
    flow, _ = lost_flow(rig, way)
    resets = rig.stats.resets_sent
    assert flow.send(flags) not in (None, lost_of(way))
    assert rig.stats.resets_sent == resets


@pytest.mark.parametrize("way", ["direct4", "direct6"])
def test_reset_clients_are_told_even_when_nobody_is_left(rig, way):
    flow, service = lost_flow(rig, way)
    rig.apply(service.but(backends=backends(WAYS[way][2], NUMBERS, health=DOWN)))
    for _ in range(2):
        check_rst(answer(rig, segment(flow, "A")), flow, ACK, 0)
    rig.await_drop("no_backend", lambda: rig.front.send(segment(Flow(rig, service), "S")))


@pytest.mark.parametrize("way", ["direct4", "6in4"])
@pytest.mark.parametrize("on_down", [RESET, KEEP], ids=["reset", "keep"])
def test_disabling_and_removing_move_flows_whatever_on_down_says(rig, way, on_down):
    lost = lost_of(way)
    for lose in (lambda s: rig.apply(s.with_backend(lost, admin=DISABLED)),
                 lambda s: rig.apply(s.with_backend(lost, admin=DISABLED, health=DOWN)),
                 lambda s: rig.control.remove_backend(s, lost)):
        service = make_service(way, on_down)
        rig.apply(service)
        flows = open_flows(rig, service, NB_FLOWS)
        resets = rig.stats.resets_sent
        lose(service)
        for flow, where in flows:
            now = flow.data()
            assert now == where if where != lost else now not in (None, lost)
        assert rig.stats.resets_sent == resets


@pytest.mark.parametrize("way", ["direct4", "direct6"])
def test_reset_means_move_for_udp(rig, way):
    flow, _ = lost_flow(rig, way, protocol=UDP)
    resets = rig.stats.resets_sent
    assert flow.data() not in (None, lost_of(way))
    assert rig.stats.resets_sent == resets


@pytest.mark.parametrize("way", ["direct4", "direct6"])
def test_reset_bad_a_segment_to_all_is_not_answered(rig, way):
    """Its source is no host: a RST would go to many."""
    many = "224.1.2.3" if WAYS[way][1] == 4 else "ff0e::1"
    service = make_service(way, RESET)
    rig.apply(service)
    for sport in range(40000, 40200):
        flow = Flow(rig, service, many, sport)
        if flow.open() == lost_of(way):
            break
    rig.apply(service.with_backend(lost_of(way), health=DOWN))
    rig.await_drop("reset_bad", lambda: rig.front.send(segment(flow, "A")))


@every_way
def test_a_backend_that_returns_keeps_what_it_kept_and_gets_new_flows(rig, way):
    service, flows = open_and_lose(rig, way, KEEP)
    rig.apply(service.with_backend(lost_of(way), health=2))
    for flow, where in flows:
        assert flow.data() == where
    assert lost_of(way) in {where for _, where in open_flows(rig, service, NB_FLOWS)}
