# SPDX-License-Identifier: BSD-3-Clause
"""guideway balancer, where no router can hear of it; tests/lab/test_pair.py has the real thing."""

import pytest


def test_its_state_is_set_and_shown(alone):
    assert alone.ok("balancer", "show") == (
        "state       enabled\n"
        "advertised  preferred, but no dataplane that advertises VIPs is connected\n")
    assert "balancer" not in alone.run("status").out
    assert "stored" in alone.ok("balancer", "drain")
    shown = alone.ok("balancer", "show").splitlines()
    assert shown[0].startswith("state       draining since ") and "by uid 0" in shown[0]
    assert shown[1].startswith("advertised  spare")
    assert "\nbalancer    draining since " in "\n" + alone.run("status").out
    alone.ok("balancer", "disable")
    assert alone.ok("balancer", "show").startswith("state       disabled since ")
    alone.ok("balancer", "enable")
    assert alone.ok("balancer", "show").splitlines()[1].startswith("advertised  preferred")


def test_a_dry_run_drains_nothing_and_waits_for_nothing(alone):
    assert alone.ok("balancer", "drain", "--dry-run", "--wait", "60") == \
        "checked; nothing was changed\n"
    assert alone.ok("balancer", "show").startswith("state       enabled\n")


def test_who_waits_is_told_that_it_is_not_drained(alone):
    told = alone.run("balancer", "drain", "--wait", "1")
    assert told.code == 8
    assert "packets still come" not in told.out and "goes on draining" in told.err


def test_a_dataplane_that_advertises_nothing_is_not_drained(console):
    told = console.run("balancer", "drain")
    assert told.code == 5
    assert "no router would hear of it" in told.err and "doc/pair.md" in told.err
    assert console.ok("balancer", "show").startswith("state       enabled\n")


@pytest.mark.parametrize("wait", ["", "0", "x", "-1", "86401", "1.5"])
def test_bad_times_to_wait_are_misuse(alone, wait):
    told = alone.run("balancer", "drain", "--wait", wait)
    assert told.code == 2 and "1..86400" in told.err
    assert alone.ok("balancer", "show").startswith("state       enabled\n")
