# SPDX-License-Identifier: BSD-3-Clause
"""What Prometheus and Grafana make of the metrics: alert rules and the dashboard in doc/."""

import json
import pathlib
import re
import subprocess

import yaml

from harness.checks import document

HERE = pathlib.Path(__file__).resolve().parent
DOC = HERE.parents[1] / "doc"
RULES = DOC / "prometheus/guideway.rules.yml"
DASHBOARD = DOC / "grafana/guideway.json"
NAME = re.compile(r"\bguideway_[a-z0-9_]+")


def promtool(*arguments, **more):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60,
                          check=False, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rules():
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return group["rules"]


def panels():
    return [p for p in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
            if p["type"] != "row"]


def expressions():
    """PromQL of both documents."""
    return ([rule["expr"] for rule in rules()] +
            [target["expr"] for panel in panels() for target in panel["targets"]])


def scraped_names(text):
    return set(re.findall(r"^(guideway_[a-z0-9_]+)", text, re.M))


def test_promtool_finds_no_fault_with_the_metrics(connected):
    assert promtool("check", "metrics", input=connected.api.get("/metrics")) == ""


def test_rules_are_well_formed_and_say_what_to_do():
    assert f"{len(rules())} rules found" in promtool("check", "rules", str(RULES))
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"] and len(rule["annotations"]["description"]) > 40


def test_rules_fire_when_they_should_and_only_then(tmp_path):
    cases = (HERE / "guideway.rules.test.yml").read_text(encoding="utf-8")
    for rule in rules():
        assert rule["alert"] in cases
    path = tmp_path / "cases.yml"
    path.write_text(cases.replace("RULES", str(RULES)), encoding="utf-8")
    assert "SUCCESS" in promtool("test", "rules", str(path))


def test_every_metric_that_is_asked_for_is_there(control):
    control.start(document(1, hosts=["127.0.1.1"]))
    control.start_dataplane()
    wanted = {name for e in expressions() for name in NAME.findall(e)}
    assert len(wanted) > 40
    # A latency is of good attempts; test_metrics.py sees it.
    wanted -= {"guideway_backend_check_latency_seconds"}
    assert wanted - scraped_names(control.api.get("/metrics")) == set()


def test_changes_are_in_the_histogram(connected):
    def count():
        return float(re.search(r"^guideway_apply_seconds_count (\S+)$",
                               connected.api.get("/metrics"), re.M)[1])
    before = count()
    assert before >= 1  # The state of the session's begin.
    connected.api.apply_yaml(connected.config.read_text().replace("weight: 50", "weight: 51"))
    assert count() == before + 1
    text = connected.api.get("/metrics")
    buckets = [float(v) for v in re.findall(r"^guideway_apply_seconds_bucket\S+ (\S+)$", text, re.M)]
    assert buckets == sorted(buckets) and buckets[-1] == before + 1


def test_buffers_of_packets_are_counted(connected):
    connected.until(lambda s: "guideway_packet_buffers " in connected.api.get("/metrics"),
                    "the main lcore has looked")
    text = connected.api.get("/metrics")
    total, used = (int(re.search(rf"^{name} (\d+)$", text, re.M)[1])
                   for name in ("guideway_packet_buffers", "guideway_packet_buffers_used"))
    report = (connected.directory / "dataplane.log").read_text(encoding="utf-8")
    assert f"; {total} packet buffers of " in report
    assert 0 <= used < total


def test_the_dashboard_can_be_imported_anywhere():
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert [v["name"] for v in dashboard["templating"]["list"]] == [
        "datasource", "job", "instance", "service"]
    assert len({p["id"] for p in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in panels():
        assert panel["title"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            for selector in re.findall(r"guideway_\w+(\{[^}]*\})?", target["expr"]):
                assert 'job=~"$job"' in selector and 'instance=~"$instance"' in selector


def test_panels_hold_well_formed_promql(tmp_path):
    """As rules, which promtool parses; Grafana's variables are put in."""
    exprs = [target["expr"].replace("$__rate_interval", "1m").replace("$", "")
             for panel in panels() for target in panel["targets"]]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": [
        {"record": f"panel:{i}", "expr": e} for i, e in enumerate(exprs)]}]}), encoding="utf-8")
    assert f"{len(exprs)} rules found" in promtool("check", "rules", str(path))
