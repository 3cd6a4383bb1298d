# SPDX-License-Identifier: BSD-3-Clause
"""guideway top on a terminal of tmux: what it shows, keys, resizing, a daemon that goes, its end."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import threading
import time

import pytest

from console import LONG_ADDRESS, table

WIDTH, HEIGHT = 150, 24
FIRST_ROW = 4


class Terminal:
    """A shell in a terminal, in which top is started as people do."""

    def __init__(self, console):
        self.console = console
        self.server = ["tmux", "-f", "/dev/null", "-L", f"gwt-{os.getpid()}-{time.monotonic_ns()}"]
        self.tmux("new-session", "-d", "-x", WIDTH, "-y", HEIGHT, "sh")
        self.type(f"PS1='$ ' GUIDEWAY_SOCKET={shlex.quote(str(console.socket))}", "Enter")
        self.type(f"export GUIDEWAY_SOCKET; PATH={console.directory}:$PATH", "Enter")

    def tmux(self, *words):
        return subprocess.run([*self.server, *map(str, words)], capture_output=True, text=True,
                              check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout

    def type(self, *keys):
        self.tmux("send-keys", *keys)

    def screen(self):
        return self.tmux("capture-pane", "-p").split("\n")

    def wait(self, condition, what):
        """Until the screen is as it should be; the screen."""
        end = time.monotonic() + 15
        while not condition(lines := self.screen()):
            assert time.monotonic() < end, what + "\n" + "\n".join(lines)
            time.sleep(0.05)
        return lines

    def top(self, words=""):
        self.type(f"guideway top --interval 0.2 {words}", "Enter")
        self.wait(lambda s: s[0].startswith("guideway top: ") and s[FIRST_ROW] != "", "it begins")

    def rows(self):
        """What stands below the headings, by heading without the mark of the order."""
        return read(self.screen())

    def flag(self, name):
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()

    def pid(self):
        shell = self.flag("pane_pid")
        return int(subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True,
                                  check=True).stdout)

    def check_restored(self):
        self.wait(lambda s: any(re.match(r"\$ *$", line) for line in s), "the shell is back")
        assert (self.flag("alternate_on"), self.flag("cursor_flag")) == ("0", "1")
        assert not any("DROPS/S" in line or "q: quit" in line for line in self.screen())
        self.type("stty -a | tr ';' '\\n'", "Enter")
        self.wait(lambda s: any(" icanon" in line for line in s) and
                  any(" echo " in line for line in s), "the terminal is as before")

    def stop(self):
        """Its server ends by itself with its last session."""
        subprocess.run([*self.server, "kill-server"], capture_output=True, check=False)


def read(screen):
    lines = [line for line in screen[FIRST_ROW - 1:-2] if line != ""]
    lines[0] = re.sub(r"[v^](?=  | *$)", "", lines[0])
    return table("\n".join(lines))


def marked(screen):
    """The column that it is sorted by, and how."""
    return re.search(r"(\S+(?: \S+)?)([v^])(?=  | *$)", screen[FIRST_ROW - 1]).groups()


@pytest.fixture
def terminal(console):
    terminal = Terminal(console)
    yield terminal
    terminal.stop()


@pytest.fixture
def lonely(alone):
    """The daemon has no dataplane."""
    terminal = Terminal(alone)
    yield terminal
    terminal.stop()


def test_it_shows_services_backends_and_workers(terminal):
    terminal.top()
    terminal.wait(lambda s: read(s)[0]["PACKETS/S"] == "0", "rates are there")
    assert [row["NAME"] for row in terminal.rows()][0] == "pay"
    assert "0 packets/s  0 bits/s  0 new flows/s  0 drops/s" in terminal.screen()[1]
    terminal.type("b")
    terminal.wait(lambda s: "6 of 6 backends" in s[0] and s[FIRST_ROW] != "", "backends")
    assert {row["BACKEND"] for row in terminal.rows()} >= {"10.2.0.11", "10.2.0.12", "fd02::12"}
    terminal.type("w")
    terminal.wait(lambda s: "workers" in s[0] and s[FIRST_ROW] != "", "workers")
    assert [row["WORKER"] for row in terminal.rows()] == ["0", "main"]
    terminal.type("Tab")
    terminal.wait(lambda s: "3 of 3 services" in s[0] and s[FIRST_ROW] != "", "services again")
    terminal.type("q")
    terminal.check_restored()


def test_it_sorts_by_any_column(terminal):
    terminal.top("backend")
    assert marked(terminal.screen()) == ("PACKETS/S", "v")
    terminal.type("<")
    screen = terminal.wait(lambda s: marked(s) == ("WEIGHT", "v"), "by weight")
    assert [row["WEIGHT"] for row in read(screen)] == ["65535", "100", "100", "100", "50", "10"]
    terminal.type("r")
    screen = terminal.wait(lambda s: marked(s) == ("WEIGHT", "^"), "the other way")
    assert [row["WEIGHT"] for row in read(screen)][:2] == ["10", "50"]
    for _ in range(3):
        terminal.type("<")
    screen = terminal.wait(lambda s: marked(s) == ("BACKEND", "^"), "by address")
    assert [row["BACKEND"] for row in read(screen)] == \
        ["10.2.0.11", "10.2.0.11", "10.2.0.12", "fd02::12", "fd02::12", LONG_ADDRESS]
    terminal.type(">", ">", ">", ">", ">", ">", ">", ">", ">")
    terminal.wait(lambda s: marked(s) == ("SERVICE", "^"), "beyond the last comes the first")


def test_it_filters(terminal):
    terminal.top("backend")
    terminal.type("/", "1", "0", ".", "2", "x", "BSpace")
    screen = terminal.wait(lambda s: s[2] == "filter: 10.2_", "the filter")
    assert "3 of 6 backends" in screen[0] and len(read(screen)) == 3
    terminal.type("q", "BSpace", "Enter")
    terminal.wait(lambda s: s[2] == "filter: 10.2", "typing ends")
    terminal.type("/", "Escape")
    terminal.wait(lambda s: "6 of 6 backends" in s[0] and s[2] == "", "all again")
    terminal.type("/", "z", "z")
    terminal.wait(lambda s: "0 of 6 backends" in s[0], "none")


def test_it_survives_resizing(terminal):
    terminal.top("backend")
    for width, height in ((60, 10), (20, 5), (10, 2), (200, 50), (WIDTH, HEIGHT)):
        terminal.tmux("resize-window", "-x", width, "-y", height)
        terminal.wait(lambda s, w=width: s[0] == "guideway top: 6 of 6 backends, every 0.2 s"[:w],
                      "it is drawn anew")
    assert len(terminal.rows()) == 6
    terminal.type("q")
    terminal.check_restored()


def test_a_daemon_that_goes_is_named_and_waited_for(terminal):
    terminal.top()
    terminal.console.daemon.kill()
    screen = terminal.wait(lambda s: "cannot connect to guidewayd" in s[2], "the error")
    assert len(read(screen)) == 3, "what was known stays"
    time.sleep(0.11)
    terminal.console.start(None)
    terminal.wait(lambda s: s[2] == "" and read(s)[0]["PACKETS/S"] == "0", "it is back")
    terminal.console.daemon.process.send_signal(signal.SIGSTOP)
    try:
        terminal.wait(lambda s: "within 2 s" in s[2], "a daemon that hangs")
        terminal.type("q")
        terminal.check_restored()
    finally:
        terminal.console.daemon.process.send_signal(signal.SIGCONT)


def test_without_a_dataplane_there_are_no_rates(lonely):
    lonely.top()
    screen = lonely.wait(lambda s: "no dataplane is connected" in s[2], "the reason")
    assert len(read(screen)) == 3 and read(screen)[0]["PACKETS/S"] == "-"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_end_restores_the_terminal(lonely, number):
    lonely.type("echo before", "Enter")
    lonely.top()
    assert lonely.flag("alternate_on") == "1"
    os.kill(lonely.pid(), number)
    lonely.check_restored()


def test_control_c_quits(lonely):
    lonely.top()
    lonely.type("C-c")
    lonely.check_restored()
    lonely.type("clear; guideway top; echo code $?", "Enter")
    lonely.wait(lambda s: s[0].startswith("guideway top: "), "again")
    lonely.type("q")
    lonely.wait(lambda s: "code 0" in s, "its exit code")


def test_a_terminal_that_is_closed_ends_it(lonely):
    lonely.top()
    pid = lonely.pid()
    lonely.tmux("kill-session")
    end = time.monotonic() + 10
    while os.path.exists(f"/proc/{pid}"):
        assert time.monotonic() < end, "it goes on without a terminal"
        time.sleep(0.05)


def test_ten_thousand_backends_scroll(bare):
    backends = "\n".join(f"      - {{address: 10.{20 + i // 250}.0.{1 + i % 250}, "
                         f"weight: {1 + i % 1000}}}" for i in range(10000))
    bare.start(f"services:\n  - name: pay\n    address: 192.0.2.10\n    protocol: tcp\n"
               f"    port: 443\n    mode: direct\n    backends:\n{backends}\n")
    terminal = Terminal(bare)
    try:
        terminal.top("backend")
        terminal.wait(lambda s: "10000 of 10000 backends" in s[0], "all of them")
        terminal.type("<", "<", "<", "<")
        terminal.wait(lambda s: marked(s) == ("BACKEND", "^"), "by address")
        terminal.type("End")
        terminal.wait(lambda s: "10.59.0.250" in s[HEIGHT - 2], "the last of them")
        terminal.type("Up")
        terminal.wait(lambda s: "10.59.0.249" in s[HEIGHT - 2], "a line up")
        terminal.type("PPage", "PPage", "Home", "NPage")
        terminal.wait(lambda s: f"10.20.0.{HEIGHT - 5 + 1} " in s[FIRST_ROW], "a page")
        terminal.type("/", "1", "0", ".", "4", "2", ".", "0", ".", "7", " ")
        terminal.wait(lambda s: "0 of 10000" in s[0], "no text has a blank")
        terminal.type("BSpace")
        terminal.wait(lambda s: "11 of 10000" in s[0] and "10.42.0.7 " in s[FIRST_ROW],
                      "10.42.0.7 and 10.42.0.70 to 79")
        terminal.type("Enter", "q")
        terminal.check_restored()
    finally:
        terminal.stop()


def test_scripts_get_a_single_sample(console):
    rows = table(console.ok("top", "--once", "--interval", "0.2"))
    assert {row["NAME"] for row in rows} >= {"pay"}
    assert {row["PACKETS/S"] for row in rows} == {"0"}
    answer = json.loads(console.ok("top", "worker", "--interval=0.2", "-o", "json"))
    assert answer["view"] == "worker" and 0.2 <= answer["interval_s"] < 5
    assert [row["worker"] for row in answer["rows"]] == ["0", "main"]
    assert answer["rows"][0]["drops_per_s"] >= 0 and answer["rows"][1]["load"] is None
    assert len(table(console.ok("top", "--once", "--interval=0.2", "--service", "pay"))) == 2


class Counting(threading.Thread):
    """A daemon whose every answer is given by hand, in order."""

    def __init__(self, path, answers):
        super().__init__(daemon=True)
        self.answers = answers
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.start()

    def run(self):
        for answer in self.answers:
            client, _ = self.listener.accept()
            self.asked.append(client.recv(65536).split(b" ")[1].decode())
            body = json.dumps(answer).encode()
            client.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            client.close()
        self.listener.close()


def test_rates_are_growth_by_time(bare):
    """Of what is there twice; what began anew has none."""
    def stats(rx, drops):
        return {"workers": [{"worker": 0, "rx_packets": rx, "rx_bytes": 64 * rx, "drops": drops,
                             "flows4": 7}], "main": {"drops": {"no_neighbour": rx}}}

    daemon = Counting(bare.socket, [stats(1000, {"a": 1}), stats(6000, {"a": 11, "b": 20})])
    answer = json.loads(bare.ok("top", "worker", "--interval=0.4", "-o", "json"))
    seconds, (worker, main) = answer["interval_s"], answer["rows"]
    assert worker["rx_packets_per_s"] * seconds == pytest.approx(5000)
    assert worker["rx_bits_per_s"] * seconds == pytest.approx(5000 * 64 * 8)
    assert worker["drops_per_s"] * seconds == pytest.approx(30)
    assert main["drops_per_s"] * seconds == pytest.approx(5000)
    assert worker["flows4"] == 7 and worker["forwarded_per_s"] is None
    daemon.join(5)
    assert daemon.asked == 2 * ["/v1/stats?services=false"], "it asks only what it shows"


def test_entries_are_told_apart_by_name_wherever_they_stand(bare):
    def backends(**packets):
        return {"backends": [{"service_name": name[0], "address": name[1:], "packets": nb}
                             for name, nb in packets.items()]}

    bare.socket.unlink(missing_ok=True)
    daemon = Counting(bare.socket, [
        {"workers": [], "main": {}}, backends(a1=10, a2=20, a3=30, b1=40),
        {"workers": [], "main": {}}, backends(new=5, b1=41, a3=33, a1=12, a2=19)])
    answer = json.loads(bare.ok("top", "backend", "--interval=0.3", "-o", "json"))
    growth = {row["service"] + row["address"]: row["packets_per_s"] and
              round(row["packets_per_s"] * answer["interval_s"]) for row in answer["rows"]}
    assert growth == {"a3": 3, "a1": 2, "b1": 1, "new": None, "a2": None}
    assert list(growth)[:3] == ["a3", "a1", "b1"], "the busiest first, unknown ones last"
    daemon.join(5)
    assert daemon.asked[1] == "/v1/backends"


def test_without_a_terminal_it_says_so(alone):
    assert "top needs a terminal" in alone.refused(2, "top")
    assert "top takes service, backend or worker" in alone.refused(2, "top", "flow")
    assert "top shows backends of a --service" in alone.refused(2, "top", "worker", "--service",
                                                                  "pay")
    assert "--interval takes 0.2..60 seconds" in alone.refused(2, "top", "--interval", "0.1")
