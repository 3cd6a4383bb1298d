# SPDX-License-Identifier: BSD-3-Clause
"""audit list, verify, export."""

import sqlite3

from harness import trail


def head_line(console):
    console.api.get("/v1/audit/head")  # It is signed now,
    console.daemon.wait_until(lambda: "audit head" in console.daemon.log_text(), "it is logged", 10)
    return [line for line in console.daemon.log_text().splitlines() if "audit head" in line][-1]


def test_a_whole_trail(alone):
    alone.ok("backend", "drain", "10.2.0.12")
    assert alone.ok("audit", "verify") == "the trail is whole: records 1 to 4\n"
    line = head_line(alone)
    assert alone.ok("audit", "verify", "--head", line).startswith("the trail is whole")
    seq, hash_ = line.split("audit head ")[1].split()[:2]
    assert alone.ok("audit", "verify", "--head", f"{seq}:{hash_}").startswith("the trail is whole")
    assert alone.run("-o", "json", "audit", "verify").json["good"]


def test_export_is_what_anybody_can_verify(alone):
    alone.ok("backend", "drain", "10.2.0.12")
    seq, hash_ = trail.verify(alone.ok("audit", "export").splitlines())
    assert alone.ok("audit", "verify", "--head", f"{seq}:{hash_}").startswith("the trail is whole")


def test_6_a_broken_trail(alone):
    alone.ok("backend", "drain", "10.2.0.12")
    line = head_line(alone)
    alone.daemon.kill()
    with sqlite3.connect(alone.directory / "state/state.db") as db:
        db.execute("UPDATE trail SET record = replace(record, 'root', 'toor') WHERE seq = 3")
    db.close()
    alone.start(None)
    assert "record 3: its hash is not that" in alone.refused(6, "audit", "verify")
    assert alone.run("-o", "json", "audit", "verify").code == 6
    assert "record 3" in alone.refused(6, "audit", "verify", "--head", line)


def test_heads_that_are_none(alone):
    for head in ("", "x", "audit head 3", "3:", "3:xyz"):
        assert "--head takes" in alone.refused(2, "audit", "verify", "--head", head)
    line = head_line(alone)
    forged = line[:-6] + ("AAAA==" if not line.endswith("AAAA==") else "BBBB==")
    assert "was not signed by the key" in alone.refused(6, "audit", "verify", "--head", forged)


def test_who_from_where_when_wide(alone):
    row = alone.rows("audit", "list", "-o", "wide")[0]
    assert row["WHO"] == "guidewayd" and row["FROM"].startswith("pid ") and len(row["HASH"]) == 64
