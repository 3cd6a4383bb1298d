# SPDX-License-Identifier: BSD-3-Clause
"""The real guideway at a real guidewayd: each test has a daemon and a state of its own."""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from harness.api import Api
from harness.process import BUILD, SANITIZER_WORDS, Program

#: A name as long as names may be, addresses as long as addresses may be.
LONG_NAME = "a-name-of-sixty-three-characters." + 30 * "x"
LONG_ADDRESS = "fd02::1111:2222:3333:4444"
DNS = "udp/[2001:db8::10]:53"
EXAMPLE = f"""\
services:
  - name: pay
    address: 192.0.2.10
    protocol: tcp
    port: 443
    mode: direct
    backends:
      - address: 10.2.0.11
      - address: 10.2.0.12
        weight: 50
  - address: "2001:db8::10"
    protocol: udp
    port: 53
    mode: ipip
    backends: [{{address: 10.2.0.11, weight: 10}}, {{address: "fd02::12"}}]
  - name: {LONG_NAME}
    address: "2001:db8::11"
    protocol: tcp
    port: 65535
    mode: direct
    backends:
      - {{address: "{LONG_ADDRESS}", weight: 65535, state: disabled}}
      - {{address: "fd02::12"}}
"""
#: An ordinary user without any group of ours.
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
#: One who may open the daemon's socket, as its group may, but not change anything.
READER = ("setpriv", "--reuid=65534", "--regid=0", "--clear-groups")
#: One who may open it, too, but to whom access.yaml gives nothing.
STRANGER = ("setpriv", "--reuid=4321", "--regid=0", "--clear-groups")


@dataclasses.dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        """The error that -o json wrote."""
        return json.loads(self.err)["error"]


class Console:
    """A daemon that can be started, killed and started again, and the CLI that talks to it."""

    def __init__(self, channel):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="gwt-cli-"))
        self.directory.chmod(0o755)
        self.channel = channel
        self.socket = self.directory / "api.sock"
        self.config = self.directory / "guideway.yaml"
        # Unprivileged users may not see the build's folder.
        self.program = str(shutil.copy(BUILD / "guideway", self.directory / "guideway"))
        self.api = Api(self.socket, timeout=30)
        self.daemon = None

    def start(self, text=EXAMPLE):
        """Start the daemon, with this as its file; None: with the file that is there."""
        if text is not None:
            self.config.write_text(text, encoding="utf-8")
        access = self.directory / "access.yaml"
        access.write_text("unix: [{user: 65534, role: viewer}]\n", encoding="utf-8")
        self.daemon = Program("guidewayd", [
            str(BUILD / "guidewayd"), "-c", str(self.config), "--state-dir",
            str(self.directory / "state"), "--channel", str(self.channel), "--api",
            str(self.socket), "--access", str(access)], self.directory / "guidewayd.log")
        self.daemon.wait_until(self._answers, "the API answers", 60)

    def _answers(self):
        try:
            return self.api.get("/v1/status")["version"] != ""
        except (FileNotFoundError, ConnectionError):
            return False

    def wait_in_sync(self):
        end = time.monotonic() + 60
        while not self.api.get("/v1/status")["dataplane"]["in_sync"]:
            assert time.monotonic() < end, self.api.get("/v1/status")
            time.sleep(0.02)

    def run(self, *words, stdin="", prefix=(), env=None, timeout=30):
        """Run the CLI to its end; it may never trip over a sanitizer."""
        environment = {**os.environ, "GUIDEWAY_SOCKET": str(self.socket), "LC_ALL": "C.UTF-8",
                       **(env or {})}
        done = subprocess.run([*prefix, self.program, *map(str, words)], input=stdin,
                              capture_output=True, text=True, check=False, timeout=timeout,
                              env=environment, cwd=self.directory)
        for word in SANITIZER_WORDS:
            assert word not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *words, **more):
        """Run a command that must succeed and say nothing on stderr; its output."""
        done = self.run(*words, **more)
        assert (done.code, done.err) == (0, ""), done
        return done.out

    def refused(self, code, *words, **more):
        """Run a command that must end with this code and say why; what it says."""
        done = self.run(*words, **more)
        assert done.code == code, done
        assert done.out == "" and done.err != "", done
        return done.err

    def rows(self, *words):
        """A table as a list of dictionaries."""
        return table(self.ok(*words))

    def stop(self):
        try:
            if self.daemon is not None and self.daemon.running:
                assert self.daemon.end() == 0, self.daemon.log_tail()
        finally:
            if self.daemon is not None and self.daemon.running:
                self.daemon.kill()
            shutil.rmtree(self.directory)


class Impostor(threading.Thread):
    """Something else on the socket: says its words to one client, and hangs up."""

    def __init__(self, path, words):
        super().__init__(daemon=True)
        self.words = words
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.start()

    def run(self):
        client, _ = self.listener.accept()
        client.recv(65536)
        client.sendall(self.words)
        client.close()
        self.listener.close()


def shown(console, words, answer):
    """What a command prints for this answer of the API."""
    body = json.dumps(answer).encode()
    head = ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    console.socket.unlink(missing_ok=True)
    impostor = Impostor(console.socket, head.encode() + body)
    done = console.run(*words.split())
    impostor.join(5)
    assert done.err == ""
    return done.out


def table(text):
    """Read an aligned table; cells are apart by two spaces or more, none is empty."""
    heading, *lines = text.splitlines()
    names = re.split(r" {2,}", heading.strip())
    result = []
    for line in lines:
        cells = re.split(r" {2,}", line.strip())
        assert len(cells) == len(names), f"{line!r} does not fit {heading!r}"
        result.append(dict(zip(names, cells)))
    return result


def check_alignment(text):
    """Each cell ends or begins where its heading does, and nothing ends in spaces."""
    heading, *lines = text.splitlines()
    places = [(m.start(), m.end()) for m in re.finditer(r"\S+(?: \S+)*", heading)]
    for line in lines:
        assert line == line.rstrip(), f"spaces at the end: {line!r}"
        cells = [(m.start(), m.end()) for m in re.finditer(r"\S+(?: \S+)*", line)]
        assert len(cells) == len(places), f"{line!r} does not fit {heading!r}"
        for (start, end), (cell_start, cell_end) in zip(places, cells):
            assert start == cell_start or end == cell_end, f"{line!r} is askew of {heading!r}"


_VOLATILE = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "YYYY-MM-DDThh:mm:ss.mmmZ"),
    (r"up (\d+ d )?(\d+ h ?)?(\d+ min ?)?(\d+ s)?(?=,)", "up TIME"),
    (r"generation \d+", "generation N"),
    (r"\d+(\.\d)? (ms|µs)", "TIME"),
    (r"hash key [0-9a-f]{8}", "hash key KEY"),
    (r"\b0\.\d+\.\d+,", "VERSION,"),
)


def steady(text, directory):
    """A text without what differs from run to run."""
    text = text.replace(str(directory), "DIRECTORY")
    for pattern, words in _VOLATILE:
        text = re.sub(pattern, words, text)
    return text


def check_golden(name, text):
    """The text must be that of golden/NAME; GUIDEWAY_UPDATE_GOLDEN=1 writes it there."""
    path = pathlib.Path(__file__).with_name("golden") / name
    if os.environ.get("GUIDEWAY_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"differs from {path}"
