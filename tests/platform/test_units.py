# SPDX-License-Identifier: BSD-3-Clause
"""The units of systemd: it understands them, and they give the programs what they need."""

import configparser
import pathlib
import re
import subprocess

import pytest

from harness.process import BUILD, ROOT

FOLDER = ROOT / "doc/systemd"
UNITS = sorted(path.name for path in FOLDER.glob("*.service"))
units = pytest.mark.parametrize("name", UNITS)


class Keys(dict):
    """Of keys that are given more than once all values, a line each."""

    def __setitem__(self, key, value):
        if key in self and isinstance(value, list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def unit(name):
    parser = configparser.RawConfigParser(dict_type=Keys, strict=False, interpolation=None)
    parser.optionxform = str
    parser.read_string((FOLDER / name).read_text(encoding="utf-8"))
    return parser


@units
def test_systemd_understands_it(name, tmp_path):
    text = (FOLDER / name).read_text(encoding="utf-8")
    for other in UNITS:  # Programs where they were built.
        path = tmp_path / other
        path.write_text(re.sub(r"/usr/sbin/(guideway\S*)", rf"{BUILD}/\1",
                               (FOLDER / other).read_text(encoding="utf-8")), encoding="utf-8")
    assert "ExecStart=/usr/sbin/" in text
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
                          capture_output=True, text=True, check=False, timeout=120)
    # Also its warnings: of unknown keys, of files that cannot be executed.
    said = [line for line in (done.stdout + done.stderr).splitlines() if "guideway" in line]
    assert done.returncode == 0 and said == [], done.stdout + done.stderr


@units
def test_its_command_line_is_one_that_the_program_takes(name):
    _, *words = unit(name)["Service"]["ExecStart"].split()
    program = pathlib.Path(unit(name)["Service"]["ExecStart"].split()[0]).name
    done = subprocess.run([str(BUILD / program), *words, "--help"], capture_output=True,
                          text=True, check=False, timeout=30)
    # The options are read before files, users and groups are looked for.
    assert "unrecognized" not in done.stderr and "unexpected" not in done.stderr, done.stderr


@units
def test_all_share_one_folder_that_belongs_to_none_of_them(name):
    """A RuntimeDirectory= would be given, with the sockets of the others, to each that starts."""
    service = unit(name)["Service"]
    assert service["ReadWritePaths"] == "/run/guideway" and service["Group"] == "guideway"
    assert service.get("RuntimeDirectory") in (None, "guideway-dataplane")


def test_the_folder_is_made_as_it_should_be(tmp_path):
    lines = [line for line in (FOLDER / "guideway.conf").read_text(encoding="utf-8").splitlines()
             if not line.startswith("#")]
    assert lines == ["d /run/guideway 1775 root guideway -"]
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n", encoding="ascii")
    (tmp_path / "etc/group").write_text("root:x:0:\nguideway:x:0:\n", encoding="ascii")
    subprocess.run(["systemd-tmpfiles", "--create", f"--root={tmp_path}",
                    str(FOLDER / "guideway.conf")], check=True, timeout=60)
    assert (tmp_path / "run/guideway").stat().st_mode & 0o7777 == 0o1775


def test_each_has_only_the_rights_that_it_needs():
    assert unit("guidewayd.service")["Service"]["CapabilityBoundingSet"] == ""
    assert unit("guideway-pinger.service")["Service"]["CapabilityBoundingSet"] == "CAP_NET_RAW"
    users = {unit(name)["Service"]["User"] for name in UNITS}
    assert len(users) == len(UNITS) and "root" not in users
