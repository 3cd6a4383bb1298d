# SPDX-License-Identifier: BSD-3-Clause
"""The lab of scripts/lab, once for all tests; each starts from doc/examples/demo.yaml."""

import os
import time

import pytest

from harness.lab import Lab, Load
from harness.process import ROOT

EXAMPLE = ROOT / "doc/examples/demo.yaml"


@pytest.fixture(scope="session")
def session_lab():
    lab = Lab(os.environ.get("GUIDEWAY_LAB", "gwt"))
    lab.do("up")
    try:
        lab.do("start")
        yield lab
        for program in ("guideway-dataplane", "guidewayd"):
            words = lab.log(program)
            assert "AddressSanitizer" not in words and "runtime error" not in words, words
    finally:
        lab.do("down")


@pytest.fixture
def lab(session_lab):
    """No overrides, the example's backends with the example's weights."""
    session_lab.api.apply_yaml(EXAMPLE.read_text(), reset_overrides="true")
    yield session_lab


@pytest.fixture
def load(lab):
    """Continuous load; not one request of it may fail."""
    load = Load(lab, new_rate=100, keep=10, keep_interval=0.1)
    try:
        yield load
        while load.report()["requests"] < 200:
            time.sleep(0.1)
        report = load.stop()
        assert report["failed"] == 0, report["errors"]
    finally:
        load.kill()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the logs of the lab's programs to a failure."""
    report = (yield).get_result()
    lab = item.funcargs.get("session_lab") if hasattr(item, "funcargs") else None
    if report.failed and lab is not None:
        for program in ("guideway-dataplane", "guidewayd"):
            report.sections.append((f"log of {program}",
                                    "\n".join(lab.log(program).splitlines()[-60:])))
