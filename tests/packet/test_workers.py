# SPDX-License-Identifier: BSD-3-Clause
"""Several workers and queues: what holds for one holds for all of them together."""

import pytest

from flows import Flow, backends, open_flows
from harness.channel import DRAINING, Service
from harness.rig import HASH_KEY, backend
from test_selection import model_of

WORKERS = 3
VIP = {4: "192.0.2.80", 6: "2001:db8::80"}
both = pytest.mark.parametrize("family", [4, 6])


def CONFIGURE(config):  # noqa: N802 (a setting of this module)
    for port in config["ports"]:
        port["rx_queues"] = 2


def make_service(family, port):
    return Service(VIP[family], port=port, backends=backends(family, (11, 12, 13)), slots=1009)


@both
def test_flows_are_spread_over_workers_and_select_as_the_model(rig, family):
    service = make_service(family, 80)
    rig.apply(service)
    table = model_of(service)
    before = [rig.stats.worker(i)["flows_inserted"] for i in range(WORKERS)]
    for _ in range(200):
        flow = Flow(rig, service)
        assert flow.send("S") == table.choose(HASH_KEY, flow.client, service.vip, flow.sport,
                                              80, service.protocol)
    inserted = [rig.stats.worker(i)["flows_inserted"] - before[i] for i in range(WORKERS)]
    assert sum(inserted) == 200
    assert sum(count > 0 for count in inserted) >= 2, inserted


@both
def test_a_change_is_in_force_on_every_worker_when_it_is_acknowledged(rig, family):
    service = make_service(family, 81)
    rig.apply(service)
    flows = open_flows(rig, service, 60)
    for number in (11, 12):
        answer = rig.apply(service.with_backend(backend(family, number), admin=DRAINING))
        rig.check_every_worker_uses(answer.generation)
        for _ in range(40):
            assert Flow(rig, service).send("S") != backend(family, number)
        for flow, where in flows:
            assert flow.data() == where


@both
def test_counters_of_all_workers_add_up(rig, family):
    service = make_service(family, 82)
    rig.apply(service)
    for flow, _ in open_flows(rig, service, 60):
        flow.data()
    members = rig.members(service).values()
    assert {name: sum(m[name] for m in members)
            for name in ("packets", "new_flows", "active_flows")} == {
        "packets": 180, "new_flows": 60, "active_flows": 60}
