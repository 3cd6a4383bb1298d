# SPDX-License-Identifier: BSD-3-Clause
"""Checks by UDP: what answers, what is silent, and what says no."""

import socket
import threading

import pytest

from harness.api import ApiError
from harness.checks import HOSTS, document, one_check, only_check, wait_for, wait_for_result
from harness.dns import query

ANSWERS = {"echo": lambda asked: asked, "other": lambda asked: b"\0nothing", "silent": None}


class DatagramServer:
    """Answers each datagram as `kind` says; remembers what came."""

    def __init__(self, host=HOSTS[0]):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.port = self.socket.getsockname()[1]
        self.kind = "echo"
        self.asked = []
        self._end = threading.Event()
        self.socket.settimeout(0.1)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while not self._end.is_set():
            try:
                asked, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            self.asked.append(asked)
            answer = ANSWERS[self.kind]
            if answer is not None:
                self.socket.sendto(answer(asked), peer)

    def end(self):
        self._end.set()
        self._thread.join()
        self.socket.close()


@pytest.fixture
def server():
    server = DatagramServer()
    yield server
    server.end()


def test_the_expected_bytes_decide(control, server):
    question = query("pay.example")
    control.start(one_check("udp", server.port,
                            f', send-hex: "{question.hex(" ")}", expect-hex: "4757 01"'))
    wait_for(control, {HOSTS[0]: "up"})
    assert set(server.asked) == {question}
    server.kind = "other"
    wait_for(control, {HOSTS[0]: "down"})
    assert only_check(control)["last_result"] == "the answer does not hold the expected text"
    server.kind = "echo"
    wait_for(control, {HOSTS[0]: "up"})


def test_silence_is_bad_where_an_answer_is_expected(control, server):
    fast = "interval: 20ms, fast-interval: 10ms, timeout: 50ms"
    server.kind = "silent"
    control.start(one_check("udp", server.port, ", send: ping, expect: ping", fast))
    wait_for(control, {HOSTS[0]: "down"})
    assert only_check(control)["last_result"] == "no answer"


def test_silence_is_good_where_none_is_but_a_closed_port_is_not(control, server):
    fast = "interval: 20ms, fast-interval: 10ms, timeout: 50ms"
    server.kind = "silent"
    control.start(one_check("udp", server.port, ", send: ping", fast))
    wait_for(control, {HOSTS[0]: "up"})
    server.end()
    wait_for(control, {HOSTS[0]: "down"})
    wait_for_result(control, "port unreachable")
    check = only_check(control)
    assert check["recent"][0] == "refused" and check["trouble"] == 0


def test_ipv6_is_checked_likewise(control):
    server = DatagramServer("::1")
    try:
        control.start(one_check("udp", server.port, ", send: ping, expect: ping").replace(
            f"address: {HOSTS[0]}", 'address: "::1"'))
        wait_for(control, {"::1": "up"})
    finally:
        server.end()
    wait_for(control, {"::1": "down"})
    wait_for_result(control, "port unreachable")


def test_any_answer_is_good_at_once_where_none_is_expected(control, server):
    control.start(one_check("udp", server.port, ", send: ping",
                            "interval: 10s, fast-interval: 10ms, timeout: 1h"))
    wait_for(control, {HOSTS[0]: "up"})


def test_bytes_survive_an_export(control, server):
    checks = [
        {"type": "udp", "send-hex": "00ff", "expect-hex": "0a00"},
        {"type": "udp", "send-hex": "80", "expect": "a\tb"},
        {"type": "udp", "send": "1234\r\n"},
        {"type": "tcp", "send-hex": "00"},
    ]
    text = ("{type: udp, send-hex: '00 FF', expect-hex: 0A 00}, "
            '{type: udp, send-hex: "80", expect: "a\\tb"}, '
            "{type: udp, send-hex: 313233340d0a}, {type: tcp, send-hex: '00'}")
    control.start(document(0, checks=text))
    assert control.api.get("/v1/config")["services"][0]["health"]["checks"] == checks
    assert control.api.apply_yaml(control.api.export_yaml())["result"] == "unchanged"


@pytest.mark.parametrize("check,complaint", [
    ("type: udp", "needs send or send-hex"),
    ("type: udp, send: a, send-hex: '61'", "send and send-hex are given"),
    ("type: tcp, expect-hex: '61', expect: a", "expect and expect-hex are given"),
    ("type: udp, send-hex: '616'", "must be 1..255 bytes"),
    ("type: udp, send-hex: '6 1'", "must be 1..255 bytes"),
    ("type: udp, send-hex: '6g'", "must be 1..255 bytes"),
    ("type: udp, send-hex: ' '", "must be 1..255 bytes"),
    (f"type: udp, send-hex: '{'00' * 256}'", "must be 1..255 bytes"),
    ("type: http, send-hex: '61'", "send-hex is for checks of type tcp or udp"),
    ("type: udp, send: a, path: /", "path is for checks of type http or https"),
])
def test_nonsense_is_refused(control, check, complaint):
    control.start("services: []\n")
    with pytest.raises(ApiError) as refused:
        control.api.apply_yaml(document(0, checks=f"{{{check}}}"))
    assert complaint in str(refused.value)
