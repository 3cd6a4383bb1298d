# SPDX-License-Identifier: BSD-3-Clause
"""The command line: where options may stand, colours, help, what the environment does."""

import os
import pathlib
import pty
import re
import subprocess

import pytest

from console import BUILD

ESCAPE = "\033["
ROOT = pathlib.Path(__file__).resolve().parents[2]
MANUAL = ROOT / "doc/man/guideway.1"


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
    alone.ok("apply", "-f", name)
    shown = alone.ok("audit")
    assert "y.yaml" in shown
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    assert len(shown.splitlines()) == 3, "a heading, and one line for each entry"


def commands():
    text = subprocess.run([BUILD / "guideway", "--help"], capture_output=True, text=True,
                          check=True).stdout
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", text, re.MULTILINE)


def test_help_needs_no_daemon(bare):
    for words in (["--help"], ["-h"], ["help"], ["help", "backend"], ["backend", "--help"]):
        assert bare.ok(*words).startswith("usage: guideway ")
    assert "service list" not in bare.ok("help", "backend")
    assert re.fullmatch(r"guideway \d+\.\d+\.\d+\n", bare.ok("--version"))


@pytest.mark.parametrize("command", commands())
def test_help_and_manual_tell_of_every_command_and_option(bare, command):
    text = bare.ok(*command.split(), "--help")
    assert text.startswith(f"usage: guideway {command}")
    assert text == bare.ok("help", *command.split())
    assert all(len(line) <= 80 for line in text.splitlines()), text
    page = MANUAL.read_text(encoding="utf-8")
    assert re.search(rf"^\.It Cm {command}( |$)", page, re.MULTILINE), "not in guideway(1)"
    for option in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^\.It.* Fl {option[1:]}( |$)", page, re.MULTILINE), option


def test_the_manual_is_well_formed():
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", MANUAL], capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


COMPLETE = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_guideway
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(console, line):
    """What bash offers behind this line."""
    done = subprocess.run(["bash", "-c", COMPLETE, "bash", ROOT / "doc/completion/guideway.bash",
                           line.replace("guideway", console.program, 1)], capture_output=True,
                          text=True, check=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "GUIDEWAY_SOCKET": str(console.socket)})
    assert done.stderr == ""
    return sorted(done.stdout.split())


def test_completion_offers_every_command(bare):
    first = complete(bare, "guideway ")
    for command in commands():
        group, *more = command.split()
        assert group in first
        assert not more or more[0] in complete(bare, f"guideway {group} ")
        offered = complete(bare, f"guideway {command} --")
        for option in re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", bare.ok(*command.split(), "--help"),
                                 re.MULTILINE):
            assert option in offered, f"{command} {option}"


def test_completion_asks_the_daemon(alone):
    assert complete(alone, "guideway service show p") == ["pay"]
    assert complete(alone, "guideway backend set 10.2.0.1") == ["10.2.0.11", "10.2.0.12"]
    assert complete(alone, "guideway backend drain --service pay ") == ["10.2.0.11", "10.2.0.12"]
    assert complete(alone, "guideway backend drain --service=u") == ["udp/[2001:db8::10]:53"]
    assert complete(alone, "guideway backend list --service udp/[2001:db8::10]:") == ["53"]
    assert complete(alone, "guideway backend drain fd02::1") == ["1111:2222:3333:4444", "12"]
    assert complete(alone, "guideway --socket /nowhere service show ") == []
