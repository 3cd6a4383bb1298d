# SPDX-License-Identifier: BSD-3-Clause
"""Health checks by TLS and HTTPS: real handshakes with servers whose certificates are made
for the purpose. What both kinds must see alike is tested with both."""

import math
import shutil
import socket
import ssl
import struct
import threading
import time

import pytest

from harness.certificates import Authority, self_signed, server_context
from harness.checks import (HOSTS, PATIENCE, document, last_result, one_check, only_check, wait_for,
                            wait_for_result)

HOST = HOSTS[0]
NAME = "pay.example"
KINDS = pytest.mark.parametrize("kind", ["tls", "https"])
UP, DOWN = {HOST: "up"}, {HOST: "down"}


class TlsServer:
    """Shakes hands with everybody, and answers requests of HTTP; a thread a connection."""

    def __init__(self, context):
        self.context = context
        self.status, self.body = "200 OK", b"ready\n"
        self.requests = []
        self.names = []  # As sent by SNI.
        self.connections = 0
        if context is not None:
            context.sni_callback = self.on_name
        self.choose = {}
        self.listener = socket.create_server((HOST, 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def on_name(self, connection, name, _):
        self.names.append(name)
        chosen = self.choose.get(name)
        if isinstance(chosen, ssl.SSLContext):
            connection.context = chosen
            return None
        return chosen  # An alert, or nothing.

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        peer.settimeout(PATIENCE)
        with peer:
            try:
                with self.context.wrap_socket(peer, server_side=True) as tls:
                    while self.answer(tls):
                        pass
            except OSError:  # The check has ended: it resets, or refuses us.
                pass

    def answer(self, tls):
        request = b""
        while b"\r\n\r\n" not in request:
            more = tls.recv(4096)
            if not more:
                return False
            request += more
        self.requests.append(request.decode())
        tls.sendall(f"HTTP/1.1 {self.status}\r\nContent-Length: {len(self.body)}\r\n\r\n".encode()
                    + self.body)
        return True

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE)


class Rude(TlsServer):
    """Never shakes hands: does what it is told with each connection."""

    def __init__(self, act):
        self.act = act
        super().__init__(None)

    def serve(self, peer):
        with peer:
            self.act(peer)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def good(authority):
    return authority.issue(f"DNS:{NAME}", f"IP:{HOST}")


@pytest.fixture
def serve():
    """Make servers; they end with the test."""
    servers = []

    def make(what):
        server = Rude(what) if callable(what) else TlsServer(server_context(what))
        servers.append(server)
        return server
    yield make
    for server in servers:
        server.end()


def trusting(authority, name=NAME, more=""):
    return f", ca-file: {authority.path}, server-name: {name}{more}"


@KINDS
def test_a_certificate_of_a_trusted_authority_is_good(control, authority, good, serve, kind):
    server = serve(good)
    control.start(one_check(kind, server.port, trusting(authority)))
    wait_for(control, UP)
    assert only_check(control)["certificate"]["days_left"] in (364, 365)
    assert only_check(control)["latency_us"] > 0
    assert set(server.names) == {NAME}
    assert control.api.get("/v1/status")["problems"] == [] or not any(
        "certificate" in p for p in control.api.get("/v1/status")["problems"])


@KINDS
@pytest.mark.parametrize("names, begins, ends, why", [
    (f"DNS:{NAME}", -30, -1.5, "the certificate has expired"),
    (f"DNS:{NAME}", 1, 30.5, "the certificate is not valid yet"),
    ("DNS:other.example", -1, 30.5, "the certificate is for another name"),
    ("DNS:*.pay.example", -1, 30.5, "the certificate is for another name"),
    (f"IP:{HOST}", -1, 30.5, "the certificate is for another name"),
])
def test_a_bad_certificate_is_down_for_its_reason(control, authority, serve, kind, names, begins,
                                                  ends, why):
    server = serve(authority.issue(names, begins=begins, ends=ends))
    control.start(one_check(kind, server.port, trusting(authority)))
    wait_for(control, DOWN)
    assert last_result(control) == why
    assert only_check(control)["certificate"]["days_left"] == math.floor(ends)
    # Who does not ask for verification gets none, but is told.
    control.api.apply_yaml(one_check(kind, server.port, ", verify: false"))
    wait_for(control, UP)
    assert only_check(control)["certificate"]["days_left"] == math.floor(ends)
    problems = [p for p in control.api.get("/v1/status")["problems"] if "certificate" in p]
    assert problems == ([f"the certificate of {HOST}, port {server.port}, has expired"]
                        if ends < 0 else [])


@KINDS
def test_nobody_is_believed_who_is_not_signed_for(control, tmp_path, authority, serve, kind):
    server = serve(self_signed(tmp_path, NAME))
    control.start(one_check(kind, server.port, trusting(authority)))
    wait_for(control, DOWN)
    assert last_result(control) == "the certificate is self-signed"
    stranger = serve(Authority(tmp_path).issue(f"DNS:{NAME}"))
    control.api.apply_yaml(one_check(kind, stranger.port, trusting(authority)))
    wait_for_result(control, "the certificate's issuer is not trusted")
    wait_for(control, DOWN)


@KINDS
def test_without_a_name_the_certificate_must_be_for_the_address(control, authority, good, serve,
                                                                kind):
    server = serve(good)
    ca_file = f", ca-file: {authority.path}"
    control.start(one_check(kind, server.port, ca_file))
    wait_for(control, UP)
    assert set(server.names) == {None}
    other = serve(authority.issue(f"DNS:{NAME}"))
    control.api.apply_yaml(one_check(kind, other.port, ca_file))
    wait_for(control, DOWN)
    assert last_result(control) == "the certificate is not for this address"


@KINDS
def test_a_certificate_that_ends_too_soon_is_down_and_told_before(control, authority, serve, kind):
    server = serve(authority.issue(f"DNS:{NAME}", ends=9.5))
    control.start(one_check(kind, server.port, trusting(authority, more=", min-days: 5")))
    wait_for(control, UP)
    assert (f"the certificate of {HOST}, port {server.port}, ends in 9 days"
            in control.api.get("/v1/status")["problems"])
    control.api.apply_yaml(one_check(kind, server.port,
                                     trusting(authority, more=", min-days: 20")))
    wait_for(control, DOWN)
    assert last_result(control) == "the certificate ends in fewer than min-days"
    control.api.apply_yaml(one_check(kind, server.port, ", verify: false, min-days: 20"))
    wait_for_result(control, "the certificate ends in fewer than min-days")


@KINDS
def test_the_name_sent_chooses_the_certificate(control, authority, good, serve, kind):
    server = serve(good)
    server.choose["shop.example"] = server_context(authority.issue("DNS:shop.example"))
    control.start(one_check(kind, server.port, trusting(authority, "shop.example")))
    wait_for(control, UP)
    assert set(server.names) == {"shop.example"}
    server.choose[NAME] = ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    control.api.apply_yaml(one_check(kind, server.port, trusting(authority)))
    wait_for(control, DOWN)
    assert last_result(control) == "TLS alert from the server: unrecognized name"


def hear_and(then):
    def act(peer):
        peer.settimeout(PATIENCE)
        try:
            peer.recv(4096)
            then(peer)
        except OSError:
            pass
    return act


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@KINDS
@pytest.mark.parametrize("act, why", [
    (hear_and(lambda peer: peer.sendall(b"220 mail.example ESMTP\r\n" * 20)),
     "the answer is not TLS"),
    (hear_and(lambda peer: peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20)),
     "the answer is not TLS"),
    (hear_and(lambda peer: None), "closed within the TLS handshake"),
    (hear_and(reset), "connection reset"),
])
def test_a_server_that_does_not_shake_hands_is_down(control, serve, kind, act, why):
    server = serve(act)
    control.start(one_check(kind, server.port, ", verify: false"))
    wait_for(control, DOWN)
    assert last_result(control) == why
    assert only_check(control)["recent"][0] == ("refused" if why.endswith("reset") else "bad")


@KINDS
def test_silence_within_the_handshake_is_down(control, serve, kind):
    server = serve(hear_and(lambda peer: peer.recv(4096)))
    fast = "interval: 20ms, fast-interval: 10ms, timeout: 100ms"
    control.start(one_check(kind, server.port, ", verify: false", fast=fast))
    wait_for(control, DOWN)
    wait_for_result(control, "connected, but the TLS handshake does not end")
    assert only_check(control)["certificate"] is None


@KINDS
def test_a_handshake_cut_in_the_middle_is_down(control, good, serve, kind):
    """The server's first flight comes in part, then the end."""
    def cut(peer):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = server_context(good).wrap_bio(incoming, outgoing, server_side=True)
        peer.settimeout(PATIENCE)
        try:
            incoming.write(peer.recv(4096))
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                peer.sendall(outgoing.read()[:200])
        except OSError:
            pass
    server = serve(cut)
    control.start(one_check(kind, server.port, ", verify: false"))
    wait_for(control, DOWN)
    assert last_result(control) == "closed within the TLS handshake"


@KINDS
def test_nobody_listens(control, serve, kind):
    server = serve(hear_and(lambda peer: None))
    server.end()
    control.start(one_check(kind, server.port, ", verify: false"))
    wait_for(control, DOWN)
    assert last_result(control) == "connection refused"
    server.listener = socket.create_server((HOST, 0))


@KINDS
def test_the_authorities_are_read_again_when_applied_again(control, tmp_path, authority, good,
                                                           serve, kind):
    other = Authority(tmp_path)
    ca_file = tmp_path / "authorities.crt"
    shutil.copy(other.path, ca_file)
    server = serve(good)
    text = one_check(kind, server.port, f", ca-file: {ca_file}, server-name: {NAME}")
    control.start(text)
    wait_for(control, DOWN)
    assert last_result(control) == "the certificate's issuer is not trusted"
    assert control.api.apply_yaml(text)["result"] == "unchanged"
    ca_file.write_bytes(other.path.read_bytes() + authority.path.read_bytes())
    assert control.api.apply_yaml(text)["result"] != "unchanged"
    wait_for(control, UP)


@KINDS
def test_a_restart_without_the_file_of_authorities_takes_nothing_down(control, tmp_path, authority,
                                                                      good, serve, kind):
    ca_file = tmp_path / "authorities.crt"
    shutil.copy(authority.path, ca_file)
    server = serve(good)
    control.start(one_check(kind, server.port, f", ca-file: {ca_file}, server-name: {NAME}"))
    wait_for(control, UP)
    control.daemon.end()
    ca_file.unlink()
    control.start()
    wait_for_result(control, "the file of authorities (ca-file) cannot be read")
    assert only_check(control)["health"] == "unknown"
    assert any("ca-file" in p for p in control.api.get("/v1/status")["problems"])


def test_the_system_is_trusted_where_no_file_is_named(control, monkeypatch, authority, good,
                                                      serve):
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    server = serve(good)
    control.start(one_check("tls", server.port, f", server-name: {NAME}"))
    wait_for(control, UP)
    control.api.apply_yaml(one_check("https", server.port, f", server-name: {NAME}"))
    wait_for(control, UP)


def test_the_server_must_choose_the_protocol(control, authority, good, serve):
    server = serve(good)
    server.context.set_alpn_protocols(["http/1.1"])
    control.start(one_check("tls", server.port, trusting(authority, more=", alpn: http/1.1")))
    wait_for(control, UP)
    control.api.apply_yaml(one_check("tls", server.port, trusting(authority, more=", alpn: h2")))
    wait_for(control, DOWN)
    assert last_result(control) in ("the server does not choose the protocol (alpn)",
                                    "TLS alert from the server: no application protocol")


def test_https_asks_as_http_does(control, authority, good, serve):
    server = serve(good)
    more = (f", ca-file: {authority.path}, host: '{NAME}:8443', path: /ready, "
            "headers: {X-Probe: a guideway, Authorization: 'Bearer x:y'}, expect: ready")
    control.start(one_check("https", server.port, more))
    wait_for(control, UP)
    lines = server.requests[0].split("\r\n")
    assert lines[0] == "GET /ready HTTP/1.1"
    assert f"Host: {NAME}:8443" in lines
    assert "X-Probe: a guideway" in lines and "Authorization: Bearer x:y" in lines
    assert set(server.names) == {NAME}, "the name is the host's unless said otherwise"
    server.status = "503 Service Unavailable"
    wait_for(control, DOWN)
    assert last_result(control) == "the status says that the server fails (5xx)"
    server.status, server.body = "200 OK", b"starting\n"
    wait_for_result(control, "the body does not hold the expected text")
    server.body = b"already\n"
    wait_for(control, UP)


def test_https_keeps_its_connection_if_it_may(control, authority, good, serve):
    server = serve(good)
    control.start(one_check("https", server.port, trusting(authority, more=", keep-alive: true")))
    end = time.monotonic() + PATIENCE
    while len(server.requests) < 20:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert server.connections == 1
    assert f"Host: {HOST}:{server.port}" in server.requests[0].split("\r\n")


def test_checks_that_trust_others_never_share_a_connection(control, tmp_path, authority, good,
                                                           serve):
    """Two checks of one server keep their connections; only one of them may believe it."""
    server = serve(good)
    stranger = Authority(tmp_path)
    two = one_check("https", server.port, trusting(authority, more=", keep-alive: true"))
    second = "{type: https, interval: 20ms, port: %d, keep-alive: true%s}" % (
        server.port, trusting(stranger))
    control.start(two.replace("}], min-healthy", "}, " * 1 + ", ".join([second] * 1) +
                              "], combine: any, min-healthy"))
    end = time.monotonic() + PATIENCE
    while True:
        first, other = control.api.get("/v1/services/pay")["backends"][0]["checked"]["checks"]
        if first["attempts"] > 20 and other["attempts"] > 20:
            break
        assert time.monotonic() < end
        time.sleep(0.01)
    assert first["bad"] == 0 and first["health"] == "up"
    assert other["health"] == "down"
    assert other["last_result"] == "the certificate's issuer is not trusted"


def test_checks_by_tls_survive_an_export_and_a_restart(control, authority, good, serve):
    server = serve(good)
    text = one_check("https", server.port, trusting(authority, more=(
        ", host: pay.example, min-days: 7, keep-alive: true, status: [200, 204, 301-302], "
        "headers: {X-A: '1', X-B: \"two words\"}")))
    text = text.replace("}], min-healthy", "}, {type: tls, alpn: h2, verify: false}, {type: https, "
                        f"verify: false, host: a.example, server-name: b.example, status: 200}}], "
                        "min-healthy")
    control.start(text)
    before = control.api.get("/v1/config")
    assert control.api.apply_yaml(control.api.export_yaml())["result"] == "unchanged"
    fast = {"interval": "20ms", "fast-interval": "10ms", "timeout": "1s"}
    assert before["services"][0]["health"]["checks"] == [
        {"type": "https", **fast, "port": server.port, "host": "pay.example",
         "status": "200,204,301-302", "headers": {"X-A": "1", "X-B": "two words"},
         "keep-alive": "true", "ca-file": str(authority.path), "min-days": 7},
        {"type": "tls", "verify": "false", "alpn": "h2"},
        {"type": "https", "host": "a.example", "status": "200", "server-name": "b.example",
         "verify": "false"}]
    control.daemon.end()
    control.start()
    assert control.api.get("/v1/config") == before


@pytest.mark.parametrize("check, path, complaint", [
    ("type: tls, ca-file: /nowhere/ca.crt", "ca-file",
     "/nowhere/ca.crt: No such file or directory"),
    ("type: tls, ca-file: /etc/passwd", "ca-file",
     "/etc/passwd: holds no certificate in PEM form, or a broken one"),
    ("type: https, ca-file: /dev/zero", "ca-file", "/dev/zero: is no regular file"),
    ("type: https, ca-file: ca.crt", "ca-file", "must be a path that begins with /"),
    ("type: tls, ca-file: /etc/passwd, verify: false", "ca-file",
     "nothing is verified with verify: false"),
    ("type: tls, verify: maybe", "verify", '"maybe" is not false or true'),
    ("type: tls, verify: false, server-name: 10.0.0.1", "server-name",
     "is an address, not a name"),
    ("type: tls, verify: false, server-name: 'a b'", "server-name",
     "has a character that must not be there"),
    ("type: tls, verify: false, min-days: 4000", "min-days", "4000 is not in 0..3650"),
    ("type: tls, verify: false, path: /", "", "path is for checks of type http or https"),
    ("type: http, verify: false", "", "verify is for checks of type tls or https"),
    ("type: https, verify: false, alpn: h2", "", "alpn is for checks of type tls"),
    ("type: http, headers: {Host: x}", "headers.Host", "this header is the check's own"),
    ("type: http, headers: {X-A: \"1\\r\\nX-B: 2\"}", "headers.X-A", "is no header of HTTP"),
    ("type: http, headers: {X-A: \"1\\x7f\"}", "headers.X-A", "is no header of HTTP"),
    ("type: http, headers: {'X A': 1}", "headers.X A", "is no header of HTTP"),
    ("type: http, headers: {X-A: ''}", "headers.X-A", "is no header of HTTP"),
    ("type: http, headers: {X-A: 1, x-a: 2}", "headers.x-a", "is given twice"),
    ("type: http, headers: [X-A]", "headers", "must be a map of names and values"),
    ("type: http, headers: {X-A: %s}" % ("a" * 3000), "headers.X-A",
     "the headers have more than 2048 bytes"),
    ("type: http, status: []", "status", "no status would be good"),
    ("type: http, status: [200, 99]", "status[1]", "must be a status such as 200"),
    ("type: http, status: '200,'", "status", "must be a status such as 200"),
    ("type: http, status: '200-299-300'", "status", "must be a status such as 200"),
])
def test_bad_keys_are_refused_with_their_place(control, check, path, complaint):
    control.start("services: []\n")
    text = one_check("tcp", 1).replace(one_check("tcp", 1).split("[{")[1].split("}]")[0], check)
    with pytest.raises(Exception) as refused:
        control.api.apply_yaml(text)
    assert complaint in str(refused.value)
    assert f"services[0].health.checks[0]{path and '.' + path}" in str(refused.value)


def test_servers_that_hang_within_handshakes_are_bounded(control):
    """More of them than there may be handshakes at one time. Nobody is judged by what is ours."""
    listener = socket.create_server(("0.0.0.0", 0), backlog=4096)  # Accepts, and says nothing.
    hosts = [f"127.0.{net}.{n}" for net in (2, 3, 4) for n in range(1, 251)]
    control.start(document(0, hosts=hosts, health="min-healthy: 0", checks=(
        "{type: tls, interval: 1s, timeout: 1h, verify: false, "
        f"port: {listener.getsockname()[1]}}}")))

    def results():
        backends = control.api.get("/v1/services/pay")["backends"]
        return [b["checked"]["checks"][0]["last_result"] for b in backends]
    end = time.monotonic() + PATIENCE
    while results().count("too many TLS handshakes at one time") < len(hosts) - 512:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert results().count(None) == 512  # They hang on.
    assert {b["health"] for b in control.api.get("/v1/services/pay")["backends"]} == {"unknown"}
    assert any("too many TLS handshakes" in p for p in control.api.get("/v1/status")["problems"])
    listener.close()
