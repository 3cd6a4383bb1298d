# SPDX-License-Identifier: BSD-3-Clause
"""Real servers fail in every way, under load: who is noticed, why, and who is left alone.

Times are generous, the machine may be slow; how fast it goes is measured by scripts/bench/failover.
"""

import datetime
import os
import re
import signal
import time

import pytest

from harness.backends import HAPROXY_PORT, WEB_PORT, Backend
from harness.certificates import Authority
from harness.dns import DnsLoad, query
from harness.lab import SERVICES, VIPS, Load, answered_since, backend_address
from harness.netns import run

NUMBERS = (1, 2, 3)
PATIENCE_S = 60
#: Longer than a request of the load may take: what was under way has ended.
SETTLED_S = 6
STEADY_S = 2
FAST = "interval: 200ms, fast-interval: 100ms, timeout: {}, rise: 2, fall: 3"
UNANSWERED = "connected, but no whole answer comes"


def service(name, address, port, check, protocol="tcp", timeout="1s"):
    family = "6" if ":" in address else "4"
    backends = "".join(f'      - address: "{backend_address(family, n)}"\n' for n in NUMBERS)
    return (f'  - name: {name}\n    address: "{address}"\n    protocol: {protocol}\n'
            f"    port: {port}\n    mode: direct\n"
            f"    health: {{checks: [{{{check}, {FAST.format(timeout)}}}]}}\n"
            f"    backends:\n{backends}")


def web(check="type: http, status: 200", port=WEB_PORT, timeout="1s"):
    return "services:\n" + "".join(
        service(SERVICES[family], VIPS[family], port, check, timeout=timeout)
        for family in SERVICES)


def wait_for(condition, what, timeout=PATIENCE_S):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.02)


class Watched:
    """The lab's services under health checks, and what has happened to them since."""

    def __init__(self, lab):
        self.lab = lab
        self.backends = {number: Backend(lab, number) for number in NUMBERS}
        self.since = 0

    def check(self, document):
        """Apply a configuration; events count from when all of its backends are up."""
        self.lab.api.apply_yaml(document)
        self.wait_until_up()
        self.forget_events()

    def forget_events(self):
        events = self.lab.api.get("/v1/events?limit=1")["events"]
        self.since = events[-1]["id"] if events else 0

    def views(self, number=None):
        return [b for b in self.lab.api.get("/v1/backends")["backends"]
                if number in (None, int(b["address"][-1]))]

    def healths(self):
        return {(b["service_name"], int(b["address"][-1])): b["health"] for b in self.views()}

    def wait_until_up(self, number=None):
        wait_for(lambda: all(b["health"] == "up" and b["usable"] for b in self.views(number)),
                 lambda: f"not all are up: {self.healths()}")

    def wait_until_down(self, number):
        wait_for(lambda: all(b["health"] == "down" for b in self.views(number)),
                 lambda: f"backend {number} is not down: {self.healths()}")
        wait_for(lambda: self.lab.api.get("/v1/status")["dataplane"]["in_sync"], "not in sync")

    def events(self, kind):
        return [e for e in self.lab.api.get(f"/v1/events?since={self.since}")["events"]
                if e["kind"] == kind]

    def reasons(self):
        """Number of each backend that went down -> why."""
        found = {}
        for event in self.events("backend.health"):
            if event["health"] == "down":
                found.setdefault(int(event["backend"][-1]), set()).add(event["why"])
        return found

    def noticed(self, number):
        """Unix time at which the last of its services knew that it is down."""
        return max(datetime.datetime.fromisoformat(e["at"].replace("Z", "+00:00")).timestamp()
                   for e in self.events("backend.health")
                   if e["health"] == "down" and int(e["backend"][-1]) == number)

    def restore(self):
        for backend in self.backends.values():
            backend.restore()


@pytest.fixture
def watched(lab):
    watched = Watched(lab)
    try:
        yield watched
    finally:
        watched.restore()


@pytest.fixture
def load(watched):
    """New connections and kept ones, all the time; begins with start()."""
    class Starter:
        now = None

        def start(self, **options):
            self.now = Load(watched.lab, new_rate=50, keep=6, keep_interval=0.1, **options)
            wait_for(lambda: self.report()["requests"] > 100, "the load does not run")

        def report(self):
            return self.now.report()

        def fresh_report(self):
            return self.now.fresh_report()
    starter = Starter()
    yield starter
    if starter.now is not None:
        starter.now.kill()


def lost(report):
    """Kept connections that broke, by backend."""
    return {name for names in report["lost"].values() for name in names}


def assert_steady(load, without=(), seconds=STEADY_S):
    """From now on no request fails, and no new one goes to those."""
    before = load.fresh_report()
    time.sleep(seconds)
    after = load.fresh_report()
    assert after["failed"] == before["failed"], after["errors"]
    expected = {f"backend{n}" for n in NUMBERS if n not in without}
    for answers in answered_since(before, after).values():
        assert set(answers) == expected


def fail_and_return(watched, load, number, fail, heal, why, settle=0.5):
    """One backend fails, is noticed for one of the reasons and avoided, heals, and is back.
    Nobody else is suspected or loses a connection, then or at its return."""
    assert_steady(load)
    asked, failed = (load.report()[key] for key in ("requests", "failed"))
    began = time.time()
    fail()
    watched.wait_until_down(number)
    noticed = watched.noticed(number) - began
    assert set(watched.reasons()) == {number}
    assert watched.reasons()[number] <= why
    time.sleep(settle)
    assert_steady(load, without=[number])
    heal()
    watched.wait_until_up(number)
    time.sleep(settle)
    assert_steady(load)
    report = load.report()
    print(f"noticed {1000 * noticed:.0f} ms after its begin; "
          f"{report['failed'] - failed} of {report['requests'] - asked} requests failed")
    assert set(watched.reasons()) == {number}
    assert lost(load.report()) <= {f"backend{number}"}
    assert not watched.events("service.fail_open")


def test_a_killed_server(watched, load):
    watched.check(web())
    load.start()
    backend = watched.backends[2]
    fail_and_return(watched, load, 2, backend.kill, backend.start_nginx,
                    {"connection refused", "connection reset", "closed without a whole answer"})


def test_a_host_that_is_gone(watched, load):
    watched.check(web())
    load.start()
    backend = watched.backends[2]
    fail_and_return(watched, load, 2, backend.unplug, backend.plug_in,
                    {"no answer to the connection attempt", "host unreachable", UNANSWERED},
                    settle=SETTLED_S)


def test_a_frozen_server(watched, load):
    """Its kernel goes on accepting connections: only a check that wants an answer sees it."""
    watched.check(web())
    load.start()
    backend = watched.backends[1]
    fail_and_return(watched, load, 1, backend.freeze, backend.thaw, {UNANSWERED},
                    settle=SETTLED_S)


def test_a_slow_server(watched, load):
    """One byte a second."""
    watched.check(web())
    load.start()
    backend = watched.backends[3]
    fail_and_return(
        watched, load, 3,
        lambda: backend.reconfigure("location = / {", "location = / { limit_rate 1;"),
        lambda: backend.reconfigure("location = / { limit_rate 1;", "location = / {"),
        {UNANSWERED}, settle=SETTLED_S)


def test_a_half_open_port(watched, load):
    """SYNs get no answer, though the host is there."""
    watched.check(web(check="type: tcp"))
    load.start()
    backend = watched.backends[2]

    def heal():
        backend.close_half_open()
        backend.start_nginx()
    # Between the death of nginx and the full queue connections are refused.
    fail_and_return(watched, load, 2, backend.half_open, heal,
                    {"no answer to the connection attempt", "connection refused"},
                    settle=SETTLED_S)


def test_answers_of_500(watched, load):
    watched.check(web())
    load.start()
    backend = watched.backends[2]
    fail_and_return(watched, load, 2, lambda: backend.reconfigure("return 200", "return 500"),
                    lambda: backend.reconfigure("return 500", "return 200"),
                    {"the status says that the server fails (5xx)"})
    assert set(load.report()["errors"]) <= {
        "answered 'HTTP/1.1 500 Internal Server Error'",
        "closed before an answer"}  # A kept connection, when nginx loads its configuration.


def test_all_down_at_once(watched, load):
    """No check can be right that says so: all stay in, loudly; and are judged again later."""
    watched.check(web(timeout="30s"))  # How long the machine may take to ask all of them again.
    load.start()
    for backend in watched.backends.values():
        backend.kill()
    wait_for(lambda: {e["service"] for e in watched.events("service.fail_open")
                      if e["fail_open"]} == {f"tcp/{VIPS['4']}:80", f"tcp/[{VIPS['6']}]:80"},
             "nothing fails open")
    wait_for(lambda: all(b["usable"] for b in watched.views()), "some are still out")
    assert any("fails open" in p for p in watched.lab.api.get("/v1/status")["problems"])
    watched.forget_events()
    for backend in watched.backends.values():
        backend.start_nginx()
    watched.wait_until_up()
    wait_for(lambda: not any("fails open" in p
                             for p in watched.lab.api.get("/v1/status")["problems"]),
             "still fails open")
    assert_steady(load)
    # The first that is up again does not put out the others, whose turn to be asked comes later.
    assert watched.reasons() == {}


def test_haproxy_as_a_backend(watched, load):
    for backend in watched.backends.values():
        backend.start_haproxy()
    watched.check(web(port=HAPROXY_PORT))
    load.start(port=HAPROXY_PORT)
    backend = watched.backends[3]
    fail_and_return(watched, load, 3, lambda: backend.kill("haproxy"), backend.start_haproxy,
                    {"connection refused", "connection reset", "closed without a whole answer"})


#: As doc/guideway.yaml.md has it: an answer to this question, without an error.
ASK_DNS = f'type: udp, send-hex: "{query("who.test").hex()}", expect-hex: "4757 85 80"'


@pytest.mark.parametrize("check", ["type: tcp", ASK_DNS], ids=["tcp", "udp"])
def test_a_dns_server_as_a_backend(watched, check):
    for backend in watched.backends.values():
        backend.start_dnsmasq("who.test")
    watched.check("services:\n" + "".join(
        service(f"dns{family}", vip, 53, check, protocol="udp") for family, vip in VIPS.items()))
    loads = [DnsLoad(f"{watched.lab.name}-client", vip, "who.test") for vip in VIPS.values()]

    def answers_from(numbers):
        before = [dict(load.answers) for load in loads]
        failed = [load.failed for load in loads]
        time.sleep(STEADY_S)
        assert [load.failed for load in loads] == failed
        for load, counts in zip(loads, before):
            assert {address for address, count in load.answers.items()
                    if count > counts.get(address, 0)} == {backend_address("4", n)
                                                           for n in numbers}
    try:
        answers_from(NUMBERS)
        watched.backends[1].kill("dnsmasq")
        watched.wait_until_down(1)
        time.sleep(SETTLED_S)
        answers_from([2, 3])
        watched.backends[1].start_dnsmasq("who.test")
        watched.wait_until_up(1)
        answers_from(NUMBERS)
        assert set(watched.reasons()) == {1}
    finally:
        for load in loads:
            load.stop()


def test_an_expired_certificate(watched, load, tmp_path):
    authority = Authority(tmp_path)
    good = authority.issue("DNS:pay.example")
    expired = authority.issue("DNS:pay.example", begins=-30, ends=-1)

    for backend in watched.backends.values():
        backend.reconfigure("server {", "server { listen 443 ssl; listen [::]:443 ssl; "
                            f"ssl_certificate {good}; ssl_certificate_key {good};")
    watched.check(web(check="type: tls, port: 443, server-name: pay.example, "
                            f"ca-file: {authority.path}"))
    load.start()
    backend = watched.backends[2]
    fail_and_return(watched, load, 2, lambda: backend.reconfigure(str(good), str(expired)),
                    lambda: backend.reconfigure(str(expired), str(good)),
                    {"the certificate has expired"})


def test_lost_packets_of_checks_are_no_alarm(watched, load):
    """One of fifty, on the way to the backends: attempts fail, backends do not."""
    watched.check(web())
    load.start()
    nft = ("ip", "netns", "exec", f"{watched.lab.name}-balancer", "nft")
    run(*nft, "add", "table", "inet", "checks")
    try:
        run(*nft, "add", "chain", "inet", "checks", "out",
            "{ type filter hook output priority 0; }")
        run(*nft, "add", "rule", "inet", "checks", "out", "tcp", "dport", str(WEB_PORT),
            "numgen", "random", "mod", "50", "==", "0", "counter", "drop")
        time.sleep(20)
        rules = run(*nft, "list", "table", "inet", "checks")
    finally:
        run(*nft, "delete", "table", "inet", "checks")
    assert int(re.search(r"counter packets (\d+)", rules).group(1)) > 5
    assert watched.reasons() == {}
    report = load.report()
    assert report["failed"] == 0, report["errors"]


def test_a_flapping_server_is_held_down_longer_each_time(watched, load):
    watched.check(web())
    load.start()
    backend = watched.backends[1]
    held = []
    for _ in range(4):
        backend.reconfigure("return 200", "return 500")
        watched.wait_until_down(1)
        held.append(max(b["checked"]["hold_down_ms"] for b in watched.views(1)))
        backend.reconfigure("return 500", "return 200")
        watched.wait_until_up(1)
    assert held[:2] == [0, 0] and 0 < held[2] <= 1000 < held[3] <= 2000
    assert all(b["checked"]["flaps"] >= 4 for b in watched.views(1))
    time.sleep(0.5)
    assert_steady(load)
    assert set(watched.reasons()) == {1} and lost(load.report()) <= {"backend1"}
    assert not watched.events("service.fail_open")


def test_a_daemon_that_is_starved_of_cpu_blames_nobody(watched, load):
    """It runs for 5 of 155 ms, and its time-outs are shorter than its pauses."""
    watched.check(web(timeout="100ms"))
    load.start()
    pid = watched.lab.pid("guidewayd")
    end = time.monotonic() + 10
    try:
        while time.monotonic() < end:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(0.15)
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.005)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert watched.reasons() == {}
    assert not watched.events("service.fail_open")
    assert_steady(load)
    metrics = watched.lab.api.call("GET", "/metrics", accept="text/plain")
    assert int(re.search(r"^guideway_checker_late_total (\d+)$", metrics, re.M).group(1)) > 20
    assert load.report()["failed"] == 0, load.report()["errors"]
    trouble = sum(b["checked"]["checks"][0]["trouble"] for b in watched.views())
    attempts = sum(b["checked"]["checks"][0]["attempts"] for b in watched.views())
    print(f"{trouble} of {attempts} attempts were spoilt")


def test_a_daemon_that_was_stopped_blames_nobody(watched, load):
    """Its timers are late by seconds: what it sees then says nothing about backends."""
    watched.check(web())
    load.start()
    pid = watched.lab.pid("guidewayd")
    for _ in range(3):
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(2.5)
        finally:
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.5)
    assert_steady(load)
    assert watched.reasons() == {}
    assert not watched.events("service.fail_open")
    assert load.report()["failed"] == 0, load.report()["errors"]
