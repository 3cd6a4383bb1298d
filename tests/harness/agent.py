# SPDX-License-Identifier: BSD-3-Clause
"""Agents of backends, as HAProxy's agent-check asks them."""

import socket
import threading


class Agent:
    """Says `line` to whoever connects, or nothing if it is None; remembers what it was sent."""

    def __init__(self, host, port=0):
        self.line = "up"
        self.asked = []
        self.socket = socket.create_server((host, port), backlog=64)
        self.port = self.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer:
                try:
                    if self.line is not None:
                        peer.sendall(self.line.encode() + b"\n")
                    peer.settimeout(1)
                    self.asked.append(peer.recv(100))
                except OSError:
                    pass

    def end(self):
        """Legal when it has ended."""
        if self.socket.fileno() >= 0:
            self.socket.shutdown(socket.SHUT_RDWR)  # Whoever waits in accept() keeps it open.
            self.socket.close()
        self._thread.join()


def agents_at(hosts):
    """One for each host, all at the same port."""
    first = Agent(hosts[0])
    return [first] + [Agent(host, first.port) for host in hosts[1:]]
