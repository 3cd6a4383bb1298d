# SPDX-License-Identifier: BSD-3-Clause
"""guideway-bench pipeline with small numbers: it verifies what it measures, and says it in JSON."""

import json
import pathlib
import subprocess

import pytest

from harness.process import BUILD

BENCH = BUILD / "tests" / "bench" / "guideway-bench"
STAGES = {"parse", "service", "flow", "choose", "rewrite"}


def bench(*words, env=None):
    return subprocess.run([BENCH, "pipeline", "--no-hugepages", *words], capture_output=True,
                          text=True, check=False, env=env)


def measured(*words):
    done = bench("--rounds", "200", "--flows", "3000", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("family", ["4", "6"])
@pytest.mark.parametrize("mode", ["direct", "ipip"])
@pytest.mark.parametrize("workload", ["hit", "new", "mixed", "flood"])
def test_workloads(workload, mode, family):
    result = measured("--workload", workload, "--mode", mode, "--family", family)
    # Every sixteenth packet was compared, in the stages' rounds, too.
    assert result["verified"] >= result["packets"] // 16 >= 200 * 2048 // 16
    assert 0 < result["cycles_per_packet"]["min"] <= result["cycles_per_packet"]["median"]
    assert set(result["stages"]) == STAGES
    for name in STAGES - {"choose"}:
        assert result["stages"][name]["min"] > 0
    share = result["new_packets"] / result["packets"]
    if workload == "hit":
        assert share == 0 and result["distinct_flows"] == 3000
    elif workload == "mixed":
        assert 0.09 < share < 0.11 and result["distinct_flows"] == 3000
    else:
        assert share == 1 and result["stages"]["choose"]["min"] > 0
    if workload == "flood":
        assert result["established"] == 3000 and result["established_lost"] == 0


@pytest.mark.parametrize("burst", [1, 7, 64])
def test_bursts(burst):
    assert measured("--burst", str(burst))["burst"] == burst


def test_instruction_sets():
    for name in ("portable", "avx2"):
        done = bench("--rounds", "200", "--flows", "10", "--json", "--pipeline", name)
        if done.returncode == 0:
            assert json.loads(done.stdout)["pipeline"] == name
        else:  # Only a CPU without it may refuse it.
            assert name == "avx2" and " avx2 " not in pathlib.Path("/proc/cpuinfo").read_text()


def test_plot(tmp_path):
    chart = tmp_path / "a chart's.svg"
    done = bench("--rounds", "200", "--flows", "100", "--plot", str(chart))
    assert done.returncode == 0, done.stderr
    assert "<svg" in chart.read_text() and "rewrite" in chart.read_text()


def test_plot_without_gnuplot(tmp_path):
    done = bench("--rounds", "200", "--flows", "100", "--plot", str(tmp_path / "x.svg"),
                 env={"PATH": str(tmp_path)})
    assert done.returncode == 1 and "apt install gnuplot-nox" in done.stderr
    assert "cycles a packet" in done.stdout  # What was measured is not lost.


@pytest.mark.parametrize("words, reason", [
    (["--rounds", "199"], "--rounds"),
    (["--burst", "65"], "--burst"),
    (["--workload", "old"], "'old'"),
    (["--pipeline", "mmx"], "'mmx'"),
])
def test_bad_options(words, reason):
    done = bench(*words)
    assert done.returncode == 2 and reason in done.stderr and done.stdout == ""
