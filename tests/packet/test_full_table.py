# SPDX-License-Identifier: BSD-3-Clause
"""A flow table that is full refuses nobody: it forwards by the Maglev table alone, and says so."""

from flows import Flow, backends
from harness.channel import DRAINING, TCP, Service
from harness.rig import HASH_KEY, backend
from test_selection import model_of

CAPACITY = 1024
VIP = "192.0.2.90"


def CONFIGURE(config):  # noqa: N802 (a setting of this module)
    config["memory"].update(flows_ipv4=CAPACITY, flows_ipv6=CAPACITY)


def test_new_flows_beyond_the_capacity_are_forwarded_and_old_ones_kept(rig):
    service = Service(VIP, backends=backends(4, (11, 12)), slots=1009,
                      lifetimes=(600, 600, 600, 600))
    rig.apply(service)
    capacity = rig.stats.workers["flows4_capacity"]
    assert capacity == CAPACITY
    old = {}
    for number in range(CAPACITY // 2):
        flow = Flow(rig, service, sport=1 + number)
        old[flow] = flow.open()
    # A flood of SYNs, more than fit.
    table = model_of(service)
    for number in range(2 * CAPACITY):
        flow = Flow(rig, service, sport=10000 + number)
        assert flow.send("S") == table.choose(HASH_KEY, flow.client, VIP, flow.sport, 80, TCP)
    stats = rig.stats.workers
    assert stats["flow_table_full"] >= CAPACITY // 2
    assert stats["flows4"] <= CAPACITY * 1.1
    # No SYN has pushed an established flow out.
    rig.apply(service.with_backend(backend(4, 11), admin=DRAINING))
    for flow, where in old.items():
        assert flow.data() == where
