# SPDX-License-Identifier: BSD-3-Clause
"""Numbered packets at a steady rate through a rig; every one must come out, and soon."""

import struct
import threading
import time

from harness.channel import UDP
from harness.frames import frame, l3

PAYLOAD = struct.Struct("!8sQd")
MARK = b"guideway"


class Traffic:
    """Use as a context manager; afterwards sent, lost and slowest_ms are known."""

    def __init__(self, rig, vip, port, rate=1000, nb_flows=50):
        self.rig = rig
        self.rate = rate
        self.sent = 0
        self.arrived = set()
        self.slowest_ms = 0.0
        self._stop = threading.Event()
        self._frames = [frame(rig.fresh_client(4), vip, UDP, dport=port,
                              payload=bytes(PAYLOAD.size)) for _ in range(nb_flows)]
        self._threads = [threading.Thread(target=self._send, daemon=True),
                         threading.Thread(target=self._receive, daemon=True)]

    def _send(self):
        due = time.monotonic()
        while not self._stop.is_set():
            model = self._frames[self.sent % len(self._frames)]
            payload = PAYLOAD.pack(MARK, self.sent, time.monotonic())
            # UDP over IPv4 may go without checksum: zero it rather than compute it.
            data = model[:40] + b"\0\0" + payload
            self.rig.front.send(data)
            self.sent += 1
            due += 1 / self.rate
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self):
        while not self._stop.is_set() or self._quiet < 3:
            frames = self.rig.back.receive(64, timeout=0.2)
            self._quiet = 0 if frames else self._quiet + 1
            now = time.monotonic()
            for data in frames:
                content = l3(data)[28:]
                if content[:8] == MARK:
                    _, number, at = PAYLOAD.unpack(content[:PAYLOAD.size])
                    self.arrived.add(number)
                    self.slowest_ms = max(self.slowest_ms, (now - at) * 1000)

    _quiet = 0

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def lost(self):
        return self.sent - len(self.arrived)

    def check(self):
        """Not one packet lost."""
        assert self.sent > 100
        assert self.lost == 0, f"{self.lost} of {self.sent} packets were lost"
