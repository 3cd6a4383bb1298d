# SPDX-License-Identifier: BSD-3-Clause
"""What survives, what is refused at start, and what SIGHUP does."""

import random
import signal
import subprocess
import threading
import time

from conftest import EXAMPLE
from harness.api import ApiError


def test_state_survives_kill_9(running):
    running.api.add("pay", address="10.0.1.3")
    running.api.override("pay", "10.0.1.1", state="draining")
    before = running.api.get("/v1/backends")
    running.daemon.kill()
    running.start()
    assert running.api.get("/v1/backends") == before
    status = running.api.get("/v1/status")
    assert status["revision"] == 2
    assert status["config_file"]["state"] == "unchanged"


def test_a_restart_with_a_changed_file_applies_it(running):
    running.api.add("pay", address="10.0.1.3")
    running.daemon.end()
    running.start(EXAMPLE.replace("weight: 50", "weight: 51"))
    status = running.api.get("/v1/status")
    assert status["config_file"]["state"] == "applied"
    backends = running.api.get("/v1/services/pay")["backends"]
    assert [(b["address"], b["weight"]) for b in backends] == [("10.0.1.1", 100),
                                                               ("10.0.1.2", 51)]


def test_a_comment_is_no_change(running):
    running.api.add("pay", address="10.0.1.3")
    running.daemon.end()
    running.start("# hello\n" + EXAMPLE)
    assert len(running.api.get("/v1/services/pay")["backends"]) == 3


def test_sighup_always_applies(running):
    running.api.add("pay", address="10.0.1.3")
    running.daemon.process.send_signal(signal.SIGHUP)
    running.until(lambda s: s["revision"] == 3, "the file is applied again")
    assert len(running.api.get("/v1/services/pay")["backends"]) == 2


def test_a_bad_file_at_sighup_changes_nothing_and_is_told(running):
    running.config.write_text(EXAMPLE.replace("tcp", "sctp"), encoding="utf-8")
    running.daemon.process.send_signal(signal.SIGHUP)
    status = running.until(lambda s: s["config_file"]["state"] == "rejected", "it is rejected")
    assert status["revision"] == 1
    assert "services[0].protocol" in status["config_file"]["message"]
    assert any("rejected" in problem for problem in status["problems"])
    assert f'{running.config}:4:15: services[0].protocol: "sctp" is not tcp or udp' in \
        running.log()
    running.config.unlink()
    running.daemon.process.send_signal(signal.SIGHUP)
    running.until(lambda s: "No such file" in s["config_file"]["message"], "its absence is told")
    running.config.write_text(EXAMPLE, encoding="utf-8")
    running.daemon.process.send_signal(signal.SIGHUP)
    running.until(lambda s: s["config_file"]["state"] == "applied", "the good one is applied")


def test_a_bad_file_at_start_leaves_the_last_good_state(running):
    running.daemon.end()
    running.start("services: [")
    status = running.api.get("/v1/status")
    assert status["config_file"]["state"] == "rejected"
    assert (status["revision"], status["services"]) == (1, 2)


def test_without_file_and_state_the_daemon_waits_for_the_api(control):
    control.start()
    status = control.api.get("/v1/status")
    assert (status["revision"], status["config_file"]["state"]) == (0, "absent")
    assert "no configuration has been applied yet" in status["problems"]
    assert control.api.apply_yaml(EXAMPLE)["revision"] == 1


def test_an_emptied_file_does_not_remove_everything(running):
    running.daemon.end()
    running.start("services: []\n")
    status = running.api.get("/v1/status")
    assert (status["services"], status["config_file"]["state"]) == (2, "rejected")


def test_a_second_daemon_is_refused(running):
    second = subprocess.run(running.command(), capture_output=True, text=True, check=False)
    assert second.returncode == 5
    assert f"another guidewayd (pid {running.daemon.pid}) uses" in second.stderr
    assert running.api.get("/v1/status")["revision"] == 1


def test_a_second_daemon_on_the_same_socket_is_refused(running):
    command = [word.replace("/state", "/other") for word in running.command()]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "another process serves it" in second.stderr
    assert running.api.get("/v1/status")["revision"] == 1


def test_a_damaged_database_is_refused_with_what_to_do(running):
    running.daemon.end()
    (running.state / "state.db").write_bytes(b"not a database, " * 1000)
    again = subprocess.run(running.command(), capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "state.db" in again.stderr and "move the file away" in again.stderr


def test_the_socket_is_gone_after_a_clean_stop_and_a_stale_one_is_replaced(running):
    running.daemon.kill()
    assert running.socket.exists()
    running.start()
    assert running.daemon.end() == 0
    assert not running.socket.exists()
    running.daemon = None


def test_the_hash_key_is_kept_and_never_shown(running):
    key = (running.state / "hash.key").read_text().strip()
    assert len(key) == 32
    fingerprint = running.api.get("/v1/status")["hash_key_fingerprint"]
    running.daemon.end()
    running.start()
    assert running.api.get("/v1/status")["hash_key_fingerprint"] == fingerprint
    assert (running.state / "hash.key").read_text().strip() == key
    assert key not in running.log()
    for path in ("/v1/status", "/v1/config", "/v1/audit", "/v1/revisions/1"):
        assert key not in str(running.api.get(path))
    assert key.encode() not in (running.state / "state.db").read_bytes()


def test_check_tells_good_from_bad(control):
    good, bad = control.directory / "good.yaml", control.directory / "bad.yaml"
    good.write_text(EXAMPLE)
    bad.write_text(EXAMPLE.replace("weight: 50", "weight: -1"))
    check = [control.command()[0], "--check"]
    assert subprocess.run([*check, str(good)], check=False).returncode == 0
    out = subprocess.run([*check, str(bad)], capture_output=True, text=True, check=False)
    assert out.returncode == 6
    assert out.stderr == f"{bad}:10:17: services[0].backends[1].weight: -1 is not in 0..65535\n"
    assert subprocess.run([*check, "/nonexistent"], check=False).returncode == 1
    assert subprocess.run([*check, "/dev/zero"], check=False).returncode == 1


def test_usage_errors(control):
    program = control.command()[0]
    for words in (["--nonsense"], ["stray"], ["--log-level", "loud"], ["--check"],
                  ["--api-group", "no-such-group"]):
        assert subprocess.run([program, *words], capture_output=True,
                              check=False).returncode == 2
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    assert version.returncode == 0 and version.stdout.startswith("guidewayd ")


def test_what_was_answered_survives_kill_9_at_any_moment(running):
    """Killed again and again under changes: every change that was answered is there."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    weight = {"answered": 0, "sent": 0}
    for _ in range(8):
        done = threading.Event()

        def change():
            while not done.is_set():
                weight["sent"] += 1
                try:
                    running.api.override("pay", "10.0.1.1", weight=weight["sent"])
                    weight["answered"] = weight["sent"]
                except (ApiError, OSError, ValueError):
                    return
                except Exception:  # http.client's many ways to say that the peer has gone
                    return

        thread = threading.Thread(target=change)
        thread.start()
        time.sleep(dice.uniform(0.02, 0.25))
        running.daemon.kill()
        done.set()
        thread.join()
        running.start()
        now = running.api.get("/v1/services/pay")["backends"][0]["weight"]
        if weight["answered"] > 0:
            assert weight["answered"] <= now <= weight["sent"]
