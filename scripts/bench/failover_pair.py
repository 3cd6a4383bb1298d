# SPDX-License-Identifier: BSD-3-Clause
"""A pair of balancers (tests/harness/pair.py), of which one fails: scripts/bench/failover."""

import datetime
import os
import random
import signal
import time

from harness.pair import KERNEL, VIP, Pair
from harness.process import Program

from capture import Capture, mac_of, set_link

BAR_MS = 150
WATCHED_S = 1.3  # A SYN that was lost is sent again after one second.
LOAD = {"new_rate": 150, "keep": 20, "keep_interval": 0.05, "timeout": 30}


class Failure:
    """Of a process of balancer a: by a signal."""

    def __init__(self, title, number, program, heal):
        self.title, self.number, self.program, self.heal = title, number, program, heal

    def fail(self, pair):
        os.kill(self.program(pair.balancers["a"]).pid, self.number)


def _start_dataplane(pair):
    balancer = pair.balancers["a"]
    balancer.dataplane.kill()
    balancer.start_dataplane()


def _start_bird(pair):
    bird = pair.balancers["a"].bird
    bird.program.kill()
    bird.start()


def _thaw(program):
    return lambda pair: os.kill(program(pair.balancers["a"]).pid, signal.SIGCONT)


def _dataplane(balancer):
    return balancer.dataplane


def _bird(balancer):
    return balancer.bird.program


class LinkDown:
    """The router's end of the cable."""

    title = "link down"

    @staticmethod
    def fail(pair):
        set_link(f"{pair.name}-router", "front-a", False)

    @staticmethod
    def heal(pair):
        set_link(f"{pair.name}-router", "front-a", True)


FAILURES = (Failure("dataplane killed", signal.SIGKILL, _dataplane, _start_dataplane),
            Failure("dataplane frozen", signal.SIGSTOP, _dataplane, _thaw(_dataplane)),
            Failure("BIRD killed", signal.SIGKILL, _bird, _start_bird),
            Failure("BIRD frozen", signal.SIGSTOP, _bird, _thaw(_bird)),
            LinkDown)


class Routes:
    """When the router's route to the VIP has changed; sleeps meanwhile."""

    def __init__(self, pair):
        self.program = Program("ip monitor", [
            "ip", "netns", "exec", f"{pair.name}-router", "ip", "-ts", "-o", "monitor", "route"],
            pair.directory / "routes.log")

    def last_change(self, begin, end):
        """@return Unix time; None: nothing has changed."""
        found = None
        for line in self.program.log_text().splitlines():
            if not line.startswith("[") or VIP not in line:
                continue
            at = datetime.datetime.fromisoformat(line[1:line.index("]")]).replace(
                tzinfo=datetime.timezone.utc).timestamp()
            if begin < at < end:
                found = at
        return found


class Rounds:
    """Of one failure."""

    def __init__(self, pair):
        self.pair = pair
        self.routes = Routes(pair)
        self.capture = Capture(f"{pair.name}-router", "front")
        self.mac = mac_of(pair.balancers["a"].space, "front")

    def _sent(self):
        """To balancer a, since the last call."""
        return [p.time for p in self.capture.take() if p.is_to_vip and p.mac == self.mac]

    def _both(self):
        self.pair.until(lambda: self.pair.next_hops() == set(KERNEL.values()), "both are used")

    def one(self, failure):
        """@return milliseconds from the failure, and what the clients say."""
        self._both()
        load = self.pair.load(**LOAD)
        try:
            self.pair.until(lambda: load.report()["requests"] > 300, "requests are answered")
            time.sleep(random.uniform(0.1, 0.2))
            before = self._sent()
            began = time.time()
            failure.fail(self.pair)
            time.sleep(WATCHED_S)
            sent = [t for t in self._sent() if t > began]
            changed = self.routes.last_change(began, time.time())
            if changed is None or not before:
                raise RuntimeError(f"{failure.title}: the router has not noticed "
                                   f"({len(before)} packets before, route changed: {changed})")
            failure.heal(self.pair)
            self._both()
            asked = load.report()["requests"]
            self.pair.until(lambda: load.report()["requests"] > asked + 200, "requests go on")
            report = load.stop()
        finally:
            load.kill()
        return {"last": (max(sent, default=began) - began) * 1000,
                "route": (changed - began) * 1000, "slowest": report["slowest_ms"],
                "requests": report["requests"], "failed": report["failed"]}

    def end(self):
        self.routes.program.kill()
        self.capture.close()


def measure(options, summary, note):
    """@return failure -> figures."""
    result = {}
    pair = Pair(f"{os.environ.get('GUIDEWAY_LAB', 'gwfo')}-p", options.bfd_ms)
    try:
        rounds = Rounds(pair)
        try:
            for failure in FAILURES:
                note(f"{failure.title}: {options.pair_rounds} rounds")
                found = [rounds.one(failure) for _ in range(options.pair_rounds)]
                result[failure.title] = {
                    key: summary([r[key] for r in found]) for key in ("last", "route", "slowest")}
                result[failure.title].update(
                    {key: sum(r[key] for r in found) for key in ("requests", "failed")})
        finally:
            rounds.end()
    finally:
        pair.stop()
    return result


def rows(result, row):
    """@return (line of the table, whether its bar is met) of each."""
    found = []
    for title, figures in result.items():
        found.append(row(f"{title}: last packet to it", ("max", BAR_MS), figures["last"]))
        found.append(row(f"{title}: route changed", ("max", BAR_MS), figures["route"]))
        found.append(row(f"{title}: slowest request of a round", None, figures["slowest"]))
    return found


def words(result):
    return [f"{title}: {figures['failed']} of {figures['requests']} requests failed (bar 0)"
            for title, figures in result.items()]
