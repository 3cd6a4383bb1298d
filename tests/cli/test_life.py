# SPDX-License-Identifier: BSD-3-Clause
"""What operators do with a running balancer, seen through the CLI alone and on the wire."""

import time

import pytest
from scapy.layers.l2 import Ether

from console import EXAMPLE
from harness.frames import frame, is_forwarded
from harness.rig import mac_of

VIP = "192.0.2.10"


def test_errors_in_a_file_stand_with_their_lines(alone):
    broken = EXAMPLE.replace("weight: 50", "weight: 4294967296").replace("mode: ipip", "mode: gre")
    (alone.directory / "broken.yaml").write_text(broken)
    before = alone.ok("export")
    for name, stdin in (("broken.yaml", ""), ("-", broken)):
        said = alone.refused(6, "apply", "--yes", "-f", name, stdin=stdin)
        shown = name if name != "-" else "stdin"
        first, second, *rest = said.splitlines()
        assert first == (f"{shown}:10:17: services[0].backends[1].weight: "
                         "4294967296 is not in 0..65535")
        assert second.startswith(f"{shown}:14:11: services[1].mode: ")
        assert "guideway: refused; the running configuration is unchanged" in rest
    assert alone.ok("export") == before


@pytest.mark.parametrize("text, said", [
    ("services:\n  - {", "stdin:3:1: not YAML"),
    ("", "stdin: is empty"),
    ("services:\n  - {}\n" * 1, "stdin:2:5: services[0]: address is missing"),
    ("services: []\nservices: []\n", "stdin:2:"),
    ("colour: red\nservices: []\n", "stdin:1:1: colour: unknown key"),
    ("services: [" + 30 * "{}," + "]\n", "there may be more"),
])
def test_malformed_documents(alone, text, said):
    assert said in alone.refused(6, "apply", "--yes", "-f", "-", stdin=text)


def test_a_document_of_17_mib_is_not_sent(alone):
    huge = alone.directory / "huge.yaml"
    with open(huge, "wb") as file:
        file.truncate(17 << 20)
    assert "huge.yaml: larger than 16 MiB" in alone.refused(6, "apply", "--yes", "-f", "huge.yaml")


def test_export_and_apply_are_inverse(alone):
    """YAML and JSON, file and standard input; nothing changes by a round trip."""
    for form, name in (("table", "copy.yaml"), ("json", "copy.json")):
        text = alone.ok("export", "-o", form)
        (alone.directory / name).write_text(text)
        assert alone.ok("apply", "--yes", "-f", name) == "it is so already\n"
    assert alone.ok("apply", "--yes", "-f", "-", stdin=alone.ok("export")) == "it is so already\n"


def test_an_effective_export_makes_overrides_the_configuration(alone):
    alone.ok("backend", "set", "10.2.0.12", "--weight", "7", "--state", "draining")
    text = alone.ok("export", "--effective")
    alone.ok("apply", "--yes", "-f", "-", "--reset-overrides", stdin=text)
    assert alone.ok("override", "list") == "no overrides\n"
    assert alone.ok("export") == text
    row = alone.rows("backend", "list")[1]
    assert (row["STATE"], row["WEIGHT"]) == ("draining", "7")


def test_a_drain_survives_apply_and_restart_until_it_is_reset(console):
    def state():
        return console.rows("backend", "list", "--service", "pay")[1]["STATE"]

    console.ok("backend", "drain", "10.2.0.12", "--service", "pay")
    assert state() == "draining (override)"
    console.ok("apply", "--yes", "-f", "-", stdin=EXAMPLE.replace("weight: 50", "weight: 60"))
    assert state() == "draining (override)"
    console.daemon.kill()
    console.start(None)
    console.wait_in_sync()
    assert state() == "draining (override)"
    assert "10.2.0.12" in console.ok("status") and "overrides" in console.ok("status")
    console.ok("apply", "--yes", "-f", "-", "--reset-overrides",
               stdin=EXAMPLE.replace("weight: 50", "weight: 60"))
    assert state() == "enabled"
    assert console.rows("backend", "list", "--service", "pay")[1]["WEIGHT"] == "60"


def send_flows(rig, count):
    """New flows to pay; address of the backend -> how many frames reached it."""
    rig.back.drain()
    for i in range(count):
        rig.front.send(frame(rig.fresh_client(4), VIP, sport=20000 + i, dport=443))
    out = rig.back.receive(count, timeout=5, keep=is_forwarded)
    macs = [Ether(data).dst for data in out]
    return {address: macs.count(mac_of(address)) for address in ("10.2.0.11", "10.2.0.12")}


def counters(console, column):
    return {row["BACKEND"]: int(row[column]) for row in console.rows("stats", "backend")
            if row["SERVICE"] == "pay"}


def test_a_weight_is_in_force_when_the_command_returns(console, rig):
    """Not one new flow goes to a backend of weight 0, from the very first packet on."""
    console.ok("backend", "set", "10.2.0.12", "--service", "pay", "--weight", "0")
    got = send_flows(rig, 60)
    assert got == {"10.2.0.11": 60, "10.2.0.12": 0}
    console.ok("backend", "set", "10.2.0.12", "--service", "pay", "--weight", "65535")
    console.ok("backend", "set", "10.2.0.11", "--service", "pay", "--weight", "0")
    got = send_flows(rig, 40)
    assert got == {"10.2.0.11": 0, "10.2.0.12": 40}
    rows = console.rows("backend", "list", "--service", "pay")
    assert [row["SLOTS"] for row in rows] == ["0.00 %", "100.00 %"]


def test_stats_count_what_went_over_the_wire(console, rig):
    before = {name: counters(console, name) for name in ("PACKETS", "NEW FLOWS", "ACTIVE")}
    got = send_flows(rig, 90)
    assert sum(got.values()) == 90 and min(got.values()) > 0
    for name, was in before.items():
        now = counters(console, name)
        assert {address: now[address] - was[address] for address in now} == got, name
    [service] = [row for row in console.rows("stats", "service") if row["SERVICE"] == "pay"]
    assert int(service["PACKETS"]) == sum(counters(console, "PACKETS").values())


def test_load_is_a_share_of_the_last_second(console):
    end = time.monotonic() + 10
    load = "-"
    while load == "-" and time.monotonic() < end:  # Until there are two samples.
        [worker] = console.rows("stats", "worker")
        load = worker["LOAD"]
        time.sleep(0.1)
    assert load.endswith(" %") and 0 <= float(load[:-2]) <= 100


def test_drops_are_shown_by_their_reasons(console, rig):
    def dropped():
        text = console.ok("stats", "drops").splitlines()
        return dict(line.rsplit(None, 1) for line in text[1:]).get("no_backend", "0")

    console.ok("backend", "disable", "10.2.0.11")
    console.ok("backend", "disable", "10.2.0.12")
    before = int(dropped())
    rig.front.send(*(frame(rig.fresh_client(4), VIP, dport=443) for _ in range(5)))
    end = time.monotonic() + 5
    while int(dropped()) < before + 5 and time.monotonic() < end:
        time.sleep(0.02)
    assert int(dropped()) == before + 5
