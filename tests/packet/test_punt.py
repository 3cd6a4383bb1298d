# SPDX-License-Identifier: BSD-3-Clause
"""Packets for no service go to the kernel through a TAP, and what the kernel sends goes out."""

import os
import signal
import time

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from harness.channel import Backend, Service
from harness.frames import frame, l3
from harness.netns import run
from harness.rig import FRONT_MAC, WIRE_MAC, backend
from harness.wire import Wire

TAP = "gw-front"
VIP = "192.0.2.50"


def CONFIGURE(config):  # noqa: N802 (a setting of this module)
    config["ports"][0].update(punt="tap", punt_tap=TAP)


def kernel_side(rig):
    """What arrives at the TAP; it must be up for the kernel to take packets."""
    run("ip", "-n", rig.namespace.name, "link", "set", TAP, "up")
    return Wire(rig.namespace, TAP, FRONT_MAC)


def test_a_packet_for_no_service_reaches_the_kernel_unchanged(rig):
    rig.apply(Service(VIP, backends=[Backend(backend(4, 11))]))
    tap = kernel_side(rig)
    ssh = frame(rig.fresh_client(4), "10.1.0.2", dport=22)
    bgp6 = frame(rig.fresh_client(6), "fd01::2", dport=179)
    other = bytes(Ether(src=WIRE_MAC, dst="01:80:c2:00:00:0e", type=0x88cc) / Raw(bytes(46)))
    for data in (ssh, bgp6, other):
        rig.front.send(data)
        assert tap.receive(1, keep=lambda out, data=data: out == data) == [data]
    tap.close()


def test_a_tagged_packet_keeps_its_tag(rig):
    tap = kernel_side(rig)
    data = frame(rig.fresh_client(4), "10.77.0.2", dport=22, vlan=777)
    rig.front.send(data)
    (out,) = tap.receive(1, keep=lambda out: b"payload" in out)
    assert Ether(out)[Dot1Q].vlan == 777
    assert l3(out) == l3(data)
    tap.close()


def test_a_service_is_not_punted(rig):
    rig.apply(Service(VIP, backends=[Backend(backend(4, 11))]))
    tap = kernel_side(rig)
    data = frame(rig.fresh_client(4), VIP)
    rig.front.send(data)
    assert len(rig.back.receive(1, keep=lambda out: l3(out) == l3(data))) == 1
    assert tap.receive(1, timeout=0.2, keep=lambda out: b"payload" in out) == []
    tap.close()


def test_nothing_for_a_vip_is_punted(rig):
    """The kernel may have VIPs as addresses (advertise.tap): it must not answer for them."""
    rig.apply(Service(VIP, backends=[Backend(backend(4, 11))]))
    tap = kernel_side(rig)
    for data in (frame(rig.fresh_client(4), VIP, dport=22),
                 bytes(Ether(src=WIRE_MAC, dst=FRONT_MAC)
                       / IP(src=rig.fresh_client(4), dst=VIP, proto=47) / Raw(b"payload" * 4))):
        rig.await_drop("no_service", lambda data=data: rig.front.send(data))
    assert tap.receive(1, timeout=0.2, keep=lambda out: b"payload" in out) == []
    tap.close()


def test_what_the_kernel_sends_goes_out_of_the_port(rig):
    tap = kernel_side(rig)
    data = bytes(Ether(src=FRONT_MAC, dst=WIRE_MAC) / IP(src="10.1.0.2", dst="10.1.0.77")
                 / UDP(sport=53, dport=5353) / Raw(b"from the kernel"))
    tap.send(data)
    assert rig.front.receive(1, keep=lambda out: out == data) == [data]
    tap.close()


def test_neighbour_answers_are_given_to_the_kernel_too(rig):
    """The kernel resolves its own neighbours through the TAP."""
    tap = kernel_side(rig)
    reply = bytes(Ether(src=WIRE_MAC, dst=FRONT_MAC) / ARP(
        op=2, hwsrc=WIRE_MAC, psrc="10.1.0.77", hwdst=FRONT_MAC, pdst="10.1.0.2"))
    rig.front.send(reply)
    assert len(tap.receive(1, keep=lambda out: out[:len(reply)] == reply)) == 1
    tap.close()


def test_a_real_kernel_answers_through_the_dataplane(rig):
    """An address on the TAP, a TCP port nobody listens on: the kernel's RST comes out."""
    ns = rig.namespace.name
    run("ip", "-n", ns, "link", "set", TAP, "up")
    run("ip", "-n", ns, "addr", "add", "10.1.0.9/24", "dev", TAP)
    run("ip", "-n", ns, "neigh", "replace", "10.1.0.77", "lladdr", WIRE_MAC, "dev", TAP,
        "nud", "permanent")
    try:
        time.sleep(0.1)
        syn = Ether(src=WIRE_MAC, dst=FRONT_MAC) / IP(src="10.1.0.77", dst="10.1.0.9") / TCP(
            sport=4000, dport=22, flags="S", seq=5)
        rig.front.send(syn)
        (out,) = rig.front.receive_packets(1, keep=lambda d: TCP in Ether(d))
        assert (out[IP].src, str(out[TCP].flags), out[TCP].ack) == ("10.1.0.9", "RA", 6)
        ping = Ether(src=WIRE_MAC, dst=FRONT_MAC) / IP(src="10.1.0.77", dst="10.1.0.9") / ICMP()
        rig.front.send(ping)
        (out,) = rig.front.receive_packets(1, keep=lambda d: ICMP in Ether(d))
        assert out[ICMP].type == 0
    finally:
        run("ip", "-n", ns, "addr", "del", "10.1.0.9/24", "dev", TAP)


def test_a_flood_for_the_kernel_is_bounded_and_counted(rig):
    """Its ring and its token bucket drop what is too much; services go on meanwhile."""
    rig.apply(Service(VIP, backends=[Backend(backend(4, 11))]))
    flood = [frame("172.31.0.1", "10.1.0.2", dport=22, payload=b"")] * 1000
    before = rig.stats.drops
    floods = [send_for_ever(rig, flood) for _ in range(2)]
    try:
        end = time.monotonic() + 30
        new = set()
        while not new:
            check_a_service_goes_on(rig)
            new = {name for name, count in rig.stats.drops.items() if count > before.get(name, 0)}
            assert time.monotonic() < end, "nothing of the flood was dropped"
    finally:
        for pid in floods:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    assert new <= {"punt_ring", "punt_rate", "punt_full"}


def send_for_ever(rig, frames):
    """A process that sends as fast as it can; at most half a minute."""
    pid = os.fork()
    if pid == 0:
        signal.alarm(30)
        while True:
            rig.front.send(*frames)
    return pid


def check_a_service_goes_on(rig):
    """A packet of it may find the port's own queue full of the flood: then another one."""
    for _ in range(5):
        data = frame(rig.fresh_client(4), VIP)
        rig.front.send(data)
        if rig.back.receive(1, keep=lambda out: l3(out) == l3(data)):
            return
    raise AssertionError("the flood has displaced the service")
