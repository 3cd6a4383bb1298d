# SPDX-License-Identifier: BSD-3-Clause
"""GET /metrics: read by Prometheus' own parser; its names against its rules and the document."""

import http.client
import pathlib
import re
import socket
import time

from prometheus_client.parser import text_string_to_metric_families

DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "doc/metrics.md"


def families(control):
    return {f.name: f for f in text_string_to_metric_families(control.api.get("/metrics"))}


def sample(family, **labels):
    (value,) = [s.value for s in family.samples if s.labels == labels]
    return value


def full_name(family):
    return family.name + ("_total" if family.type == "counter" else "")


def test_numbers_are_those_of_the_api(connected):
    found = families(connected)
    status = connected.api.get("/v1/status")
    assert sample(found["guideway_build_info"], version=status["version"]) == 1
    assert sample(found["guideway_config_revision"]) == status["revision"]
    assert sample(found["guideway_dataplane_connected"]) == 1
    assert sample(found["guideway_dataplane_in_sync"]) == 1
    assert sample(found["guideway_dataplane_generation"]) == status["dataplane"]["generation"]
    for service in connected.api.get("/v1/services")["services"]:
        assert sample(found["guideway_service_backends"],
                      service=service["name"]) == service["backends_total"]
        assert sample(found["guideway_service_backends_usable"],
                      service=service["name"]) == service["backends_usable"]
    for backend in connected.api.get("/v1/backends")["backends"]:
        labels = {"service": backend["service_name"], "backend": backend["address"]}
        assert sample(found["guideway_backend_weight"], **labels) == backend["weight"]
        assert sample(found["guideway_backend_slots"], **labels) == backend["slots"]
        assert sample(found["guideway_backend_usable"], **labels) == backend["usable"]
        states = {s.labels["state"]: s.value for s in found["guideway_backend_state"].samples
                  if labels.items() <= s.labels.items()}
        assert states == {state: float(state == backend["state"])
                          for state in ("enabled", "draining", "disabled")}
    for worker in connected.api.get("/v1/stats")["workers"]:
        assert sample(found["guideway_worker_flows4_capacity"],
                      worker=str(worker["worker"])) == worker["flows4_capacity"]
    assert {s.labels["lcore"] for s in found["guideway_drops"].samples} == {"0", "main"}


def test_checks_are_counted(control):
    with socket.create_server(("127.0.1.1", 0)) as listener:
        port = listener.getsockname()[1]
        control.start(f"""\
services:
  - name: pay
    address: 192.0.2.10
    protocol: tcp
    port: 443
    mode: ipip
    health: {{checks: [{{type: tcp, port: {port}, interval: 20ms, fast-interval: 10ms}}]}}
    backends: [{{address: 127.0.1.1}}, {{address: 127.0.1.2}}]
""")
        good, bad = ({"service": "pay", "backend": f"127.0.1.{i}"} for i in (1, 2))
        end = time.monotonic() + 60
        while sample((found := families(control))["guideway_backend_downs"], **bad) == 0:
            assert time.monotonic() < end
            time.sleep(0.02)
    assert sample(found["guideway_backend_downs"], **good) == 0
    assert sample(found["guideway_backend_health"], state="down", **bad) == 1
    assert sample(found["guideway_backend_health"], state="up", **bad) == 0
    assert sample(found["guideway_backend_health"], state="up", **good) == 1
    assert sample(found["guideway_backend_check_failures"], **good) == 0
    assert sample(found["guideway_backend_check_failures"], **bad) >= 3
    assert 0 < sample(found["guideway_backend_check_latency_seconds"], **good) < 10
    assert sample(found["guideway_checks"]) == 2
    assert sample(found["guideway_check_attempts"]) > 3
    assert sample(found["guideway_service_fail_open"], service="pay") == 0
    assert sample(found["guideway_service_backends_usable"], service="pay") == 1
    assert "guideway_worker_polls" not in found  # There is no dataplane.
    assert sample(found["guideway_dataplane_connected"]) == 0


def test_names_follow_the_rules(connected):
    """https://prometheus.io/docs/practices/naming/, and no family or series comes twice."""
    text = connected.api.get("/metrics")
    headings = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)
    assert len(headings) == len({name for name, _ in headings}) > 60
    for name, kind in headings:
        assert re.fullmatch(r"guideway_[a-z0-9_]+", name)
        assert (kind == "counter") == name.endswith("_total"), name
    series = re.findall(r"^([^#\s]\S*) ", text, re.M)
    assert len(series) == len(set(series))
    for family in text_string_to_metric_families(text):
        assert family.documentation.endswith("."), family.name


def test_every_family_is_documented_and_every_documented_one_exists(connected):
    described = set(re.findall(r"`(guideway_[a-z0-9_]+)`", DOCUMENT.read_text(encoding="utf-8")))
    there = {full_name(f) for f in families(connected).values()}
    assert there == described


def test_many_backends_hold_up_nobody_and_outlive_their_configuration(control):
    hosts = [f"10.1.{n // 200}.{1 + n % 200}" for n in range(2000)]  # More than sockets hold.
    control.start("services:\n  - {name: many, address: 192.0.2.1, protocol: tcp, port: 80, "
                  "mode: ipip, backends: [" +
                  ", ".join(f"{{address: {host}}}" for host in hosts) + "]}\n")
    with socket.socket(socket.AF_UNIX) as reader:
        reader.settimeout(60)
        reader.connect(str(control.socket))
        reader.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = http.client.HTTPResponse(reader)
        answer.begin()
        control.api.apply_yaml("services: []\n", allow_empty="true")
        assert families(control)["guideway_backend_usable"].samples == []
        text = answer.read().decode()
    assert answer.chunked  # Made while it is sent.
    found = {f.name: f for f in text_string_to_metric_families(text)}
    for name in ("guideway_backend_usable", "guideway_backend_weight"):
        assert [s.labels["backend"] for s in found[name].samples] == hosts
    assert len(found["guideway_backend_state"].samples) == 3 * len(hosts)
    assert sample(found["guideway_service_backends_usable"], service="many") == len(hosts)
