# SPDX-License-Identifier: BSD-3-Clause
"""A guideway-dataplane between two cables, and all that tests need around it.

        tester             namespace $GUIDEWAY_LAB-<name>               tester
    ┌──────────┐  ┌─────────────────────────────────────────────┐  ┌──────────┐
    │  wfront  ├──┤front             dataplane              back├──┤  wback   │
    └──────────┘  │ 10.1.0.2/24 fd01::2   10.2.0.2/24 fd02::2   │  └──────────┘
                  │ VLAN 100: 10.4.0.2    VLAN 200: 10.3.0.2    │
                  │           fd04::2               fd03::2     │
                  └─────────────────────────────────────────────┘

Backends .11 … .30 of 10.2.0.0/24, fd02::/64 and of VLAN 200 are static neighbours with the MAC
address 02:00:00:00:VV:NN (VV: 02 or 03 by network, NN: the number); the gateways .1 likewise.
Everything else has to be resolved by ARP or neighbour discovery.
"""

import ipaddress
import itertools
import os
import pathlib
import shutil
import tempfile
import time

import yaml

from harness.channel import Channel
from harness.netns import Namespace
from harness.process import BUILD, Program
from harness.stats import Stats
from harness.wire import Wire

LAB = os.environ.get("GUIDEWAY_LAB", "gwt")
#: The instruction set whose pipeline runs; without it the best that the CPU has.
PIPELINE = os.environ.get("GUIDEWAY_PIPELINE")
FRONT_MAC = "02:00:00:00:aa:01"
BACK_MAC = "02:00:00:00:aa:02"
WIRE_MAC = "02:00:00:00:bb:01"
HASH_KEY = bytes(range(0x40, 0x50))

#: Where the balancer has addresses: network number -> (IPv4, IPv6) prefix.
OWN = {1: ("10.1.0.2", "fd01::2"), 2: ("10.2.0.2", "fd02::2"),
       3: ("10.3.0.2", "fd03::2"), 4: ("10.4.0.2", "fd04::2")}
BACK_VLAN = 200
FRONT_VLAN = 100


def backend_mac(network, number):
    return f"02:00:00:00:{network:02x}:{number:02x}"


def backend(family, number, network=2):
    """The address of a backend with a static neighbour."""
    return f"10.{network}.0.{number}" if family == 4 else f"fd{network:02x}::{number}"


def mac_of(address):
    """The MAC address of one of those backends."""
    packed = ipaddress.ip_address(address)
    if packed.version == 4:
        return backend_mac(packed.packed[1], packed.packed[3])
    # fd0N::NN is written with decimal digits on purpose: ::11 is number 11.
    return backend_mac(packed.packed[1], int(str(packed).rsplit(":", 1)[1]))


def _neighbours(network):
    numbers = [1, *range(11, 31)]
    return [{"address": backend(family, number, network), "mac": backend_mac(network, number)}
            for family in (4, 6) for number in numbers]


def default_config(directory, workers=1):
    """dataplane.yaml as a dictionary; tests change what they need."""
    cpus = sorted(os.sched_getaffinity(0))
    return {
        "lcores": {"main": cpus[0],
                   "workers": [cpus[(i + 1) % len(cpus)] for i in range(workers)]},
        "idle": {"mode": "sleep", "max_latency": 100},
        "memory": {"hugepages": False, "flows_ipv4": 20000, "flows_ipv6": 20000},
        "limits": {"services": 256, "members": 4096},
        "channel": {"socket": str(directory / "channel.sock")},
        "ports": [
            {"name": "front", "device": "af_packet", "interface": "front", "punt": "drop",
             "addresses": ["10.1.0.2/24", "fd01::2/64"], "gateway": "10.1.0.1",
             "gateway6": "fd01::1", "neighbours": _neighbours(1),
             "vlans": [{"id": FRONT_VLAN, "addresses": ["10.4.0.2/24", "fd04::2/64"]}]},
            {"name": "back", "device": "af_packet", "interface": "back", "punt": "drop",
             "addresses": ["10.2.0.2/24", "fd02::2/64"], "neighbours": _neighbours(2),
             "vlans": [{"id": BACK_VLAN, "addresses": ["10.3.0.2/24", "fd03::2/64"],
                        "neighbours": _neighbours(3)}]},
        ],
    }


class Rig:
    """One running dataplane. configure(config) may change dataplane.yaml before the start."""

    _clients = itertools.count(1)

    def __init__(self, name, configure=None, workers=1, mtu=1500, connect=True):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{LAB}-{name}-"))
        self.namespace = Namespace(f"{LAB}-{name}")
        self.control = None
        self.dataplane = None
        try:
            self._set_up(name, configure, workers, mtu, connect)
        except BaseException:
            self._clean_up()
            raise

    def _set_up(self, name, configure, workers, mtu, connect):
        self.namespace.cable("front", "wfront", FRONT_MAC, mtu)
        self.namespace.cable("back", "wback", BACK_MAC, mtu)
        self.front = Wire(self.namespace, "wfront", WIRE_MAC)
        self.back = Wire(self.namespace, "wback", WIRE_MAC)
        self.config = default_config(self.directory, workers)
        self.config["name"] = f"{LAB}-{name}"
        if configure is not None:
            configure(self.config)
        self.socket_path = self.config["channel"]["socket"]
        self.start()
        if connect:
            self.connect()

    def start(self):
        path = self.directory / "dataplane.yaml"
        path.write_text(yaml.safe_dump(self.config), encoding="utf-8")
        command = ["ip", "netns", "exec", self.namespace.name, str(BUILD / "guideway-dataplane"),
                   "--config", str(path)]
        if PIPELINE is not None:
            command += ["--pipeline", PIPELINE]
        self.dataplane = Program("guideway-dataplane", command, self.directory / "dataplane.log")
        self.dataplane.wait_until(lambda: os.path.exists(self.socket_path),
                                  "the channel's socket is there", 60)

    def connect(self, **options):
        """A session of our own with the dataplane (instead of guidewayd's).
        It takes ten a second, so that on a fast machine one may have to wait."""
        end = time.monotonic() + 5
        while True:
            try:
                self.control = Channel(self.socket_path, **options)
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    @property
    def stats(self):
        return Stats(self.control.stats)

    def members(self, service):
        """Address -> counters of a service's members, as the statistics have them."""
        ids = self.stats.service_ids(service.key)
        return {m["address"]: m for m in self.stats.members() if m["service_id"] in ids}

    def apply(self, *services, key=HASH_KEY):
        """Make these services, and no others, the whole desired state; wait until in force."""
        return self.control.replace_all(key, services)

    def check_every_worker_uses(self, generation, timeout=1.0):
        """A worker that slept shows a new generation when it wakes, at most 0.1 ms later."""
        end = time.monotonic() + timeout
        while True:
            shown = {self.stats.worker(i)["generation"] for i in range(self.stats.nb_workers)}
            if shown == {generation}:
                return
            assert time.monotonic() < end, f"workers use {shown}, not {generation}"
            time.sleep(0.001)

    def fresh_client(self, family):
        """A client address that no test of this process has used."""
        number = next(self._clients)
        if family == 4:
            return str(ipaddress.ip_address("172.16.0.0") + number)
        return str(ipaddress.ip_address("2001:db8:c::") + number)

    def drops_during(self, action, wait=0.0):
        """Run an action; drops by reason that were counted during it."""
        before = self.stats.drops
        action()
        time.sleep(wait)
        after = self.stats.drops
        return {name: count - before.get(name, 0) for name, count in after.items()
                if count != before.get(name, 0)}

    def await_drop(self, reason, action, count=1, timeout=3.0):
        """Run an action; it must count exactly this many drops, all for this reason."""
        before = self.stats.drops
        action()
        end = time.monotonic() + timeout
        while True:
            after = self.stats.drops
            new = {name: value - before.get(name, 0) for name, value in after.items()
                   if value != before.get(name, 0)}
            if sum(new.values()) >= count or time.monotonic() > end:
                break
            time.sleep(0.01)
        assert new == {reason: count}, f"expected {count} drops for {reason}, got {new}"

    def stop(self):
        """End the dataplane; it must end well."""
        try:
            if self.control is not None:
                self.control.close()
            self.front.close()
            self.back.close()
            code = self.dataplane.end()
            assert code == 0, f"exit code {code}:\n{self.dataplane.log_tail()}"
        finally:
            self._clean_up()

    def _clean_up(self):
        if self.dataplane is not None:
            self.dataplane.kill()
        self.namespace.delete()
        shutil.rmtree(self.directory)
