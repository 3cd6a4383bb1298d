# SPDX-License-Identifier: BSD-3-Clause
"""The command line: where options may stand, colours, help, what the environment does."""

import os
import pty
import re
import subprocess
ESCAPE = "\033["


def on_a_terminal(console, *words, **env):
    """What a command prints on a terminal."""
    leader, follower = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {"TERM": "xterm", "GUIDEWAY_SOCKET": str(console.socket), **env}
    with subprocess.Popen([console.program, *words], stdout=follower, stdin=subprocess.DEVNULL,
                          env=environment) as process:
        os.close(follower)
        text = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # The other end is closed.
                break
            if not part:
                break
            text += part
        process.wait(10)
    os.close(leader)
    return text.decode().replace("\r\n", "\n")


def test_options_may_stand_anywhere(alone):
    expected = alone.ok("backend", "list", "--service", "pay", "-o", "json")
    for words in (("-o", "json", "--service", "pay", "backend", "list"),
                  ("backend", "-ojson", "--service=pay", "list"),
                  ("--output=json", "backend", "list", "--service", "pay"),
                  ("--serv", "pay", "backend", "list", "--out", "json")):
        assert alone.ok(*words) == expected


def test_two_dashes_end_the_options(alone):
    assert 'no service is called "--help"' in alone.refused(4, "service", "show", "--", "--help")


def test_a_weight_below_zero_is_a_value_and_no_option(alone):
    for words in (("--weight", "-1"), ("--weight=-1",)):
        assert "-1 is not in 0..65535" in alone.refused(6, "backend", "set", "10.2.0.11", *words)


def test_the_option_wins_over_the_environment(alone):
    nowhere = {"GUIDEWAY_SOCKET": "/nowhere/api.sock"}
    assert "/nowhere/api.sock" in alone.refused(3, "service", "list", env=nowhere)
    alone.ok("service", "list", "--socket", alone.socket, env=nowhere)


def test_an_empty_variable_is_none(bare):
    """Not the daemon's socket, and never port 80 of this machine."""
    said = bare.run("service", "list", env={"GUIDEWAY_SOCKET": ""}).err
    assert said == "" or "/run/guideway/api.sock" in said


def test_colours_are_for_terminals(alone):
    assert ESCAPE in on_a_terminal(alone, "status")
    assert ESCAPE not in alone.run("status").out
    for words, env in ((["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"})):
        text = on_a_terminal(alone, "status", *words, **env)
        assert "problem: " in text and ESCAPE not in text
    assert ESCAPE in on_a_terminal(alone, "status", NO_COLOR="")


def test_colours_change_no_letter(alone):
    plain = re.sub(r"\033\[[0-9;]*m", "", on_a_terminal(alone, "backend", "drain", "10.2.0.12"))
    alone.ok("override", "reset")
    assert plain == alone.ok("backend", "drain", "10.2.0.12")


def test_words_from_elsewhere_do_not_steer_the_terminal(alone):
    name = "x\033[2J\u009b31m\ny.yaml"
    (alone.directory / name).write_text(alone.config.read_text().replace("50", "51"))
    alone.ok("apply", "--yes", "-f", name)
    shown = alone.ok("audit", "list")
    assert "y.yaml" in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    assert len(shown.splitlines()) == 3, "a heading, and one line for each entry"


def test_help_needs_no_daemon(bare):
    for words in (["--help"], ["-h"], ["help"], ["help", "backend"], ["backend", "--help"]):
        assert bare.ok(*words).startswith("usage: guideway ")
    assert "service list" not in bare.ok("help", "backend")
    assert re.fullmatch(r"guideway \d+\.\d+\.\d+\n", bare.ok("--version"))
