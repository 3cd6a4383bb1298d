# SPDX-License-Identifier: BSD-3-Clause
"""IPv4 fragments for a VIP are dropped, each of them, and counted.

Over a TAP: an af_packet port never sees them, because the kernel puts them together first.
"""

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from harness.channel import UDP as UDP_NUMBER
from harness.channel import Backend, Service
from harness.frames import frame, l3
from harness.rig import FRONT_MAC, WIRE_MAC, backend
from harness.wire import Wire

VIP = "192.0.2.95"


def CONFIGURE(config):  # noqa: N802 (a setting of this module)
    config["ports"][0].update(device="tap", interface="gwtapfront", mac=FRONT_MAC)


@pytest.fixture
def tap(rig):
    wire = Wire(rig.namespace, "gwtapfront", WIRE_MAC)
    rig.apply(Service(VIP, UDP_NUMBER, backends=[Backend(backend(4, 11))]))
    yield wire
    wire.close()


def test_a_whole_packet_is_forwarded_from_a_tap(rig, tap):
    sent = frame(rig.fresh_client(4), VIP, UDP_NUMBER)
    tap.send(sent)
    assert len(rig.back.receive(1, keep=lambda data: l3(data) == l3(sent))) == 1


def test_each_fragment_of_a_datagram_is_dropped(rig, tap):
    whole = IP(src=rig.fresh_client(4), dst=VIP) / UDP(dport=80) / Raw(bytes(2000))
    parts = [Ether(src=WIRE_MAC, dst=FRONT_MAC) / part for part in fragment(whole, 1000)]
    assert len(parts) == 3
    rig.await_drop("fragment", lambda: tap.send(*parts), 3)


@pytest.mark.parametrize("offset,more", [(0, "MF"), (1, "MF"), (1, 0), (8191, 0)])
def test_a_lone_fragment_is_dropped(rig, tap, offset, more):
    data = (Ether(src=WIRE_MAC, dst=FRONT_MAC)
            / IP(src=rig.fresh_client(4), dst=VIP, flags=more, frag=offset, proto=17)
            / UDP(dport=80) / Raw(bytes(8)))
    rig.await_drop("fragment", lambda: tap.send(data))


def test_a_fragment_for_no_vip_is_for_no_service(rig, tap):
    data = (Ether(src=WIRE_MAC, dst=FRONT_MAC)
            / IP(src=rig.fresh_client(4), dst="192.0.2.96", flags="MF", proto=17)
            / UDP(dport=80) / Raw(bytes(8)))
    rig.await_drop("no_service", lambda: tap.send(data))
