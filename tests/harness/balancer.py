# SPDX-License-Identifier: BSD-3-Clause
"""A dataplane whose session is guidewayd's: what the daemon decides, as packets show it.

The backends are loopback addresses of the tester, reached through the gateway (mode ipip): the
daemon's checks meet real sockets, and the packets for them come out of the front cable.
"""

import pathlib

from scapy.layers.inet import IP, TCP

from harness.api import Api
from harness.frames import frame, is_forwarded, l3
from harness.process import BUILD, Program
from harness.rig import Rig

VIP = "192.0.2.80"


def document(hosts, health, more=""):
    """guideway.yaml: a service "pay". @param more Other keys of it, a line each."""
    return f"""\
services:
  - name: pay
    address: {VIP}
    protocol: tcp
    port: 443
    mode: ipip
    health: {{{health}}}
    backends: [{", ".join(f"{{address: {host}}}" for host in hosts)}]
{more}"""


class Balancer:
    """@param document As document() makes it."""

    def __init__(self, name, document):
        self.rig = Rig(name, connect=False)
        directory = pathlib.Path(self.rig.directory)
        self.config = directory / "guideway.yaml"
        self.config.write_text(document, encoding="utf-8")
        self.daemon = None
        self.api = Api(directory / "api.sock", timeout=30)
        self.command = [
            str(BUILD / "guidewayd"), "-c", str(self.config), "--state-dir", str(directory / "state"),
            "--channel", self.rig.socket_path, "--api", str(directory / "api.sock")]
        self.start_daemon()

    def start_daemon(self):
        self.daemon = Program("guidewayd", self.command,
                              pathlib.Path(self.rig.directory) / "guidewayd.log")
        self.until(lambda: self.status()["dataplane"]["in_sync"], "all is in force")

    def status(self):
        try:
            return self.api.get("/v1/status")
        except (FileNotFoundError, ConnectionError):
            return {"dataplane": {"in_sync": False}}

    def until(self, condition, what):
        self.daemon.wait_until(condition, what, 60)

    def backend(self, host):
        backends = self.api.get("/v1/services/pay")["backends"]
        return next(b for b in backends if b["address"] == host)

    def encapsulated(self, client=None, flags="S"):
        """A client's segment, a new client's first, as it leaves for its backend."""
        self.rig.front.send(frame(client or self.rig.fresh_client(4), VIP, 6, dport=443,
                                  flags=flags))
        (out,) = self.rig.front.receive(1, keep=is_forwarded)
        return l3(out)

    def encapsulated_for(self, host):
        while IP(packet := self.encapsulated()).dst != host:
            pass
        return packet

    def answer_to(self, client):
        """What the balancer itself answers to a segment of an open flow."""
        self.rig.front.drain()
        self.rig.front.send(frame(client, VIP, 6, dport=443, flags="A"))
        packets = (IP(l3(out)) for out in self.rig.front.receive(2, timeout=3.0))
        return [p[TCP].flags for p in packets if (p.src, p.dst) == (VIP, client)]

    def end(self):
        try:
            self.daemon.end()
            self.daemon.check_sanitizers()
        finally:
            self.rig.stop()
