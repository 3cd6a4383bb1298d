# SPDX-License-Identifier: BSD-3-Clause
"""Adding, changing and removing one service."""

import pytest

from conftest import DNS, EXAMPLE
from harness.api import ApiError

PAY = "tcp/192.0.2.10:443"
NEW = {"address": "192.0.2.11", "protocol": "tcp", "port": 80, "mode": "direct", "name": "web"}


def refused(call, *args, **kwargs):
    with pytest.raises(ApiError) as e:
        call(*args, **kwargs)
    return e.value.status, e.value.body["error"]


def path(service):
    return f"/v1/services/{service.replace('/', '%2F').replace('[', '%5B').replace(']', '%5D')}"


def configured(control, name):
    services = control.api.get("/v1/config")["services"]
    return next(s for s in services if s.get("name") == name)


def test_a_service_is_added(connected):
    answer = connected.api.call("POST", "/v1/services", NEW)
    assert (answer["result"], answer["revision"]) == ("in_force", 2)
    assert answer["changes"]["services_added"] == 1
    assert configured(connected, "web") == {**NEW, "backends": []}
    connected.api.add("web", address="10.0.1.7")
    assert connected.api.get("/v1/services/web")["backends"][0]["usable"]
    entry = connected.api.get("/v1/audit")["entries"][1]
    assert (entry["action"], entry["target"]) == ("service.add", "tcp/192.0.2.11:80")
    assert entry["after"] == NEW


def test_what_is_there_already(running):
    status, error = refused(running.api.call, "POST", "/v1/services",
                            {**NEW, "address": "192.0.2.10", "port": 443})
    assert (status, error["code"], error["path"]) == (409, "already_exists", PAY)
    status, error = refused(running.api.call, "POST", "/v1/services", {**NEW, "name": "pay"})
    assert status == 422 and "pay" in error["message"]


@pytest.mark.parametrize("change, where", [
    ({"mode": "teleport"}, "mode"), ({"port": 0}, "port"), ({"address": "x"}, "address"),
    ({"colour": "red"}, "colour"), ({"lifetimes": {"open": 60}}, "lifetimes.open"),
    ({"backends": [{"address": "10.0.1.1", "weight": -1}]}, "backends[0].weight"),
    ({"health": {"checks": [{"type": "https", "ca-file": "/nowhere"}]}}, "health.checks[0]"),
])
def test_a_bad_service_is_refused_with_the_place_in_it(running, change, where):
    status, error = refused(running.api.call, "POST", "/v1/services", {**NEW, **change})
    assert status == 422 and error["path"].startswith(where), error
    assert running.api.get("/v1/status")["revision"] == 1


def test_a_service_is_changed(running):
    patch = {"on-down": "reset", "lifetimes": {"open": "60s", "closing": "5s"}, "name": None}
    assert running.api.call("PATCH", path("pay"), patch)["revision"] == 2
    service = running.api.get("/v1/config")["services"][0]
    assert service["on-down"] == "reset" and "name" not in service
    assert service["lifetimes"] == {"open": "1m", "closing": "5s"}
    assert len(service["backends"]) == 2
    running.api.call("PATCH", path(PAY), {"lifetimes": {"open": None}})
    assert running.api.get("/v1/config")["services"][0]["lifetimes"] == {"closing": "5s"}
    entry = running.api.get("/v1/audit")["entries"][0]
    assert entry["before"]["lifetimes"] == {"open": "1m", "closing": "5s"}
    assert entry["after"]["lifetimes"] == {"closing": "5s"} and "backends" not in entry["after"]


def test_the_order_of_services_stays(running):
    running.api.call("POST", "/v1/services", NEW)
    running.api.call("PATCH", path(DNS), {"name": "dns"})
    assert [s.get("name") for s in running.api.get("/v1/config")["services"]] == [
        "pay", "dns", "web"]


@pytest.mark.parametrize("key, value", [("address", "192.0.2.99"), ("protocol", "udp"),
                                        ("port", 1)])
def test_another_address_is_another_service(running, key, value):
    status, error = refused(running.api.call, "PATCH", path("pay"), {key: value})
    assert (status, error["path"]) == (422, key) and "another service" in error["message"]


def test_bodies_that_are_none(running):
    for body, status in (("", 400), ("[]", 422), ("{", 400), ('{"a":1,"a":2}', 400), ("3", 400)):
        assert refused(running.api.call, "PATCH", path("pay"), body)[0] == status, body
        assert refused(running.api.call, "POST", "/v1/services", body)[0] == status, body
    assert refused(running.api.call, "PATCH", path("none"), {})[0] == 404
    assert running.api.call("PATCH", path("pay"), {})["result"] == "unchanged"


def test_a_service_is_removed_with_its_overrides(running):
    running.api.override("pay", "10.0.1.1", weight=3)
    status, error = refused(running.api.call, "DELETE", path("pay"))
    assert (status, error["code"]) == (409, "too_disruptive")
    assert running.api.call("DELETE", f"{path('pay')}?force=true")["changes"][
        "services_removed"] == 1
    assert running.api.get("/v1/overrides")["overrides"] == []
    assert [s["id"] for s in running.api.get("/v1/services")["services"]] == [DNS]


def test_a_patch_that_takes_all_backends_needs_force(running):
    status, error = refused(running.api.call, "PATCH", path("pay"), {"backends": []})
    assert (status, error["code"]) == (409, "too_disruptive")
    running.api.call("PATCH", f"{path('pay')}?force=true", {"backends": []})


def test_dry_run(running):
    answer = running.api.call("POST", "/v1/services?dry_run=true", NEW)
    assert answer["result"] == "dry_run" and answer["changes"]["services_added"] == 1
    assert running.api.export_yaml().count("address") == EXAMPLE.count("address")
