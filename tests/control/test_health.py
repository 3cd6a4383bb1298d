# SPDX-License-Identifier: BSD-3-Clause
"""Health checks of guidewayd: real checks of real sockets on the loopback network."""

import http.server
import socket
import threading
import time

import pytest

from harness.checks import FAST, HOSTS, document, healths, last_result, one_check, wait_for

class Server:
    """Listens on one port at any of several addresses; each may be closed and opened."""

    def __init__(self, hosts):
        self.listeners = {}
        self.port = None
        for host in hosts:
            self.open(host)

    def open(self, host):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, self.port or 0))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self.listeners[host] = listener

    def close(self, host):
        self.listeners.pop(host).close()

    def end(self):
        for host in list(self.listeners):
            self.close(host)


@pytest.fixture
def server():
    server = Server(HOSTS)
    yield server
    server.end()


def all_are(health, **others):
    return {host: others.get("h" + host.rsplit(".", 1)[1], health) for host in HOSTS}


def test_a_backend_that_dies_goes_down_and_returns(control, server):
    control.start(document(server.port))
    wait_for(control, all_are("up"))
    server.close(HOSTS[1])
    wait_for(control, all_are("up", h2="down"))
    service = control.api.get("/v1/services/pay")
    assert service["backends_usable"] == 3
    assert service["health"]["healthy"] == 3 and not service["health"]["fail_open"]
    backend = service["backends"][1]
    assert not backend["usable"] and backend["checked"]["flaps"] == 1
    assert backend["checked"]["checks"][0]["last_result"] == "connection refused"
    server.open(HOSTS[1])
    wait_for(control, all_are("up"))
    assert control.api.get("/v1/services/pay")["backends"][1]["checked"]["checks"][0][
        "latency_us"] > 0


def test_changes_of_health_are_in_the_audit_trail(control, server):
    control.start(document(server.port))
    wait_for(control, all_are("up"))
    server.close(HOSTS[0])
    wait_for(control, all_are("up", h1="down"))

    def recorded():
        return [(change, entry["result"]) for entry in control.api.get("/v1/audit")["entries"]
                if entry["action"] == "health.change" for change in entry["after"]
                if change["health"] == "down"]
    end = time.monotonic() + 60
    while not recorded():  # Written after it has taken effect.
        assert time.monotonic() < end
        time.sleep(0.02)
    assert recorded() == [({"service": "tcp/192.0.2.10:443", "backend": HOSTS[0],
                            "health": "down", "was": "up", "why": "connection refused"},
                           "observed")]


def test_too_few_healthy_backends_fail_open_loudly(control, server):
    control.start(document(server.port, health="min-healthy: 50%"))
    wait_for(control, all_are("up"))
    server.close(HOSTS[0])
    server.close(HOSTS[1])
    wait_for(control, all_are("up", h1="down", h2="down"))
    assert control.api.get("/v1/status")["healthy"] is False or \
        not any("fails open" in p for p in control.api.get("/v1/status")["problems"])
    server.close(HOSTS[2])
    wait_for(control, all_are("unknown", h4="up"))
    assert any("fails open: 1 of 4" in p for p in control.api.get("/v1/status")["problems"])
    assert control.api.get("/v1/services/pay")["health"]["fail_open"]
    server.open(HOSTS[2])
    wait_for(control, all_are("up", h1="down", h2="down"))
    assert not control.api.get("/v1/services/pay")["health"]["fail_open"]


def test_what_heals_all_backends_puts_out_none_of_them(control, server):
    """They are asked one after the other: the first that is up again is enough for min-healthy."""
    slowly = "interval: 500ms, fast-interval: 20ms, timeout: 30s"
    control.start(document(server.port, checks=f"{{type: tcp, {slowly}, port: {server.port}}}"))
    wait_for(control, all_are("up"))
    server.end()
    wait_for(control, all_are("unknown"))
    since = control.api.get("/v1/events?limit=1")["events"][-1]["id"]
    for host in HOSTS:
        server.open(host)
    wait_for(control, all_are("up"))
    events = control.api.get(f"/v1/events?since={since}")["events"]
    assert [(e["backend"], e["health"]) for e in events if e["kind"] == "backend.health"
            and e["health"] != "up"] == []
    assert [e["fail_open"] for e in events if e["kind"] == "service.fail_open"] == [False]


def test_all_down_at_once_take_nothing_down(control, server):
    control.start(document(server.port))
    wait_for(control, all_are("up"))
    server.end()
    wait_for(control, all_are("unknown"))
    assert control.api.get("/v1/services/pay")["backends_usable"] == 4


def test_initially_down_until_a_check_passes(control, server):
    server.close(HOSTS[3])
    control.start(document(server.port, health="initial: down"))
    wait_for(control, all_are("up", h4="down"))


def test_any_of_two_checks_suffices_if_so_combined(control, server):
    dead = socket.socket()
    dead.bind(("127.0.1.1", 0))  # Bound, but does not listen: connections are refused.
    port = dead.getsockname()[1]
    two = f"{{type: tcp, {FAST}, port: {server.port}}}, {{type: tcp, {FAST}, port: {port}}}"
    control.start(document(server.port, health="combine: any, min-healthy: 0", checks=two,
                           hosts=HOSTS[:1]))
    wait_for(control, {HOSTS[0]: "up"})
    control.api.apply_yaml(document(server.port, health="combine: all, min-healthy: 0",
                                    checks=two, hosts=HOSTS[:1]))
    wait_for(control, {HOSTS[0]: "down"})
    dead.close()


def test_checks_that_are_taken_out_leave_no_verdict_behind(control, server):
    control.start(document(server.port))
    server.close(HOSTS[0])
    wait_for(control, all_are("up", h1="down"))
    text = document(server.port)
    without = "".join(line + "\n" for line in text.splitlines() if "health:" not in line)
    control.api.apply_yaml(without)
    wait_for(control, all_are("unknown"))
    assert control.api.get("/v1/services/pay")["health"] is None


def test_a_changed_check_keeps_the_verdict_until_it_has_its_own(control, server):
    control.start(document(server.port))
    server.close(HOSTS[0])
    wait_for(control, all_are("up", h1="down"))
    # Hours until the first attempt of the new check: the old verdict holds.
    control.api.apply_yaml(document(server.port, checks=(
        f"{{type: tcp, interval: 1h, fast-interval: 1h, port: {server.port}}}")))
    for _ in range(20):
        assert healths(control) == all_are("up", h1="down")
        time.sleep(0.01)


def test_health_survives_an_export_and_a_restart(control, server):
    text = document(server.port, health="min-healthy: 2, max-leave: 25%, hold-down: 500ms",
                    checks=f"{{type: tcp, {FAST}, port: {server.port}, rise: 4, fall: 5, "
                           "jitter: 0%, source: 127.0.0.1}")
    control.start(text)
    before = control.api.get("/v1/config")
    exported = control.api.export_yaml()
    assert control.api.apply_yaml(exported)["result"] == "unchanged"
    assert before["services"][0]["health"] == {
        "checks": [{"type": "tcp", "interval": "20ms", "fast-interval": "10ms", "timeout": "1s",
                    "rise": 4, "fall": 5, "jitter": "0%", "port": server.port,
                    "source": "127.0.0.1"}],
        "min-healthy": 2, "max-leave": "25%", "hold-down": "500ms"}
    control.daemon.end()
    control.start()
    assert control.api.get("/v1/config") == before
    wait_for(control, all_are("up"))


def test_the_effective_export_leaves_the_checks_as_they_are(control, server):
    control.start(document(server.port, health="min-healthy: 2"))
    before = control.api.get("/v1/config")
    for _ in range(5):  # Each makes a copy and frees it.
        assert control.api.get("/v1/config?effective=true") == before
    assert control.api.get("/v1/config") == before
    wait_for(control, all_are("up"))


def test_the_expected_text_decides(control):
    """A server that accepts, but is not ready, is not up."""
    ready = threading.Event()
    listener = socket.create_server((HOSTS[0], 0))

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                peer.sendall(b"+PONG\r\n" if ready.is_set() else b"-LOADING\r\n")
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    check = (f"{{type: tcp, {FAST}, port: {listener.getsockname()[1]}, "
             r'send: "PING\r\n", expect: "+PONG"}')
    control.start(document(0, health="min-healthy: 0", checks=check, hosts=HOSTS[:1]))
    wait_for(control, {HOSTS[0]: "down"})
    ready.set()
    wait_for(control, {HOSTS[0]: "up"})
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


class Http(http.server.BaseHTTPRequestHandler):
    """Answers as the class is told; remembers what it was asked."""

    protocol_version = "HTTP/1.1"
    status = 200
    asked = []

    def do_GET(self):
        Http.asked.append((self.command, self.path, self.headers["Host"],
                           self.client_address[1]))
        self.send_response(Http.status)
        self.send_header("Content-Length", "6")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"ready\n")

    do_HEAD = do_OPTIONS = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    Http.status, Http.asked = 200, []
    web = http.server.ThreadingHTTPServer((HOSTS[0], 0), Http)
    thread = threading.Thread(target=web.serve_forever, args=(0.01,))
    thread.start()
    yield web.server_port
    web.shutdown()
    thread.join()
    web.server_close()


def http_document(port, more=""):
    return one_check("http", port, more)


def test_http_asks_what_it_is_told_and_believes_the_status(control, web):
    control.start(http_document(web, ', path: "/ready?deep=1", host: pay.example, method: OPTIONS'))
    wait_for(control, {HOSTS[0]: "up"})
    assert Http.asked[0][:3] == ("OPTIONS", "/ready?deep=1", "pay.example")
    Http.status = 503
    wait_for(control, {HOSTS[0]: "down"})
    assert last_result(control) == "the status says that the server fails (5xx)"
    Http.status = 301
    wait_for(control, {HOSTS[0]: "up"})
    control.api.apply_yaml(http_document(web, ", status: 200-299"))
    wait_for(control, {HOSTS[0]: "down"})


def test_http_believes_the_body(control, web):
    control.start(http_document(web, ", expect: ready"))
    wait_for(control, {HOSTS[0]: "up"})
    control.api.apply_yaml(http_document(web, ", expect: not ready"))
    wait_for(control, {HOSTS[0]: "down"})
    assert last_result(control) == "the body does not hold the expected text"


@pytest.mark.parametrize("keep_alive", [False, True])
def test_http_keeps_its_connection_only_if_it_may(control, web, keep_alive):
    control.start(http_document(web, ", keep-alive: true" if keep_alive else ""))
    end = time.monotonic() + 60
    while len(Http.asked) < 20:
        assert time.monotonic() < end
        time.sleep(0.01)
    connections = {port for _, _, _, port in Http.asked[:20]}
    assert len(connections) == (1 if keep_alive else 20)


def test_http_head_needs_no_body(control, web):
    control.start(http_document(web, ", method: HEAD"))
    wait_for(control, {HOSTS[0]: "up"})
    assert Http.asked[0][:2] == ("HEAD", "/")


def test_http_of_something_else_is_down(control, server):
    """It accepts and says nothing; then nobody listens."""
    control.start(http_document(server.port, ", timeout: 50ms").replace("timeout: 1s, ", "")
                  .replace(", timeout: 1s", ""))
    wait_for(control, {HOSTS[0]: "down"})
    assert last_result(control) == "connected, but no whole answer comes"
    server.end()
    end = time.monotonic() + 60
    while last_result(control) != "connection refused":
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("health, complaint", [
    ("checks: [{type: http, path: ready}]", "must begin with /"),
    ('checks: [{type: http, path: "/a\\r\\nX: y"}]', "has a character that must not be there"),
    ("checks: [{type: http, status: 99}]", "must be a status such as 200"),
    ("checks: [{type: http, status: 300-200}]", "must be a status such as 200"),
    ("checks: [{type: http, send: x}]", "send is for checks of type tcp"),
    ("checks: [{type: tcp, path: /}]", "path is for checks of type http"),
    ("checks: []", "must be a list of 1..8 checks"),
    ("checks: [{type: tpc}]", '"tpc" is not tcp'),
    ("checks: [{type: tcp, interval: 5ms}]", "5ms is not in 10ms..1h"),
    ("checks: [{type: tcp, interval: 5}]", '"5" is not a duration such as 100ms'),
    ("checks: [{type: tcp, interval: 1s, fast-interval: 2s}]",
     "the fast interval is longer than the interval"),
    ("checks: [{type: tcp, fall: 0}]", "0 is not in 1..100"),
    ("checks: [{type: tcp, jitter: 60%}]", "60% is not in 0%..50%"),
    ("checks: [{type: tcp, source: 10.0.0.1, address: '::1'}]", "of different families"),
    ("checks: [{type: tcp, expect: ''}]", "has 0 bytes, must have 1..255"),
    ("checks: [{type: tcp}], min-healthy: 101%", "101% is not in 0%..100%"),
    ("checks: [{type: tcp}], max-leave: 0", "0 is not in 1.."),
    ("checks: [{type: tcp}], combine: some", '"some" is not all or any'),
    ("min-healthy: 1", "checks is missing"),
])
def test_bad_keys_are_refused_with_their_place(control, health, complaint):
    control.start(document(1))
    text = document(1).replace(document(1).split("health: ")[1].split("\n")[0], f"{{{health}}}")
    with pytest.raises(Exception) as refused:
        control.api.apply_yaml(text)
    assert complaint in str(refused.value)
    assert "services[0].health" in str(refused.value)


def test_the_dataplane_hears_of_it(control, server):
    """With a dataplane: the shares of slots follow health, and return to what they were."""
    control.start(document(server.port).replace("mode: ipip", "mode: ipip\n    slots: 1009"))
    control.start_dataplane()
    wait_for(control, all_are("up"))
    before = control.api.get("/v1/status")["dataplane"]["generation"]
    server.close(HOSTS[2])
    wait_for(control, all_are("up", h3="down"))
    control.until(lambda s: s["dataplane"]["generation"] > before and s["dataplane"]["in_sync"],
                  "the change is in force")
    assert control.api.get("/v1/status")["last_apply"]["commands"] == 1
