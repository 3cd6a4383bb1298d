# SPDX-License-Identifier: BSD-3-Clause
"""Every exit code of guideway(1), provoked for each of its causes."""

import os
import signal
import subprocess
import time

import pytest

from console import NOBODY, READER, STRANGER, Impostor


def test_0_all_is_well(console):
    assert console.ok("status").startswith("all is well\n")


def test_1_status_finds_a_problem(console):
    """A service without a backend that takes new flows."""
    console.ok("backend", "drain", "10.2.0.11", "--service", "pay")
    console.ok("backend", "drain", "10.2.0.12", "--service", "pay")
    done = console.run("status")
    assert done.code == 1
    assert "problem: service pay: no backend takes new flows\n" in done.out
    console.ok("override", "reset")
    assert console.run("status").code == 0


def test_1_the_output_cannot_be_written(alone):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([alone.program, "--socket", alone.socket, "service", "list"],
                              stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "guideway: cannot write the output\n")


@pytest.mark.parametrize("words, said", [
    ("", "usage: guideway COMMAND"),
    ("service", "usage: guideway service COMMAND"),
    ("serv list", "no such command: serv"),
    ("service lst", "no such command: service lst"),
    ("service show", "missing: SERVICE"),
    ("service list pay", "unexpected: pay"),
    ("status --limit 3", "this command does not take --limit"),
    ("apply -f x --weight 3", "this command does not take --weight"),
    ("status --no-such-option", "no such option, or an ambiguous one: --no-such-option"),
    ("status --s /x", "no such option, or an ambiguous one: --s"),
    ("status -x", "no such option: -x"),
    ("status --no-color=yes", "this option takes no value: --no-color=yes"),
    ("apply -f", "a value is missing behind -f"),
    ("status --socket", "a value is missing behind --socket"),
    ("status -o xml", "-o takes table, wide, json or yaml, not xml"),
    ("status --watch=0", "--watch takes 0.1..3600 seconds"),
    ("status -w0.1s", "--watch takes 0.1..3600 seconds"),
    ("apply -f x --watch", "this command does not take --watch"),
    ("status --timeout 0", "--timeout takes 1..3600 seconds, not 0"),
    ("status --timeout 3601", "--timeout takes 1..3600 seconds, not 3601"),
    ("status --timeout 1s", "--timeout takes 1..3600 seconds, not 1s"),
    ("stats flows", "stats takes service, backend, worker, main, drops or port"),
    ("backend add 10.2.0.14", "backend add needs --service SERVICE"),
    ("backend set 10.2.0.11", "backend set needs --weight N or --state STATE"),
    ("apply", "apply needs -f FILE"),
    ("status --socket=", "the name of the socket is empty"),
    (f"status --socket /{'x' * 200}", "too long for a Unix socket"),
])
def test_2_usage(alone, words, said):
    assert said in alone.refused(2, *words.split())


@pytest.mark.parametrize("words", [
    ("service", "show", ""), ("backend", "remove", "", "--service", "pay"),
    ("backend", "drain", "10.2.0.11", "--service", ""), ("override", "reset", "--backend", "")])
def test_2_an_empty_name_is_never_all_of_them(alone, words):
    assert "a name or an address is empty" in alone.refused(2, *words)
    assert alone.ok("override", "list") == "no overrides\n"


def test_3_no_daemon(bare):
    said = bare.refused(3, "status")
    assert f"cannot connect to guidewayd at {bare.socket}: No such file or directory" in said
    assert "hint: is guidewayd running?" in said


def test_3_a_daemon_that_was_killed(alone):
    alone.daemon.kill()
    assert "Connection refused" in alone.refused(3, "backend", "drain", "10.2.0.11")


def test_3_statistics_without_a_dataplane(alone):
    alone.refused(3, "stats")


@pytest.mark.parametrize("words, code, said", [
    (b"", 3, "no answer from guidewayd"),
    (b"220 mail.example ESMTP\r\n", 3, "no answer from guidewayd"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", 3, "no answer from guidewayd"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1, "the daemon's answer is no JSON"),
    (b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nhello", 1, "the daemon's answer has no reason"),
])
def test_something_else_answers(bare, words, code, said):
    impostor = Impostor(bare.socket, words)
    assert said in bare.refused(code, "service", "list")
    impostor.join(5)


@pytest.mark.parametrize("words, said", [
    ("service show nope", 'no service is called "nope"'),
    ("service show udp/[2001:db8::10]:54", "no service is called"),
    ("backend list --service nope", "no service is called"),
    ("backend show 10.2.0.99", "no service has the backend 10.2.0.99"),
    ("backend show 10.2.0.99 --service pay", "pay has no backend 10.2.0.99"),
    ("backend drain 10.2.0.99", "no service has the backend 10.2.0.99"),
    ("backend drain 10.2.0.99 --service pay", "pay has no backend 10.2.0.99"),
    ("backend add 10.2.0.99 --service nope", "no service is called"),
    ("backend remove fd02::12 --service pay", "pay has no backend fd02::12"),
    ("override reset --backend 10.2.0.99", "no override matches"),
    ("override reset --service nope", "no service is called"),
])
def test_4_not_there(alone, words, said):
    assert said in alone.refused(4, *words.split())


@pytest.mark.parametrize("name", [".", "..", "../..", "%2e%2e", "pay/../..", "pay?x=y", "pay#x"])
def test_4_a_name_never_becomes_another_path(alone, name):
    """Of '..' a client may make the folder above: every service that has the backend."""
    for words in (("service", "show", name), ("backend", "drain", "10.2.0.11", "--service", name),
                  ("backend", "remove", "10.2.0.11", "--service", name)):
        assert "no service is called" in alone.refused(4, *words)
    assert alone.ok("override", "list") == "no overrides\n"


def test_services_may_be_called_dots(bare):
    same = "protocol: tcp, port: 80, mode: direct, backends: [{address: 10.2.0.11}]"
    bare.start(f"""\
services:
  - {{name: "..", address: 192.0.2.1, {same}}}
  - {{name: "a", address: 192.0.2.2, {same}}}
""")
    assert "192.0.2.1:80" in bare.ok("service", "show", "..")
    bare.ok("backend", "drain", "10.2.0.11", "--service", "..")
    assert [o["service_name"] for o in bare.api.get("/v1/overrides")["overrides"]] == [".."]


def test_5_a_backend_twice(alone):
    alone.ok("backend", "add", "10.2.0.13", "--service", "pay")
    assert "pay has the backend 10.2.0.13 already" in \
        alone.refused(5, "backend", "add", "10.2.0.13", "--service", "pay")


def test_5_nothing_would_be_left(alone):
    said = alone.refused(5, "apply", "--yes", "-f", "-", stdin="services: []\n")
    assert "this would remove all 3 services" in said and "--allow-empty" in said
    assert len(alone.rows("service", "list")) == 3
    alone.ok("apply", "--yes", "-f", "-", "--allow-empty", stdin="services: []\n")
    assert alone.ok("export") == "services: []\n"


@pytest.mark.parametrize("weight, said", [
    ("-1", "-1 is not in 0..65535"),
    ("65536", "65536 is not in 0..65535"),
    ("4294967296", "4294967296 is not in 0..65535"),
    ("99999999999999999999", "is not in 0..65535"),
    ("ten", "is a string, must be a number"),
    ("1.5", "is a string, must be a number"),
    ("+5", "is a string, must be a number"),
    (" 5", "is a string, must be a number"),
    ("0x10", "is a string, must be a number"),
    ("", "is a string, must be a number"),
])
@pytest.mark.parametrize("command", ["set", "add"])
def test_6_a_weight_that_is_none(alone, command, weight, said):
    address = "10.2.0.11" if command == "set" else "10.2.0.14"
    before = alone.ok("export", "--effective")
    words = ("backend", command, address, "--service", "pay", "--weight", weight)
    error = alone.refused(6, *words)
    assert error.startswith("guideway: weight: ") and said in error
    assert alone.ok("export", "--effective") == before


@pytest.mark.parametrize("words, said", [
    ("backend set 10.2.0.11 --state asleep", "state"),
    ("backend drain 10.2.0.256", "is not an IPv4 or IPv6 address"),
    ("backend drain pay", "is not an IPv4 or IPv6 address"),
    ("backend add 0.0.0.0 --service pay", "0.0.0.0"),
    ("history --limit 0", "is not in 1..1000"),
    ("audit list --limit ten", "is not in 1..1000"),
    ("apply -f /nowhere.yaml", "/nowhere.yaml: No such file or directory"),
    ("apply -f /", "Is a directory"),
])
def test_6_invalid(alone, words, said):
    assert said in alone.refused(6, *words.split())


def test_0_is_a_weight(alone):
    alone.ok("backend", "set", "10.2.0.11", "--weight", "0")
    assert alone.rows("backend", "list", "--service", "pay")[0]["WEIGHT"] == "0"


def test_7_a_user_who_may_not_open_the_socket(alone):
    said = alone.refused(7, "status", prefix=NOBODY)
    assert f"cannot connect to guidewayd at {alone.socket}: Permission denied" in said


def test_7_a_user_without_a_role_hears_it_before_all_is_sent(alone):
    """The daemon reads nothing of what a stranger sends, and says so."""
    large = "# nothing\n" * 1000000
    for _ in range(5):
        said = alone.refused(7, "apply", "--yes", "-f", "-", stdin=large, prefix=STRANGER)
        assert "uid 4321 has no role; this needs viewer" in said


def test_7_a_user_who_may_only_read(alone):
    assert len(alone.ok("service", "list", prefix=READER).splitlines()) == 4
    said = alone.refused(7, "backend", "drain", "10.2.0.11", prefix=READER)
    assert "uid 65534 (nobody) has the role viewer; this needs operator" in said
    assert alone.ok("override", "list") == "no overrides\n"


def test_8_a_daemon_that_hangs(alone):
    alone.daemon.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        said = alone.refused(8, "status", "--timeout", "1")
    finally:
        alone.daemon.process.send_signal(signal.SIGCONT)
    assert 0.9 < time.monotonic() - began < 5
    assert f"no answer from guidewayd at {alone.socket} within 1 s" in said


def test_8_a_dataplane_that_hangs(console, rig):
    """The daemon answers after 5 s: the change is stored, and goes into force later."""
    pids = subprocess.run(["ip", "netns", "pids", rig.namespace.name], capture_output=True,
                          text=True, check=True).stdout.split()
    for pid in pids:
        os.kill(int(pid), signal.SIGSTOP)
    try:
        said = console.refused(8, "backend", "drain", "10.2.0.12")
    finally:
        for pid in pids:
            os.kill(int(pid), signal.SIGCONT)
    assert "stored" in said
    console.wait_in_sync()
    assert console.rows("backend", "list")[1]["STATE"] == "draining (override)"
