# SPDX-License-Identifier: BSD-3-Clause
"""Agents and slow start as packets show them: who gets new flows, and who keeps what he has."""

import socket
import threading

import pytest
from scapy.layers.inet import IP

from harness.balancer import VIP, Balancer

HOSTS = ["127.0.2.1", "127.0.2.2", "127.0.2.3"]


class Agents:
    """One port at every host; each says its line."""

    def __init__(self):
        self.lines = dict.fromkeys(HOSTS, "up")
        self.listeners = {}
        self.port = 0
        for host in HOSTS:
            self.listeners[host] = socket.create_server((host, self.port), backlog=64)
            self.port = self.listeners[host].getsockname()[1]
        self.threads = [threading.Thread(target=self._serve, args=[host]) for host in HOSTS]
        for thread in self.threads:
            thread.start()

    def _serve(self, host):
        while True:
            try:
                peer, _ = self.listeners[host].accept()
            except OSError:
                return
            with peer:
                try:
                    peer.sendall(self.lines[host].encode() + b"\n")
                except OSError:
                    pass

    def end(self):
        for listener in self.listeners.values():
            if listener.fileno() >= 0:
                listener.shutdown(socket.SHUT_RDWR)
                listener.close()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def agents():
    agents = Agents()
    yield agents
    agents.end()


@pytest.fixture
def balancer(agents):
    balancer = Balancer("shares", f"""\
services:
  - name: pay
    address: {VIP}
    protocol: tcp
    port: 443
    mode: ipip
    slots: 65537
    health:
      checks: [{{type: agent, port: {agents.port}, interval: 20ms, timeout: 5s}}]
      slow-start: 1h
    backends: [{", ".join(f"{{address: {host}}}" for host in HOSTS)}]
""")
    balancer.until(lambda: [b["health"] for b in views(balancer)] == ["up"] * len(HOSTS),
                   "the agents are heard")
    yield balancer
    balancer.end()


def views(balancer):
    return balancer.api.get("/v1/services/pay")["backends"]


def wait_for_shares(balancer, wanted):
    """Of the slots, as the dataplane counts them."""
    balancer.until(lambda: [b["share"] for b in views(balancer)] ==
                   pytest.approx(wanted, abs=0.005), f"shares are {wanted}")


def new_flows_go_to(balancer, nb=40):
    return {IP(balancer.encapsulated()).dst for _ in range(nb)}


def test_an_agent_sets_the_share_of_new_flows(balancer, agents):
    wait_for_shares(balancer, [1 / 3] * 3)
    agents.lines[HOSTS[0]] = "25%"
    agents.lines[HOSTS[1]] = "50%"
    wait_for_shares(balancer, [1 / 7, 2 / 7, 4 / 7])
    agents.lines[HOSTS[0]] = agents.lines[HOSTS[1]] = "100%"
    wait_for_shares(balancer, [1 / 3] * 3)


def test_drain_keeps_flows_and_ready_starts_slowly(balancer, agents):
    one = HOSTS[0]
    client = IP(balancer.encapsulated_for(one)[20:]).src
    assert IP(balancer.encapsulated(client, "A")).dst == one
    agents.lines[one] = "drain"
    wait_for_shares(balancer, [0, 1 / 2, 1 / 2])
    assert new_flows_go_to(balancer) == set(HOSTS[1:])
    assert IP(balancer.encapsulated(client, "A")).dst == one
    agents.lines[one] = "ready"
    wait_for_shares(balancer, [.05 / 2.05, 1 / 2.05, 1 / 2.05])
    assert IP(balancer.encapsulated(client, "A")).dst == one


def test_an_enabled_backend_starts_slowly(balancer):
    one = HOSTS[0]
    balancer.api.override("pay", one, state="disabled")
    wait_for_shares(balancer, [0, 1 / 2, 1 / 2])
    balancer.api.override("pay", one, state="enabled")
    wait_for_shares(balancer, [.05 / 2.05, 1 / 2.05, 1 / 2.05])


def test_down_moves_flows(balancer, agents):
    one = HOSTS[0]
    client = IP(balancer.encapsulated_for(one)[20:]).src
    assert IP(balancer.encapsulated(client, "A")).dst == one
    agents.lines[one] = "down # no disk"
    wait_for_shares(balancer, [0, 1 / 2, 1 / 2])
    assert IP(balancer.encapsulated(client, "A")).dst in HOSTS[1:]


def test_the_word_of_agents_outlives_the_daemon(balancer, agents):
    """Until they have spoken to the new one, which here they do not."""
    one, two = HOSTS[:2]
    agents.lines[one] = "drain"
    agents.lines[two] = "25%"
    wait_for_shares(balancer, [0, 1 / 5, 4 / 5])
    balancer.daemon.kill()
    agents.end()
    balancer.start_daemon()
    assert [round(b["factor"], 2) for b in views(balancer)] == [0, 0.25, 1]
    wait_for_shares(balancer, [0, 1 / 5, 4 / 5])
    assert new_flows_go_to(balancer) == set(HOSTS[1:])
