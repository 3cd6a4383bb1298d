# SPDX-License-Identifier: BSD-3-Clause
"""guidewayd killed, stopped or absent: not one packet is lost or delayed by it."""

import errno
import json
import os
import signal
import time

import pytest

from harness.api import Api
from harness.channel import Channel
from harness.process import BUILD, Program
from harness.rig import backend
from traffic import Traffic

VIP, PORT = "192.0.2.75", 7500
CONFIG = {"services": [{"name": "chaos", "address": VIP, "protocol": "udp", "port": PORT,
                        "mode": "direct",
                        "backends": [{"address": backend(4, 11)}, {"address": backend(4, 12)}]}]}
#: On a busy machine the scheduler alone may take this long; a daemon that mattered would
#: take seconds.
SLOWEST_MS = 300


class Daemon:
    """guidewayd beside a rig."""

    def __init__(self, rig):
        self.rig = rig
        self.api = Api(rig.directory / "api.sock")
        self.program = None
        self.start()

    def start(self):
        directory = self.rig.directory
        self.program = Program(
            "guidewayd", [str(BUILD / "guidewayd"), "--config", str(directory / "absent.yaml"),
                          "--channel", self.rig.socket_path, "--api", str(directory / "api.sock"),
                          "--state-dir", str(directory / "state")], directory / "guidewayd.log")
        self.program.wait_until(self._connected, "it is connected to the dataplane")

    def _connected(self):
        try:
            return self.api.get("/v1/status")["dataplane"]["connected"]
        except OSError:
            return False

    def await_sync(self):
        end = time.monotonic() + 10
        while not self.api.get("/v1/status")["dataplane"]["in_sync"]:
            assert time.monotonic() < end
            time.sleep(0.02)


@pytest.fixture
def daemon(rig):
    rig.control.close()
    daemon = Daemon(rig)
    daemon.api.call("PUT", "/v1/config", json.dumps(CONFIG))
    yield daemon
    assert daemon.program.end() == 0
    rig.connect()


def check(traffic):
    traffic.check()
    assert traffic.slowest_ms < SLOWEST_MS


def test_killed_and_restarted_a_dozen_times(rig, daemon):
    with Traffic(rig, VIP, PORT) as traffic:
        for _ in range(12):
            daemon.program.kill()
            time.sleep(0.1)
            daemon.start()
            daemon.await_sync()
    check(traffic)


def test_killed_in_the_middle_of_changes(rig, daemon):
    with Traffic(rig, VIP, PORT) as traffic:
        for number in range(6):
            pid = os.fork()
            if pid == 0:
                try:
                    for weight in range(1, 2000):
                        daemon.api.override("chaos", backend(4, 11), weight=weight)
                finally:
                    os._exit(0)  # The daemon has gone: that is what we wait for.
            time.sleep(0.05 + 0.03 * number)
            daemon.program.kill()
            os.waitpid(pid, 0)
            daemon.start()
            daemon.await_sync()
    check(traffic)


def test_stopped_for_a_while(rig, daemon):
    with Traffic(rig, VIP, PORT) as traffic:
        os.kill(daemon.program.pid, signal.SIGSTOP)
        time.sleep(5)
        os.kill(daemon.program.pid, signal.SIGCONT)
        daemon.api.override("chaos", backend(4, 11), weight=7)
        time.sleep(0.5)
    check(traffic)


def test_absent_and_its_socket_crowded(rig, daemon):
    """Nobody is there; others knock at the dataplane's socket meanwhile."""
    daemon.program.kill()
    with Traffic(rig, VIP, PORT) as traffic:
        for _ in range(200):
            rig.connect()
            rig.control.close()
        time.sleep(1)
    check(traffic)
    daemon.start()


def test_a_newcomer_is_refused_while_a_stopped_daemon_holds_the_session(rig, daemon):
    """One session at a time; when the old one wakes up, it goes on."""
    os.kill(daemon.program.pid, signal.SIGSTOP)
    with Traffic(rig, VIP, PORT) as traffic:
        with pytest.raises(OSError) as error:
            Channel(rig.socket_path)
        assert error.value.errno == errno.EBUSY
        os.kill(daemon.program.pid, signal.SIGCONT)
        daemon.api.override("chaos", backend(4, 11), weight=9)
    check(traffic)


def test_the_dataplane_restarts_under_the_daemon(rig, daemon):
    """The other way round: the daemon survives, and gives a new dataplane its state."""
    rig.dataplane.kill()
    rig.start()
    end = time.monotonic() + 15
    while True:
        status = daemon.api.get("/v1/status")["dataplane"]
        if status["connected"] and status["in_sync"]:
            break
        assert time.monotonic() < end
        time.sleep(0.05)
    with Traffic(rig, VIP, PORT) as traffic:
        time.sleep(1)
    check(traffic)
