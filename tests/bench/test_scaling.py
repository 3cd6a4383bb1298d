# SPDX-License-Identifier: BSD-3-Clause
"""guideway-bench scaling with small numbers: workers forward at once, each its own flows."""

import json
import os
import subprocess

import pytest

from harness.process import BUILD

CPUS = sorted(os.sched_getaffinity(0))
needs_two = pytest.mark.skipif(len(CPUS) < 2, reason="one CPU only")


def bench(*words, cpus=None):
    command = [BUILD / "tests" / "bench" / "guideway-bench", "scaling", "--no-hugepages", *words]
    if cpus is not None:
        command = ["taskset", "-c", cpus, *command]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@needs_two
@pytest.mark.parametrize("mode", ["direct", "ipip"])
@pytest.mark.parametrize("family", [4, 6])
def test_two_workers(mode, family):
    done = bench("--flows", "5000", "--rounds", "5", "--turns", "2", "--mode", mode,
                 "--family", str(family), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["workers"], result["rounds"], result["flows"]) == (2, 10, 5000)
    assert (result["mode"], result["family"]) == (mode, family)
    assert len(result["cycles_together"]) == 2
    for cycles in (result["cycles_alone"], *result["cycles_together"]):
        assert 0 < cycles["min"] <= cycles["median"]
    assert result["scaling"] == pytest.approx(
        result["mpps_together"] / result["mpps_alone"], rel=1e-4)


@needs_two
def test_it_is_told_in_words_too():
    done = bench("--flows", "1000", "--rounds", "2", "--turns", "1")
    assert done.returncode == 0, done.stderr
    assert "worker 1 of 2" in done.stdout and "times one" in done.stdout


def test_workers_need_a_cpu_each():
    done = bench(cpus=str(CPUS[0]))
    assert done.returncode == 2
    assert "--workers 2" in done.stderr and "1 CPU:" in done.stderr


@pytest.mark.parametrize("words", [("--workers", "1"), ("--turns", "0"), ("--mode", "nat"),
                                   ("--flows", "many")])
def test_bad_options(words):
    done = bench(*words)
    assert done.returncode == 2 and words[0] in done.stderr
