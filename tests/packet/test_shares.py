# SPDX-License-Identifier: BSD-3-Clause
"""Agents and slow start as packets show them: who gets new flows, and who keeps what he has."""

import pytest
from scapy.layers.inet import IP

from harness.agent import agents_at
from harness.balancer import Balancer, document

HOSTS = ["127.0.2.1", "127.0.2.2", "127.0.2.3"]


@pytest.fixture
def agents():
    agents = agents_at(HOSTS)
    yield agents
    for agent in agents:
        agent.end()


@pytest.fixture
def balancer(agents):
    balancer = Balancer("shares", document(HOSTS, (
        f"checks: [{{type: agent, port: {agents[0].port}, interval: 20ms, timeout: 5s}}], "
        "slow-start: 1h"), "    slots: 65537\n"))
    balancer.until(lambda: [b["health"] for b in views(balancer)] == ["up"] * len(HOSTS),
                   "the agents are heard")
    yield balancer
    balancer.end()


def views(balancer):
    return balancer.api.get("/v1/services/pay")["backends"]


def wait_for_shares(balancer, wanted):
    """Of the slots, as the dataplane counts them."""
    balancer.until(lambda: [b["share"] for b in views(balancer)] ==
                   pytest.approx(wanted, abs=0.005), f"shares are {wanted}")


def new_flows_go_to(balancer, nb=40):
    return {IP(balancer.encapsulated()).dst for _ in range(nb)}


def test_an_agent_sets_the_share_of_new_flows(balancer, agents):
    wait_for_shares(balancer, [1 / 3] * 3)
    agents[0].line = "25%"
    agents[1].line = "50%"
    wait_for_shares(balancer, [1 / 7, 2 / 7, 4 / 7])
    agents[0].line = agents[1].line = "100%"
    wait_for_shares(balancer, [1 / 3] * 3)


def test_drain_keeps_flows_and_ready_starts_slowly(balancer, agents):
    one = HOSTS[0]
    client = IP(balancer.encapsulated_for(one)[20:]).src
    assert IP(balancer.encapsulated(client, "A")).dst == one
    agents[0].line = "drain"
    wait_for_shares(balancer, [0, 1 / 2, 1 / 2])
    assert new_flows_go_to(balancer) == set(HOSTS[1:])
    assert IP(balancer.encapsulated(client, "A")).dst == one
    agents[0].line = "ready"
    wait_for_shares(balancer, [.05 / 2.05, 1 / 2.05, 1 / 2.05])
    assert IP(balancer.encapsulated(client, "A")).dst == one


def test_an_enabled_backend_starts_slowly(balancer):
    one = HOSTS[0]
    balancer.api.override("pay", one, state="disabled")
    wait_for_shares(balancer, [0, 1 / 2, 1 / 2])
    balancer.api.override("pay", one, state="enabled")
    wait_for_shares(balancer, [.05 / 2.05, 1 / 2.05, 1 / 2.05])


def test_down_moves_flows(balancer, agents):
    one = HOSTS[0]
    client = IP(balancer.encapsulated_for(one)[20:]).src
    assert IP(balancer.encapsulated(client, "A")).dst == one
    agents[0].line = "down # no disk"
    wait_for_shares(balancer, [0, 1 / 2, 1 / 2])
    assert IP(balancer.encapsulated(client, "A")).dst in HOSTS[1:]


def test_the_word_of_agents_outlives_the_daemon(balancer, agents):
    """Until they have spoken to the new one, which here they do not."""
    agents[0].line = "drain"
    agents[1].line = "25%"
    wait_for_shares(balancer, [0, 1 / 5, 4 / 5])
    balancer.daemon.kill()
    for agent in agents:
        agent.end()
    balancer.start_daemon()
    assert [round(b["factor"], 2) for b in views(balancer)] == [0, 0.25, 1]
    wait_for_shares(balancer, [0, 1 / 5, 4 / 5])
    assert new_flows_go_to(balancer) == set(HOSTS[1:])
