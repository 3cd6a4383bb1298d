# SPDX-License-Identifier: BSD-3-Clause
"""A new flow goes where the independent model says: hash, Maglev table, factors, states."""

import ipaddress
import os
import random
import subprocess
import sys

import pytest
from scapy.layers.l2 import Ether

import model
from flows import Flow
from harness.channel import (DIRECT, DISABLED, DOWN, DRAINING, FACTOR_ONE, IPIP, TCP, UDP, Backend,
                             Service)
from harness.frames import frame, l3
from harness.rig import HASH_KEY, backend, mac_of

VIP = {4: "192.0.2.70", 6: "2001:db8::70"}


def identity(address):
    """A backend's bytes: its family and its address (doc/maglev.md, lib/service)."""
    ip = ipaddress.ip_address(address)
    return bytes([ip.version]) + ip.packed


def model_of(service):
    """The model of a service as it is configured now."""
    def factor(b):
        takes_new = b.admin not in (DRAINING, DISABLED) and b.health != DOWN
        return b.factor if takes_new else 0
    return model.Table([model.Member(b.address, identity(b.address), b.weight, factor(b))
                        for b in service.backends], service.slots)


def check(rig, service, count=150, key=HASH_KEY):
    """New flows of many clients; each must come out where the model says."""
    table = model_of(service)
    family = 4 if "." in service.vip else 6
    rng = random.Random(service.vip)
    macs = {mac_of(b.address): b.address for b in service.backends}
    got = {}
    for _ in range(count):
        client, sport = rig.fresh_client(family), rng.randrange(1, 65536)
        expected = table.choose(key, client, service.vip, sport, service.port, service.protocol)
        sent = frame(client, service.vip, service.protocol, sport, service.port)
        rig.front.send(sent)
        original = l3(sent)
        out = rig.back.receive(1, timeout=3 if expected else 0.02,
                               keep=lambda data, original=original: data.endswith(original))
        where = macs[Ether(out[0]).dst] if out else None
        assert where == expected, f"{client} port {sport}: {where}, the model says {expected}"
        got[where] = got.get(where, 0) + 1
    return got


def make_service(family, numbers=(11, 12, 13, 14), protocol=TCP, mode=DIRECT, outside=None,
                 **fields):
    return Service(VIP[family], protocol, fields.pop("port", 80), mode,
                   [Backend(backend(outside or family, n)) for n in numbers], **fields)


def test_the_models_siphash_is_the_papers():
    """The vector of the SipHash paper's appendix, for 2-4; and CPython's own 1-3."""
    assert model.siphash(bytes(range(16)), bytes(range(15)), 2, 4) == 0xa129ca6149be45e5
    for data in (b"x", b"guideway", b"0123456789abcdef", bytes(100)):
        program = f"import sys; print(sys.hash_info.algorithm, hash({data!r}) % 2**64)"
        said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                              env=dict(os.environ, PYTHONHASHSEED="0"), check=True).stdout.split()
        assert said == ["siphash13", str(model.siphash13(bytes(16), data))]


def test_the_models_mix_has_the_documented_values():
    assert [model.mix(x) for x in (0, 1, model.GOLDEN)] == [
        0, 0x5692161d100b05e5, 0xe220a8397b1dcdaf]


def test_the_models_anchor_table_gives_each_backend_its_quota():
    members = [model.Member(n, bytes([n]), weight) for n, weight in enumerate((1, 2, 3, 50, 7))]
    table = model.anchor_table(members, 1009)
    for m in members:
        assert abs(table.count(m) - 1009 * m.weight / 63) < 1


@pytest.mark.parametrize("protocol", [TCP, UDP], ids=["tcp", "udp"])
@pytest.mark.parametrize("way", [(DIRECT, 4, 4), (DIRECT, 6, 6), (IPIP, 4, 4), (IPIP, 6, 6),
                                 (IPIP, 4, 6), (IPIP, 6, 4)],
                         ids=["direct4", "direct6", "4in4", "6in6", "4in6", "6in4"])
def test_every_mode_and_family_selects_as_the_model(rig, way, protocol):
    mode, family, outside = way
    service = make_service(family, mode=mode, outside=outside, protocol=protocol, slots=1009)
    rig.apply(service)
    got = check(rig, service)
    assert len(got) == 4


def test_the_default_number_of_slots_is_the_models(rig):
    service = make_service(4)
    rig.apply(service)
    slots = sum(m["slots"] for m in rig.members(service).values())
    assert slots == model_of(service).nb_slots == 1021
    check(rig, service, 60)


@pytest.mark.parametrize("weights", [(1, 2, 3, 4), (65535, 1, 1, 1), (100, 0, 99, 1),
                                     (7, 7, 7, 0)])
def test_weights_select_as_the_model(rig, weights):
    service = make_service(4, slots=4093)
    for b, weight in zip(service.backends, weights):
        b.weight = weight
    rig.apply(service)
    table = model_of(service)
    for name, m in rig.members(service).items():
        assert m["slots"] == sum(owner is not None and owner.name == name
                                 for owner in table.anchor)
    check(rig, service)


@pytest.mark.parametrize("state", [{"admin": DRAINING}, {"admin": DISABLED}, {"health": DOWN},
                                   {"factor": FACTOR_ONE // 4}, {"factor": 1}, {"factor": 0}],
                         ids=["draining", "disabled", "down", "factor-quarter", "factor-1",
                              "factor-0"])
@pytest.mark.parametrize("family", [4, 6])
def test_states_and_factors_select_as_the_model(rig, family, state):
    service = make_service(family, slots=1009)
    service = service.with_backend(backend(family, 12), **state)
    rig.apply(service)
    check(rig, service)


def test_one_backend_of_small_factor_left(rig):
    """The search of doc/maglev.md runs out for many slots: its last resort is right too."""
    service = make_service(4, numbers=range(11, 23), slots=1009)
    for b in service.backends:
        b.admin = DRAINING
    service = service.with_backend(backend(4, 15), admin=1, factor=3).with_backend(
        backend(4, 16), admin=1, factor=2)
    rig.apply(service)
    check(rig, service)


def test_the_order_of_configuration_does_not_matter(rig):
    service = make_service(4, numbers=range(11, 20), slots=2003)
    rng = random.Random(3)
    for _ in range(3):
        rng.shuffle(service.backends)
        rig.apply(service)
        check(rig, service, 60)


def test_the_way_to_a_configuration_does_not_matter(rig):
    """Step by step or at once: the same table."""
    service = make_service(6, numbers=range(11, 17), slots=2003)
    rig.apply(service.but(backends=[]))
    for b in reversed(service.backends):
        rig.control.set_backend(service, Backend(b.address, weight=3))
        rig.control.set_backend(service, b)
    rig.control.set_backend(service, Backend(backend(6, 29), weight=500))
    rig.control.remove_backend(service, backend(6, 29))
    check(rig, service)


def test_another_key_is_another_placement(rig):
    service = make_service(4, slots=1009)
    other = bytes(16)
    rig.apply(service, key=other)
    check(rig, service, key=other)
    rig.apply(service)
    check(rig, service)


def test_the_service_port_is_part_of_the_hash(rig):
    one, two = make_service(4, port=1, slots=1009), make_service(4, port=65535, slots=1009)
    rig.apply(one, two)
    check(rig, one)
    check(rig, two)


def test_a_flow_that_ends_is_placed_by_the_table_again(rig):
    """A SYN after a FIN is a new flow: the model's choice of today, not of yesterday."""
    service = make_service(4, slots=1009)
    rig.apply(service)
    flows = [Flow(rig, service) for _ in range(30)]
    for flow in flows:
        flow.open()
        flow.send("FA")
    today = service.with_backend(backend(4, 11), weight=1000)
    rig.apply(today)
    table = model_of(today)
    for flow in flows:
        assert flow.send("S") == table.choose(HASH_KEY, flow.client, service.vip, flow.sport,
                                              service.port, TCP)
