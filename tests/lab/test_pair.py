# SPDX-License-Identifier: BSD-3-Clause
"""A pair of balancers behind a router: whatever dies, hangs or returns, no connection breaks.

All services, modes direct (IPv4 and IPv6) and ipip, are under load throughout: new connections, and
kept ones that may never be answered by another backend. BFD is slower here than doc/examples has it, so that a
busy machine is no failure.
"""

import os
import signal
import time

import pytest

from harness.netns import run
from harness.pair import KERNEL, Pair

BFD_MS = 300
A, B = {KERNEL["a"]}, {KERNEL["b"]}


@pytest.fixture(scope="module")
def module_pair():
    pair = Pair(f"{os.environ.get('GUIDEWAY_LAB', 'gwt')}-p", BFD_MS)
    yield pair
    pair.stop()


@pytest.fixture
def pair(module_pair):
    """Both balancers are used, and requests go on; not one of them may fail."""
    module_pair.until(lambda: module_pair.next_hops() == A | B, "both are used")
    load = module_pair.load(new_rate=40, keep=10, keep_interval=0.1, timeout=30)
    module_pair.until(lambda: load.report()["requests"] > 100, "requests are answered")
    try:
        yield module_pair
        module_pair.until(lambda: module_pair.next_hops() == A | B, "both are used again")
        asked = load.report()["requests"]
        module_pair.until(lambda: load.report()["requests"] > asked + 200, "requests go on")
        report = load.stop()
        assert report["failed"] == 0, report["errors"]
    finally:
        load.kill()


def only(pair, hops, what):
    pair.until(lambda: pair.next_hops() == hops, what)


def test_both_balancers_get_traffic(pair):
    pair.until(lambda: all(b.packets() > 100 for b in pair.balancers.values()),
               "both have counted packets")


def test_a_dataplane_that_is_killed(pair):
    a = pair.balancers["a"]
    a.dataplane.kill()
    only(pair, B, "the other has all")
    time.sleep(1)
    a.start_dataplane()
    only(pair, A | B, "it has returned")


def test_a_dataplane_that_hangs(pair):
    a = pair.balancers["a"]
    a.signal(a.dataplane, signal.SIGSTOP)
    try:
        only(pair, B, "the other has all")
        time.sleep(1)
    finally:
        a.signal(a.dataplane, signal.SIGCONT)
    only(pair, A | B, "it has returned")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"])
def test_a_routing_daemon_that_dies_or_hangs(pair, number):
    b = pair.balancers["b"]
    b.signal(b.bird.program, number)
    only(pair, A, "the other has all")
    time.sleep(1)
    if number == signal.SIGKILL:
        b.bird.start()
    else:
        b.signal(b.bird.program, signal.SIGCONT)
    only(pair, A | B, "it has returned")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"])
def test_a_daemon_that_dies_or_hangs_changes_nothing(pair, number):
    a = pair.balancers["a"]
    a.signal(a.daemon, number)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        assert pair.next_hops() == A | B
        time.sleep(0.02)
    if number == signal.SIGKILL:
        a.daemon.kill()
        a.start_daemon()
    else:
        a.signal(a.daemon, signal.SIGCONT)
        a.daemon.wait_until(a.in_sync, "it answers again", 60)
    assert pair.next_hops() == A | B


def test_a_balancer_that_is_drained_and_enabled_again(pair):
    a = pair.balancers["a"]
    told = a.cli("balancer", "drain", "--wait", "60")
    assert told.returncode == 0, told.stderr
    assert "drained: no packets come any more, and the VIPs are withdrawn" in told.stdout
    assert pair.next_hops() == B
    assert "balancer    disabled since" in a.cli("status").stdout
    a.dataplane.kill()  # What one drains for.
    a.start_dataplane()
    a.daemon.wait_until(a.in_sync, "all is in force", 60)
    time.sleep(1)
    assert pair.next_hops() == B
    assert a.cli("balancer", "enable").returncode == 0
    only(pair, A | B, "it is used again")


def test_the_last_balancer_is_not_drained(pair):
    """Nobody else has the VIPs: it keeps them, and whoever waits is told."""
    a, b = pair.balancers["a"], pair.balancers["b"]
    assert a.cli("balancer", "drain", "--wait", "60").returncode == 0
    told = b.cli("balancer", "drain", "--wait", "6")
    assert told.returncode == 8 and "packets still come" in told.stderr
    assert pair.next_hops() == B
    shown = b.cli("balancer", "show").stdout
    assert "state       draining since" in shown and "a second still come" in shown
    assert a.cli("balancer", "enable").returncode == 0
    only(pair, A, "the one that is enabled has all")
    assert b.cli("balancer", "enable").returncode == 0
    only(pair, A | B, "both are used again")


def test_a_balancer_whose_checks_see_no_backend_is_the_spare(pair):
    """Its way to the backends is broken, or its checker: the other knows better. With min-healthy
    at all of them not even the first that seems to be down loses a connection."""
    checked = pair.services(
        "{checks: [{type: tcp, interval: 200ms, timeout: 1s}], min-healthy: 100%}")
    for balancer in pair.balancers.values():
        balancer.api.apply_yaml(checked)
        pair.until(lambda b=balancer: all(
            backend["health"] == "up" for backend in b.api.get("/v1/backends")["backends"]),
            "all are up")
    a = pair.balancers["a"]
    nft = ("ip", "netns", "exec", a.space, "nft")
    run(*nft, "add", "table", "inet", "checks")
    try:
        run(*nft, "add", "chain", "inet", "checks", "out",
            "{ type filter hook output priority 0; }")
        for family, net in (("ip", "10.71.2.0/24"), ("ip6", "fd71:2::/64")):
            run(*nft, "add", "rule", "inet", "checks", "out", family, "daddr", net, "drop")
        only(pair, B, "the other has all")
        assert all(s["health"]["fail_open"] for s in a.api.get("/v1/services")["services"])
    finally:
        run(*nft, "delete", "table", "inet", "checks")
    only(pair, A | B, "both are used again")
    for balancer in pair.balancers.values():
        balancer.api.apply_yaml(pair.services())


def test_a_link_that_goes_down_and_up(pair):
    pair.set_link("a", "down")
    try:
        only(pair, B, "the other has all")
        time.sleep(1)
    finally:
        pair.set_link("a", "up")
    only(pair, A | B, "it has returned")
