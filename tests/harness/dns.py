# SPDX-License-Identifier: BSD-3-Clause
"""Continuous DNS load: a query at a time, each from a socket of its own."""

import collections
import socket
import struct
import threading
import time

from harness.netns import call_inside

TIMEOUT_S = 5
PAUSE_S = 0.01


def query(name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", 0x4757, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


class DnsLoad:
    """Asks `address` inside a namespace until stop(); `answers` by the address in them."""

    def __init__(self, namespace, address, name):
        self.address = address
        self.message = query(name)
        self.answers = collections.Counter()
        self.failed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=call_inside, args=(namespace, self._run))
        self._thread.start()

    def _ask(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(TIMEOUT_S)
            asking.connect((self.address, 53))
            asking.send(self.message)
            answer = asking.recv(512)
        # The only record of the answer ends with its address.
        self.answers[socket.inet_ntoa(answer[-4:])] += 1

    def _run(self):
        while not self._stop.is_set():
            try:
                self._ask()
            except OSError:
                self.failed += 1
            time.sleep(PAUSE_S)

    def stop(self):
        self._stop.set()
        self._thread.join()
