# SPDX-License-Identifier: BSD-3-Clause
"""Plans, guards, rollbacks and changes that revert themselves."""

import http.client
import json
import threading
import time

import pytest

from conftest import DNS, EXAMPLE
from harness.api import ApiError

PAY = "tcp/192.0.2.10:443"
HEAVIER = EXAMPLE.replace("weight: 50", "weight: 60")


def plan(control, text=None, **parameters):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return control.api.call("POST", f"/v1/plan?{query}", text, "application/yaml")


def refused(call, *args, **kwargs):
    with pytest.raises(ApiError) as e:
        call(*args, **kwargs)
    return e.value.status, e.value.body["error"]


def warnings(answer):
    return [(w["code"], w["service"], w["needs_force"]) for w in answer["warnings"]]


def services(*backends):
    lines = "".join(f"      - {{address: {a}, weight: {w}}}\n" for a, w in backends)
    return ("services:\n  - address: 192.0.2.10\n    protocol: tcp\n    port: 443\n"
            f"    mode: direct\n    backends:\n{lines}")


def table(control, service=PAY):
    path = f"/v1/services/{service.replace('/', '%2F')}"
    return {b["address"]: b["slots"] for b in control.api.get(path)["backends"]}


def test_a_plan_changes_nothing(running):
    answer = plan(running, HEAVIER)
    assert answer["revision"] == 1 and answer["to_revision"] is None
    assert [s["service"] for s in answer["services"]] == [PAY]
    assert running.api.get("/v1/status")["revision"] == 1
    assert running.api.export_yaml().count("weight: 50") == 1
    assert [e["action"] for e in running.api.get("/v1/audit")["entries"]] == ["config.apply"]


def test_a_plan_of_the_same_is_empty(running):
    answer = plan(running, EXAMPLE)
    assert (answer["services"], answer["warnings"], answer["needs_force"]) == ([], [], False)


def test_a_plan_says_what_differs_in_the_document(running):
    answer = plan(running, HEAVIER.replace("mode: direct", "mode: direct\n    on-down: reset\n"
                                           "    lifetimes: {open: 60s}").replace("pay", "paid"))
    service = answer["services"][0]
    assert {(f["field"], json.dumps(f["before"]), f["after"]) for f in service["fields"]} == {
        ("name", '"pay"', "paid"), ("on-down", "null", "reset"),
        ("lifetimes.open", "null", "1m")}
    assert [(b["backend"], b["change"], b["before"]["weight"], b["after"]["weight"])
            for b in service["backends"]] == [("10.0.1.2", "changed", 50, 60)]


def test_the_slots_of_a_plan_are_those_that_the_dataplane_gets(connected):
    before = table(connected)
    answer = plan(connected, HEAVIER)["services"][0]
    changed = answer["backends"][0]
    assert changed["slots_before"] == before["10.0.1.2"]
    connected.api.apply_yaml(HEAVIER)
    after = table(connected)
    assert changed["slots_after"] == after["10.0.1.2"]
    assert answer["effect"]["slots_moved"] == before["10.0.1.1"] - after["10.0.1.1"] > 0
    assert answer["effect"]["moved"] == pytest.approx(answer["effect"]["moved_minimum"])


def test_a_table_of_another_size_moves_little(running):
    running.api.apply_yaml(services(*[(f"10.0.1.{i}", 100) for i in range(1, 11)]))
    answer = plan(running, services(*[(f"10.0.1.{i}", 100) for i in range(1, 12)]))
    effect = answer["services"][0]["effect"]
    assert effect["slots_before"] < effect["slots_after"]
    assert 1 / 11 * 0.9 < effect["moved_minimum"] <= effect["moved"] < 1


@pytest.mark.parametrize("backends, code", [
    ([("10.0.1.1", 0), ("10.0.1.2", 0)], "no_backend_left"),
    ([], "no_backend_left"),
    ([("10.0.1.2", 50)], "large_change"),
])
def test_what_breaks_much_needs_force(running, backends, code):
    running.api.apply_yaml(services(("10.0.1.1", 100), ("10.0.1.2", 50)))
    revision = running.api.get("/v1/status")["revision"]
    text = services(*backends) if backends else services().replace("backends:", "backends: []")
    assert (code, PAY, True) in warnings(plan(running, text))
    status, error = refused(running.api.apply_yaml, text, force="false")
    assert (status, error["code"]) == (409, "too_disruptive")
    assert error["details"][0]["code"] == code and error["message"].endswith("nothing was changed")
    assert running.api.get("/v1/status")["revision"] == revision
    assert running.api.apply_yaml(text)["revision"] == revision + 1


def test_a_service_that_goes_needs_force(running):
    text = services(("10.0.1.1", 100), ("10.0.1.2", 50))
    answer = plan(running, text)
    assert ("service_removed", DNS, True) in warnings(answer)
    assert [s["change"] for s in answer["services"]] == ["changed", "removed"]
    assert refused(running.api.apply_yaml, text, force="false")[1]["code"] == "too_disruptive"


def test_the_limit_of_what_may_move(control):
    control.options = ["--max-change", "5%"]
    control.start(EXAMPLE)
    assert plan(control, HEAVIER)["warnings"] == []
    answer = plan(control, EXAMPLE.replace("weight: 50", "weight: 80"))
    assert warnings(answer) == [("large_change", PAY, True)]
    assert "the limit is 5%" in answer["warnings"][0]["message"]


def test_a_backend_that_loses_everything_is_told(running):
    three = services(("10.0.1.1", 100), ("10.0.1.2", 50), ("10.0.1.3", 50))
    running.api.apply_yaml(three)
    answer = plan(running, three.replace("10.0.1.2, weight: 50", "10.0.1.2, weight: 0"))
    assert warnings(answer) == [("backend_loses_all", PAY, False)]
    assert "10.0.1.2" in answer["warnings"][0]["message"]


def test_an_override_that_hides_a_change_is_told(running):
    running.api.override("pay", "10.0.1.2", weight=70)
    answer = plan(running, HEAVIER)
    assert warnings(answer) == [("overridden", PAY, False)]
    assert answer["services"][0]["effect"] is None
    assert plan(running, HEAVIER, reset_overrides="true")["warnings"] == []


def test_a_bad_document_is_refused_as_by_apply(running):
    status, error = refused(plan, running, EXAMPLE.replace("weight: 50", "weight: 70000"))
    assert (status, error["code"]) == (422, "invalid_config")
    assert refused(plan, running, revision=9)[1]["code"] == "no_such_revision"


def test_rollback_goes_to_a_revision(running):
    running.api.apply_yaml(HEAVIER)
    running.api.apply_yaml(EXAMPLE.replace("weight: 50", "weight: 55"))
    assert running.api.call("POST", "/v1/rollback?revision=1")["revision"] == 4
    assert "weight: 50" in running.api.export_yaml()
    entry = running.api.get("/v1/audit")["entries"][0]
    assert (entry["action"], entry["target"]) == ("config.rollback", "revision 1")
    assert entry["before"] == {"revision": 3}
    assert refused(running.api.call, "POST", "/v1/rollback?revision=77")[0] == 404


def test_rollback_without_a_number_goes_to_the_one_before(running):
    running.api.apply_yaml(HEAVIER)
    running.api.call("POST", "/v1/rollback")
    assert "weight: 50" in running.api.export_yaml()
    running.api.call("POST", "/v1/rollback")  # And takes itself back.
    assert "weight: 60" in running.api.export_yaml()


def test_rollback_is_guarded_too(running):
    running.api.apply_yaml(services(("10.0.1.1", 100)))
    running.api.apply_yaml(EXAMPLE)
    assert refused(running.api.call, "POST", "/v1/rollback")[1]["code"] == "too_disruptive"
    running.api.call("POST", "/v1/rollback?force=true")


def test_diff_of_two_revisions(running):
    running.api.apply_yaml(HEAVIER)
    running.api.apply_yaml(services(("10.0.1.1", 100)))
    answer = running.api.get("/v1/diff?from=1&to=3")
    assert (answer["from"], answer["to"]) == (1, 3)
    assert [(s["service"], s["change"]) for s in answer["services"]] == [
        (PAY, "changed"), (DNS, "removed")]
    assert [(b["backend"], b["change"], b["after"]) for b in answer["services"][0]["backends"]] == [
        ("10.0.1.2", "removed", None)]
    last = running.api.get("/v1/diff")
    assert (last["from"], last["to"]) == (2, 3)
    assert refused(running.api.get, "/v1/diff?from=1&to=9")[1]["code"] == "no_such_revision"


def wait_for_revision(control, revision):
    return control.until(lambda s: s["revision"] == revision, f"revision {revision}", 10)


def test_an_unconfirmed_change_reverts(connected):
    answer = connected.api.apply_yaml(HEAVIER, confirm_s=1)
    assert answer["confirm"]["returns_to"] == 1 and 0 < answer["confirm"]["left_s"] <= 1
    assert connected.api.get("/v1/status")["confirm"]["revision"] == 2
    status = wait_for_revision(connected, 3)
    assert status["confirm"] is None
    assert "weight: 50" in connected.api.export_yaml()
    entry = connected.api.get("/v1/audit")["entries"][0]
    assert (entry["action"], entry["uid"]) == ("config.revert", -1)
    assert connected.api.get("/v1/services/pay")["backends"][1]["weight"] == 50


def test_a_confirmed_change_stays(running):
    running.api.apply_yaml(HEAVIER, confirm_s=1)
    running.api.call("POST", "/v1/confirm")
    assert running.api.get("/v1/confirm") == {"confirm": None}
    time.sleep(1.5)
    assert running.api.get("/v1/status")["revision"] == 2
    assert running.api.get("/v1/audit")["entries"][0]["action"] == "config.confirm"
    assert refused(running.api.call, "POST", "/v1/confirm")[1]["code"] == "nothing_to_confirm"


def test_while_a_change_waits_the_configuration_is_closed(running):
    running.api.apply_yaml(HEAVIER, confirm_s=60)
    for call in (lambda: running.api.apply_yaml(EXAMPLE),
                 lambda: running.api.add("pay", address="10.0.1.9"),
                 lambda: running.api.remove("pay", "10.0.1.1"),
                 lambda: running.api.call("POST", "/v1/rollback?revision=2")):
        assert refused(call)[1]["code"] == "confirm_pending"
    running.api.override("pay", "10.0.1.1", state="draining")  # For the small hours: goes on.
    assert running.api.call("POST", "/v1/rollback")["confirm"] is None
    assert "weight: 50" in running.api.export_yaml()


def test_a_killed_daemon_reverts_when_it_is_back(running):
    running.api.apply_yaml(HEAVIER, confirm_s=2)
    running.daemon.kill()
    running.start()
    assert running.api.get("/v1/status")["confirm"]["returns_to"] == 1
    wait_for_revision(running, 3)
    assert "weight: 50" in running.api.export_yaml()


def test_a_deadline_that_passed_while_nobody_was_there(running):
    running.api.apply_yaml(HEAVIER, confirm_s=1)
    running.daemon.kill()
    time.sleep(1.2)
    running.start()
    wait_for_revision(running, 3)
    assert "weight: 50" in running.api.export_yaml()


def test_what_cannot_be_confirmed(control):
    control.start("services: []")
    fresh = refused(control.api.apply_yaml, EXAMPLE, confirm_s=0)
    assert (fresh[0], fresh[1]["path"]) == (400, "confirm_s")
    status, error = refused(control.api.apply_yaml, EXAMPLE, confirm_s=5, reset_overrides="true")
    assert (status, error["code"]) == (400, "bad_request")


def test_of_many_writers_with_the_same_base_one_wins(connected):
    revision = connected.api.get("/v1/status")["revision"]
    outcomes = []

    def write(weight):
        text = EXAMPLE.replace("weight: 50", f"weight: {weight}")
        try:
            outcomes.append(connected.api.apply_yaml(text, force="false",
                                                     expect_revision=revision)["result"])
        except ApiError as e:
            outcomes.append(e.body["error"]["code"])

    writers = [threading.Thread(target=write, args=(51 + i,)) for i in range(16)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(outcomes) == ["in_force"] + ["stale_revision"] * 15
    assert connected.api.get("/v1/status")["revision"] == revision + 1


def large(nb, more=""):
    return "services:\n" + "".join(
        f"  - {{address: 192.0.2.{i % 250 + 1}, protocol: tcp, port: {1000 + i}, mode: direct,"
        f" slots: 262147, backends: [{{address: 10.0.1.1}}, {{address: 10.0.1.2{more}}}]}}\n"
        for i in range(nb))


def test_a_plan_of_large_tables_holds_nobody_up(running):
    running.api.apply_yaml(large(200))
    answers = []
    planning = threading.Thread(target=lambda: answers.append(
        plan(running, large(200, ", weight: 90"))))
    planning.start()
    slowest = 0
    while planning.is_alive():
        before = time.monotonic()
        running.api.get("/v1/confirm")
        slowest = max(slowest, time.monotonic() - before)
        time.sleep(0.005)
    planning.join()
    assert len(answers[0]["services"]) == 200
    assert all(s["effect"]["slots_before"] == 262147 for s in answers[0]["services"])
    print(f"slowest answer meanwhile {slowest * 1e3:.0f} ms")


def test_a_daemon_that_stops_answers_who_waits_for_a_plan(running):
    running.api.apply_yaml(large(400))
    outcomes = []

    def write(call):
        try:
            outcomes.append(call())
        except (ApiError, ConnectionError, http.client.HTTPException) as e:
            outcomes.append(e.body["error"]["code"] if isinstance(e, ApiError) else "gone")

    text = large(400, ", weight: 90")
    waiting = [threading.Thread(target=write, args=(call,)) for call in (
        lambda: running.api.apply_yaml(text, force="false")["result"],
        lambda: plan(running, text)["needs_force"])]
    for thread in waiting:
        thread.start()
    time.sleep(0.3)
    assert running.daemon.end() == 0
    for thread in waiting:
        thread.join()
    assert len(outcomes) == 2 and set(outcomes) <= {"busy", "gone", "stored", False}
