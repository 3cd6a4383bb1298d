# SPDX-License-Identifier: BSD-3-Clause
"""The backends of scripts/lab: hosts with real servers, and what can happen to them."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

from harness.netns import call_inside, run
from harness.process import Program

WEB_PORT = 80
HAPROXY_PORT = 8080

HAPROXY = """\
global
    maxconn 2000
defaults
    mode http
    timeout client 600s
    timeout http-keep-alive 600s
    timeout connect 5s
    timeout server 5s
frontend web
    bind :::{port} v4v6 backlog 4096
    http-request return status 200 content-type text/plain string "{name}"
"""


class Backend:
    """One of them. restore() undoes whatever was done to it."""

    def __init__(self, lab, number):
        self.name = f"backend{number}"
        self.number = number
        self.namespace = f"{lab.name}-{self.name}"
        self.router = f"{lab.name}-router"
        self.cable = f"back-{number}"
        self.dir = lab.dir / self.name
        self.configuration = self.dir / "nginx.conf"
        self.original = self.configuration.read_text(encoding="utf-8")
        self.programs = []
        self.sockets = []

    def pids(self, program):
        """Of all its processes that run in this namespace."""
        found = []
        for pid in run("ip", "netns", "pids", self.namespace).split():
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip() == program:
                    found.append(int(pid))
        return found

    def signal(self, program, number):
        for pid in self.pids(program):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self, program="nginx"):
        """All its processes, at once and without a word: the kernel answers with RST from here."""
        self.signal(program, signal.SIGKILL)
        end = time.monotonic() + 20
        while self.pids(program):
            assert time.monotonic() < end, f"{program} does not die"
            time.sleep(0.01)

    def freeze(self):
        """The kernel still accepts connections, nobody answers on them."""
        self.signal("nginx", signal.SIGSTOP)

    def thaw(self):
        self.signal("nginx", signal.SIGCONT)

    def unplug(self):
        """The host is gone: its cable's other end is down."""
        run("ip", "-n", self.router, "link", "set", self.cable, "down")

    def plug_in(self):
        run("ip", "-n", self.router, "link", "set", self.cable, "up")

    def start_nginx(self):
        self._inside("nginx", "-e", self.dir / "error.log", "-c", self.configuration)

    def reconfigure(self, old, new):
        """Replace text in nginx's configuration and load it again."""
        text = self.configuration.read_text(encoding="utf-8")
        assert old in text
        self._load_configuration(text.replace(old, new))

    def half_open(self):
        """nginx dies; in its place is a socket whose queue is full: SYNs are not answered."""
        self.kill()
        self.sockets = call_inside(self.namespace, _full_listener)

    def close_half_open(self):
        for opened in self.sockets:
            opened.close()
        self.sockets = []

    def start_haproxy(self):
        path = self.dir / "haproxy.cfg"
        path.write_text(HAPROXY.format(port=HAPROXY_PORT, name=self.name), encoding="utf-8")
        self._launch("haproxy", "haproxy", "-db", "-f", path)

    def start_dnsmasq(self, name):
        """A DNS server that says 10.70.2.1N for the name."""
        self._launch("dnsmasq", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                     "--no-resolv", "--no-hosts", "--user=root", "--pid-file=",
                     f"--address=/{name}/10.70.2.1{self.number}")

    def start_decapsulator(self):
        """The end of a tunnel, for mode ipip; killed, the kernel says that there is none.
        @return the program."""
        log = self.dir / "decapsulate.log"
        log.unlink(missing_ok=True)  # "ready" of an earlier one says nothing.
        program = self._launch("decapsulate", "/usr/bin/python3",
                               pathlib.Path(__file__).with_name("decapsulate.py"), "decap")
        program.wait_until(lambda: "ready" in program.log_text(), "it is ready")
        return program

    def restore(self):
        """As scripts/lab has made it."""
        self.close_half_open()
        self.plug_in()
        self.thaw()
        for program in self.programs:
            program.kill()
        self.programs = []
        if self.configuration.read_text(encoding="utf-8") != self.original:
            self._load_configuration(self.original)
        if not self.pids("nginx"):
            self.start_nginx()

    def _load_configuration(self, text):
        self.configuration.write_text(text, encoding="utf-8")
        if self.pids("nginx"):
            self._inside("nginx", "-e", self.dir / "error.log", "-c", self.configuration,
                         "-s", "reload")

    def _inside(self, *command):
        subprocess.run(["ip", "netns", "exec", self.namespace, *command], check=True,
                       stdin=subprocess.DEVNULL, timeout=60)

    def _launch(self, name, *command):
        self.programs.append(Program(name, ["ip", "netns", "exec", self.namespace, *command],
                                     self.dir / f"{name}.log"))
        return self.programs[-1]


def _full_listener():
    """A listening socket that nobody accepts from, and the connections that fill its queue."""
    listener = socket.socket(socket.AF_INET6)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", WEB_PORT))  # Of both families.
    listener.listen(0)
    opened = [listener]
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", WEB_PORT))
        opened.append(client)
    return opened
