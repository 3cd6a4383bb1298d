# SPDX-License-Identifier: BSD-3-Clause
"""From an ICMP error on the wire to a verdict in force: dataplane and guidewayd together."""

import socket
import time

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from harness.balancer import Balancer, document
from harness.rig import FRONT_MAC, OWN, WIRE_MAC

HOSTS = ["127.0.2.1", "127.0.2.2"]
#: So rarely that only suspicion can be the reason for a check.
RARELY = "interval: 1h, fast-interval: 1h, timeout: 1s"


class Backends:
    """One port at every host."""

    def __init__(self):
        self.listeners = {}
        self.port = 0
        for host in HOSTS:
            listener = socket.create_server((host, self.port), backlog=64)
            self.port = listener.getsockname()[1]
            self.listeners[host] = listener

    def close(self, host):
        self.listeners.pop(host).close()

    def end(self):
        for host in list(self.listeners):
            self.close(host)


def unreachable(balancer, packet):
    """A router says that it cannot deliver this."""
    balancer.rig.front.send(bytes(Ether(src=WIRE_MAC, dst=FRONT_MAC)
                                  / IP(src="10.1.0.1", dst=OWN[1][0])
                                  / ICMP(type=3, code=1) / Raw(packet[:548])))


@pytest.fixture
def backends():
    backends = Backends()
    yield backends
    backends.end()


@pytest.fixture
def balancer(backends):
    balancer = Balancer("suspicion", document(
        HOSTS, f"checks: [{{type: tcp, port: {backends.port}, {RARELY}}}], initial: up",
        "    on-down: reset\n"))
    yield balancer
    balancer.end()


def test_an_unreachable_backend_that_refuses_is_down_after_one_check(balancer, backends):
    one, other = HOSTS
    packet = balancer.encapsulated_for(one)
    client = IP(packet[20:]).src
    assert IP(balancer.encapsulated(client, "A")).dst == one
    backends.close(one)
    began = time.monotonic()
    unreachable(balancer, packet)
    balancer.until(lambda: balancer.backend(one)["health"] == "down", "it is down")
    print(f"seen by the API {1000 * (time.monotonic() - began):.1f} ms after the error")
    balancer.until(lambda: balancer.status()["dataplane"]["in_sync"], "it is in force")
    assert balancer.answer_to(client) == ["R"]  # As on-down says.
    assert IP(balancer.encapsulated(client, "A")).dst == other
    assert {IP(balancer.encapsulated()).dst for _ in range(30)} == {other}
    checked = balancer.backend(one)["checked"]
    assert checked["suspicions"]["count"] >= 1
    assert checked["suspicions"]["last"] == "unreachable"
    assert balancer.backend(other)["checked"]["suspicions"] == {
        "count": 0, "last": None, "last_at": None}

    def recorded():
        return [(change["why"], change.get("suspect"))
                for entry in balancer.api.get("/v1/audit")["entries"]
                if entry["action"] == "health.change" for change in entry["after"]
                if change["health"] == "down"]
    balancer.until(recorded, "the audit trail has it")
    assert recorded() == [("connection refused", "unreachable")]


def test_a_suspect_that_passes_its_check_stays(balancer):
    one = HOSTS[0]
    packet = balancer.encapsulated_for(one)
    for count in range(1, 4):
        attempts = balancer.backend(one)["checked"]["checks"][0]["attempts"]
        unreachable(balancer, packet)
        balancer.until(lambda n=attempts: balancer.backend(one)["checked"]["checks"][0]["attempts"] > n,
                       "it was checked")
        checked = balancer.backend(one)["checked"]
        assert checked["suspicions"]["count"] >= count
        assert checked["checks"][0]["last_result"] == "good"
        time.sleep(0.15)  # Evidence of one kind is told every 100 ms at most.
    assert balancer.backend(one)["health"] == "up"
    assert IP(balancer.encapsulated_for(one)).dst == one
