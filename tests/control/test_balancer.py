# SPDX-License-Identifier: BSD-3-Clause
"""Draining the balancer itself, as the API and the dataplane see it."""

import socket

import pytest

from harness.api import ApiError
from harness.checks import FAST, HOSTS, document, wait_for, wait_until


def balancer(control):
    return control.api.get("/v1/balancer")


def set_state(control, state, **parameters):
    query = "&".join(f"{k}={v}" for k, v in parameters.items())
    return control.api.call("PATCH", f"/v1/balancer?{query}", {"state": state})


def advertised(control):
    return control.api.get("/v1/services/pay")["advertised"]


def test_it_is_enabled_until_somebody_says_otherwise(control):
    control.start(document(0, checks="{type: tcp, interval: 1h}"))
    assert balancer(control) == {"state": "enabled", "since": None, "by": None,
                                 "advertised": "preferred", "has_routes": False,
                                 "packets_per_s": None}
    assert control.api.get("/v1/status")["balancer"] == balancer(control)


def test_its_state_is_kept_and_recorded(control):
    control.start(document(0, checks="{type: tcp, interval: 1h}"))
    assert set_state(control, "draining", dry_run="true")["result"] == "dry_run"
    assert balancer(control)["state"] == "enabled"
    answer = set_state(control, "draining")
    assert answer["result"] == "stored" and answer["changes"] is None
    assert set_state(control, "draining")["result"] == "unchanged"
    before = balancer(control)
    assert before["state"] == "draining" and before["by"].startswith("uid 0")
    assert advertised(control) == "spare"
    control.daemon.kill()
    control.start()
    assert balancer(control) == before
    assert advertised(control) == "spare"
    set_state(control, "enabled")
    assert advertised(control) == "preferred"
    entries = [e for e in control.api.get("/v1/audit")["entries"]
               if e["action"] == "balancer.set"]
    assert [(e["before"], e["after"], e["result"]) for e in entries] == [
        ({"state": "draining"}, {"state": "enabled"}, "stored"),
        ({"state": "enabled"}, {"state": "draining"}, "stored")]
    # It belongs to this balancer, not to the configuration, which others have too.
    assert "balancer" not in control.api.export_yaml()


@pytest.mark.parametrize("body", [{}, {"state": "drained"}, {"state": None}, {"state": 1},
                                  {"state": "draining", "weight": 1}])
def test_bad_bodies_change_nothing(control, body):
    control.start(document(0, checks="{type: tcp, interval: 1h}"))
    with pytest.raises(ApiError) as refused:
        control.api.call("PATCH", "/v1/balancer", body)
    assert refused.value.status == 422
    assert balancer(control)["state"] == "enabled"


def test_a_dataplane_without_routes_cannot_be_drained(control):
    control.start(document(0, checks="{type: tcp, interval: 1h}"))
    control.start_dataplane()
    wait_until(control, lambda: control.api.get("/v1/status")["dataplane"]["in_sync"], "sync")
    for state in ("draining", "disabled"):
        with pytest.raises(ApiError, match="no router would hear of it") as refused:
            set_state(control, state)
        assert refused.value.status == 409
    assert set_state(control, "enabled")["result"] == "unchanged"


def test_services_that_fail_are_spare(control):
    listeners = {HOSTS[0]: socket.create_server((HOSTS[0], 0), backlog=64)}
    port = listeners[HOSTS[0]].getsockname()[1]
    for host in HOSTS[1:]:
        listeners[host] = socket.create_server((host, port), backlog=64)
    control.start(document(port, health="min-healthy: 3"))
    wait_for(control, {host: "up" for host in HOSTS})
    assert advertised(control) == "preferred"
    for host in HOSTS[:2]:
        listeners.pop(host).close()
    wait_until(control, lambda: advertised(control) == "spare", "is not spare")
    events = [e for e in control.api.get("/v1/events")["events"]
              if e["kind"] == "service.advertise"]
    assert [(e["advertise"], e["was"]) for e in events] == [("spare", "preferred")]
    control.api.apply_yaml(document(port, health="min-healthy: 3, advertise-failing: none"))
    wait_until(control, lambda: advertised(control) == "none", "is not withdrawn")
    control.api.apply_yaml(document(port, health="min-healthy: 3, advertise-failing: preferred"))
    wait_until(control, lambda: advertised(control) == "preferred", "is not preferred")
    set_state(control, "draining")
    assert advertised(control) == "spare"
    set_state(control, "enabled")
    control.api.apply_yaml(document(port, health="min-healthy: 3"))
    for host in HOSTS[:2]:
        listeners[host] = socket.create_server((host, port), backlog=64)
    wait_for(control, {host: "up" for host in HOSTS})
    wait_until(control, lambda: advertised(control) == "preferred", "is still spare")
    for listener in listeners.values():
        listener.close()


def test_a_service_without_a_backend_that_takes_flows_is_spare(control):
    control.start(document(0, checks=f"{{type: tcp, {FAST}, port: 1}}",
                           health="min-healthy: 0", hosts=HOSTS[:1]))
    wait_for(control, {HOSTS[0]: "down"})
    wait_until(control, lambda: advertised(control) == "spare", "is not spare")


def test_it_survives_an_export(control):
    control.start(document(0, health="advertise-failing: none",
                           checks="{type: tcp, interval: 1h}"))
    assert control.api.apply_yaml(control.api.export_yaml())["result"] == "unchanged"
    health = control.api.get("/v1/config")["services"][0]["health"]
    assert health["advertise-failing"] == "none"
    with pytest.raises(ApiError, match="is not preferred, spare or none"):
        control.api.apply_yaml(document(0, health="advertise-failing: never"))
