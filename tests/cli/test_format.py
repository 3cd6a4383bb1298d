# SPDX-License-Identifier: BSD-3-Clause
"""How values are shown that no test brings a real balancer to: answers are given by hand."""

import pytest

from console import check_alignment, shown, table


def service(**counters):
    return {"services": [{"name": "pay", "id": "tcp/192.0.2.10:443", "packets": 0, "bytes": 0,
                          "new_flows": 0, "active_flows": 0, "backends": [], **counters}]}


@pytest.mark.parametrize("count, text", [
    (0, "0"), (999, "999"), (1000, "1000"), (9999, "9999"), (10000, "10.0k"), (12345, "12.3k"),
    (99949, "99.9k"), (99950, "100k"), (999499, "999k"), (999500, "1.00M"), (1234567, "1.23M"),
    (10**9 - 1, "1.00G"), (10**12, "1.00T"), (10**15, "1.00P"), (10**18, "1000P"),
    (2**63 - 1, "9223P"), (None, "-")])
def test_counts(bare, count, text):
    rows = table(shown(bare, "stats service", service(packets=count)))
    assert rows[0]["PACKETS"] == text


@pytest.mark.parametrize("count, text", [
    (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"), (10 * 1024, "10.0 KiB"),
    (1023 * 1024, "1023 KiB"), (1024**2, "1.00 MiB"), (1024**3, "1.00 GiB"),
    (5 * 1024**4, "5.00 TiB"), (2**63 - 1, "8192 PiB"), (None, "-")])
def test_bytes(bare, count, text):
    rows = table(shown(bare, "stats service", service(bytes=count)))
    assert rows[0]["BYTES"] == text


def status(**fields):
    return {"version": "0.1.0", "uptime_s": 0, "healthy": True, "problems": [], "revision": 1,
            "config_file": None, "hash_key_fingerprint": "00000000", "services": 1, "backends": 1,
            "overrides": [], "dataplane": {"connected": False, "last_error": "none there"},
            "last_apply": None, "workers": [], **fields}


@pytest.mark.parametrize("seconds, text", [
    (0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (3600, "1 h 0 min"),
    (86399, "23 h 59 min"), (86400, "1 d 0 h"), (400 * 86400 + 7200, "400 d 2 h")])
def test_uptime(bare, seconds, text):
    assert f"guidewayd   0.1.0, up {text}, revision 1, 1 service, 1 backend, hash key" in \
        shown(bare, "status", status(uptime_s=seconds))


@pytest.mark.parametrize("microseconds, text", [
    (0, "0 µs"), (999, "999 µs"), (1000, "1.0 ms"), (10094, "10.1 ms"), (5000000, "5.0 s"),
        (200000000, "3 min 20 s"), (7500000000, "2 h 5 min"), (356400000000, "4 d 3 h")])
def test_durations(bare, microseconds, text):
    apply = {"at": "2026-11-25T22:50:00.002Z", "ok": True, "latency_us": microseconds,
             "apply_us": 1, "error": ""}
    assert f": in force in {text} (1 µs of it in the dataplane)\n" in \
        shown(bare, "status", status(last_apply=apply))


def test_a_failed_change_says_why(bare):
    apply = {"at": "2026-11-25T22:50:00.002Z", "ok": False, "error": "too many services"}
    assert "last change 2026-11-25T22:50:00.002Z: failed: too many services\n" in \
        shown(bare, "status", status(last_apply=apply))


@pytest.mark.parametrize("state, message, text", [
    ("applied", "applied as revision 7", "applied as revision 7"),
    ("unchanged", "as when it was last applied", "unchanged: as when it was last applied"),
    ("absent", "there is no such file", "absent: there is no such file"),
    ("rejected", "g.yaml:1:1: is wrong", "rejected: g.yaml:1:1: is wrong")])
def test_the_state_of_the_file(bare, state, message, text):
    file = {"path": "/g.yaml", "state": state, "message": message}
    assert f"file        /g.yaml: {text}\n" in shown(bare, "status", status(config_file=file))


def entry(number, **fields):
    return {"id": number, "at": "2026-11-25T22:51:00.000Z", "user": "root",
            "action": "config.apply", "target": "config", "result": "in_force",
            "detail": "in force: generation 13", **fields}


def test_letters_beyond_ascii_keep_the_table_straight(bare):
    text = shown(bare, "audit list", {"entries": [
        entry(100, user="jürgen"), entry(9, user="žofie-müller", result=None), entry(8)]})
    check_alignment(text)
    assert [row["RESULT"] for row in table(text)] == ["in_force", "-", "in_force"]
    assert [row["ID"] for row in table(text)] == ["100", "9", "8"]


def test_control_characters_become_spaces(bare):
    text = shown(bare, "audit list", {"entries": [
        entry(1, target="a\nb\x1b[31mc\u009b1md\x7fe", user="é\u00a0\u00bf")]})
    assert "a b [31mc  1md e" in text and "é\u00a0\u00bf" in text


def test_fields_of_later_versions_are_ignored_and_missing_ones_shown_as_dashes(bare):
    rows = table(shown(bare, "service list", {"services": [{"name": "pay", "colour": "red"}]}))
    assert rows == [{"SERVICE": "-", "NAME": "pay", "MODE": "-", "BACKENDS": "-", "USABLE": "-",
                     "PACKETS": "-", "BYTES": "-", "NEW FLOWS": "-", "ACTIVE": "-"}]


@pytest.mark.parametrize("answer", [{}, [], {"services": None}, {"services": [None, 7]},
                                    {"services": {"a": 1}}, {"problems": "no"}, {"workers": 3}])
@pytest.mark.parametrize("words", ["status", "service list", "service show pay", "backend list",
                                   "override list", "history", "audit list", "stats",
                                   "backend drain 10.2.0.11"])
def test_answers_of_another_shape_do_no_harm(bare, words, answer):
    """Under the sanitizers above all."""
    shown(bare, words, answer)
