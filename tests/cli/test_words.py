# SPDX-License-Identifier: BSD-3-Clause
"""One source for the words of commands: --help, the manual page, what shells complete."""

import os
import pathlib
import pty
import re
import select
import subprocess
import time

import pytest

from console import BUILD

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANUAL = ROOT / "doc/man/guideway.1"
COMPLETION = ROOT / "doc/completion"


def commands():
    text = subprocess.run([BUILD / "guideway", "--help"], capture_output=True, text=True,
                          check=True).stdout
    return re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", text, re.MULTILINE)


def options(text):
    """Those that a --help names."""
    return re.findall(r"^  (?:-\w,|   ) (--[a-z-]+)", text, re.MULTILINE)


def test_the_manual_is_what_the_words_make_of_it():
    template = MANUAL.with_name("guideway.1.in").read_text(encoding="utf-8")
    text = subprocess.run([BUILD / "guideway", "--print-man"], input=template, text=True,
                          capture_output=True, check=True).stdout
    if os.environ.get("GUIDEWAY_UPDATE_GOLDEN"):
        MANUAL.write_text(text, encoding="utf-8")
    assert text == MANUAL.read_text(encoding="utf-8"), \
        "GUIDEWAY_UPDATE_GOLDEN=1 makes it anew"
    assert "@" not in text


def test_the_manual_is_well_formed():
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", MANUAL], capture_output=True,
                          text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("command", commands())
def test_help_and_manual_tell_of_every_command_and_option(bare, command):
    text = bare.ok(*command.split(), "--help")
    assert text.startswith(f"usage: guideway {command}")
    assert text == bare.ok("help", *command.split())
    assert all(len(line) <= 80 for line in text.splitlines()), text
    page = MANUAL.read_text(encoding="utf-8")
    assert re.search(rf"^\.It Cm {command}( |$)", page, re.MULTILINE), "not in guideway(1)"
    assert "--output" in options(text)
    for option in options(text):
        assert re.search(rf"^\.It.* Fl {option[1:]}( |$)", page, re.MULTILINE), option


def test_help_of_all_fits_a_screen(bare):
    assert all(len(line) <= 80 for line in bare.ok("--help").splitlines())


BASH = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_guideway
printf '%s\\n' "${COMPREPLY[@]}"
"""


def environment(console):
    return {**os.environ, "GUIDEWAY_SOCKET": str(console.socket), "HOME": str(console.directory),
            "XDG_CONFIG_HOME": str(console.directory), "XDG_DATA_HOME": str(console.directory),
            "TERM": "xterm", "LC_ALL": "C.UTF-8",
            "PATH": f"{console.directory}:{os.environ['PATH']}"}


def run(console, *words):
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30,
                          stdin=subprocess.DEVNULL, cwd=console.directory,
                          env=environment(console))
    assert done.stderr == ""
    return done.stdout


def complete(console, line):
    """What bash offers behind this line."""
    return sorted(run(console, "bash", "-c", BASH, "bash", COMPLETION / "guideway.bash",
                      line).split())


def complete_fish(console, line):
    """What fish offers: (word, what it is)."""
    script = f"source {COMPLETION}/guideway.fish; complete -C '{line}'"
    return dict((row.split("\t") + [""])[:2] for row in
                run(console, "fish", "--no-config", "-c", script).splitlines())


ZSH = """\
PS1= PS2= LISTMAX=1000 fpath=({} $fpath); unset zle_bracketed_paste; autoload -Uz compinit
compinit -u -D; dump() {{ print -r -- "[:$BUFFER:]" }}; zle -N dump; bindkey '^G' dump
print rea''dy
"""


def read_until(leader, pattern):
    """What comes from a terminal until the pattern is there; its match."""
    text, end = "", time.monotonic() + 20
    while not (found := re.search(pattern, text, re.DOTALL)):
        assert select.select([leader], [], [], max(0, end - time.monotonic()))[0], text
        text += re.sub(r"\033\[[0-9;?]*[a-zA-Z]|\r", "",
                       os.read(leader, 65536).decode(errors="replace"))
    return found


def complete_zsh(console, line):
    """What zsh makes of the line when Tab is pressed: the line, and what it lists."""
    leader, follower = pty.openpty()
    with subprocess.Popen(["zsh", "-f", "-i"], stdin=follower, stdout=follower, stderr=follower,
                          start_new_session=True, cwd=console.directory,
                          env=environment(console)) as shell:
        os.close(follower)
        try:
            os.write(leader, ZSH.format(COMPLETION).encode())
            read_until(leader, "ready")
            os.write(leader, f"{line}\t\a".encode())
            found = read_until(leader, r"(.*)\[:([^\n]*?):\]")
        finally:
            shell.kill()
            os.close(leader)
    return found.group(2), found.group(1)


def test_completion_offers_every_command(bare):
    first = complete(bare, "guideway ")
    for command in commands():
        group, *more = command.split()
        assert group in first
        assert not more or more[0] in complete(bare, f"guideway {group} ")
        offered = complete(bare, f"guideway {command} --")
        for option in options(bare.ok(*command.split(), "--help")):
            assert option in offered, f"{command} {option}"


def test_completion_asks_the_daemon(alone):
    assert complete(alone, "guideway service show p") == ["pay"]
    assert complete(alone, "guideway backend set 10.2.0.1") == ["10.2.0.11", "10.2.0.11",
                                                                "10.2.0.12"]
    assert complete(alone, "guideway backend drain --service pay ") == ["10.2.0.11", "10.2.0.12"]
    assert complete(alone, "guideway backend drain --service=u") == ["udp/[2001:db8::10]:53"]
    assert complete(alone, "guideway backend list --service udp/[2001:db8::10]:") == ["53"]
    assert set(complete(alone, "guideway backend drain fd02::1")) == {"1111:2222:3333:4444", "12"}
    assert complete(alone, "guideway --socket /nowhere service show ") == []
    assert complete(alone, "guideway service show p --socket=/nowhere") == []


def test_completion_knows_values(bare):
    assert complete(bare, "guideway backend set 10.2.0.1 --state d") == ["disabled", "draining"]
    assert complete(bare, "guideway stats w") == ["worker"]
    assert complete(bare, "guideway -o j") == ["json"]
    assert complete(bare, "guideway --output=j") == ["json"]
    assert complete(bare, "guideway help backend dr") == ["drain"]
    assert complete(bare, "guideway nonsense ") == []
    assert complete(bare, "guideway service show -- --") == []
    bare.config.touch()
    assert complete(bare, "guideway apply -f guideway.y") == ["guideway.yaml"]
    assert complete(bare, "guideway apply --file=guideway.y") == ["guideway.yaml"]


def test_completion_needs_no_words(bare):
    """A shell that calls it in an unforeseen way gets nothing, and no crash."""
    assert bare.ok("--complete").startswith("status\t")
    assert bare.ok("--complete", "--", "-", "--=", "--service") == ""
    assert bare.ok("--complete", "-") != ""


def test_fish_completes(alone):
    assert complete_fish(alone, "guideway backend ")["drain"] == \
        "no new flows; those there are go on"
    assert complete_fish(alone, "guideway service show p") == {"pay": "tcp/192.0.2.10:443"}
    assert set(complete_fish(alone, "guideway backend drain --service=u")) == \
        {"--service=udp/[2001:db8::10]:53"}
    assert "guideway.yaml" in complete_fish(alone, "guideway apply -f guideway.y")


def test_zsh_completes(alone):
    assert complete_zsh(alone, "guideway service show p")[0] == "guideway service show pay "
    line, listed = complete_zsh(alone, "guideway backend d")
    assert line == "guideway backend d"
    assert "no new flows; those there are go on" in listed
    assert complete_zsh(alone, "guideway backend drain --service=u")[0].replace("\\", "") == \
        "guideway backend drain --service=udp/[2001:db8::10]:53 "
    assert complete_zsh(alone, "guideway apply -f guideway.y")[0] == \
        "guideway apply -f guideway.yaml "
