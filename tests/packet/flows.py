# SPDX-License-Identifier: BSD-3-Clause
"""A client's flow through the rig, and where each of its packets comes out."""

from scapy.layers.l2 import Ether

from harness.channel import TCP
from harness.frames import frame, l3
from harness.rig import backend, mac_of


class Flow:
    """One client address and port, talking to a service."""

    def __init__(self, rig, service, client=None, sport=40000):
        self.rig = rig
        self.service = service
        self.client = client or rig.fresh_client(6 if ":" in service.vip else 4)
        self.sport = sport

    def frame(self, flags="A", payload=b""):
        return frame(self.client, self.service.vip, self.service.protocol, self.sport,
                     self.service.port, payload, flags)

    def send(self, flags="A", payload=b""):
        """Send one packet; the address of the backend that gets it, None if nobody does."""
        sent = self.frame(flags, payload)
        self.rig.front.send(sent)
        out = self.rig.back.receive(1, timeout=3.0, keep=lambda f: l3(f).endswith(l3(sent)))
        if out:
            return self.backend_of(out[0])
        print(f"{self.client} port {self.sport}: nothing came out; all drops so far "
              f"{self.rig.stats.drops}, workers {self.rig.stats.workers}")
        return None

    def open(self):
        """SYN and ACK (UDP: one datagram); the backend."""
        if self.service.protocol != TCP:
            return self.send(payload=b"x")
        first = self.send("S")
        assert self.send("A") == first
        return first

    def data(self):
        """A segment with payload."""
        return self.send("PA", b"data")

    def backend_of(self, out):
        mac = Ether(out).dst
        for b in self.service.backends:
            if mac_of(b.address) == mac:
                return b.address
        raise AssertionError(f"{mac} is no backend's MAC address")


def open_flows(rig, service, count):
    """Flows that are open, as a list of (flow, backend)."""
    flows = [Flow(rig, service) for _ in range(count)]
    return [(flow, flow.open()) for flow in flows]


def backends(family, numbers, **fields):
    from harness.channel import Backend
    return [Backend(backend(family, number), **fields) for number in numbers]
