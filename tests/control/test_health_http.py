# SPDX-License-Identifier: BSD-3-Clause
"""Checks by HTTP against servers that answer in every way, bytes as they are on the wire."""

import socket
import struct
import threading
import time

import pytest

from harness.checks import HOSTS, one_check, only_check, wait_for, wait_for_result

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
KEEP = ", keep-alive: true"


class Server:
    """Answers each request with `answer(number of the connection, of the request in it)`: bytes,
    a list of them with pauses between, or None: close. Remembers the requests."""

    def __init__(self, answer, host=HOSTS[0]):
        self.answer = answer if callable(answer) else lambda connection, request: answer
        self.requests = []
        self.nb_connections = 0
        self.close_after = None  # So many requests on a connection.
        self.reset = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=64)
        self.port = self.listener.getsockname()[1]
        self.ended = False
        self.peers = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.nb_connections += 1
            self.peers.append(peer)
            threading.Thread(target=self._talk, args=(peer, self.nb_connections),
                             daemon=True).start()

    def _talk(self, peer, connection):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        nb = 0
        with peer:
            try:
                while True:
                    while b"\r\n\r\n" not in data:
                        more = peer.recv(4096)
                        if not more:
                            return
                        data += more
                    request, data = data.split(b"\r\n\r\n", 1)
                    self.requests.append(request + b"\r\n\r\n")
                    nb += 1
                    answer = self.answer(connection, nb)
                    if answer is None:
                        if self.reset:
                            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                            struct.pack("ii", 1, 0))
                        return
                    for piece in [answer] if isinstance(answer, bytes) else answer:
                        peer.sendall(piece)
                        if not isinstance(answer, bytes):
                            time.sleep(0.002)
                    if self.close_after is not None and nb >= self.close_after:
                        return
            except OSError:
                pass

    def end(self):
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)  # Whoever waits in accept() keeps it open.
            self.listener.close()
        for peer in self.peers:
            peer.close()


@pytest.fixture
def serve():
    servers = []

    def start(answer, **more):
        servers.append(Server(answer, **more))
        return servers[-1]
    yield start
    for server in servers:
        server.end()


def start(control, server, more=""):
    control.start(one_check("http", server.port, more))


def wait_for_attempts(control, nb):
    end = time.monotonic() + 60
    while only_check(control)["attempts"] < nb:
        assert time.monotonic() < end
        time.sleep(0.01)
    return only_check(control)


def assert_up(control, nb=8):
    """Up, and not one attempt was bad."""
    wait_for(control, {HOSTS[0]: "up"})
    check = wait_for_attempts(control, nb)
    assert check["bad"] == check["trouble"] == 0, check
    return check


def test_the_request_is_as_configured(control, serve):
    server = serve(OK)
    start(control, server)
    assert_up(control)
    assert set(server.requests) == {
        f"GET / HTTP/1.1\r\nHost: {HOSTS[0]}:{server.port}\r\nUser-Agent: guideway-check\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n".encode()}
    control.api.apply_yaml(one_check("http", server.port, (
        ", method: POST, path: '/a/../b?c=%20d', host: pay.example, keep-alive: true, "
        "headers: {X-Probe: a b, user-agent: me}")))
    wanted = (b"POST /a/../b?c=%20d HTTP/1.1\r\nHost: pay.example\r\nAccept: */*\r\n"
              b"X-Probe: a b\r\nuser-agent: me\r\nContent-Length: 0\r\n\r\n")
    end = time.monotonic() + 60
    while wanted not in server.requests:
        assert time.monotonic() < end, server.requests[-1]
        time.sleep(0.01)


GOOD = {
    "a length": (OK, ", expect: ok"),
    "no length, until it is closed": (b"HTTP/1.1 200 OK\r\n\r\nok", ", expect: ok"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"1\r\no\r\n1;x=y\r\nk\r\n0\r\nTrailer: t\r\n\r\n", ", expect: ok"),
    "nothing but a status": (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
    "not modified": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", ""),
    "interim answers": (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                        + OK, ", expect: ok"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nok", ", expect: ok"),
    "HEAD": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", ", method: HEAD"),
    "a long body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nok" + b"x" * 99998,
                    ", expect: ok"),
    "a body without end": (b"HTTP/1.1 200 OK\r\n\r\nok" + b"x" * 1000000, ", expect: ok"),
    "many headers": (b"HTTP/1.1 200 OK\r\n" + b"X-Long: y\r\n" * 1000
                     + b"Content-Length: 2\r\n\r\nok", ", expect: ok"),
}


@pytest.mark.parametrize("keep", ["", KEEP], ids=["closed", "kept"])
@pytest.mark.parametrize("answer, more", GOOD.values(), ids=GOOD)
def test_answers_that_are_good(control, serve, answer, more, keep):
    server = serve(answer)
    server.close_after = 1 if b"Content-Length" not in answer else None
    start(control, server, more + keep)
    assert_up(control)


@pytest.mark.parametrize("name", ["a length", "chunks", "interim answers"])
def test_answers_come_in_pieces_of_any_size(control, serve, name):
    answer, more = GOOD[name]
    server = serve([bytes([byte]) for byte in answer])
    start(control, server, more + KEEP)
    assert_up(control, 4)
    assert server.nb_connections == 1


BAD = {
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP"),
    "HTTP/0.9": (b"<html>hello</html>\r\n\r\n", "the answer is not HTTP"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok",
                    "the answer is not HTTP"),
    "a length that is none": (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",
                              "the answer is not HTTP"),
    "chunks that are none": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                             "the answer is not HTTP"),
    "headers without end": (b"HTTP/1.1 200 OK\r\n" + b"X-Long: y\r\n" * 10000,
                            "the answer is not HTTP"),
    "nothing": (None, "closed without a whole answer"),
    "half a header": (b"HTTP/1.1 200 OK\r\nCont", "closed without a whole answer"),
    "half a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
                    "closed without a whole answer"),
    "half a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nok",
                     "closed without a whole answer"),
    "only an interim answer": (b"HTTP/1.1 100 Continue\r\n\r\n", "closed without a whole answer"),
    "another status": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
                       "the status is not the expected one"),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                         b"Connection: upgrade\r\n\r\n", "the status is not the expected one"),
    "not found": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                  "the status says that the request is wrong (4xx)"),
    "unavailable": (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
                    "the status says that the server fails (5xx)"),
}


@pytest.mark.parametrize("keep", ["", KEEP], ids=["closed", "kept"])
@pytest.mark.parametrize("answer, why", BAD.values(), ids=BAD)
def test_answers_that_are_bad(control, serve, answer, why, keep):
    server = serve(answer)
    server.close_after = 1
    start(control, server, ", status: 200" + keep)
    wait_for(control, {HOSTS[0]: "down"})
    wait_for_result(control, why)
    assert only_check(control)["trouble"] == 0


def test_a_text_is_looked_for_in_the_first_4096_bytes(control, serve):
    body = b"x" * 4094 + b"ok"
    bodies = [body]
    server = serve(lambda connection, request: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
                   % len(bodies[0]) + bodies[0])
    start(control, server, ", expect: ok" + KEEP)
    assert_up(control)
    bodies[0] = b"x" + body
    wait_for_result(control, "the body does not hold the expected text")


def test_a_connection_is_kept(control, serve):
    server = serve(OK)
    start(control, server, KEEP)
    assert_up(control, 20)
    assert server.nb_connections == 1 and len(server.requests) >= 19


def test_a_connection_is_not_kept_unless_that_is_wanted(control, serve):
    server = serve(OK)
    start(control, server)
    check = assert_up(control)
    assert server.nb_connections >= check["attempts"]


NOT_KEPT = {
    "the server says so": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
                           None),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", None),
    "something comes that nobody has asked for": (OK + b"HTTP/1.1 500 Later\r\n\r\n", None),
    "the server ends it after two": (OK, 2),
    "the server ends it after each": (OK, 1),
}


@pytest.mark.parametrize("answer, close_after", NOT_KEPT.values(), ids=NOT_KEPT)
def test_a_connection_that_cannot_be_kept_speaks_against_nobody(control, serve, answer,
                                                                close_after):
    server = serve(answer)
    server.close_after = close_after
    start(control, server, KEEP)
    check = assert_up(control, 12)
    assert server.nb_connections >= check["attempts"] / (close_after or 1) - 1


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_kept_connection_that_breaks_when_it_is_used_is_made_anew(control, serve, reset):
    """The second request on each connection is never answered: the attempt goes on on another."""
    server = serve(lambda connection, request: OK if request == 1 else None)
    server.reset = reset
    start(control, server, KEEP)
    check = assert_up(control, 12)
    assert check["bad"] == 0 and server.nb_connections >= 11


def test_what_breaks_in_the_middle_of_an_answer_is_bad(control, serve):
    server = serve(lambda connection, request: OK if request == 1 else b"HTTP/1.1 200 O")
    server.close_after = 2
    start(control, server, KEEP)
    wait_for_result(control, "closed without a whole answer")


def test_a_server_that_dies_is_down_with_a_kept_connection(control, serve):
    server = serve(OK)
    start(control, server, KEEP)
    assert_up(control)
    server.end()
    wait_for(control, {HOSTS[0]: "down"})
    assert only_check(control)["last_result"] == "connection refused"


def test_over_ipv6(control, serve):
    server = serve(OK, host="::1")
    control.start(one_check("http", server.port, ", address: '::1'" + KEEP))
    assert_up(control)
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]
