# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench/pktgen without Pktgen: its search, its files, its errors."""

import csv
import io
import os
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bench"
sys.path.insert(0, str(FOLDER))

import rfc2544  # noqa: E402


def device(limit, link=10_000_000, seconds=1):
    """Takes @p limit frames a second, loses what is more. @return a trial."""
    def trial(rate):
        sent = int(link * rate / 100 * seconds)
        return sent, min(sent, int(limit * seconds))
    return trial


@pytest.mark.parametrize("limit", [150_000, 1_234_567, 5_000_000, 9_950_000])
def test_the_rate_is_found_to_the_resolution(limit):
    found = rfc2544.search(device(limit), 64, 1, resolution=0.5)
    assert found.best.loss == 0
    assert limit - 50_000 <= found.best.sent <= limit
    assert found.mpps == found.best.sent / 1e6
    assert found.gbps == pytest.approx(found.mpps * 84 * 8 / 1000)


def test_a_device_that_takes_all_is_tried_once():
    found = rfc2544.search(device(10_000_000), 64, 1)
    assert found.best.rate == 100 and len(found.trials) == 1


def test_loss_at_every_rate_is_no_rate():
    found = rfc2544.search(lambda rate: (1000, 999), 64, 1)
    assert found.best is None and found.mpps is None
    assert found.slowest.rate == 1 and found.slowest.loss == pytest.approx(0.001)


def test_what_sends_nothing_has_no_rate():
    assert rfc2544.search(lambda rate: (0, 0), 64, 1).best is None


def test_tolerance():
    assert rfc2544.search(lambda rate: (1000, 999), 64, 1, tolerance=0.001).best.rate == 100


def test_csv():
    results = [rfc2544.search(device(5_000_000), 64, 1),
               rfc2544.search(lambda rate: (1000, 900), 128, 1)]
    file = io.StringIO()
    rfc2544.write_csv(results, file)
    first, second = csv.DictReader(io.StringIO(file.getvalue()))
    assert first["frame_bytes"] == "64" and float(first["mpps"]) == pytest.approx(5, abs=0.1)
    assert float(first["loss"]) == 0
    assert second["mpps"] == "" and second["rate_percent"] == "" and float(second["loss"]) == 0.1


def test_plot(tmp_path):
    chart = tmp_path / "it's.svg"
    results = [rfc2544.search(device(limit), size, 1)
               for size, limit in ((64, 5_000_000), (1518, 800_000))]
    subprocess.run(["gnuplot"], input=rfc2544.plot_commands(results, str(chart)), text=True,
                   check=True)
    assert "RFC 2544" in chart.read_text()


def pktgen(*words, **environment):
    return subprocess.run([FOLDER / "pktgen", *words], capture_output=True, text=True,
                          check=False, env={**os.environ, **environment})


NIC = ("--vip", "192.0.2.1", "--gateway-mac", "02:00:00:00:00:01")


def test_missing_program():
    done = pktgen(*NIC, "--pktgen", "/nowhere/pktgen", "--", "-l", "0")
    assert done.returncode == 2 and "no /nowhere/pktgen: build Pktgen-DPDK" in done.stderr


def test_missing_options():
    done = pktgen("--pktgen", "/bin/true")
    assert done.returncode == 2 and "--vip is missing" in done.stderr
    done = pktgen(*NIC, "--pktgen", "/bin/true")
    assert done.returncode == 2 and "behind --" in done.stderr


@pytest.mark.parametrize("words", [("--sizes", "63"), ("--sizes", "1519"), ("--clients", "0"),
                                   ("--seconds", "0.1"), ("--tolerance", "-1")])
def test_bad_numbers(words):
    done = pktgen(*NIC, *words)
    assert done.returncode == 2 and words[0] in done.stderr and "from" in done.stderr


def test_a_program_that_ends_at_once():
    done = pktgen(*NIC, "--pktgen", "/bin/false", "--", "-l", "0")
    assert done.returncode == 2 and "pktgen ended with 1" in done.stderr
