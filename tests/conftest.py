# SPDX-License-Identifier: BSD-3-Clause
"""Makes tests/harness importable, and shows what the programs said when a test fails."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness.process import Program  # noqa: E402


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds to a failure the end of every program's log."""
    report = (yield).get_result()
    if report.failed:
        for program in Program.every:
            report.sections.append((f"log of {program.name}", program.log_tail()))
