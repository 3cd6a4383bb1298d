# SPDX-License-Identifier: BSD-3-Clause
"""plan, apply that asks, confirm, rollback, diff."""

import os
import pty
import subprocess
import time

import pytest

from console import EXAMPLE, check_golden

HEAVIER = EXAMPLE.replace("weight: 50", "weight: 60")
#: A backend goes and one comes, a field changes, a service goes, another comes.
OTHER = EXAMPLE.replace("- address: 10.2.0.11\n", "- address: 10.2.0.13\n").replace(
    "mode: direct\n", "mode: direct\n    on-down: reset\n", 1).replace("port: 53\n", "port: 54\n")


def at_a_terminal(console, *words, answer):
    """Run a command whose input and output are a terminal; @return its code and what it said."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([console.program, *words], stdin=theirs, stdout=theirs, stderr=theirs,
                          cwd=console.directory, start_new_session=True,
                          env={**os.environ, "GUIDEWAY_SOCKET": str(console.socket),
                               "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}) as process:
        os.close(theirs)
        os.write(ours, answer.encode())
        said = b""
        while True:
            try:
                block = os.read(ours, 4096)
            except OSError:  # Its end is closed.
                break
            if not block:
                break
            said += block
        process.wait(30)
    os.close(ours)
    return process.returncode, said.decode().replace("\r\n", "\n")


def plan(console, text, *more):
    done = console.run("plan", "-f", "-", *more, stdin=text)
    assert done.err == ""
    return done.code, done.out


def revision(console):
    return console.api.get("/v1/status")["revision"]


def test_what_plan_prints(console):
    code, text = plan(console, OTHER)
    assert code == 1
    check_golden("plan", text)
    assert revision(console) == 1


def test_a_plan_of_the_same(alone):
    assert plan(alone, EXAMPLE) == (0, "nothing would change\n")


def test_a_plan_as_json_is_the_apis(alone):
    done = alone.run("-o", "json", "plan", "-f", "-", stdin=HEAVIER)
    assert done.code == 1
    assert done.json["services"][0]["backends"][0]["after"]["weight"] == 60


def test_apply_asks(console):
    (console.directory / "new.yaml").write_text(HEAVIER)
    code, said = at_a_terminal(console, "apply", "-f", "new.yaml", answer="n\n")
    assert code == 1 and "make it so? [y/N]" in said and "nothing was changed" in said
    assert "~ backend 10.2.0.12, weight 50 -> 60" in said
    assert revision(console) == 1
    code, said = at_a_terminal(console, "apply", "-f", "new.yaml", answer="y\n")
    assert code == 0 and "in force: generation" in said
    assert revision(console) == 2


def test_apply_asks_nobody_without_a_terminal(alone):
    (alone.directory / "new.yaml").write_text(HEAVIER)
    for words in (["-f", "new.yaml"], ["-f", "-"]):
        said = alone.refused(2, "apply", *words, stdin=HEAVIER)
        assert "there is nobody here to ask" in said and "--yes" in said
    assert revision(alone) == 1


def test_an_answer_after_somebody_elses_change_is_stale(alone):
    """What was shown is what is applied, or nothing."""
    (alone.directory / "new.yaml").write_text(HEAVIER)
    ours, theirs = pty.openpty()
    with subprocess.Popen([alone.program, "apply", "-f", "new.yaml"], stdin=theirs, stdout=theirs,
                          stderr=subprocess.PIPE, cwd=alone.directory, text=True,
                          env={**os.environ, "GUIDEWAY_SOCKET": str(alone.socket)}) as process:
        os.close(theirs)
        said = b""
        while b"make it so?" not in said:
            said += os.read(ours, 4096)
        alone.api.apply_yaml(EXAMPLE.replace("weight: 50", "weight: 55"))
        os.write(ours, b"y\n")
        complaint = process.stderr.read()
        assert process.wait(30) == 5
    os.close(ours)
    assert "the revision is 2, not 1" in complaint
    assert "weight: 55" in alone.api.export_yaml()


def test_what_breaks_much_needs_force(alone):
    (alone.directory / "other.yaml").write_text(OTHER)
    code, said = at_a_terminal(alone, "apply", "-f", "other.yaml", answer="y\n")
    assert code == 5 and "needs --force:" in said and "make it so?" not in said
    said = alone.refused(5, "apply", "--yes", "-f", "other.yaml")
    assert "--force" in said
    assert revision(alone) == 1
    assert at_a_terminal(alone, "apply", "--force", "-f", "other.yaml", answer="y\n")[0] == 0
    assert revision(alone) == 2


def test_confirm(alone):
    text = alone.ok("apply", "-y", "-f", "-", "--confirm", "30s", stdin=HEAVIER)
    assert text.splitlines()[-1].startswith("reverts to revision 1 in ")
    assert "to confirm  revision 2 by uid 0 (root): reverts to 1 in" in alone.run("status").out
    assert alone.refused(5, "apply", "-y", "-f", "-", stdin=EXAMPLE).count("waits to be confirmed")
    alone.ok("confirm")
    assert "to confirm" not in alone.run("status").out
    assert "no change waits to be confirmed" in alone.refused(5, "confirm")


def test_an_unconfirmed_change_reverts(console):
    console.ok("apply", "-y", "-f", "-", "--confirm", "1", stdin=HEAVIER)
    end = time.monotonic() + 10
    while revision(console) != 3 and time.monotonic() < end:
        time.sleep(0.05)
    assert "weight: 50" in console.ok("export")
    assert "config.revert" in console.ok("history")


@pytest.mark.parametrize("time_", ["0", "x", "90000s", "25h", "-1s", "1d"])
def test_times_that_are_none(alone, time_):
    assert "--confirm takes a time" in alone.refused(
        2, "apply", "-y", "-f", "-", f"--confirm={time_}", stdin=HEAVIER)
    assert revision(alone) == 1


def test_rollback(alone):
    alone.ok("apply", "-y", "-f", "-", stdin=HEAVIER)
    alone.ok("apply", "-y", "-f", "-", stdin=EXAMPLE.replace("weight: 50", "weight: 70"))
    alone.ok("rollback", "1", "--yes")
    assert "weight: 50" in alone.ok("export")
    alone.ok("rollback", "--yes")
    assert "weight: 70" in alone.ok("export")
    assert "revision 77 is not kept" in alone.refused(4, "rollback", "77", "-y")
    assert "there is nobody here to ask" in alone.refused(2, "rollback", "1")


def test_rollback_asks_and_shows_where_it_goes(alone):
    alone.ok("apply", "-y", "-f", "-", stdin=HEAVIER)
    code, said = at_a_terminal(alone, "rollback", answer="y\n")
    assert code == 0 and "~ backend 10.2.0.12, weight 60 -> 50" in said
    assert revision(alone) == 3


def test_diff(alone):
    alone.ok("apply", "-y", "-f", "-", stdin=HEAVIER)
    for words in ((), ("1",), ("1", "2")):
        done = alone.run("diff", *words)
        assert (done.code, done.err) == (1, "")
        assert done.out == ("~ service pay (tcp/192.0.2.10:443)\n"
                            "    ~ backend 10.2.0.12, weight 50 -> 60\n")
    assert alone.ok("diff", "2", "2") == ""
    assert "revision 9 is not kept" in alone.refused(4, "diff", "9")


def test_apply_waits_until_it_is_in_force(alone):
    """Without a dataplane it never is."""
    before = time.monotonic()
    done = alone.run("apply", "-y", "-f", "-", "--wait", "1", stdin=HEAVIER)
    assert done.code == 8 and "not in force on every worker yet" in done.err
    assert time.monotonic() - before >= 1


def test_apply_that_is_in_force_does_not_wait(console):
    before = time.monotonic()
    assert "in force" in console.ok("apply", "-y", "-f", "-", "--wait", "20", stdin=HEAVIER)
    assert time.monotonic() - before < 10
