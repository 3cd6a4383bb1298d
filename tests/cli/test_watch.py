# SPDX-License-Identifier: BSD-3-Clause
"""--watch: answers one behind the other in a pipe, in place on a terminal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
import yaml

HIDE, SHOW = "\033[?25l", "\033[?25h"


class Watch:
    """A command that goes on, on a terminal or in a pipe."""

    def __init__(self, console, *words, terminal=False):
        self.near, far = pty.openpty() if terminal else os.pipe()
        self.text = ""
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            [console.program, *words], stdout=far, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "GUIDEWAY_SOCKET": str(console.socket), "TERM": "xterm"})
        os.close(far)

    def read_until(self, pattern, nb=1):
        """Until the pattern has come so many times since the last call; what has come."""
        end = time.monotonic() + 20
        self.text = ""
        while len(re.findall(pattern, self.text, re.DOTALL)) < nb:
            assert select.select([self.near], [], [], max(0, end - time.monotonic()))[0], self.text
            part = os.read(self.near, 65536)
            assert part, self.text
            self.text += part.decode().replace("\r", "")
        return self.text

    def end(self, number):
        self.process.send_signal(number)
        code = self.process.wait(10)
        rest = ""
        try:
            while select.select([self.near], [], [], 0)[0] and (part := os.read(self.near, 65536)):
                rest += part.decode()
        except OSError:  # A terminal that nobody holds any more.
            pass
        os.close(self.near)
        return code, rest


def test_in_a_pipe_answers_follow_each_other(alone):
    watch = Watch(alone, "override", "list", "--watch=0.1")
    watch.read_until("no overrides\n", 3)
    assert re.fullmatch(r"(--- \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\nno overrides\n)+", watch.text)
    alone.ok("backend", "drain", "10.2.0.12")
    watch.read_until("draining")
    assert watch.end(signal.SIGINT)[0] == -signal.SIGINT


def test_programs_can_read_on(alone):
    watch = Watch(alone, "service", "list", "-w0.1", "-o", "yaml")
    text = watch.read_until("---\n", 3)
    watch.end(signal.SIGTERM)
    documents = list(yaml.safe_load_all(text))
    assert documents[0] == documents[1] and len(documents[0]["services"]) == 3
    watch = Watch(alone, "service", "list", "--watch=0.1", "-o", "json")
    text = watch.read_until(r"\n}\n", 2)
    watch.end(signal.SIGTERM)
    assert len(json.JSONDecoder().raw_decode(text)[0]["services"]) == 3


def test_a_reader_that_leaves_ends_it(alone):
    done = subprocess.run(f"{alone.program} override list --watch=0.1 | head -n 2", shell=True,
                          capture_output=True, text=True, timeout=10, check=True,
                          env={**os.environ, "GUIDEWAY_SOCKET": str(alone.socket)})
    assert done.stdout.endswith("no overrides\n") and done.stderr == ""


def test_an_error_that_time_does_not_heal_ends_it(alone):
    assert "no service is called" in alone.run("service", "show", "nope", "--watch").err
    assert alone.run("service", "show", "nope", "--watch").code == 4


def test_a_daemon_that_is_away_is_waited_for(alone):
    watch = Watch(alone, "override", "list", "--watch=0.1")
    watch.read_until("no overrides")
    alone.daemon.kill()
    watch.read_until("cannot connect to guidewayd", 2)
    alone.start(None)
    watch.read_until("no overrides")
    watch.end(signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_on_a_terminal_it_redraws_and_gives_the_cursor_back(alone, number):
    watch = Watch(alone, "service", "list", "--watch=0.1", terminal=True)
    text = watch.read_until("\033\\[J", 2)
    assert text.count(HIDE) == 1 and SHOW not in text and "\033[2J" in text
    assert text.count("every 0.1 s: guideway service list") == 2
    assert "\033[H" in text and "---" not in text
    code, rest = watch.end(number)
    assert code == -number and rest.endswith(f"{SHOW}\033[999;1H\r\n")


def test_errors_stand_in_place_of_the_answer(alone):
    watch = Watch(alone, "service", "list", "--watch=0.1", terminal=True)
    watch.read_until("SERVICE")
    alone.daemon.kill()
    assert watch.read_until("cannot connect[^\033]*\033\\[K.*\033\\[J").count(HIDE) == 0
    watch.end(signal.SIGTERM)


def test_what_is_longer_than_the_screen_is_cut(alone):
    watch = Watch(alone, "service", "list", "-o", "json", "--watch=0.1", terminal=True)
    frame = watch.read_until("\033\\[J", 2).split("\033[H")[-1]
    assert "…" in frame and frame.count("\n") == 23
    watch.end(signal.SIGTERM)
