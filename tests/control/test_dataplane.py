# SPDX-License-Identifier: BSD-3-Clause
"""guidewayd with a real guideway-dataplane (one port of device ring, no traffic)."""

import os
import signal
import subprocess
import threading
import time

import pytest

from conftest import DNS, EXAMPLE
from harness.api import ApiError


def service_text(number):
    return (f"  - {{address: 192.0.2.{100 + number}, protocol: tcp, port: 80, mode: direct, "
            f"backends: [{{address: 10.0.1.1}}]}}\n")


def backends(control, service="pay"):
    return {b["address"]: b for b in control.api.get(f"/v1/services/{service}")["backends"]}


def one_slot(control):
    return 1 / control.api.get("/v1/services/pay")["slots"]


def test_a_dataplane_that_comes_gets_everything(running):
    running.api.override("pay", "10.0.1.2", state="draining")
    running.start_dataplane()
    status = running.api.get("/v1/status")
    assert status["dataplane"]["connected"] and status["dataplane"]["generation"] == 1
    assert status["last_apply"]["ok"] and status["last_apply"]["full_sync"]
    shares = {a: b["share"] for a, b in backends(running).items()}
    assert shares == {"10.0.1.1": 1.0, "10.0.1.2": 0.0}
    assert all(b["routed"] for b in backends(running).values())


def test_a_change_is_in_force_when_it_is_answered(connected):
    before = connected.api.get("/v1/status")["dataplane"]["generation"]
    answer = connected.api.override("pay", "10.0.1.1", weight=50)
    assert answer["result"] == "in_force"
    assert answer["generation"] == before + 1
    assert answer["latency_us"] >= answer["apply_us"]
    assert connected.api.get("/v1/status")["last_apply"]["commands"] == 1
    one = one_slot(connected)
    for backend in backends(connected).values():
        assert backend["share"] == pytest.approx(0.5, abs=one)
        assert backend["expected_share"] == 0.5


def test_a_change_of_words_only_makes_no_new_generation(connected):
    before = connected.api.get("/v1/status")["dataplane"]["generation"]
    answer = connected.api.apply_yaml(EXAMPLE.replace("name: pay", "name: payments"))
    assert (answer["result"], answer["generation"]) == ("in_force", before)
    assert connected.api.get("/v1/status")["dataplane"]["in_sync"]


def test_a_whole_configuration_is_replaced_by_its_difference(connected):
    text = EXAMPLE.replace("address: 10.0.1.2", "address: 10.0.1.3").replace("port: 53", "port: 54")
    answer = connected.api.apply_yaml(text)
    assert answer["result"] == "in_force"
    assert answer["changes"]["services_added"] == answer["changes"]["services_removed"] == 1
    assert set(backends(connected)) == {"10.0.1.1", "10.0.1.3"}


def test_what_the_dataplane_refuses_is_taken_back(connected):
    """It has room for 16 services only."""
    text = EXAMPLE + "".join(service_text(n) for n in range(20))
    generation = connected.api.get("/v1/status")["dataplane"]["generation"]
    with pytest.raises(ApiError) as caught:
        connected.api.apply_yaml(text)
    assert caught.value.status == 422
    error = caught.value.body["error"]
    assert error["code"] == "refused"
    assert "the dataplane refuses" in error["message"]
    status = connected.api.get("/v1/status")
    assert (status["revision"], status["services"]) == (1, 2)
    assert status["dataplane"]["in_sync"] and status["dataplane"]["generation"] == generation
    entry = connected.api.get("/v1/audit?limit=1")["entries"][0]
    assert entry["result"] == "refused"
    assert connected.api.get("/v1/revisions/2")["refused"] is True
    # The next change works, and so does a restart.
    assert connected.api.override("pay", "10.0.1.1", weight=7)["result"] == "in_force"
    connected.daemon.kill()
    connected.start()
    status = connected.until(lambda s: s["dataplane"]["in_sync"], "in sync again")
    assert status["services"] == 2


def test_a_refused_override_is_taken_back(control):
    """A weight for a backend of a table that has no slot for it."""
    backends_text = ", ".join(f"{{address: 10.0.1.{n}, weight: 1}}" for n in range(1, 251))
    control.start("services: [{name: small, address: 192.0.2.1, protocol: tcp, port: 80, "
                  f"mode: direct, slots: 251, backends: [{backends_text}, "
                  "{address: 10.0.2.1, weight: 0}, {address: 10.0.2.2, weight: 0}]}]\n")
    control.start_dataplane(members=512)
    assert control.api.override("small", "10.0.2.1", weight=1)["result"] == "in_force"
    with pytest.raises(ApiError) as caught:
        control.api.override("small", "10.0.2.2", weight=1)
    assert caught.value.status == 422
    assert [o["backend"] for o in control.api.get("/v1/overrides")["overrides"]] == ["10.0.2.1"]
    assert control.api.get("/v1/status")["dataplane"]["in_sync"]


def test_a_dataplane_that_refuses_the_stored_state_is_told(running):
    running.api.apply_yaml(EXAMPLE + "".join(service_text(n) for n in range(20)))
    running.start_dataplane(wait=False)
    status = running.until(lambda s: any("refuses" in p for p in s["problems"]), "it is told")
    assert status["dataplane"]["connected"] and not status["dataplane"]["in_sync"]
    assert running.api.apply_yaml(EXAMPLE)["result"] == "in_force"
    assert running.api.get("/v1/status")["dataplane"]["in_sync"]


def test_a_silent_dataplane_gives_504_and_the_change_comes_later(connected):
    os.kill(connected.dataplane.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(ApiError) as caught:
        connected.api.override("pay", "10.0.1.1", weight=1)
    assert 4.5 < time.monotonic() - began < 20
    assert (caught.value.status, caught.value.body["error"]["code"]) == (504, "not_acknowledged")
    # The loop is free, and those who come later are told at once.
    began = time.monotonic()
    assert connected.api.get("/v1/services/pay")["backends"][0]["weight"] == 1
    with pytest.raises(ApiError) as caught:
        connected.api.override("pay", "10.0.1.2", weight=2)
    assert caught.value.status == 504
    assert time.monotonic() - began < 3
    assert any("not answered" in p for p in connected.api.get("/v1/status")["problems"])
    os.kill(connected.dataplane.pid, signal.SIGCONT)
    connected.until(lambda s: s["dataplane"]["in_sync"], "both changes are in force")
    assert {a: b["weight"] for a, b in backends(connected).items()} == \
        {"10.0.1.1": 1, "10.0.1.2": 2}


def test_a_dataplane_that_dies_while_a_change_waits(connected):
    os.kill(connected.dataplane.pid, signal.SIGSTOP)
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(connected.api.override("pay", "10.0.1.1", weight=1)))
    thread.start()
    time.sleep(0.3)
    connected.dataplane.kill()
    thread.join()
    assert answers[0]["result"] == "stored"
    connected.start_dataplane()
    assert backends(connected)["10.0.1.1"]["weight"] == 1


def test_the_daemon_stops_cleanly_while_a_change_waits(connected):
    os.kill(connected.dataplane.pid, signal.SIGSTOP)
    errors = []

    def change():
        try:
            connected.api.override("pay", "10.0.1.1", weight=1)
        except ApiError as error:
            errors.append(error.status)

    threads = [threading.Thread(target=change) for _ in range(5)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    assert connected.daemon.end() == 0
    for thread in threads:
        thread.join()
    assert sorted(set(errors)) in ([503, 504], [504])
    os.kill(connected.dataplane.pid, signal.SIGCONT)


def test_a_daemon_killed_and_started_again_disturbs_nothing(connected):
    connected.api.add("pay", address="10.0.1.3")
    connected.api.override("pay", "10.0.1.1", state="draining")
    before = {a: b["slots"] for a, b in backends(connected).items()}
    for _ in range(5):
        connected.daemon.kill()
        connected.start()
        connected.until(lambda s: s["dataplane"]["in_sync"], "in sync again")
    assert {a: b["slots"] for a, b in backends(connected).items()} == before


def test_a_dataplane_started_again_gets_everything_again(connected):
    connected.api.override("pay", "10.0.1.1", weight=50)
    connected.dataplane.kill()
    connected.until(lambda s: not s["dataplane"]["connected"], "its death is noticed")
    assert connected.api.add("pay", address="10.0.1.3", weight=50)["result"] == "stored"
    connected.start_dataplane()
    one = one_slot(connected)
    for backend in backends(connected).values():
        assert backend["share"] == pytest.approx(1 / 3, abs=one)


def test_at_start_the_stored_state_comes_first_and_a_refused_file_after_it(connected):
    connected.daemon.end()
    connected.start(EXAMPLE + "".join(service_text(n) for n in range(20)))
    status = connected.until(lambda s: s["dataplane"]["in_sync"], "in sync")
    assert status["config_file"]["state"] == "rejected"
    assert "refuses" in status["config_file"]["message"]
    assert status["services"] == 2


def test_statistics_have_every_part(connected):
    stats = connected.api.get("/v1/stats")
    assert [s["name"] for s in stats["services"]] == ["pay", DNS]
    assert [b["address"] for b in stats["services"][0]["backends"]] == ["10.0.1.1", "10.0.1.2"]
    assert stats["services"][0]["packets"] == 0
    assert stats["workers"][0]["polls"] > 0
    assert stats["workers"][0]["flows4_capacity"] > 0
    assert [p["name"] for p in stats["ports"]] == ["p0"]
    assert "neighbour_requests_answered" in stats["main"]
    status = connected.until(lambda s: s["workers"][0]["load"] is not None, "loads are known")
    assert 0 <= status["workers"][0]["load"] <= 1


def test_statistics_can_leave_services_out(connected):
    whole = set(connected.api.get("/v1/stats"))
    assert set(connected.api.get("/v1/stats?services=false")) == whole - {"services"}
    assert set(connected.api.get("/v1/stats?services=true")) == whole


def test_a_backend_without_a_route_is_a_problem(connected):
    connected.api.add("pay", address="10.77.0.1")
    status = connected.api.get("/v1/status")
    assert "service pay: no interface or gateway leads to backend 10.77.0.1" in status["problems"]
    assert backends(connected)["10.77.0.1"]["routed"] is False


def test_a_second_daemon_waits_for_its_turn(connected):
    """Another state directory and socket, the same dataplane: it has one session at a time."""
    command = [w.replace("/state", "/other").replace("/api.sock", "/api2.sock")
               for w in connected.command()]
    with open(connected.directory / "second.log", "w", encoding="utf-8") as log:
        second = subprocess.Popen(command, stderr=log)
        try:
            end = time.monotonic() + 30
            while "session with another daemon" not in \
                    (connected.directory / "second.log").read_text():
                assert time.monotonic() < end
                time.sleep(0.05)
        finally:
            second.terminate()
            second.wait()
    assert connected.api.get("/v1/status")["dataplane"]["in_sync"]


def test_weight_changes_are_fast(connected):
    """No benchmark: a bound that only a blocked loop or a lost doorbell would break."""
    latencies = sorted(connected.api.override("pay", "10.0.1.1", weight=w)["latency_us"]
                       for w in range(1, 101))
    print("median", latencies[50], "us, worst", latencies[-1], "us")
    assert latencies[50] < 50000
