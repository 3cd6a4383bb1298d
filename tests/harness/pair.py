# SPDX-License-Identifier: BSD-3-Clause
"""Two balancers behind a router that learns the VIPs by BGP, with BFD.

      client                  router                    a, b: a balancer each
    ┌─────────┐   clients  ┌───────────┐   front      ┌───────────────────────────────────┐
    │ eth0 .10├────────────┤.1       .1├──(bridge)────┤front  dataplane ─ gw-front .11 .12 │
    └─────────┘ 10.71.0/24 │    BIRD   │ 10.71.1/24   │  BIRD, guidewayd, gw-vips, gw-spare│
                           │  ECMP     │              │back  .11 .12                       │
                           │   back    │              └──┬────────────────────────────────┘
                           └───(bridge)┴─────────────────┘
                 10.71.2/24   │    │    │
                             .31  .32  .33   nginx; the VIPs on lo

IPv6 addresses are fd71:0::10 and so on. Port 80 of the VIPs is a service in mode direct, port 81
of the IPv4 VIP one in mode ipip, for which decapsulate.py stands in at the backends. The
configuration of BIRD is doc/examples/bird-*.conf.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import yaml

from harness.api import Api
from harness.lab import Load
from harness.netns import Namespace, delete_namespace, run
from harness.process import BUILD, ROOT, Program

VIP, VIP6 = "192.0.2.10", "2001:db8::10"
#: Services: name, address, port, mode.
SERVICES = (("direct", VIP, 80, "direct"), ("ipip", VIP, 81, "ipip"),
            ("direct6", VIP6, 80, "direct"))
URLS = (f"http://{VIP}:80/", f"http://{VIP}:81/", f"http://[{VIP6}]:80/")
ROUTER, KERNEL, DATAPLANE = ("10.71.1.1", {"a": "10.71.1.11", "b": "10.71.1.12"},
                             {"a": "10.71.1.21", "b": "10.71.1.22"})
BACK = {"a": "10.71.2.11", "b": "10.71.2.12"}
BACKENDS = {n: f"10.71.2.{30 + n}" for n in (1, 2, 3)}


def six(address):
    """The IPv6 address beside one of 10.71."""
    _, _, net, host = address.split(".")
    return f"fd71:{net}::{host}"


EXAMPLES = ROOT / "doc/examples"


def namespace(name, ipv6=True):
    """One whose kernel forwards nothing by itself and filters nothing by its source."""
    Namespace(name)
    if ipv6:
        enable_ipv6(name, "all", "default")
    run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0",
        "net.ipv4.conf.default.rp_filter=0")


def cable(one, one_end, other, other_end):
    """As scripts/lab does it: without offloads, which DPDK would see."""
    run("ip", "link", "add", one_end, "netns", one, "type", "veth", "peer", "name", other_end,
        "netns", other)
    for space, end in ((one, one_end), (other, other_end)):
        run("ip", "netns", "exec", space, "ethtool", "-K", end, "tx", "off", "tso", "off", "gso",
            "off", "gro", "off")
        run("ip", "-n", space, "link", "set", end, "up")


def enable_ipv6(space, *interfaces):
    for interface in interfaces:
        run("ip", "netns", "exec", space, "sysctl", "-qw",
            f"net.ipv6.conf.{interface}.disable_ipv6=0")


def address(space, interface, *addresses):
    for each in addresses:
        run("ip", "-n", space, "addr", "add", each, "dev", interface,
            *(["nodad"] if ":" in each else []))


class Bird:
    """A BIRD in a namespace."""

    def __init__(self, lab, space, text):
        self.space = space
        self.directory = lab.directory
        self.config = self.directory / f"bird-{space}.conf"
        self.socket = self.directory / f"bird-{space}.ctl"
        self.config.write_text(text, encoding="utf-8")
        self.program = None
        self.start()

    def start(self):
        self.program = Program("bird", [
            "ip", "netns", "exec", self.space, "bird", "-f", "-c", str(self.config), "-s",
            str(self.socket), "-P", str(self.directory / f"bird-{self.space}.pid")],
            self.directory / f"bird-{self.space}.log")
        self.program.wait_until(self.answers, "BIRD answers")

    def answers(self):
        try:
            return "ready" in self.ask("show", "status")
        except RuntimeError:
            return False

    def ask(self, *words):
        return run("birdc", "-s", str(self.socket), "-r", *words)


class Balancer:
    """One of the two: dataplane, daemon, BIRD."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        self.space = f"{lab.name}-{name}"
        self.directory = lab.directory / name
        self.directory.mkdir()
        self.api = Api(self.directory / "api.sock", timeout=30)
        self.dataplane = None
        self.daemon = None
        self.bird = None
        # The kernel shall not speak IPv6 on the ports' own cables, only on the dataplane's TAPs.
        namespace(self.space, ipv6=False)
        cable(self.space, "front", f"{lab.name}-router", f"front-{name}")
        cable(self.space, "back", f"{lab.name}-router", f"back-{name}")
        enable_ipv6(self.space, "default", "lo")
        for bridge in ("front", "back"):
            run("ip", "-n", f"{lab.name}-router", "link", "set", f"{bridge}-{name}", "master",
                bridge)

    def start(self):
        self.start_dataplane()
        self.start_daemon()
        text = (EXAMPLES / "bird-balancer.conf").read_text(encoding="utf-8")
        self.bird = Bird(self.lab, self.space, self.lab.bird_text(
            text.replace(f"OWN = {KERNEL['a']}", f"OWN = {KERNEL[self.name]}").replace(
                f"OWN6 = {six(KERNEL['a'])}", f"OWN6 = {six(KERNEL[self.name])}")))

    def start_dataplane(self):
        cpus = sorted(os.sched_getaffinity(0))
        path = self.directory / "dataplane.yaml"
        path.write_text(yaml.safe_dump({
            "name": self.space,
            "lcores": {"main": cpus[0], "workers": [cpus[-1]]},
            "idle": {"mode": "sleep", "max_latency": 1000},
            "memory": {"hugepages": False, "flows_ipv4": 20000, "flows_ipv6": 2000},
            "limits": {"services": 64, "members": 256},
            "channel": {"socket": str(self.directory / "channel.sock")},
            "advertise": {"tap": "gw-vips", "spare_tap": "gw-spare"},
            "ports": [
                {"name": "front", "device": "af_packet", "interface": "front", "punt": "tap",
                 "addresses": [f"{DATAPLANE[self.name]}/24", f"{six(DATAPLANE[self.name])}/64"],
                 "gateway": ROUTER, "gateway6": six(ROUTER)},
                {"name": "back", "device": "af_packet", "interface": "back",
                 "addresses": [f"{BACK[self.name]}/24", f"{six(BACK[self.name])}/64"]}],
        }), encoding="utf-8")
        log = self.directory / "dataplane.log"
        log.unlink(missing_ok=True)  # "ready" of an earlier one says nothing.
        self.dataplane = Program("guideway-dataplane", [
            "ip", "netns", "exec", self.space, str(BUILD / "guideway-dataplane"), "--config",
            str(path)], log)
        self.dataplane.wait_until(lambda: ": ready" in self.dataplane.log_text(),
                                  "the dataplane is ready", 60)
        address(self.space, "gw-front", f"{KERNEL[self.name]}/24",
                f"{six(KERNEL[self.name])}/64")
        # The way of health checks.
        run("ip", "-n", self.space, "route", "add", "10.71.2.0/24", "via", ROUTER)
        run("ip", "-n", self.space, "route", "add", "fd71:2::/64", "via", six(ROUTER))

    def start_daemon(self):
        self.daemon = Program("guidewayd", [
            "ip", "netns", "exec", self.space, str(BUILD / "guidewayd"), "-c",
            str(self.lab.config), "--state-dir", str(self.directory / "state"), "--channel",
            str(self.directory / "channel.sock"), "--api", str(self.directory / "api.sock"),
            "--hash-key-file", str(self.lab.hash_key)], self.directory / "guidewayd.log")
        self.daemon.wait_until(self.in_sync, "all is in force", 60)

    def in_sync(self):
        try:
            return self.api.get("/v1/status")["dataplane"]["in_sync"]
        except (FileNotFoundError, ConnectionError):
            return False

    @staticmethod
    def signal(program, number):
        os.kill(program.pid, number)

    def packets(self):
        """Of clients, by the balancer's own counters."""
        return sum(s["packets"] for s in self.api.get("/v1/services")["services"])

    def cli(self, *words, timeout=60):
        return subprocess.run([str(BUILD / "guideway"), "--socket", str(self.directory / "api.sock"),
                               *words], capture_output=True, text=True, check=False,
                              timeout=timeout)

    def stop(self):
        for program in (self.bird and self.bird.program, self.daemon, self.dataplane):
            if program is not None and program.running:
                self.signal(program, signal.SIGCONT)
                program.end()


class Pair:
    """The whole lab. @param bfd_ms BFD's interval: longer than the examples' on slow machines."""

    def __init__(self, name, bfd_ms=40):
        self.name = name
        self.bfd_ms = bfd_ms
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.spaces = [f"{name}-{part}" for part in ("client", "router", "a", "b", *(
            f"backend{n}" for n in BACKENDS))]
        self.helpers = []
        self.config = self.directory / "guideway.yaml"
        self.hash_key = self.directory / "hash.key"
        self.balancers = {}
        try:
            self._set_up()
        except BaseException:
            self.stop()
            raise

    def bird_text(self, text):
        return text.replace("interval 40 ms", f"interval {self.bfd_ms} ms").replace(
            "log syslog all", "log stderr all")

    def services(self, health=None):
        health = f"\n    health: {health}" if health else ""

        def backends(vip):
            return "".join(f'      - address: "{six(a) if ":" in vip else a}"\n'
                           for a in BACKENDS.values())
        return "services:\n" + "".join(f"""\
  - name: {name}
    address: "{vip}"
    protocol: tcp
    port: {port}
    mode: {mode}{health}
    backends:
{backends(vip)}""" for name, vip, port, mode in SERVICES)

    def _set_up(self):
        self._router()
        for number in BACKENDS:
            self._backend(number)
        self.config.write_text(self.services(), encoding="utf-8")
        self.balancers = {name: Balancer(self, name) for name in ("a", "b")}
        for balancer in self.balancers.values():
            balancer.start()
        text = (EXAMPLES / "bird-router.conf").read_text(encoding="utf-8")
        self.bird = Bird(self, f"{self.name}-router", self.bird_text(text))
        self.until(lambda: self.next_hops() == set(KERNEL.values()), "both are used")

    def _router(self):
        client, router = f"{self.name}-client", f"{self.name}-router"
        namespace(client)
        namespace(router)
        run("ip", "netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1",
            "net.ipv4.fib_multipath_hash_policy=1", "net.ipv6.conf.all.forwarding=1",
            "net.ipv6.fib_multipath_hash_policy=1")
        cable(client, "eth0", router, "client")
        address(client, "eth0", "10.71.0.10/24", "fd71:0::10/64")
        address(router, "client", "10.71.0.1/24", "fd71:0::1/64")
        for gateway in ("10.71.0.1", "fd71:0::1"):
            run("ip", "-n", client, "route", "add", "default", "via", gateway)
        for bridge, own in (("front", f"{ROUTER}/24"), ("back", "10.71.2.1/24")):
            run("ip", "-n", router, "link", "add", bridge, "type", "bridge")
            run("ip", "-n", router, "link", "set", bridge, "up")
            address(router, bridge, own, six(own.split("/", maxsplit=1)[0]) + "/64")

    def _backend(self, number):
        space = f"{self.name}-backend{number}"
        namespace(space)
        cable(space, "eth0", f"{self.name}-router", f"back-{number}")
        run("ip", "-n", f"{self.name}-router", "link", "set", f"back-{number}", "master", "back")
        run("ip", "netns", "exec", space, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1",
            "net.ipv4.conf.all.arp_announce=2")
        address(space, "eth0", f"{BACKENDS[number]}/24", f"{six(BACKENDS[number])}/64")
        address(space, "lo", f"{VIP}/32", f"{VIP6}/128")
        for gateway in ("10.71.2.1", "fd71:2::1"):
            run("ip", "-n", space, "route", "add", "default", "via", gateway)
        directory = self.directory / f"nginx{number}"
        directory.mkdir()
        (directory / "nginx.conf").write_text(f"""\
user root;
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    default_type text/plain;
    keepalive_timeout 600s;
    keepalive_requests 1000000;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 80;
        listen [::]:80;
        listen 81;
        location = / {{ return 200 "backend{number}\\n"; }}
    }}
}}
""", encoding="utf-8")
        for name, command in (
                ("nginx", ["nginx", "-e", f"{directory}/error.log", "-c",
                           f"{directory}/nginx.conf"]),
                ("decapsulate", ["/usr/bin/python3",
                                 str(pathlib.Path(__file__).with_name("decapsulate.py")),
                                 "decap"])):
            self.helpers.append(Program(name, ["ip", "netns", "exec", space, *command],
                                        directory / f"{name}.log"))
        self.helpers[-1].wait_until(lambda: "ready" in self.helpers[-1].log_text(), "it is ready")

    def next_hops(self):
        """Where the router sends packets for the VIPs: IPv4 addresses of those that have both; of
        one that has only one VIP, that VIP's next hop beside it."""
        four, sixes = (self._next_hops(vip) for vip in (VIP, VIP6))
        mapped = {KERNEL[name] for name in KERNEL if six(KERNEL[name]) in sixes}
        return four if four == mapped else four | sixes

    def _next_hops(self, vip):
        routes = json.loads(run("ip", "-n", f"{self.name}-router", "-json",
                                *(["-6"] if ":" in vip else []), "route", "show", vip))
        return {hop["gateway"] for route in routes
                for hop in route.get("nexthops", [route]) if "gateway" in hop}

    def until(self, condition, what, timeout=60):
        end = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < end, f"not within {timeout} s: {what}"
            time.sleep(0.005)

    def set_link(self, name, state):
        """Pull the router's end of a balancer's front cable, or plug it in."""
        run("ip", "-n", f"{self.name}-router", "link", "set", f"front-{name}", state)

    def load(self, **options):
        return Load(self, urls=URLS, **options)

    def stop(self):
        for balancer in self.balancers.values():
            balancer.stop()
        for space in self.spaces:
            delete_namespace(space)
        for helper in self.helpers:
            helper.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
