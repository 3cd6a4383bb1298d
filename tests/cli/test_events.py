# SPDX-License-Identifier: BSD-3-Clause
"""guideway events: what has just happened, and what happens."""

import json
import os
import re
import subprocess

from console import check_alignment, table


class Follower:
    """guideway events --follow, running."""

    def __init__(self, console, *words):
        self.process = subprocess.Popen(
            [console.program, "events", "--follow", *words], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
            env={**os.environ, "GUIDEWAY_SOCKET": str(console.socket), "LC_ALL": "C.UTF-8"})

    def line(self):
        return self.process.stdout.readline()

    def end(self):
        """The rest of its output, after it has ended by itself."""
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def test_the_list_names_what_was_changed(alone):
    alone.ok("backend", "drain", "10.2.0.12")
    shown = alone.ok("events")
    check_alignment(shown)
    last = table(shown)[-1]
    assert last["KIND"] == "change"
    assert last["EVENT"].startswith("backend.override all services 10.2.0.12 by uid 0: stored")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", last["AT"])
    assert len(alone.ok("events", "--limit", "1").splitlines()) == 2


def test_following_shows_what_happens_until_the_daemon_ends(alone):
    follower = Follower(alone, "--limit", "1")
    assert follower.line()  # What was there: from now on it follows.
    alone.ok("backend", "drain", "10.2.0.12")
    assert re.match(r"\d{4}-\S+Z  change +backend.override all services 10.2.0.12 by uid 0: ",
                    follower.line())
    alone.daemon.end()
    code, out, err = follower.end()
    assert code == 3 and out.endswith("daemon.stop             guidewayd stops\n")
    assert "guidewayd has ended the stream" in err


def test_following_as_json_is_a_line_an_event(alone):
    follower = Follower(alone, "--limit", "1", "-o", "json")
    first = json.loads(follower.line())
    alone.ok("backend", "drain", "10.2.0.12")
    event = json.loads(follower.line())
    assert event["id"] == first["id"] + 1 and event["action"] == "backend.override"
    follower.process.kill()
    follower.end()


def test_following_needs_a_daemon(bare):
    follower = Follower(bare)
    code, out, err = follower.end()
    assert (code, out) == (3, "") and "cannot connect" in err


def test_a_refusal_is_shown(alone):
    assert "limit" in alone.refused(6, "events", "--limit", "0")
    assert "limit" in alone.refused(6, "events", "--follow", "--limit", "0")
