# SPDX-License-Identifier: BSD-3-Clause
"""The audit trail: a signed chain of everything that was changed, or tried."""

import contextlib
import json
import re
import sqlite3
import stat
import threading
import time

import pytest

from conftest import EXAMPLE
from harness import trail
from harness.api import ApiError

HEAVIER = EXAMPLE.replace("weight: 50", "weight: 60")
VERSION_1 = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE revision(revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, action TEXT NOT NULL,
 services INTEGER NOT NULL, backends INTEGER NOT NULL, refused INTEGER NOT NULL DEFAULT 0,
 config TEXT NOT NULL);
CREATE TABLE override(service TEXT NOT NULL, backend TEXT NOT NULL, state TEXT, weight INTEGER,
 since INTEGER NOT NULL, by TEXT NOT NULL, PRIMARY KEY(service, backend)) WITHOUT ROWID;
CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, uid INTEGER NOT NULL,
 pid INTEGER NOT NULL, user TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL, before TEXT,
 after TEXT, revision INTEGER NOT NULL, result TEXT, detail TEXT, finished_at INTEGER);
INSERT INTO meta VALUES('revision', 0), ('last_revision', 0);
INSERT INTO audit(at, uid, pid, user, action, target, before, after, revision, result, detail)
 VALUES(1700000000000, 0, 7, 'root', 'config.apply', 'old.yaml', NULL, '{"services":1}', 1,
        'in_force', 'in force: generation 1'),
       (1700000001000, 0, 8, 'root', 'backend.override', 'x', NULL, NULL, 1, NULL, NULL);
PRAGMA application_id = 1198941251;
PRAGMA user_version = 1;
"""


def export(control, start=1):
    return control.api.call("GET", f"/v1/audit/export?from={start}").splitlines()


def verified(control, **parameters):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return control.api.get(f"/v1/audit/verify?{query}")


def entries(control, **parameters):
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return control.api.get(f"/v1/audit?{query}")["entries"]


def some_changes(control):
    control.api.override("pay", "10.0.1.2", weight=3)
    control.api.apply_yaml(HEAVIER)
    control.api.override("pay", "10.0.1.2", state="draining")
    control.api.get("/v1/audit/head")  # It is signed now.


@contextlib.contextmanager
def database(control):
    """The database, while the daemon is down."""
    connection = sqlite3.connect(control.state / "state.db")
    yield connection
    connection.commit()
    connection.close()


def test_every_change_is_two_records_of_a_chain(running):
    some_changes(running)
    lines = export(running)
    seq, digest = trail.verify(lines)
    records = [json.loads(json.loads(line)["record"]) for line in lines]
    assert [r["kind"] for r in records] == ["change", "result"] * 4
    assert all(b["of"] == a["seq"] for a, b in zip(records[::2], records[1::2]))
    answer = verified(running)
    assert answer == {"good": True, "first": 1, "last": seq, "hash": digest, "records": 8,
                      "bad_seq": None, "why": ""}


def test_who_from_where_when_what_and_result(running):
    running.api.override("pay", "10.0.1.2", weight=3)
    entry = entries(running, limit=1)[0]
    assert (entry["uid"], entry["user"], entry["action"], entry["result"]) == (
        0, "root", "backend.override", "stored")
    assert entry["from"] == f"pid {entry['pid']}"
    assert entry["before"] == {"state": None, "weight": None}
    assert entry["after"] == {"state": None, "weight": 3}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{12}Z", entry["at"]) and len(entry["hash"]) == 64


def test_the_head_is_signed_after_every_change_and_logged(running):
    some_changes(running)
    answer = running.api.get("/v1/audit/head")
    head, key = answer["head"], answer["public_key"]
    assert head["seq"] == 8 and head["hash"] == verified(running)["hash"]
    assert trail.signed(head, key)
    running.daemon.wait_until(lambda: "audit head 8 " in running.log(), "the head is logged", 10)
    logged = [line for line in running.log().splitlines() if "audit head" in line]
    assert all(trail.signed(line, key) for line in logged)
    assert not trail.signed({**head, "seq": 7}, key)
    assert stat.S_IMODE((running.state / "audit.key").stat().st_mode) == 0o600
    assert "PRIVATE" not in running.log() and "PRIVATE" not in str(answer)


def test_the_key_is_kept(running):
    key = running.api.get("/v1/audit/head")["public_key"]
    running.daemon.end()
    running.start()
    assert running.api.get("/v1/audit/head")["public_key"] == key
    assert verified(running)["good"]


@pytest.mark.parametrize("statement, seq, why", [
    ("UPDATE trail SET record = replace(record, '\"weight\":3', '\"weight\":4') WHERE seq = 3", 3,
     "its hash is not that"),
    ("UPDATE trail SET hash = zeroblob(32) WHERE seq = 5", 5, "its hash is not that"),
    ("DELETE FROM trail WHERE seq = 4", 4, "is missing"),
    ("DELETE FROM trail WHERE seq = 1", 1, "is missing"),
    ("DELETE FROM trail WHERE seq >= 7", 7, "cut off: the signed head is 8"),
    ("DELETE FROM trail", 1, "cut off"),
    ("UPDATE meta SET value = replace(value, '\"seq\":8', '\"seq\":6') WHERE key = 'audit_head'", 6,
     "is not signed by this key"),
    ("INSERT INTO meta VALUES('audit_checkpoint', '{\"seq\":4,\"hash\":\"" + "0" * 64 +
     "\",\"at\":\"now\",\"signature\":\"x\"}')", 4, "is not signed by this key"),
])
def test_tampering_is_found(running, statement, seq, why):
    some_changes(running)
    running.daemon.kill()
    with database(running) as db:
        assert db.execute(statement).rowcount > 0
    running.start()
    answer = verified(running)
    assert (answer["good"], answer["bad_seq"]) == (False, seq) and why in answer["why"]
    # Going on does not cover it up.
    running.api.override("pay", "10.0.1.2", weight=4)
    running.daemon.end()
    running.start()
    assert not verified(running)["good"]


def rewritten(db, start):
    """What somebody with the database, but without the key, can do: all hashes made anew."""
    import hashlib  # pylint: disable=import-outside-toplevel

    digest = bytes(32)
    for seq, record in db.execute("SELECT seq, record FROM trail ORDER BY seq").fetchall():
        if seq == start:
            record = record.replace("root", "eve!")
        digest = hashlib.sha256(digest + record.encode()).digest()
        db.execute("UPDATE trail SET record = ?, hash = ? WHERE seq = ?", (record, digest, seq))
    db.execute("DELETE FROM meta WHERE key = 'audit_head'")


def test_a_trail_that_was_made_anew_contradicts_the_logged_head(running):
    some_changes(running)
    line = [line for line in running.log().splitlines() if "audit head 8" in line][0]
    _, hash_, at, signature = line.split("audit head ")[1].split()
    assert verified(running, seq=8, hash=hash_)["good"]
    assert verified(running, seq=8, hash=hash_, at=at,
                    signature=signature.replace("+", "%2B"))["good"]
    running.daemon.kill()
    with database(running) as db:
        rewritten(db, 3)
    running.start()
    assert verified(running)["good"]  # By itself it looks right,
    answer = verified(running, seq=8, hash=hash_)
    assert not answer["good"] and "made anew" in answer["why"]  # but not to who has the log.


def test_a_trail_that_was_cut_off_contradicts_the_logged_head(running):
    some_changes(running)
    head = running.api.get("/v1/audit/head")["head"]
    running.daemon.kill()
    with database(running) as db:
        db.execute("DELETE FROM trail WHERE seq >= 5")
        db.execute("DELETE FROM meta WHERE key = 'audit_head'")  # Who knows, takes that, too.
    running.start()
    assert verified(running)["good"]
    answer = verified(running, seq=head["seq"], hash=head["hash"])
    assert not answer["good"] and "cut off" in answer["why"]


def test_a_daemon_that_starts_notices_what_is_missing(running):
    some_changes(running)
    running.daemon.kill()
    with database(running) as db:
        db.execute("DELETE FROM trail WHERE seq >= 7")
    running.start()
    words = "the audit trail was tampered with: record 8 is not the one that was signed"
    assert words in running.api.get("/v1/status")["problems"] and words in running.log()


def test_a_trail_that_was_made_anew_contradicts_the_stored_head(running):
    some_changes(running)
    running.daemon.kill()
    with database(running) as db:
        head = db.execute("SELECT value FROM meta WHERE key = 'audit_head'").fetchone()[0]
        rewritten(db, 3)
        db.execute("INSERT INTO meta VALUES('audit_head', ?)", (head,))
    running.start()
    assert any("record 8 is not the one that was signed" in p
               for p in running.api.get("/v1/status")["problems"])
    answer = verified(running)
    assert (answer["good"], answer["bad_seq"]) == (False, 8) and "signed head" in answer["why"]


def test_a_head_that_nobody_has_signed(running):
    head = running.api.get("/v1/audit/head")["head"]
    with pytest.raises(ApiError) as e:
        verified(running, seq=head["seq"], hash="0" * 64, at=head["at"],
                 signature=head["signature"].replace("+", "%2B"))
    assert (e.value.status, e.value.body["error"]["code"]) == (422, "bad_signature")
    for query in ("seq=3", "hash=" + "0" * 64, "seq=1&hash=xyz", "seq=0&hash=" + "0" * 64):
        with pytest.raises(ApiError) as e:
            running.api.get(f"/v1/audit/verify?{query}")
        assert e.value.status == 400


def attempt(call, *args, **kwargs):
    with pytest.raises(ApiError):
        call(*args, **kwargs)


def wait_for_entry(control, kind, nb=1):
    end = time.monotonic() + 10
    while True:
        found = [e for e in entries(control, limit=1000) if e["kind"] == kind]
        if len(found) >= nb:
            return found
        assert time.monotonic() < end, entries(control)
        time.sleep(0.05)


def test_refused_attempts_are_recorded(running):
    attempt(running.api.apply_yaml, "nonsense")
    attempt(running.api.apply_yaml, HEAVIER, expect_revision=9)
    attempt(running.api.override, "pay", "10.9.9.9", weight=1)
    found = {(e["action"], e["result"]): e for e in wait_for_entry(running, "refused", 3)}
    assert set(found) == {("PUT /v1/config", "invalid_config"),
                          ("PUT /v1/config", "stale_revision"),
                          ("PATCH /v1/services/pay/backends/10.9.9.9", "no_such_backend")}
    assert "the revision is 1, not 9" in found["PUT /v1/config", "stale_revision"]["detail"]
    attempt(running.api.get, "/v1/services/none")  # To look in vain is no attempt.
    time.sleep(1.2)
    assert len(wait_for_entry(running, "refused")) == 3
    trail.verify(export(running))


def test_a_flood_of_refused_attempts_is_a_few_records(running):
    for i in range(150):
        attempt(running.api.override, "pay", f"10.9.9.{i}", weight=1)
        attempt(running.api.apply_yaml, "nonsense")
    running.daemon.end()
    running.start()
    found = wait_for_entry(running, "refused")
    assert len(found) <= 33 * 4
    assert sum(e["after"]["attempts"] for e in found) == 300
    assert any(e["action"] == "others" for e in found)
    assert verified(running)["good"]


def test_a_trail_of_version_1_becomes_the_beginning_of_the_chain(control):
    control.state.mkdir()
    with database(control) as db:
        db.executescript(VERSION_1)
    control.start(EXAMPLE)
    old = entries(control)[-2:]
    assert [(e["id"], e["action"], e["result"], e["at"]) for e in old] == [
        (2, "backend.override", None, "2023-11-14T22:13:21.000Z"),
        (1, "config.apply", "in_force", "2023-11-14T22:13:20.000Z")]
    assert verified(control)["first"] == 1 and verified(control)["good"]
    trail.verify(export(control))


def test_old_records_go_and_the_rest_verifies(control):
    control.options = ["--audit-keep", "20"]
    control.start(EXAMPLE)
    for i in range(520):
        control.api.override("pay", "10.0.1.2", weight=i % 60000)
    answer = verified(control)
    assert answer["good"] and 20 <= answer["records"] <= 1025 and answer["first"] > 1
    lines = export(control)
    first = json.loads(json.loads(lines[0])["record"])["seq"]
    assert first == answer["first"]
    with contextlib.closing(sqlite3.connect(control.state / "state.db")) as db:
        checkpoint = json.loads(db.execute(
            "SELECT value FROM meta WHERE key = 'audit_checkpoint'").fetchone()[0])
    assert trail.signed(checkpoint, control.api.get("/v1/audit/head")["public_key"])
    assert trail.verify(lines, bytes.fromhex(checkpoint["hash"]), first)[0] == answer["last"]
    gone = verified(control, seq=1, hash="0" * 64)
    assert not gone["good"] and "not kept any more" in gone["why"]


@contextlib.contextmanager
def unwritable(control):
    """Nothing can be written while somebody else holds the database."""
    db = sqlite3.connect(control.state / "state.db", isolation_level=None, timeout=30)
    db.execute("BEGIN IMMEDIATE")
    yield
    db.rollback()
    db.close()


def test_what_cannot_be_recorded_is_not_done(connected):
    with unwritable(connected):
        with pytest.raises(ApiError) as e:
            connected.api.override("pay", "10.0.1.2", weight=3)
        assert e.value.body["error"]["code"] == "store_failed"
        status = connected.api.get("/v1/status")
        assert any("store cannot be written" in p for p in status["problems"])
        assert connected.api.get("/v1/services/pay")["backends"][1]["weight"] == 50
    assert connected.api.override("pay", "10.0.1.2", weight=3)["result"] == "in_force"
    assert connected.api.get("/v1/status")["problems"] == []
    assert verified(connected)["good"]


def test_unless_the_operator_says_so(control):
    control.options = ["--audit-required", "no"]
    control.start(EXAMPLE)
    control.start_dataplane()
    with unwritable(control):
        answer = control.api.override("pay", "10.0.1.2", weight=3)
        assert answer["result"] == "in_force" and "NOT recorded" in answer["message"]
        assert control.api.get("/v1/services/pay")["backends"][1]["weight"] == 3
    assert "NOT recorded" in control.log()
    assert verified(control)["good"]


def test_verifying_a_long_trail_holds_nobody_up(running):
    running.daemon.end()
    with database(running) as db:
        import hashlib  # pylint: disable=import-outside-toplevel

        seq, digest = db.execute("SELECT seq, hash FROM trail ORDER BY seq DESC LIMIT 1").fetchone()
        for i in range(seq + 1, 200000):
            record = json.dumps({"seq": i, "kind": "observed", "action": "health.change",
                                 "detail": "x" * 100})
            digest = hashlib.sha256(digest + record.encode()).digest()
            db.execute("INSERT INTO trail VALUES(?, NULL, ?, ?)", (i, record, digest))
    running.start()
    answers = []
    verifying = threading.Thread(target=lambda: answers.append(verified(running)))
    verifying.start()
    slowest, nb = 0, 0
    while verifying.is_alive():
        before = time.monotonic()
        running.api.get("/v1/confirm")
        slowest, nb = max(slowest, time.monotonic() - before), nb + 1
        time.sleep(0.005)
    verifying.join()
    assert answers[0]["good"] and answers[0]["records"] >= 199999
    print(f"{nb} answers meanwhile, the slowest after {slowest * 1e3:.0f} ms")
    assert len(export(running)) >= 199999
