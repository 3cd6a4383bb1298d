# SPDX-License-Identifier: BSD-3-Clause
"""A daemon that starts anew beside a dataplane that forwards: what it does not know yet stays."""

import socket
import threading

import pytest
from scapy.layers.inet import IP

from harness.balancer import Balancer, document

HOSTS = ["127.0.2.1", "127.0.2.2"]


@pytest.fixture
def listeners():
    listeners = {}
    port = 0
    for host in HOSTS:
        listeners[host] = socket.create_server((host, port), backlog=64)
        port = listeners[host].getsockname()[1]
    yield listeners
    for listener in listeners.values():
        listener.close()


def checked(port, interval, more=""):
    return document(HOSTS, (
        f"checks: [{{type: tcp, port: {port}, interval: {interval}, timeout: 5s}}]{more}"))


def healths(balancer):
    return [b["health"] for b in balancer.api.get("/v1/services/pay")["backends"]]


def restart_with(balancer, text):
    """Killed, and started with checks that come in hours."""
    balancer.daemon.kill()
    balancer.config.write_text(text, encoding="utf-8")
    balancer.start_daemon()


def balancer_of(listeners, health=""):
    port = listeners[HOSTS[1]].getsockname()[1]
    return Balancer("restart", checked(port, "20ms", health)), port


def test_who_was_down_stays_down(listeners):
    balancer, port = balancer_of(listeners)
    try:
        balancer.until(lambda: healths(balancer) == ["up", "up"], "both are up")
        listeners.pop(HOSTS[0]).close()
        balancer.until(lambda: healths(balancer) == ["down", "up"], "one is down")
        balancer.until(lambda: balancer.status()["dataplane"]["in_sync"], "in sync")
        restart_with(balancer, checked(port, "1h"))
        assert healths(balancer) == ["down", "up"]
        assert {IP(balancer.encapsulated()).dst for _ in range(30)} == {HOSTS[1]}
        restart_with(balancer, checked(port, "20ms"))
        listeners[HOSTS[0]] = socket.create_server((HOSTS[0], port), backlog=64)
        balancer.until(lambda: healths(balancer) == ["up", "up"], "it is up again")
    finally:
        balancer.end()


def test_who_is_down_initially_is_not_taken_out_by_a_restart(listeners):
    """Packets go on through the whole of it, each to where it went."""
    balancer, port = balancer_of(listeners, ", initial: down")
    try:
        balancer.until(lambda: healths(balancer) == ["up", "up"], "both are up")
        balancer.until(lambda: balancer.status()["dataplane"]["in_sync"], "in sync")
        client = IP(balancer.encapsulated_for(HOSTS[0])[20:]).src
        restarted = threading.Event()

        def restart():
            restart_with(balancer, checked(port, "1h", ", initial: down"))
            restarted.set()
        thread = threading.Thread(target=restart)
        thread.start()
        while not restarted.is_set():
            assert IP(balancer.encapsulated(client, "A")).dst == HOSTS[0]
        thread.join()
        for _ in range(20):
            assert IP(balancer.encapsulated(client, "A")).dst == HOSTS[0]
        assert {IP(balancer.encapsulated()).dst for _ in range(30)} == set(HOSTS)
        assert healths(balancer) == ["up", "up"]
    finally:
        balancer.end()


def test_a_slow_start_goes_on(listeners):
    balancer, port = balancer_of(listeners, ", slow-start: 1h")

    def factors():
        return [round(b["factor"], 2) for b in balancer.api.get("/v1/services/pay")["backends"]]
    try:
        balancer.until(lambda: healths(balancer) == ["up", "up"], "both are up")
        balancer.api.override("pay", HOSTS[0], state="disabled")
        balancer.api.override("pay", HOSTS[0], state="enabled")
        assert factors() == [0.05, 1]
        restart_with(balancer, checked(port, "1h", ", slow-start: 1h"))
        assert factors() == [0.05, 1]
    finally:
        balancer.end()
