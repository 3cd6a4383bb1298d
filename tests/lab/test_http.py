# SPDX-License-Identifier: BSD-3-Clause
"""Real clients and servers: HTTP through the VIPs, while everything about it changes."""

import os
import signal
import subprocess
import time

import pytest

from harness.lab import SERVICES, VIPS, Load, answered_since, backend_address

both = pytest.mark.parametrize("family", ["4", "6"])


def in_client(lab, *command):
    return subprocess.run(["ip", "netns", "exec", f"{lab.name}-client", *command],
                          capture_output=True, check=False, timeout=60)


def url(family, path="/"):
    host = VIPS[family] if family == "4" else f"[{VIPS[family]}]"
    return f"http://{host}{path}"


def shares_after(load, seconds=3.0):
    """Answers to new connections from now on, by family and backend."""
    time.sleep(0.3)  # What was under way.
    before = load.report()
    time.sleep(seconds)
    return answered_since(before, load.report())


def each_backend(lab, number, **fields):
    """The same override for both families."""
    for family, service in SERVICES.items():
        lab.api.override(service, backend_address(family, number), **fields)


def test_shares_follow_the_weights(lab):
    """Within five standard deviations of what fair draws would give."""
    load = Load(lab, count=1500, new_rate=400)
    try:
        report = load.wait()
    finally:
        load.kill()
    assert report["failed"] == 0, report["errors"]
    for family in ("4", "6"):
        counts = report["new"][family]
        assert sum(counts.values()) == 1500
        for number, weight in ((1, 100), (2, 200), (3, 300)):
            share = weight / 600
            sigma = (1500 * share * (1 - share)) ** 0.5
            assert abs(counts[f"backend{number}"] - 1500 * share) < 5 * sigma, counts


@both
def test_a_large_answer_arrives_whole(lab, family):
    """It goes straight from the backend to the client, past the balancer."""
    got = in_client(lab, "curl", "-sS", "--max-time", "20", url(family, "/megabyte"))
    assert got.returncode == 0, got.stderr
    servers = {(lab.dir / f"backend{n}/www/megabyte").read_bytes() for n in range(1, 5)}
    assert got.stdout in servers


@both
def test_the_vip_answers_ping(lab, family):
    got = in_client(lab, "ping", "-c", "3", "-i", "0.2", "-W", "2", VIPS[family])
    assert got.returncode == 0, got.stdout


@both
def test_the_answers_do_not_pass_the_balancer(lab, family):
    """Direct server return: it forwards about as many packets as it gets, all one way."""
    def ports():
        return {p["name"]: p for p in lab.api.get("/v1/stats")["ports"]}

    time.sleep(1.2)  # Ports are counted about once a second.
    before = ports()
    assert in_client(lab, "curl", "-sS", url(family, "/megabyte")).returncode == 0
    time.sleep(1.2)
    after = ports()
    assert after["back"]["rx_bytes"] - before["back"]["rx_bytes"] < 100_000
    assert after["front"]["tx_bytes"] - before["front"]["tx_bytes"] < 100_000


def test_a_weight_change_fails_no_request(lab, load):
    each_backend(lab, 1, weight=0)
    for counts in shares_after(load).values():
        assert "backend1" not in counts
        assert set(counts) == {"backend2", "backend3"}


def test_a_drain_fails_no_request_and_keeps_connections(lab, load):
    time.sleep(1)
    first = load.report()
    each_backend(lab, 3, state="draining")
    for counts in shares_after(load).values():
        assert set(counts) == {"backend1", "backend2"}
    kept = answered_since(first, load.report(), "kept")
    # Ten kept connections a family: with half the weight, backend 3 has some of them.
    assert sum(counts.get("backend3", 0) for counts in kept.values()) > 0


def test_an_added_backend_fails_no_request(lab, load):
    for family, service in SERVICES.items():
        lab.api.add(service, address=backend_address(family, 4), weight=600)
    for counts in shares_after(load).values():
        assert counts["backend4"] > sum(counts.values()) / 3


def test_a_drained_backend_can_be_removed_without_a_failed_request(lab):
    load = Load(lab, new_rate=100)  # Short connections: a drain ends.
    try:
        time.sleep(1)
        each_backend(lab, 2, state="draining")
        time.sleep(1.5)
        for family, service in SERVICES.items():
            lab.api.remove(service, backend_address(family, 2))
        for counts in shares_after(load).values():
            assert set(counts) == {"backend1", "backend3"}
        assert load.stop()["failed"] == 0
    finally:
        load.kill()


def test_many_changes_a_second_fail_no_request(lab, load):
    for number in range(100):
        lab.api.override("web4", backend_address("4", 1 + number % 3), weight=50 + number)
    assert len(lab.api.get("/v1/overrides")["overrides"]) == 3


def test_guidewayd_killed_and_restarted_fails_no_request(lab, load):
    each_backend(lab, 2, state="draining")
    os.kill(lab.pid("guidewayd"), signal.SIGKILL)
    for counts in shares_after(load).values():
        assert set(counts) == {"backend1", "backend3"}
    lab.do("start-daemon")
    # The drain is an override: it has outlived the daemon.
    overrides = lab.api.get("/v1/overrides")["overrides"]
    assert {(o["backend"], o["state"]) for o in overrides} == {
        (backend_address(family, 2), "draining") for family in ("4", "6")}
    for counts in shares_after(load).values():
        assert set(counts) == {"backend1", "backend3"}
    each_backend(lab, 2, state=None)
    for counts in shares_after(load).values():
        assert set(counts) == {"backend1", "backend2", "backend3"}


def test_guidewayd_stopped_for_a_while_fails_no_request(lab, load):
    pid = lab.pid("guidewayd")
    os.kill(pid, signal.SIGSTOP)
    try:
        for counts in shares_after(load).values():
            assert set(counts) == {"backend1", "backend2", "backend3"}
    finally:
        os.kill(pid, signal.SIGCONT)
    each_backend(lab, 1, weight=0)
    for counts in shares_after(load).values():
        assert "backend1" not in counts


def test_a_bad_configuration_changes_nothing(lab, load):
    before = lab.api.get("/v1/status")["dataplane"]["generation"]
    from harness.api import ApiError
    for text in ("services: [", "services: [{address: 192.0.2.10, protocol: tcp, port: 0}]",
                 "nothing: 1"):
        with pytest.raises(ApiError):
            lab.api.apply_yaml(text)
    assert lab.api.get("/v1/status")["dataplane"]["generation"] == before


def test_a_restarted_dataplane_gets_its_state_back(lab):
    """Open connections are lost, new ones are served as soon as guidewayd has reconnected."""
    each_backend(lab, 1, state="disabled")
    lab.do("stop-dataplane")
    lab.do("start-dataplane")
    end = time.monotonic() + 10
    while not lab.api.get("/v1/status")["dataplane"]["in_sync"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    load = Load(lab, count=100, new_rate=100)
    try:
        report = load.wait()
    finally:
        load.kill()
    assert report["failed"] == 0, report["errors"]
    for counts in report["new"].values():
        assert set(counts) == {"backend2", "backend3"}
