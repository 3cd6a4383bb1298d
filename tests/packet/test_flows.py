# SPDX-License-Identifier: BSD-3-Clause
"""A flow stays with its backend as long as that can be, and ends only when it is over."""

import time

import pytest

from flows import Flow, backends, open_flows
from harness.channel import (DISABLED, DOWN, DRAINING, ENABLED, TCP, UDP, UP, Backend, Service)
from harness.rig import backend

VIP = {4: "192.0.2.20", 6: "2001:db8::20"}
NUMBERS = (11, 12, 13)
NB_FLOWS = 60
TICK_S = 2.0  # Of the flow table's clock.

both = pytest.mark.parametrize("family", [4, 6])
both_protocols = pytest.mark.parametrize("protocol", [TCP, UDP], ids=["tcp", "udp"])


def make_service(family, protocol=TCP, **fields):
    # A port of its own for each test: no flow of another test can be met.
    make_service.port += 1
    fields.setdefault("backends", backends(family, NUMBERS))
    return Service(VIP[family], protocol, make_service.port, **fields)


make_service.port = 1000


def await_expiry(rig, service, address, timeout=12.0):
    """Until the backend has no active flow: a lifetime of a second, up to 4 s more, and a sweep."""
    end = time.monotonic() + timeout
    while rig.members(service)[address]["active_flows"] != 0:
        assert time.monotonic() < end, "the flow has not expired"
        time.sleep(0.05)


def check_stay(flows):
    for flow, where in flows:
        assert flow.data() == where


@both
@both_protocols
def test_flows_stay_when_weights_change(rig, family, protocol):
    service = make_service(family, protocol)
    rig.apply(service)
    flows = open_flows(rig, service, NB_FLOWS)
    assert len({where for _, where in flows}) == len(NUMBERS)
    rig.apply(service.but(backends=[Backend(backend(family, 11), weight=1),
                                    Backend(backend(family, 12), weight=0),
                                    Backend(backend(family, 13), weight=1000)]))
    check_stay(flows)


@both
@both_protocols
def test_a_draining_backend_keeps_its_flows_and_gets_no_new_ones(rig, family, protocol):
    service = make_service(family, protocol)
    rig.apply(service)
    flows = open_flows(rig, service, NB_FLOWS)
    drained = backend(family, 12)
    rig.apply(service.with_backend(drained, admin=DRAINING))
    check_stay(flows)
    new = open_flows(rig, service, NB_FLOWS)
    assert drained not in {where for _, where in new}
    check_stay(flows + new)


@both
@both_protocols
def test_flows_stay_when_a_backend_is_added(rig, family, protocol):
    service = make_service(family, protocol)
    rig.apply(service)
    flows = open_flows(rig, service, NB_FLOWS)
    wider = service.but(backends=service.backends + backends(family, (14, 15)))
    rig.apply(wider)
    check_stay(flows)
    new = {where for _, where in open_flows(rig, wider, NB_FLOWS)}
    assert new == {backend(family, n) for n in (11, 12, 13, 14, 15)}


@both
@both_protocols
@pytest.mark.parametrize("gone", [{"health": DOWN}, {"admin": DISABLED}],
                         ids=["down", "disabled"])
def test_flows_of_a_backend_that_is_gone_move_and_no_others(rig, family, protocol, gone):
    service = make_service(family, protocol)
    rig.apply(service)
    flows = open_flows(rig, service, NB_FLOWS)
    lost = backend(family, 12)
    assert lost in {where for _, where in flows}
    rig.apply(service.with_backend(lost, **gone))
    for flow, where in flows:
        now = flow.data()
        assert now == where if where != lost else now not in (None, lost)
        assert flow.data() == now


@both
def test_flows_of_a_removed_backend_move_and_no_others(rig, family):
    service = make_service(family)
    rig.apply(service)
    flows = open_flows(rig, service, NB_FLOWS)
    removed = backend(family, 11)
    rig.control.remove_backend(service, removed)
    moved = []
    for flow, where in flows:
        now = flow.data()
        assert now == where if where != removed else now not in (None, removed)
        moved.append((flow, now))
    rig.apply(service)  # It comes back: what moved has moved for good.
    check_stay(moved)


@both
def test_a_backend_that_was_down_keeps_no_flow_that_has_moved(rig, family):
    service = make_service(family)
    rig.apply(service)
    flows = open_flows(rig, service, NB_FLOWS)
    lost = backend(family, 13)
    rig.apply(service.with_backend(lost, health=DOWN))
    moved = [(flow, flow.data()) for flow, _ in flows]
    rig.apply(service.with_backend(lost, health=UP))
    check_stay(moved)
    assert lost in {where for _, where in open_flows(rig, service, NB_FLOWS)}


@both
def test_with_every_backend_draining_old_flows_go_on_and_new_ones_are_dropped(rig, family):
    service = make_service(family)
    rig.apply(service)
    flows = open_flows(rig, service, 10)
    for address in [b.address for b in service.backends]:
        service = service.with_backend(address, admin=DRAINING)
    rig.apply(service)
    check_stay(flows)
    rig.await_drop("no_backend", lambda: rig.front.send(Flow(rig, service).frame("S")))


@both
@pytest.mark.parametrize("flags", ["R", "RA", "FA", "F"])
def test_a_forged_rst_or_fin_does_not_end_a_flow(rig, family, flags):
    """The flow's backend is draining: if the flow had ended, it would choose another one."""
    service = make_service(family)
    rig.apply(service)
    flow, where = open_flows(rig, service, 1)[0]
    rig.apply(service.with_backend(where, admin=DRAINING))
    assert flow.send(flags) == where
    assert flow.data() == where
    assert flow.send("A") == where


@both
def test_rst_shortens_the_lifetime_of_a_flow(rig, family):
    service = make_service(family, lifetimes=(60, 60, 1, 60))
    rig.apply(service)
    flow, where = open_flows(rig, service, 1)[0]
    rig.apply(service.with_backend(where, admin=DRAINING))
    flow.send("R")
    await_expiry(rig, service, where)
    assert flow.data() not in (None, where)


@both
def test_a_segment_with_data_restores_the_lifetime_after_a_forged_rst(rig, family):
    service = make_service(family, lifetimes=(60, 60, 1, 60))
    rig.apply(service)
    flow, where = open_flows(rig, service, 1)[0]
    rig.apply(service.with_backend(where, admin=DRAINING))
    flow.send("R")
    assert flow.data() == where
    time.sleep(7)  # More than the closing lifetime and a sweep.
    assert flow.data() == where


@both
def test_a_syn_does_not_move_an_open_flow(rig, family):
    service = make_service(family, syn_reselect_idle=30)
    rig.apply(service)
    flow, where = open_flows(rig, service, 1)[0]
    rig.apply(service.with_backend(where, admin=DRAINING))
    assert flow.send("S") == where
    assert flow.data() == where


@both
def test_a_retransmitted_syn_goes_where_the_first_one_went(rig, family):
    service = make_service(family)
    rig.apply(service)
    flow = Flow(rig, service)
    where = flow.send("S")
    rig.apply(service.with_backend(where, admin=DRAINING))
    assert flow.send("S") == where
    assert flow.send("A") == where


@both
@pytest.mark.parametrize("end", ["F", "FA", "R"])
def test_a_syn_on_a_closing_flow_is_a_new_connection(rig, family, end):
    service = make_service(family)
    rig.apply(service)
    flow, where = open_flows(rig, service, 1)[0]
    rig.apply(service.with_backend(where, admin=DRAINING))
    assert flow.send(end) == where
    again = flow.send("S")
    assert again not in (None, where)
    assert flow.data() == again


@both
def test_a_syn_on_an_idle_flow_is_a_new_connection(rig, family):
    service = make_service(family, syn_reselect_idle=1)
    rig.apply(service)
    flow, where = open_flows(rig, service, 1)[0]
    rig.apply(service.with_backend(where, admin=DRAINING))
    time.sleep(1 + 2 * TICK_S)
    assert flow.send("S") not in (None, where)


@both
@pytest.mark.parametrize("state", ["half-open", "open", "udp"])
def test_an_idle_flow_expires_after_its_lifetime(rig, family, state):
    lifetimes = {"half-open": (1, 60, 60, 60), "open": (60, 1, 60, 60), "udp": (60, 60, 60, 1)}
    protocol = UDP if state == "udp" else TCP
    service = make_service(family, protocol, lifetimes=lifetimes[state])
    rig.apply(service)
    flow = Flow(rig, service)
    where = flow.send("S") if state == "half-open" else flow.open()
    assert rig.members(service)[where]["active_flows"] == 1
    await_expiry(rig, service, where)
    rig.apply(service.with_backend(where, admin=DRAINING))
    assert flow.data() not in (None, where)


@both
@both_protocols
def test_a_flow_that_is_used_does_not_expire(rig, family, protocol):
    service = make_service(family, protocol, lifetimes=(1, 2, 1, 2))
    rig.apply(service)
    flow, where = open_flows(rig, service, 1)[0]
    rig.apply(service.with_backend(where, admin=DRAINING))
    for _ in range(14):
        time.sleep(0.5)
        assert flow.data() == where


@both
def test_a_flow_met_in_midway_is_kept_like_any_other(rig, family):
    """After a restart of the balancer the first packet of a flow is no SYN."""
    service = make_service(family)
    rig.apply(service)
    before = rig.stats.workers["flow_misses_other"]
    flow = Flow(rig, service)
    where = flow.data()
    assert where is not None
    assert rig.stats.workers["flow_misses_other"] == before + 1
    rig.apply(service.with_backend(where, admin=DRAINING))
    assert flow.data() == where


@both
@both_protocols
def test_counters_of_a_backend_are_exact(rig, family, protocol):
    service = make_service(family, protocol, backends=backends(family, (21,)))
    rig.apply(service)
    flows = open_flows(rig, service, 7)
    for flow, _ in flows:
        flow.data()
    nb_packets = 7 * (3 if protocol == TCP else 2)
    header = (20 if family == 4 else 40) + (20 if protocol == TCP else 8)
    nb_bytes = nb_packets * header + 7 * (4 if protocol == TCP else 1 + 4)
    (member,) = rig.members(service).values()
    assert {name: member[name] for name in ("packets", "bytes", "new_flows", "active_flows")} == {
        "packets": nb_packets, "bytes": nb_bytes, "new_flows": 7, "active_flows": 7}


@both
def test_two_clients_never_share_a_flow(rig, family):
    """Exact keys: 2000 flows over two backends, one drained; each stays with its own."""
    service = make_service(family, backends=backends(family, (11, 12)))
    rig.apply(service)
    flows = [Flow(rig, service, sport=1024 + n) for n in range(2000)]
    where = {}
    for flow in flows:
        where[flow] = flow.send("S")
    rig.apply(service.with_backend(backend(family, 11), admin=DRAINING))
    for flow in flows:
        assert flow.send("A") == where[flow]


def test_a_service_that_comes_back_at_once_goes_on_with_its_flows(rig):
    service = make_service(4)
    rig.apply(service)
    flows = open_flows(rig, service, 20)
    rig.apply()
    rig.await_drop("no_service", lambda: rig.front.send(flows[0][0].frame("PA", b"x")))
    rig.apply(service)
    check_stay(flows)


def test_a_new_service_never_meets_the_flows_of_an_old_one(rig):
    """Ids in quarantine are not given again: flows of the old service do not point into it."""
    old = make_service(4)
    rig.apply(old)
    clients = [flow.client for flow, _ in open_flows(rig, old, 40)]
    new = make_service(4, backends=backends(4, (21, 22)))
    rig.apply(new)
    for client in clients:
        assert Flow(rig, new, client).send("S") in [b.address for b in new.backends]


def test_enabling_a_drained_backend_gives_it_new_flows_again(rig):
    service = make_service(4)
    drained = backend(4, 12)
    rig.apply(service.with_backend(drained, admin=DRAINING))
    assert drained not in {where for _, where in open_flows(rig, service, NB_FLOWS)}
    rig.apply(service.with_backend(drained, admin=ENABLED))
    assert drained in {where for _, where in open_flows(rig, service, NB_FLOWS)}
