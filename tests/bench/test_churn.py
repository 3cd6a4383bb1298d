# SPDX-License-Identifier: BSD-3-Clause
"""guideway-bench churn with small numbers: every packet meets its flow while weights change."""

import json
import os
import subprocess

import pytest

from harness.process import BUILD

needs_two = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU only")


def bench(*words):
    return subprocess.run([BUILD / "tests" / "bench" / "guideway-bench", "churn",
                           "--no-hugepages", *words],
                          capture_output=True, text=True, check=False)


@needs_two
@pytest.mark.parametrize("mode", ["direct", "ipip"])
def test_changes_while_packets_pass(mode):
    done = bench("--flows", "5000", "--phase-ms", "100", "--phases", "2", "--mode", mode, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["in_force"]["nb"] == 20
    assert 0 < result["in_force"]["p50_us"] <= result["in_force"]["p99_us"]
    for phase in ("without_changes", "with_changes"):
        assert result[phase]["nb"] > 0
        assert 0 < result[phase]["p50_us"] <= result[phase]["p99.9_us"] <= result[phase]["max_us"]
    assert result["p99.9_ratio"] > 0 and result["packets"] > 0


@pytest.mark.parametrize("words", [("--interval-ms", "0"), ("--backends", "1"), ("--mode", "nat")])
def test_bad_options(words):
    done = bench(*words)
    assert done.returncode == 2 and words[0] in done.stderr
