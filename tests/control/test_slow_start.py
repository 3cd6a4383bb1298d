# SPDX-License-Identifier: BSD-3-Clause
"""Slow start: whoever takes new flows again begins with few of them."""

import socket
import time

import pytest

from harness.api import ApiError
from harness.checks import HOSTS, document, wait_for, wait_until

FIRST = 0.05


class Port:
    """One port number at every host, which each may close and open."""

    def __init__(self):
        self.listeners = {}
        self.number = 0
        for host in HOSTS:
            self.open(host)

    def open(self, host):
        listener = socket.create_server((host, self.number), backlog=64)
        self.number = listener.getsockname()[1]
        self.listeners[host] = listener

    def close(self, host):
        self.listeners.pop(host).close()


@pytest.fixture
def port():
    port = Port()
    yield port
    for host in list(port.listeners):
        port.close(host)


def slow(port, length="1h", hosts=HOSTS, health=""):
    return document(port.number, health=f"slow-start: {length}{health}", hosts=hosts)


def factors(control):
    return [round(b["factor"], 3) for b in control.api.get("/v1/services/pay")["backends"]]


def wait_for_factors(control, wanted):
    wait_until(control, lambda: factors(control) == wanted,
               lambda: f"factors are {factors(control)}, not {wanted}")


def all_up(**others):
    return {host: others.get("h" + host[-1], "up") for host in HOSTS}


def go_and_return(control, port):
    """The first backend does."""
    port.close(HOSTS[0])
    wait_for(control, all_up(h1="down"))
    port.open(HOSTS[0])
    wait_for(control, all_up())


def test_the_start_of_the_daemon_is_no_return(control, port):
    control.start(slow(port))
    wait_for(control, all_up())
    assert factors(control) == [1, 1, 1, 1]


def test_a_backend_that_returns_grows_until_it_has_all(control, port):
    control.start(slow(port, "2s"))
    wait_for(control, all_up())
    go_and_return(control, port)
    seen = []
    end = time.monotonic() + 60
    while not seen or seen[-1] < 1:
        assert time.monotonic() < end
        first, *others = factors(control)
        assert others == [1, 1, 1]
        seen.append(first)
        time.sleep(0.01)
    assert seen == sorted(seen) and seen[0] < 1
    assert len(set(seen)) > 3
    assert control.api.get("/v1/services/pay")["backends"][0]["checked"][
        "slow_start_left_ms"] is None


def test_what_people_bring_back_starts_slowly_from_the_first_packet(control, port):
    """The change itself carries the small factor: nothing else is sent after it."""
    control.start(slow(port))
    control.start_dataplane()
    wait_for(control, all_up())
    for away, back in (({"state": "disabled"}, {"state": "enabled"}),
                       ({"state": "draining"}, {"state": None}),
                       ({"weight": 0}, {"weight": None})):
        nb_sent = []
        for _ in range(3):  # A step of slow start may come between.
            control.api.override("pay", HOSTS[1], **away)
            control.until(lambda s: s["dataplane"]["in_sync"], "in sync")
            before = control.api.get("/v1/status")["dataplane"]["generation"]
            assert control.api.override("pay", HOSTS[1], **back)["result"] == "in_force"
            assert factors(control) == [1, FIRST, 1, 1]
            time.sleep(0.05)
            nb_sent.append(control.api.get("/v1/status")["dataplane"]["generation"] - before)
        assert min(nb_sent) == 1
    left = control.api.get("/v1/services/pay")["backends"][1]["checked"]["slow_start_left_ms"]
    assert 3500000 < left <= 3600000


def test_a_backend_that_is_new_in_a_service_starts_slowly(control, port):
    control.start(slow(port, hosts=HOSTS[:3]))
    control.api.apply_yaml(slow(port))
    assert factors(control) == [1, 1, 1, FIRST]
    wait_for(control, all_up())
    assert factors(control) == [1, 1, 1, FIRST]


def test_when_all_start_slowly_nobody_does(control, port):
    """Shares are in proportion to each other: one that is alone has everything."""
    control.start(slow(port, health=", min-healthy: 0"))
    wait_for(control, all_up())
    for host in HOSTS:
        port.close(host)
    wait_for(control, {host: "down" for host in HOSTS})
    port.open(HOSTS[2])
    wait_for(control, {host: "up" if host == HOSTS[2] else "down" for host in HOSTS})
    wait_for_factors(control, [FIRST, FIRST, 1, FIRST])


def test_who_fails_open_needs_everybody_at_once(control, port):
    control.start(slow(port, health=", min-healthy: 3"))
    wait_for(control, all_up())
    go_and_return(control, port)
    assert factors(control) == [FIRST, 1, 1, 1]
    for host in HOSTS[1:3]:
        port.close(host)
    wait_for(control, all_up(h2="unknown", h3="unknown"))
    assert factors(control) == [1, 1, 1, 1]
    port.open(HOSTS[1])
    # It had traffic all the time.
    wait_for(control, all_up(h3="down"))
    assert factors(control)[:2] == [1, 1]


def test_a_slow_start_goes_on_through_other_changes(control, port):
    control.start(slow(port))
    wait_for(control, all_up())
    go_and_return(control, port)
    control.api.override("pay", HOSTS[1], weight=50)
    assert factors(control) == [FIRST, 1, 1, 1]
    control.api.apply_yaml(document(port.number))
    assert factors(control) == [1, 1, 1, 1]


def test_it_is_quiet(control, port):
    control.start(slow(port, "1s"))
    wait_for(control, all_up())
    go_and_return(control, port)
    wait_for_factors(control, [1, 1, 1, 1])
    assert control.daemon.log_tail().count("in force") < 10


@pytest.mark.parametrize("length, complaint", [("500ms", "must be 1s or longer"),
                                               ("2h", "is not in"), ("soon", "duration")])
def test_bad_lengths_are_refused(control, port, length, complaint):
    control.start(slow(port))
    with pytest.raises(ApiError, match=complaint):
        control.api.apply_yaml(slow(port, length))

