# SPDX-License-Identifier: BSD-3-Clause
"""Options of guideway-bench's subcommands: what is wrong is named, what is right is taken."""

import json
import subprocess

import pytest

from harness.process import BUILD


def bench(*arguments):
    return subprocess.run(
        [BUILD / "tests/bench/guideway-bench", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_state_takes_numbers_and_prints_one_object():
    run = bench("state", "--services", "3", "--backends", "7", "--slots", "1009", "--rounds", "5", "--json")
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert (result["services"], result["backends"]) == (3, 7)
    assert (result["slots"], result["rounds"]) == (1009, 5)
    for measured in ("weight_ms", "health_ms"):
        assert 0 < result[measured]["min"] <= result[measured]["median"]


def test_help_lists_options_and_defaults():
    run = bench("state", "--help")
    assert run.returncode == 0
    assert "--backends N" in run.stdout
    assert "1 to 10000 (100)" in run.stdout


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--rounds", "0"], "--rounds: '0' is not a number from 1 to"),
        (["--rounds", "-1"], "--rounds: '-1' is not a number from 1 to"),
        (["--rounds", "1e6"], "--rounds: '1e6' is not a number"),
        (["--rounds"], "option '--rounds' requires an argument"),
        (["--json=yes"], "option '--json' doesn't allow an argument"),
        (["--fast"], "unrecognized option '--fast'"),
        (["now"], "takes no argument 'now'"),
    ],
)
def test_bad_options_are_named(arguments, said):
    run = bench("state", *arguments)
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stdout == ""
