# SPDX-License-Identifier: BSD-3-Clause
"""Commands /guideway/… of DPDK's telemetry, by dpdk-telemetry.py against the real dataplane."""

import json
import os
import subprocess

BACKENDS = [f"10.2.{n // 200}.{1 + n % 200}" for n in range(100)]
SERVICES = [f"192.0.2.{1 + n}" for n in range(140)]


def ask(*commands):
    """The answer to each command."""
    done = subprocess.run(["dpdk-telemetry.py", "-f", f"gwt-control-{os.getpid()}"],
                          input="".join(f"{c}\n" for c in commands) + "quit\n", text=True,
                          capture_output=True, timeout=30, check=False)
    answers, rest = [], done.stdout[done.stdout.index("{"):]
    while "{" in rest:
        answer, end = json.JSONDecoder().raw_decode(rest[rest.index("{"):])
        answers.append(answer)
        rest = rest[rest.index("{") + end:]
    if "pid" in answers[0]:
        del answers[0]  # What it says when it connects.
    assert len(answers) == len(commands), done.stdout + done.stderr
    return [answer[command.split(",")[0]] for answer, command in zip(answers, commands)]


def test_commands_say_what_the_api_says(connected):
    status, workers, worker, ports, port, flows = ask(
        "/guideway/status", "/guideway/workers", "/guideway/worker,0", "/guideway/ports",
        "/guideway/port,0", "/guideway/flows")
    assert status["generation"] == connected.api.get("/v1/status")["dataplane"]["generation"]
    assert (status["session"], workers, ports, port["name"]) == (1, [0], ["p0"], "p0")
    counted = connected.api.get("/v1/stats")["workers"][0]
    assert worker["flows4_capacity"] == counted["flows4_capacity"] == flows["flows4_capacity"]
    assert worker["polls"] <= connected.api.get("/v1/stats")["workers"][0]["polls"]
    drops, neighbours, services = ask("/guideway/drops", "/guideway/neighbours",
                                      "/guideway/services")
    assert drops["truncated"] == 0 and neighbours["failed"] >= 0
    numbers = {text: number for number, text in services.items() if number != "next"}
    assert services["next"] == 0
    assert set(numbers) == {s["id"] for s in connected.api.get("/v1/services")["services"]}
    (service,) = ask("/guideway/service," + numbers["udp/[2001:db8::10]:53"])
    assert service["mode"] == "ipip" and service["backends"] == 1


def test_long_lists_come_in_pages(control):
    control.start("services:\n" + "".join(
        f"  - {{address: {vip}, protocol: tcp, port: 80, mode: ipip, backends: "
        f"[{', '.join(f'{{address: {b}}}' for b in (BACKENDS if vip == SERVICES[0] else BACKENDS[:1]))}]}}\n"
        for vip in SERVICES))
    control.start_dataplane(services=200, members=300)
    (first,) = ask("/guideway/services")
    (second,) = ask(f"/guideway/services,{first['next']}")
    assert len(first) == 1 + 128 and second.pop("next") == 0
    first.pop("next")
    everything = {**first, **second}
    assert set(everything.values()) == {f"tcp/{vip}:80" for vip in SERVICES}
    (number,) = [n for n, text in everything.items() if text == f"tcp/{SERVICES[0]}:80"]
    (one,) = ask(f"/guideway/backends,{number}")
    (two,) = ask(f"/guideway/backends,{number},{one['next']}")
    assert len(one["address"]) == len(one["slots"]) == 64 and two["next"] == 0
    assert sorted(one["address"] + two["address"]) == sorted(BACKENDS)
    assert set(one["state"]) == {"enabled"} and min(one["weight"]) > 0


def test_bad_parameters_get_null_and_nothing_ends(connected):
    for command in ("/guideway/worker", "/guideway/worker,1", "/guideway/worker,x",
                    "/guideway/worker,-1", "/guideway/service,999999", "/guideway/services,x",
                    "/guideway/service,4294967296", "/guideway/backends", "/guideway/port,7"):
        assert ask(command) == [None], command
    assert connected.dataplane.running


def test_every_command_has_a_help(connected):
    (listed,) = ask("/")
    commands = [c for c in listed if c.startswith("/guideway/")]
    assert len(commands) == 11
    for command in commands:
        done = ask(f"/help,{command}")[0]
        assert "Parameters" in str(done) or "No parameters" in str(done)
