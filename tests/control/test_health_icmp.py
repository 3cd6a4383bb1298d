# SPDX-License-Identifier: BSD-3-Clause
"""Checks by ICMP echo, through the real guideway-pinger, of a host behind a cable."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from harness.api import ApiError
from harness.checks import document, healths, wait_for, wait_until
from harness.pinger import (ANSWERED, FAILED, HOST, OWN, RESULT, SENT, UNREACHABLE, UNREACHED,
                            Network, Pinger, request, results)
from harness.process import BUILD

FAST = "interval: 50ms, fast-interval: 20ms, timeout: 1s"
both = pytest.mark.parametrize("version", [4, 6])


@pytest.fixture(scope="module")
def network():
    network = Network(os.environ.get("GUIDEWAY_LAB", "gwt"))
    yield network
    network.delete()


@pytest.fixture
def pinger(network, tmp_path):
    pinger = Pinger(network, tmp_path)
    pinger.start()
    yield pinger
    if pinger.program.running:
        os.kill(pinger.pid, signal.SIGCONT)
        assert pinger.program.end() == 0


def start(control, pinger, hosts, more="", fast=FAST):
    control.options += ["--pinger", str(pinger.socket)]
    control.start(document(0, health="min-healthy: 0", hosts=[f'"{h}"' for h in hosts],
                           checks=f"{{type: icmp, {fast}{more}}}"))


def checks(control):
    return [b["checked"]["checks"][0] for b in control.api.get("/v1/services/pay")["backends"]]


def test_hosts_that_answer_are_up_and_one_that_is_gone_is_down(control, network, pinger):
    hosts = list(HOST.values())
    start(control, pinger, hosts)
    wait_for(control, dict.fromkeys(hosts, "up"))
    assert all(c["port"] is None and c["latency_us"] > 0 for c in checks(control))
    network.set_link("down")
    try:
        wait_for(control, dict.fromkeys(hosts, "down"))
        assert {c["last_result"] for c in checks(control)} <= {"no answer", "host unreachable"}
    finally:
        network.set_link("up")
    wait_for(control, dict.fromkeys(hosts, "up"))


def test_what_a_router_says_is_unreachable_is_down_at_once(control, pinger):
    hosts = list(UNREACHABLE.values())
    start(control, pinger, hosts, fast="interval: 20ms, fast-interval: 20ms, timeout: 1h")
    wait_for(control, dict.fromkeys(hosts, "down"))
    assert [c["last_result"] for c in checks(control)] == ["host unreachable"] * 2


def test_the_source_is_as_configured(control, network, pinger):
    start(control, pinger, [HOST[4]], more=f", source: {OWN[4]}")
    wait_for(control, {HOST[4]: "up"})
    control.api.apply_yaml(document(0, health="min-healthy: 0", hosts=[HOST[4]], checks=(
        f"{{type: icmp, {FAST}, source: 10.99.0.77}}")))
    wait_until(control, lambda: checks(control)[0]["last_result"] in (
        "this host has no route", "the source address, or a free port of it, is missing"),
        "the missing source is not named")
    assert healths(control) == {HOST[4]: "up"}  # It is our own trouble.


def test_a_pinger_that_dies_takes_nobody_down(control, pinger):
    start(control, pinger, [HOST[4]])
    wait_for(control, {HOST[4]: "up"})
    pinger.program.kill()
    wait_until(control, lambda: checks(control)[0]["trouble"] > 20, "no trouble is seen")
    assert healths(control) == {HOST[4]: "up"} and checks(control)[0]["bad"] == 0
    assert any("guideway-pinger" in p for p in control.api.get("/v1/status")["problems"])
    pinger.start()
    good = checks(control)[0]["attempts"]
    wait_until(control, lambda: checks(control)[0]["recent"][:3] == ["good"] * 3 and
               checks(control)[0]["attempts"] > good, "it is not asked again")


def test_a_pinger_that_hangs_takes_nobody_down(control, pinger):
    start(control, pinger, [HOST[4]],
          fast="interval: 20ms, fast-interval: 20ms, timeout: 20ms, fall: 5")
    wait_for(control, {HOST[4]: "up"})
    os.kill(pinger.pid, signal.SIGSTOP)
    wait_until(control, lambda: checks(control)[0]["recent"][:8] == ["trouble"] * 8,
               "no trouble is seen")
    assert healths(control) == {HOST[4]: "up"}
    os.kill(pinger.pid, signal.SIGCONT)
    wait_until(control, lambda: "good" in checks(control)[0]["recent"][:3], "it does not go on")


def test_without_a_pinger_nothing_is_known(control, tmp_path):
    control.options += ["--pinger", str(tmp_path / "nobody.sock")]
    control.start(document(0, hosts=["127.0.1.1"], checks=f"{{type: icmp, {FAST}}}"))
    wait_until(control, lambda: checks(control)[0]["last_result"] == "no guideway-pinger answers",
               "its absence is not named")
    assert healths(control) == {"127.0.1.1": "unknown"}


def test_services_share_a_check_whatever_their_ports(control, pinger):
    one = document(0, hosts=[HOST[4]], checks=f"{{type: icmp, {FAST}}}")
    other = one.replace("services:\n", "").replace("port: 443", "port: 80").replace(
        "name: pay", "name: web")
    control.options += ["--pinger", str(pinger.socket)]
    control.start(one + other)
    wait_for(control, {HOST[4]: "up"})
    assert "\nguideway_checks 1\n" in control.api.call("GET", "/metrics", accept="text/plain")


def test_a_port_makes_no_sense(control):
    control.start(document(0))
    with pytest.raises(ApiError, match="port is for checks of type"):
        control.api.apply_yaml(document(0, checks="{type: icmp, port: 7}"))
    control.api.apply_yaml(document(0, checks="{type: icmp, interval: 1h}"))
    assert control.api.apply_yaml(control.api.export_yaml())["result"] == "unchanged"


# The pinger alone, and whoever means it no good.


def test_it_has_no_rights_left(pinger):
    with open(f"/proc/{pinger.pid}/status", encoding="ascii") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines())
    assert {int(value, 16) for key, value in status.items()
            if key.startswith("Cap") and key != "CapBnd"} == {0}
    assert status["NoNewPrivs"] == "1"


def test_it_becomes_the_user_whom_it_serves(network, tmp_path):
    pinger = Pinger(network, tmp_path, user="nobody")
    pinger.start()
    with open(f"/proc/{pinger.pid}/status", encoding="ascii") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines())
    assert set(status["Uid"].split()) == {"65534"} and status["Groups"].strip() == ""
    with pinger.client() as client:
        client.send(request(1, HOST[4]))
        assert [r[:2] for r in results(client, 2)] == [(1, SENT), (1, ANSWERED)]
    assert pinger.program.end() == 0


@both
def test_each_request_has_its_results(pinger, version):
    with pinger.client() as client:
        client.send(request(7, HOST[version]) + request(8, UNREACHABLE[version]))
        found = sorted(r[:2] for r in results(client, 4))
    assert found == [(7, SENT), (7, ANSWERED), (8, SENT), (8, UNREACHED)]


BAD = {
    "too short": request(1, HOST[4])[:-1],
    "too long": request(1, HOST[4]) + b"x",
    "too many": request(1, HOST[4]) * 65,
    "multicast": request(1, "224.0.0.1"),
    "multicast 6": request(1, "ff02::1"),
    "broadcast": request(1, "255.255.255.255"),
    "nobody": request(1, "0.0.0.0"),
    "no address": request(1, None),
    "another family's source": request(1, HOST[4], OWN[6]),
    "a family that is none": struct.pack("=I", 1) + b"\x0a" * 16 + b"\x05\0\0\0" + bytes(20),
    "reserved bytes": request(1, HOST[4])[:-1] + b"\x01",
    "trailing bytes of an address": struct.pack("=I", 1) + b"\x0a\x63\0\x02" + b"x" * 12
                                    + b"\x04\0\0\0" + bytes(20),
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD)
def test_who_talks_nonsense_is_cut_off_and_others_are_served(pinger, message):
    with pinger.client() as other, pinger.client() as client:
        client.send(message)
        assert results(client, 1) == []  # The end of the connection.
        other.send(request(2, HOST[4]))
        assert [r[:2] for r in results(other, 2)] == [(2, SENT), (2, ANSWERED)]


def test_more_than_twenty_thousand_a_second_are_not_sent(pinger):
    batch = request(3, HOST[4]) * 64
    with pinger.client() as client:
        failed = []
        end = time.monotonic() + 20
        while not failed and time.monotonic() < end:
            for _ in range(4):
                client.send(batch)
            told = []
            while len(told) < 256:
                told += [r for r in results(client, 1) if r[1] in (SENT, FAILED)]
            failed = [r for r in told if r[1] == FAILED]
        # A machine that is too slow to send so many within a second sends them all.
        assert all(error == 11 for _, _, error in failed)
    with pinger.client() as client:
        time.sleep(1.1)
        client.send(request(4, HOST[4]))
        assert (4, ANSWERED) in [r[:2] for r in results(client, 2)]


def test_a_client_that_does_not_listen_is_cut_off_and_holds_up_nobody(pinger):
    with pinger.client() as deaf, pinger.client() as client:
        deaf.settimeout(10)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(4000):
                deaf.send(request(5, HOST[4]) * 64)
        time.sleep(1.1)
        client.send(request(6, HOST[4]))
        assert [r[:2] for r in results(client, 2)] == [(6, SENT), (6, ANSWERED)]


def test_another_user_may_not_ask(network, tmp_path):
    os.chmod(tmp_path, 0o755)
    for parent in list(tmp_path.parents)[:2]:
        os.chmod(parent, 0o755)
    pinger = Pinger(network, tmp_path)
    pinger.start()
    os.chmod(pinger.socket, 0o666)
    pid = os.fork()
    if pid == 0:
        os.setresuid(65534, 65534, 65534)
        try:
            with pinger.client() as client:
                client.send(request(1, HOST[4]))
                os._exit(0 if results(client, 1) == [] else 1)
        except OSError:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert "a user who may not connect was refused" in pinger.program.log_text()
    assert pinger.program.end() == 0


def test_a_path_that_no_socket_can_have_is_misuse(control):
    done = subprocess.run(control.command("--pinger", "/tmp/" + "a" * 103), capture_output=True,
                          text=True, check=False, timeout=30)
    assert done.returncode == 2 and "too long for the path of a socket" in done.stderr


@pytest.mark.parametrize("words, code, said", [
    (["--help"], 0, "CAP_NET_RAW"), (["--version"], 0, "guideway-pinger "),
    (["--user", "nobody-of-that-name"], 2, "no such user"), (["more"], 2, "unexpected argument"),
    (["--no-such"], 2, "Try guideway-pinger --help"),
    (["--user", "root", "--socket", "/no/such/folder/s"], 1, "No such file")])
def test_its_command_line(words, code, said):
    done = subprocess.run([str(BUILD / "guideway-pinger"), *words], capture_output=True, text=True,
                          check=False, timeout=30)
    assert done.returncode == code and said in done.stdout + done.stderr


def test_a_pinger_that_talks_nonsense_takes_nobody_down(control, tmp_path):
    """Whatever sits at its socket: the daemon lives, and no backend is judged by it."""
    path = tmp_path / "pinger.sock"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(path))
    listener.listen(8)
    listener.settimeout(60)
    control.options += ["--pinger", str(path)]
    control.start(document(0, health="min-healthy: 0", hosts=["127.0.1.1"], checks=(
        "{type: icmp, interval: 20ms, fast-interval: 20ms, timeout: 100ms, fall: 1, jitter: 0%}")))
    of_no_kind = RESULT.pack(0, 99, 0)
    for nonsense in (b"x", RESULT.pack(1, SENT, 0)[:-1], of_no_kind * 64, of_no_kind * 65,
                     RESULT.pack(0xffffffff, ANSWERED, 0), RESULT.pack(0, UNREACHED, 0), b""):
        peer, _ = listener.accept()
        with peer:
            peer.settimeout(60)
            number, = struct.unpack_from("=I", peer.recv(4096))
            peer.send(nonsense)
            with contextlib.suppress(BrokenPipeError):  # The daemon may have hung up.
                peer.send(RESULT.pack(number, 77, -1))
    wait_until(control, lambda: checks(control)[0]["trouble"] > 10, "no trouble is seen")
    assert healths(control) == {"127.0.1.1": "unknown"} and checks(control)[0]["bad"] == 0
    listener.close()
