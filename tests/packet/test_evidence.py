# SPDX-License-Identifier: BSD-3-Clause
"""Passive evidence: what makes a backend suspect, and what does not, however it is forged."""

import time

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6PacketTooBig, ICMPv6ParamProblem, IPv6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw

from flows import Flow, backends
from harness.channel import (DIRECT, IPIP, RESETS, SYN_RETRANSMISSIONS, TCP, UDP, UNREACHABLE,
                             Backend, Service)
from harness.frames import frame, is_forwarded, l3
from harness.rig import BACK_MAC, BACK_VLAN, OWN, WIRE_MAC, backend

VIP = {4: "192.0.2.70", 6: "2001:db8::70"}
NUMBERS = (11, 12, 13)
ROUTER = {4: "10.2.0.1", 6: "fd02::1"}

# (family of clients, family of backends)
TUNNELS = {"4in4": (4, 4), "6in6": (6, 6), "4in6": (4, 6), "6in4": (6, 4)}
every_tunnel = pytest.mark.parametrize("tunnel", TUNNELS)
both = pytest.mark.parametrize("family", [4, 6])


def make_service(family, mode=DIRECT, **fields):
    make_service.port += 1
    fields.setdefault("backends", backends(family, NUMBERS))
    return Service(VIP[family], port=make_service.port, mode=mode, **fields)


make_service.port = 5000


@pytest.fixture
def control(rig):
    """The channel, nothing in it that an earlier test has provoked."""
    rig.control.suspicions(timeout=0.02)
    return rig.control


def open_half(rig, service, address, count):
    """Clients whose SYN went to this backend, and who got no further."""
    flows = []
    while len(flows) < count:
        flow = Flow(rig, service)
        if flow.send("S") == address:
            flows.append(flow)
    return flows


# SYNs sent again.

@both
@pytest.mark.parametrize("mode", [DIRECT, IPIP], ids=["direct", "ipip"])
def test_syns_sent_again_by_two_clients_make_their_backend_suspect(rig, control, family, mode):
    service = make_service(family, mode)
    rig.apply(service)
    dead = backend(family, 12)
    one, other = open_half(rig, service, dead, 2)
    assert control.suspicions(timeout=0.1) == []
    for flow in (one, other, one):
        assert flow.send("S") == dead  # Evidence moves nothing.
    (event,) = control.suspicions(1, timeout=5)
    assert (event.service, event.backend, event.kind) == (service.key, dead, SYN_RETRANSMISSIONS)
    assert event.count == 3 and 1 <= event.window_ms <= 1000
    members = rig.members(service)
    assert members[dead]["syn_retransmissions"] == 3
    assert sum(m["syn_retransmissions"] for m in members.values()) == 3
    assert one.send("S") == dead


@both
def test_a_flood_of_syns_of_many_clients_makes_nobody_suspect(rig, control, family):
    service = make_service(family)
    rig.apply(service)
    rig.front.send(*(frame(rig.fresh_client(family), service.vip, dport=service.port, payload=b"")
                     for _ in range(1000)))
    assert control.suspicions() == []
    assert sum(m["syn_retransmissions"] for m in rig.members(service).values()) == 0


@both
def test_one_client_alone_makes_nobody_suspect(rig, control, family):
    service = make_service(family)
    rig.apply(service)
    flow = Flow(rig, service)
    rig.front.send(*([flow.frame("S")] * 50))
    assert control.suspicions() == []
    assert sum(m["syn_retransmissions"] for m in rig.members(service).values()) == 49


@both
def test_a_backend_that_opens_connections_is_not_suspect(rig, control, family):
    """SYNs get lost everywhere; who answers others is not dead."""
    service = make_service(family, backends=backends(family, (11,)))
    rig.apply(service)
    for _ in range(20):
        lossy, fine = Flow(rig, service), Flow(rig, service)
        lossy.send("S")
        lossy.send("S")
        fine.open()
    assert control.suspicions(timeout=0.1) == []
    (member,) = rig.members(service).values()
    assert (member["syn_retransmissions"], member["opened"]) == (20, 20)


@both
def test_early_resets_of_three_clients_make_a_backend_suspect(rig, control, family):
    service = make_service(family)
    rig.apply(service)
    bad = backend(family, 13)
    for flow in open_half(rig, service, bad, 5):
        flow.send("R")
    (event,) = control.suspicions(1, timeout=5)
    assert (event.service, event.backend, event.kind, event.count) == (service.key, bad, RESETS, 5)
    assert rig.members(service)[bad]["resets"] == 5


@both
def test_resets_of_open_connections_are_no_evidence(rig, control, family):
    service = make_service(family)
    rig.apply(service)
    for _ in range(20):
        flow = Flow(rig, service)
        flow.open()
        flow.send("R")
    assert control.suspicions(timeout=0.1) == []
    assert sum(m["resets"] for m in rig.members(service).values()) == 0


# ICMP errors about what was encapsulated.

class Sent:
    """A client's packet in its outer header, as it left the balancer."""

    def __init__(self, rig, tunnel, protocol=TCP, network=2):
        client_family, self.family = TUNNELS[tunnel]
        self.rig = rig
        members = [Backend(backend(self.family, number, network)) for number in NUMBERS]
        self.service = make_service(client_family, IPIP, backends=members, protocol=protocol)
        rig.apply(self.service)
        self.frame = frame(rig.fresh_client(client_family), self.service.vip, protocol,
                           dport=self.service.port)
        rig.front.send(self.frame)
        (out,) = rig.back.receive(1, keep=is_forwarded)
        self.packet = l3(out)
        ip = IP(self.packet) if self.family == 4 else IPv6(self.packet)
        self.backend = ip.dst
        self.own = ip.src
        assert self.own == OWN[network][0 if self.family == 4 else 1]
        self.inner = 20 if self.family == 4 else 40

    def error(self, packet=None, own=None, message=None, vlan=None):
        """An ICMP error from a router about it, as bytes; what is given differs."""
        packet = self.packet if packet is None else packet
        own = own or self.own
        ether = Ether(src=WIRE_MAC, dst=BACK_MAC)
        if vlan is not None:
            ether = ether / Dot1Q(vlan=vlan)
        if self.family == 4:
            return bytes(ether / IP(src=ROUTER[4], dst=own)
                         / (message or ICMP(type=3, code=1)) / Raw(packet[:548]))
        return bytes(ether / IPv6(src=ROUTER[6], dst=own)
                     / (message or ICMPv6DestUnreach(code=3)) / Raw(packet[:1192]))

    def suspicion(self, data, timeout=5.0):
        """Send an error; the one suspicion that follows, and how many ms later."""
        began = time.monotonic()
        self.rig.back.send(data)
        (event,) = self.rig.control.suspicions(1, timeout)
        assert (event.service, event.backend, event.kind) == (
            self.service.key, self.backend, UNREACHABLE)
        assert event.count >= 1
        return event, (time.monotonic() - began) * 1000

    def unreachables(self):
        return self.rig.members(self.service)[self.backend]["unreachables"]


@every_tunnel
@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["tcp", "udp"])
def test_one_error_makes_the_backend_suspect_at_once(rig, control, tunnel, protocol):
    sent = Sent(rig, tunnel, protocol)
    event, ms = sent.suspicion(sent.error())
    print(f"{tunnel}: the daemon knows after {ms:.1f} ms")
    assert event.count == 1
    assert sent.unreachables() == 1
    rig.front.send(sent.frame)  # Its flow goes on as before.
    (out,) = rig.back.receive(1, keep=is_forwarded)
    assert l3(out) == sent.packet


MESSAGES = {
    "net": (4, ICMP(type=3, code=0)), "protocol": (4, ICMP(type=3, code=2)),
    "port": (4, ICMP(type=3, code=3)), "prohibited": (4, ICMP(type=3, code=13)),
    "no-route6": (6, ICMPv6DestUnreach(code=0)), "port6": (6, ICMPv6DestUnreach(code=4)),
    "no-tunnel6": (6, ICMPv6ParamProblem(code=1, ptr=6)),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_every_way_to_say_unreachable_counts(rig, control, name):
    family, message = MESSAGES[name]
    sent = Sent(rig, "4in4" if family == 4 else "6in6")
    sent.suspicion(sent.error(message=message))


def check_nothing(rig, sent, *frames):
    """These say nothing of anybody; a true error still does."""
    before = rig.stats.workers["exceptions"]
    rig.back.send(*frames)
    assert rig.control.suspicions(timeout=0.15) == []
    assert sent.unreachables() == 0
    assert rig.stats.workers["exceptions"] - before == len(frames)
    sent.suspicion(sent.error())
    assert sent.unreachables() == 1


@every_tunnel
def test_an_error_that_quotes_what_we_never_sent_says_nothing(rig, control, tunnel):
    sent = Sent(rig, tunnel)
    packet, inner = sent.packet, sent.inner
    client_v4 = TUNNELS[tunnel][0] == 4
    ports = inner + (20 if client_v4 else 40)
    vip_last = inner + (19 if client_v4 else 39)

    def but(at, value):
        return packet[:at] + bytes([value]) + packet[at + 1:]

    forged = {
        "another backend": but(inner - 1, 99),
        "another sender": but(15 if sent.family == 4 else 23, 77),
        "another service's address": but(vip_last, 99),
        "another port": but(ports + 2, packet[ports + 2] ^ 0x80),
        "another protocol": but(inner + (9 if client_v4 else 6), 17),
        "no tunnel": but(9 if sent.family == 4 else 6, 6),
        "not a whole client's packet": packet[:ports + 3],
        "no outer header": packet[inner:],
        "nothing": b"",
    }
    check_nothing(rig, sent, *(sent.error(data) for data in forged.values()))


@every_tunnel
def test_other_messages_about_our_packets_say_nothing(rig, control, tunnel):
    sent = Sent(rig, tunnel)
    if sent.family == 4:
        messages = [ICMP(type=3, code=4, nexthopmtu=1400), ICMP(type=11, code=0),
                    ICMP(type=5, code=1), ICMP(type=12)]
    else:
        messages = [ICMPv6PacketTooBig(mtu=1400), ICMPv6ParamProblem(code=1, ptr=46),
                    ICMPv6ParamProblem(code=0, ptr=6)]
    check_nothing(rig, sent, *(sent.error(message=m) for m in messages))


@every_tunnel
def test_a_wrong_checksum_says_nothing(rig, control, tunnel):
    sent = Sent(rig, tunnel)
    right = sent.error()
    at = 14 + (20 if sent.family == 4 else 40) + 2
    check_nothing(rig, sent, right[:at] + bytes([right[at] ^ 1]) + right[at + 1:],
                  right[:-1] + bytes([right[-1] ^ 0xff]))


@every_tunnel
def test_an_error_for_another_address_than_its_packets_sender_says_nothing(rig, control, tunnel):
    sent = Sent(rig, tunnel)
    index = 0 if sent.family == 4 else 1
    own = [OWN[network][index] for network in (1, 3, 4)]
    forged = [sent.error(own=address) for address in own]
    # Both ours, and the same, but not on the way to this backend.
    size = 4 if sent.family == 4 else 16
    at = 12 if sent.family == 4 else 8
    for address in own:
        raw = (IP(src=address) if sent.family == 4 else IPv6(src=address))
        raw = bytes(raw)[at:at + size]
        forged.append(sent.error(sent.packet[:at] + raw + sent.packet[at + size:], own=address))
    check_nothing(rig, sent, *forged)


@pytest.mark.parametrize("family", [4, 6])
def test_errors_for_a_vip_are_dropped_as_ever(rig, control, family):
    sent = Sent(rig, "4in4" if family == 4 else "6in6")
    data = sent.error(sent.packet[sent.inner:], own=VIP[family])
    rig.await_drop("icmp_error", lambda: rig.back.send(data))
    assert control.suspicions(timeout=0.05) == []


@pytest.mark.parametrize("family", [4, 6])
def test_mode_direct_has_no_such_errors(rig, control, family):
    """Its packets have the client's address: an error about them is the client's."""
    service = make_service(family)
    rig.apply(service)
    sent = Sent(rig, "4in4" if family == 4 else "6in6")
    rig.apply(service, sent.service)
    flow = Flow(rig, service)
    where = flow.open()
    outer = IP(src=sent.own, dst=where, proto=4, flags="DF", id=0) if family == 4 else IPv6(
        src=sent.own, dst=where, nh=41)
    forged = [bytes(outer / Raw(l3(flow.frame("A")))), l3(flow.frame("A"))]
    check_nothing(rig, sent, *(sent.error(data) for data in forged))
    assert rig.members(service)[where]["unreachables"] == 0


def test_a_flood_of_errors_is_bounded_and_services_go_on(rig, control):
    sent = Sent(rig, "4in4")
    data = sent.error()
    began = time.monotonic()
    events = []
    while time.monotonic() - began < 1.0:
        rig.back.send(*([data] * 500))
        rig.front.send(sent.frame)
        assert rig.back.receive(1, keep=lambda out: is_forwarded(out) and l3(out) == sent.packet)
        events += control.suspicions(timeout=0.005)
    took = time.monotonic() - began
    # One at once, then one every 100 ms.
    assert 2 <= len(events) <= took * 10 + 2
    # Those that were looked at: the token bucket's burst, and a thousand a second.
    later = rig.stats.later
    assert later["unreachables"] + later["unreachables_lost"] <= 100 + 20 + 1000 * (took + 10)


def test_a_daemon_of_version_1_sees_no_suspicion(rig, control):
    rig.control.close()
    rig.connect(versions=(1, 1))
    try:
        sent = Sent(rig, "4in4")
        rig.back.send(sent.error())
        assert rig.control.suspicions(timeout=0.2) == []
        assert sent.unreachables() == 1  # It is counted all the same.
        assert not rig.control.ended
    finally:
        rig.control.close()
        rig.connect()


@pytest.mark.parametrize("family", [4, 6])
def test_a_backend_on_a_vlan_is_suspected_there(rig, control, family):
    sent = Sent(rig, "4in4" if family == 4 else "6in6", network=3)
    sent.suspicion(sent.error(vlan=BACK_VLAN))
