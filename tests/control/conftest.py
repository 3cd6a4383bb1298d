# SPDX-License-Identifier: BSD-3-Clause
"""A real guidewayd in a directory of its own, and a real dataplane when a test wants one."""

import os
import pathlib
import shutil
import tempfile
import time

import pytest
import yaml

from harness import openapi
from harness.api import Api
from harness.process import BUILD, Program

#: Whatever a test asks for here, the answer must be as doc/openapi.yaml says.
Api.judge = staticmethod(openapi.check)

EXAMPLE = """\
services:
  - name: pay
    address: 192.0.2.10
    protocol: tcp
    port: 443
    mode: direct
    backends:
      - address: 10.0.1.1
      - address: 10.0.1.2
        weight: 50
  - address: "2001:db8::10"
    protocol: udp
    port: 53
    mode: ipip
    backends: [{address: 10.0.1.1, weight: 10}]
"""
DNS = "udp/[2001:db8::10]:53"


def program(name):
    """Where scripts/build links it, else where meson puts it."""
    places = [BUILD / name, BUILD / "controlplane/daemon" / name, BUILD / "dataplane" / name]
    return str(next(place for place in places if place.is_file()))


class Control:
    """One state directory; the daemon may be started, killed and started again."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gwt-control-"))
        self.config = self.directory / "guideway.yaml"
        self.state = self.directory / "state"
        self.channel = self.directory / "channel.sock"
        self.socket = self.directory / "api.sock"
        self.api = Api(self.socket, timeout=30)
        self.daemon = None
        self.dataplane = None
        self.options = []

    def command(self, *more):
        return [program("guidewayd"), "-c", str(self.config), "--state-dir", str(self.state),
                "--channel", str(self.channel), "--api", str(self.socket), *self.options, *more]

    def start(self, text=None, wait=True):
        if text is not None:
            self.config.write_text(text, encoding="utf-8")
        self.daemon = Program("guidewayd", self.command(), self.directory / "guidewayd.log")
        if wait:
            self.daemon.wait_until(self.answers, "the API answers", 60)

    def answers(self):
        try:
            return self.api.get("/v1/status")["version"] != ""
        except (FileNotFoundError, ConnectionError):
            return False

    def start_dataplane(self, services=16, members=64, wait=True):
        cpus = sorted(os.sched_getaffinity(0))
        path = self.directory / "dataplane.yaml"
        path.write_text(yaml.safe_dump({
            "name": f"gwt-control-{os.getpid()}",
            "lcores": {"main": cpus[0], "workers": [cpus[-1]]},
            "idle": {"mode": "sleep", "max_latency": 1000},
            "memory": {"hugepages": False, "flows_ipv4": 2000, "flows_ipv6": 2000},
            "limits": {"services": services, "members": members},
            "channel": {"socket": str(self.channel)},
            "ports": [{"name": "p0", "device": "ring", "punt": "drop",
                       "addresses": ["10.0.1.254/24", "2001:db8:1::1/64"]}],
        }), encoding="utf-8")
        self.dataplane = Program("guideway-dataplane",
                                 [program("guideway-dataplane"), "--config", str(path)],
                                 self.directory / "dataplane.log")
        self.dataplane.wait_until(self.channel.exists, "the channel's socket is there", 60)
        if wait and self.daemon is not None:
            self.until(lambda s: s["dataplane"]["in_sync"], "the dataplane is in sync")

    def until(self, condition, what, timeout=60):
        """Wait until status() is as wanted."""
        end = time.monotonic() + timeout
        while True:
            status = self.api.get("/v1/status")
            if condition(status):
                return status
            assert time.monotonic() < end, f"not within {timeout} s: {what}: {status}"
            time.sleep(0.02)

    def log(self):
        return self.daemon.log_text()

    def stop(self):
        try:
            if self.daemon is not None and self.daemon.running:
                assert self.daemon.end() == 0, self.daemon.log_tail()
            elif self.daemon is not None:
                self.daemon.check_sanitizers()
        finally:
            if self.dataplane is not None and self.dataplane.running:
                self.dataplane.end()
            for left in list(Program.every):
                left.kill()
        shutil.rmtree(self.directory)


@pytest.fixture
def control():
    control = Control()
    yield control
    control.stop()


@pytest.fixture
def running(control):
    """A daemon with the example applied, without a dataplane."""
    control.start(EXAMPLE)
    return control


@pytest.fixture
def connected(running):
    """The same with a dataplane, in sync."""
    running.start_dataplane()
    return running
