# SPDX-License-Identifier: BSD-3-Clause
"""Agents of backends (HAProxy's agent-check): what they say, and what follows."""

import socket

import pytest

from harness.agent import Agent, agents_at
from harness.api import ApiError
from harness.checks import HOSTS, document, wait_for, wait_until

AGENT = "interval: 20ms, timeout: 1s"


@pytest.fixture
def agents():
    agents = agents_at(HOSTS)
    yield agents
    for agent in agents:
        agent.end()


def with_agents(agents, health="", more="", others=""):
    return document(0, health=health, checks=(
        f"{others}{{type: agent, {AGENT}, port: {agents[0].port}{more}}}"))


def backends(control):
    return control.api.get("/v1/services/pay")["backends"]


def factors(control):
    return [round(b["factor"], 3) for b in backends(control)]


def wait_for_factors(control, wanted):
    wait_until(control, lambda: factors(control) == wanted,
               lambda: f"factors are {factors(control)}, not {wanted}")


def kinds(control, kind):
    return [(e["backend"], e["agent"]) for e in control.api.get("/v1/events")["events"]
            if e["kind"] == kind]


def test_its_percentage_is_the_factor(control, agents):
    agents[1].line = "50%"
    agents[2].line = "up 25% maxconn:100"
    control.start(with_agents(agents))
    wait_for_factors(control, [1, 0.5, 0.25, 1])
    shares = [b["expected_share"] for b in backends(control)]
    assert shares == pytest.approx([1 / 2.75, .5 / 2.75, .25 / 2.75, 1 / 2.75], rel=1e-3)
    agents[2].line = "100%"
    wait_for_factors(control, [1, 0.5, 1, 1])
    # Nothing but the factor has changed: an agent's percentage is no health.
    assert [b["health"] for b in backends(control)] == ["up", "unknown", "up", "up"]


def test_only_their_proportion_counts(control, agents):
    for agent, line in zip(agents, ["10%", "5%", "10%", "2%"]):
        agent.line = line
    control.start(with_agents(agents))
    wait_for_factors(control, [1, 0.5, 1, 0.2])


def test_drain_takes_no_new_flows_until_ready(control, agents):
    control.start(with_agents(agents))
    wait_for(control, {host: "up" for host in HOSTS})
    agents[0].line = "drain"
    wait_for_factors(control, [0, 1, 1, 1])
    assert not backends(control)[0]["usable"] and backends(control)[0]["health"] == "up"
    assert backends(control)[0]["state"] == "enabled"  # A person's will is a person's.
    agents[0].line = "up 80%"
    wait_until(control, lambda: backends(control)[0]["checked"]["checks"][0]["agent"] ==
               {"percent": 80, "drained": True}, "80% is not seen")
    assert factors(control) == [0, 1, 1, 1]
    agents[0].line = "ready 100%"
    wait_for_factors(control, [1, 1, 1, 1])
    wait_until(control, lambda: kinds(control, "backend.agent") == [
        (HOSTS[0], "wants no new flows"), (HOSTS[0], "wants new flows again")], "events")
    wait_until(control, lambda: [
        c["agent"] for entry in reversed(control.api.get("/v1/audit")["entries"])
        if entry["action"] == "health.change" for c in entry["after"] if "agent" in c] == [
            "wants no new flows", "wants new flows again"], "audit trail")


def test_down_is_down_at_once_with_its_reason(control, agents):
    control.start(with_agents(agents))
    wait_for(control, {host: "up" for host in HOSTS})
    agents[3].line = "down # the disk is full"
    wait_for(control, {host: "down" if host == HOSTS[3] else "up" for host in HOSTS})
    event, = [e for e in control.api.get("/v1/events")["events"]
              if e["kind"] == "backend.health" and e["health"] == "down"]
    assert event["why"] == "its agent says down: the disk is full"
    agents[3].line = "100% ready"  # Only "up" ends it.
    bad = backends(control)[3]["checked"]["checks"][0]["attempts"]
    wait_until(control, lambda: backends(control)[3]["checked"]["checks"][0]["attempts"] >
               bad + 3, "is not asked")
    assert backends(control)[3]["health"] == "down"
    agents[3].line = "up"
    wait_for(control, {host: "up" for host in HOSTS})


def test_its_word_does_not_outweigh_other_checks(control, agents):
    dead = socket.socket()
    dead.bind((HOSTS[0], 0))  # Bound, but does not listen.
    others = f"{{type: tcp, {AGENT}, address: {HOSTS[0]}, port: {dead.getsockname()[1]}}}, "
    control.start(with_agents(agents, health="combine: any, min-healthy: 0", others=others))
    wait_for(control, {host: "down" for host in HOSTS})
    assert all(b["checked"]["checks"][1]["health"] == "up" for b in backends(control))
    dead.close()


def test_an_agent_that_is_gone_says_nothing(control, agents):
    agents[0].line = "60%"
    control.start(with_agents(agents, health="min-healthy: 0"))
    wait_for_factors(control, [0.6, 1, 1, 1])
    wait_for(control, {host: "unknown" if host == HOSTS[0] else "up" for host in HOSTS})
    agents[0].end()
    agents[1].line = None
    agents[2].line = "good evening"
    wait_until(control, lambda: [b["checked"]["checks"][0]["last_result"]
                                 for b in backends(control)[:3]] == [
        "connection refused", "connected, but the agent says nothing",
        "not a word of the agent is understood"], "results")
    assert factors(control) == [0.6, 1, 1, 1]
    assert [b["health"] for b in backends(control)] == ["unknown", "up", "up", "up"]
    assert backends(control)[0]["checked"]["checks"][0]["recent"][0] == "silent"
    # That a busy machine was late itself has nothing to do with agents.
    assert not any("health checks" in p and "this host was late itself" not in p
                   for p in control.api.get("/v1/status")["problems"])
    agents[0] = Agent(HOSTS[0], agents[3].port)
    agents[0].line = "up 100%"
    wait_for_factors(control, [1, 1, 1, 1])


def test_when_all_want_no_flows_all_get_them(control, agents):
    control.start(with_agents(agents, health="min-healthy: 2"))
    wait_for(control, {host: "up" for host in HOSTS})
    for agent in agents[:3]:
        agent.line = "drain"
    wait_until(control, lambda: control.api.get("/v1/services/pay")["health"]["fail_open"],
               "does not fail open")
    assert factors(control) == [1, 1, 1, 1]
    agents[0].line = "ready"
    wait_for_factors(control, [1, 0, 0, 1])


def test_another_check_of_it_undoes_nothing(control, agents):
    agents[0].line = "drain"
    control.start(with_agents(agents))
    wait_for_factors(control, [0, 1, 1, 1])
    agents[0].line = None  # Whoever asks anew hears nothing.
    control.api.apply_yaml(with_agents(agents, more=r', send: "pay\n"'))
    wait_until(control, lambda: b"pay\n" in agents[1].asked, "is not asked anew")
    assert factors(control) == [0, 1, 1, 1]
    control.api.apply_yaml(document(0, checks="{type: tcp, interval: 1h}"))
    wait_for_factors(control, [1, 1, 1, 1])


def test_it_survives_an_export(control, agents):
    control.start(with_agents(agents, more=r', send: "pay\n"', health="slow-start: 30s"))
    assert control.api.apply_yaml(control.api.export_yaml())["result"] == "unchanged"
    health = control.api.get("/v1/config")["services"][0]["health"]
    assert health["slow-start"] == "30s"
    assert health["checks"] == [{"type": "agent", "interval": "20ms", "timeout": "1s",
                                 "port": agents[0].port, "send": "pay\n"}]


@pytest.mark.parametrize("more, complaint", [
    ("", "a check of type agent needs a port"),
    (", port: 99, fall: 2", "fall is for checks of type tcp, http"),
    (", port: 99, expect: up", "expect is for checks of type"),
])
def test_what_makes_no_sense_is_refused(control, more, complaint):
    control.start(document(0))
    with pytest.raises(ApiError, match=complaint):
        control.api.apply_yaml(document(0, checks=f"{{type: agent, {AGENT}{more}}}"))
