# SPDX-License-Identifier: BSD-3-Clause
"""Counts for scripts/test: prints PASSED FAILED SKIPPED.

    count-results.py one|pytest|meson:BUILD RESULTS EXIT_CODE

A suite whose command failed, or that left no results, or that ran no test, counts as failed
even if no single test of it did.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def count_meson(build):
    """Of meson's log, one JSON object a line."""
    passed = failed = skipped = 0
    log = pathlib.Path(build) / "meson-logs/testlog.json"
    for line in log.read_text(encoding="utf-8").splitlines():
        result = json.loads(line)["result"]
        if result in ("OK", "EXPECTEDFAIL"):
            passed += 1
        elif result == "SKIP":
            skipped += 1
        else:
            failed += 1
    return passed, failed, skipped


def count_pytest(results):
    """Of pytest's JUnit file."""
    passed = failed = skipped = 0
    for suite in ElementTree.parse(results).getroot().iter("testsuite"):
        bad = int(suite.get("failures")) + int(suite.get("errors"))
        passed += int(suite.get("tests")) - bad - int(suite.get("skipped"))
        failed += bad
        skipped += int(suite.get("skipped"))
    return passed, failed, skipped


def main():
    kind, results, code = sys.argv[1], sys.argv[2], int(sys.argv[3])
    counts = (0, 0, 0)
    try:
        if kind == "one":
            counts = (1, 0, 0) if code == 0 else (0, 1, 0)
        elif kind == "pytest":
            counts = count_pytest(results)
        else:
            counts = count_meson(kind.removeprefix("meson:"))
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        print(error, file=sys.stderr)
    passed, failed, skipped = counts
    if failed == 0 and (code != 0 or passed == 0):
        failed = 1
    print(passed, failed, skipped)


if __name__ == "__main__":
    main()
