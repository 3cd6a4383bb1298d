# SPDX-License-Identifier: BSD-3-Clause
"""guideway-bench flow-table: measures with small numbers, and says what is wrong with its options."""

import json
import subprocess

import pytest

from harness.process import BUILD

SMALL = ["--flows", "1024", "--rounds", "200", "--seeds", "2", "--no-hugepages"]
OPERATIONS = ["hit", "miss", "insert", "expire", "sweep"]


def flow_table(*arguments):
    return subprocess.run(
        [BUILD / "tests/bench/guideway-bench", "flow-table", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("family", ["4", "6"])
@pytest.mark.parametrize("keys", ["compared", "plain", "padded"])
@pytest.mark.parametrize("flags", ["lock-free", "none"])
def test_every_result_of_both_tables_is_verified(family, keys, flags):
    run = flow_table(*SMALL, "--json", "--family", family, "--rte-keys", keys, "--rte-flags", flags)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    # Both tables: hits and misses of 200 rounds, and all flows before and after.
    assert result["verified"] >= 2 * (2 * 200 * 1024 + 2 * 1024)
    for operation in OPERATIONS:
        ours, theirs = result[operation]["guideway"], result[operation]["rte_hash"]
        assert 0 < ours["cycles"]["min"] <= ours["cycles"]["median"]
        assert 0 < theirs["cycles"]["min"] <= theirs["cycles"]["median"]
        expected = theirs["cycles"]["min"] / ours["cycles"]["min"]
        assert result[operation]["ratio"] == pytest.approx(expected, rel=1e-3)
    for table in ("guideway", "rte_hash"):
        assert 0 < result[table]["load"] < result[table]["first_failure_load"]["min"] <= 1
        assert result[table]["table_bytes"] >= 1024 * (16 if family == "4" else 32)


@pytest.mark.parametrize("burst", ["1", "7", "64"])
def test_every_burst_length_measures(burst):
    run = flow_table(*SMALL, "--burst", burst)
    assert run.returncode == 0, run.stderr
    assert "look-up, hit" in run.stdout


def test_help_lists_options():
    run = flow_table("--help")
    assert run.returncode == 0
    for option in ("flows", "family", "burst", "rounds", "seeds", "rte-flags", "rte-keys", "json"):
        assert f"--{option}" in run.stdout


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--flows", "0"], "--flows: '0' is not a number from 1024 to"),
        (["--flows", "1e6"], "--flows: '1e6' is not a number"),
        (["--burst", "65"], "--burst: '65' is not a number from 1 to 64"),
        (["--rounds", "199"], "--rounds: '199' is not a number from 200 to"),
        (["--family", "5"], "--family: '5' is none of: 4 6"),
        (["--rte-flags", "fast"], "--rte-flags: 'fast' is none of: lock-free none"),
        (["--rte-keys", ""], "--rte-keys: '' is none of: compared plain padded"),
        (["--fast"], "unrecognized option '--fast'"),
        (["--flows"], "option '--flows' requires an argument"),
        (["now"], "takes no argument 'now'"),
    ],
)
def test_bad_options_are_named(arguments, said):
    run = flow_table(*arguments)
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stdout == ""
