# SPDX-License-Identifier: BSD-3-Clause
"""guideway-bench maglev: measures a matrix of sizes, or one, and refuses impossible ones."""

import json
import subprocess

import pytest

from harness.process import BUILD

SMALL = ["--rounds", "1", "--key-sets", "1"]


def maglev(*arguments):
    return subprocess.run(
        [BUILD / "tests/bench/guideway-bench", "maglev", *arguments],
        capture_output=True,
        text=True,
        timeout=240,
    )


def sizes(*arguments):
    run = maglev(*SMALL, "--json", *arguments)
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout)
    for result in results:
        assert 0 < result["build_ms"]["min"] <= result["build_ms"]["median"]
        assert 0 < result["resolve_ms"]["min"] <= result["resolve_ms"]["median"]
        # What lib/hash/maglev.h promises of shares; and a removal moves at least its own slots.
        assert result["share_error"] < 1
        assert result["disruption_ratio"] >= 1
        assert 0 <= result["disruption"] <= result["disruption_max"] < 0.05
    return [(result["slots"], result["backends"]) for result in results]


def test_without_sizes_it_measures_the_matrix():
    assert sizes() == [(m, n) for m in (65537, 655373) for n in (10, 100, 1000)]


def test_one_of_both_sizes_leaves_a_row_or_a_column():
    assert sizes("--slots", "1009") == [(1009, n) for n in (10, 100, 1000)]
    assert sizes("--backends", "20") == [(m, 20) for m in (65537, 655373)]


def test_both_sizes_are_one():
    assert sizes("--slots", "65537", "--backends", "100") == [(65537, 100)]


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--slots", "65536"], "--slots: 65536 is not a prime"),
        (["--slots", "0"], "--slots: '0' is not a number from"),
        (["--backends", "none"], "--backends: 'none' is not a number from 1"),
        (["--matrix"], "unrecognized option '--matrix'"),
    ],
)
def test_bad_options_are_named(arguments, said):
    run = maglev(*arguments)
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stdout == ""
