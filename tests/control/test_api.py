# SPDX-License-Identifier: BSD-3-Clause
"""The API of doc/api.md against a real guidewayd without a dataplane."""

import json
import os
import socket
import stat
import subprocess
import threading

import pytest

from conftest import DNS, EXAMPLE
from harness.api import ApiError


def refused(call, *arguments, **more):
    """The call must fail; its status and error."""
    with pytest.raises(ApiError) as caught:
        call(*arguments, **more)
    error = caught.value.body["error"]
    assert isinstance(error["message"], str) and error["message"]
    return caught.value.status, error


def test_status_says_what_is_wrong(running):
    status = running.api.get("/v1/status")
    assert status["revision"] == 1
    assert (status["services"], status["backends"]) == (2, 3)
    assert not status["healthy"]
    assert any("no dataplane is connected" in problem for problem in status["problems"])
    assert status["dataplane"]["connected"] is False
    assert status["dataplane"]["generation"] is None
    assert status["config_file"]["state"] == "applied"
    assert len(status["hash_key_fingerprint"]) == 8
    assert status["last_apply"] is None


def read_answer(connection, begin):
    """The JSON of a chunked answer, to the end of the connection, of which @p begin was read."""
    parts = [begin]
    while part := connection.recv(1 << 16):
        parts.append(part)
    chunks, body = b"".join(parts).split(b"\r\n\r\n", 1)[1], b""
    while True:
        size, chunks = chunks.split(b"\r\n", 1)
        if int(size, 16) == 0:
            return json.loads(body)
        body += chunks[:int(size, 16)]
        chunks = chunks[int(size, 16) + 2:]


def ask(control, path):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(str(control.socket))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return connection


def test_a_long_list_holds_up_nobody_and_outlives_its_configuration(control):
    hosts = [f"10.1.{n // 200}.{1 + n % 200}" for n in range(4000)]  # More than sockets hold.
    service = ("services:\n  - {name: many, address: 192.0.2.1, protocol: tcp, port: 80, "
               "mode: ipip, backends: [")
    control.start(service + ", ".join(f"{{address: {host}}}" for host in hosts) + "]}\n")
    for path in ("/v1/backends", "/v1/services/many"):
        control.api.apply_yaml(control.config.read_text(encoding="utf-8"))
        with ask(control, path) as gone:  # A reader that loses interest.
            gone.recv(1000)
        with ask(control, path) as reader:
            begin = reader.recv(100)
            control.api.apply_yaml("services: []\n", allow_empty="true")
            assert control.api.get("/v1/backends") == {"backends": []}
            answer = read_answer(reader, begin)
        assert [backend["address"] for backend in answer["backends"]] == hosts
        assert {backend["service"] for backend in answer["backends"]} == {"tcp/192.0.2.1:80"}


def test_services_are_found_by_name_and_by_id(running):
    services = running.api.get("/v1/services")["services"]
    assert [s["name"] for s in services] == ["pay", DNS]
    by_name = running.api.get("/v1/services/pay")
    by_id = running.api.get("/v1/services/tcp%2F192.0.2.10%3A443")
    assert by_name == by_id
    assert [b["address"] for b in by_name["backends"]] == ["10.0.1.1", "10.0.1.2"]
    assert [round(b["expected_share"], 6) for b in by_name["backends"]] == [0.666667, 0.333333]
    assert by_name["lifetimes"] == {"half-open": 30, "open": 900, "closing": 30, "udp": 60}
    assert refused(running.api.get, "/v1/services/nope")[0] == 404
    assert len(running.api.get("/v1/backends")["backends"]) == 3
    assert len(running.api.get("/v1/backends?service=pay")["backends"]) == 2


def test_a_change_without_a_dataplane_is_stored(running):
    answer = running.api.override("pay", "10.0.1.2", state="draining")
    assert answer["result"] == "stored"
    assert answer["generation"] is None
    assert answer["changes"]["list"] == \
        ["tcp/192.0.2.10:443: backend 10.0.1.2 draining, was enabled"]
    assert running.api.override("pay", "10.0.1.2", state="draining")["result"] == "unchanged"


def test_fields_of_an_override_are_set_and_reset_apart(running):
    api = running.api
    api.override("pay", "10.0.1.2", state="draining")
    api.override("pay", "10.0.1.2", weight=0)
    [backend] = [b for b in api.get("/v1/backends?service=pay")["backends"]
                 if b["address"] == "10.0.1.2"]
    assert (backend["state"], backend["weight"], backend["usable"]) == ("draining", 0, False)
    assert backend["configured"] == {"state": "enabled", "weight": 50}
    api.override("pay", "10.0.1.2", state=None)
    [override] = api.get("/v1/overrides")["overrides"]
    assert (override["state"], override["weight"]) == (None, 0)
    api.override("pay", "10.0.1.2", weight=None)
    assert api.get("/v1/overrides")["overrides"] == []


def test_an_override_in_every_service_is_one_change(running):
    answer = running.api.call("PATCH", "/v1/backends/10.0.1.1", {"state": "disabled"})
    assert answer["changes"]["backends_changed"] == 2
    assert len(running.api.get("/v1/overrides")["overrides"]) == 2
    assert refused(running.api.call, "PATCH", "/v1/backends/10.9.9.9", {"weight": 1})[0] == 404


def test_an_override_wins_over_apply_until_it_is_reset(running):
    api = running.api
    api.override("pay", "10.0.1.1", state="draining", weight=7)
    api.apply_yaml(EXAMPLE.replace("weight: 50", "weight: 60"))
    backends = {b["address"]: b for b in api.get("/v1/services/pay")["backends"]}
    assert (backends["10.0.1.1"]["state"], backends["10.0.1.1"]["weight"]) == ("draining", 7)
    assert backends["10.0.1.2"]["weight"] == 60
    assert api.apply_yaml(EXAMPLE, reset_overrides="true")["changes"]["backends_changed"] == 2
    assert api.get("/v1/overrides")["overrides"] == []


def test_an_override_of_a_backend_that_left_is_dormant_and_holds_when_it_returns(running):
    api = running.api
    api.override("pay", "10.0.1.2", state="draining")
    without = EXAMPLE.replace("      - address: 10.0.1.2\n        weight: 50\n", "")
    api.apply_yaml(without)
    assert api.get("/v1/overrides")["overrides"][0]["dormant"] is True
    api.apply_yaml(EXAMPLE)
    assert api.get("/v1/services/pay")["backends"][1]["state"] == "draining"


def test_resetting_overrides(running):
    api = running.api
    for address in ("10.0.1.1", "10.0.1.2"):
        api.override("pay", address, weight=1)
    assert api.call("DELETE", "/v1/overrides?backend=10.0.1.1")["overrides_reset"] == 1
    status, error = refused(api.call, "DELETE", "/v1/overrides?backend=10.0.1.1")
    assert (status, error["code"]) == (404, "no_such_override")
    assert api.call("DELETE", "/v1/overrides?service=pay")["overrides_reset"] == 1
    assert api.call("DELETE", "/v1/overrides")["result"] == "unchanged"


def test_backends_are_added_and_removed(running):
    api = running.api
    answer = api.add("pay", address="10.0.1.3", weight=7)
    assert (answer["result"], answer["revision"]) == ("stored", 2)
    status, error = refused(api.add, "pay", address="10.0.1.3")
    assert (status, error["code"]) == (409, "already_exists")
    api.override("pay", "10.0.1.3", weight=9)
    assert api.remove("pay", "10.0.1.3")["changes"]["backends_removed"] == 1
    assert api.get("/v1/overrides")["overrides"] == []
    status, error = refused(api.remove, "pay", "10.0.1.3")
    assert (status, error["code"]) == (404, "no_such_backend")
    assert api.call("DELETE", "/v1/backends/10.0.1.1")["changes"]["backends_removed"] == 2


@pytest.mark.parametrize("body, words", [
    ({}, "address is missing"),
    ({"address": "10.0.1.300"}, "not an IPv4 or IPv6 address"),
    ({"address": "fd00::1"}, "own family"),
    ({"address": "192.0.2.10"}, "is the VIP"),
    ({"address": "2001:db8::10"}, "own family"),
    ({"address": "10.0.1.9", "weight": -1}, "-1 is not in 0..65535"),
    ({"address": "10.0.1.9", "weight": 1 << 32}, "4294967296 is not in 0..65535"),
    ({"address": "10.0.1.9", "weight": "7"}, "is a string, must be a number"),
    ({"address": "10.0.1.9", "weight": True}, "is a boolean, must be a number"),
    ({"address": "10.0.1.9", "weight": 1.5}, "not a whole number"),
    ({"address": "10.0.1.9", "state": "up"}, "not enabled, draining or disabled"),
    ({"address": "10.0.1.9", "x": 1}, "unknown key"),
    ([], "must be a map"),
])
def test_a_bad_backend_is_refused_with_its_place(running, body, words):
    status, error = refused(running.api.call, "POST", "/v1/services/pay/backends", body)
    assert status == 422
    assert words in error["message"]
    assert running.api.get("/v1/status")["revision"] == 1


@pytest.mark.parametrize("body", ["", "{", "nonsense", "[1,2", '{"weight":1}}', "\x00", "\xff\xfe",
                                  '{"weight":1,"weight":2}', '{"weight":' + "[" * 5000],
                         ids=range(9))
def test_a_body_that_is_no_json_is_refused(running, body):
    status, error = refused(running.api.call, "PATCH",
                            "/v1/services/pay/backends/10.0.1.1", body.encode("latin-1"))
    assert (status, error["code"]) == (400, "bad_request")


def test_a_patch_must_say_something(running):
    status, error = refused(running.api.override, "pay", "10.0.1.1")
    assert status == 422 and "state, weight" in error["message"]


def test_the_place_of_an_error_in_yaml(running):
    bad = EXAMPLE.replace("weight: 50", "weight: 4294967296")
    status, error = refused(running.api.apply_yaml, bad, name="guideway.yaml")
    assert status == 422
    assert error["message"] == "guideway.yaml:10:17: services[0].backends[1].weight: " \
        "4294967296 is not in 0..65535"
    assert error["details"] == [{"line": 10, "column": 17,
                                 "path": "services[0].backends[1].weight",
                                 "message": "4294967296 is not in 0..65535"}]


def test_an_alias_bomb_is_refused(running):
    bomb = "a: &a [x,x]\nb: &b [*a,*a,*a,*a]\nservices: [*b,*b]\n"
    status, error = refused(running.api.apply_yaml, bomb)
    assert status == 400 and "anchors are not supported" in error["message"]


def test_the_export_applies_again_as_it_is(running):
    api = running.api
    yaml = api.call("GET", "/v1/config", None)
    assert api.call("PUT", "/v1/config", yaml)["result"] == "unchanged"
    text = subprocess.run(["curl", "-s", "--unix-socket", str(running.socket), "-H",
                           "Accept: application/yaml", "http://x/v1/config"],
                          capture_output=True, check=True, text=True).stdout
    assert text.startswith("services:")
    assert api.apply_yaml(text)["result"] == "unchanged"


def test_the_effective_export_has_overrides_merged_in(running):
    running.api.override("pay", "10.0.1.1", weight=3, state="draining")
    config = running.api.get("/v1/config?effective=true")
    assert config["services"][0]["backends"][0] == \
        {"address": "10.0.1.1", "weight": 3, "state": "draining"}
    assert running.api.get("/v1/config")["services"][0]["backends"][0]["weight"] == 100


def test_a_dry_run_changes_nothing(running):
    api = running.api
    answer = api.apply_yaml(EXAMPLE.replace("port: 443", "port: 444"), dry_run="true")
    assert answer["result"] == "dry_run"
    assert (answer["changes"]["services_added"], answer["changes"]["services_removed"]) == (1, 1)
    assert api.get("/v1/status")["revision"] == 1
    assert api.call("DELETE", "/v1/services/pay/backends/10.0.1.1?dry_run=true")["result"] == \
        "dry_run"
    assert len(api.get("/v1/services/pay")["backends"]) == 2


def test_a_stale_revision_is_refused(running):
    status, error = refused(running.api.apply_yaml, "services: []", expect_revision=0)
    assert (status, error["code"]) == (409, "stale_revision")
    running.api.apply_yaml(EXAMPLE.replace("443", "444"), expect_revision=1)


def test_removing_everything_needs_to_be_said(running):
    status, error = refused(running.api.apply_yaml, "services: []")
    assert (status, error["code"]) == (409, "would_remove_all")
    assert running.api.apply_yaml("services: []", allow_empty="true")["result"] == "stored"
    assert running.api.get("/v1/services") == {"services": []}
    assert refused(running.api.apply_yaml, "")[0] == 422


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/", 404), ("GET", "/v1", 404), ("GET", "/v2/status", 404),
    ("GET", "/v1/statuses", 404), ("GET", "/v1/status/x", 404), ("GET", "/v1/services/a/b", 404),
    ("POST", "/v1/status", 405), ("PUT", "/v1/services", 405), ("BREW", "/v1/config", 405),
    ("GET", "/v1/status?x=1", 400), ("GET", "/v1/services/%", 400), ("GET", "/v1/services/%00", 400),
    ("DELETE", "/v1/services/pay/backends/10.0.1.1?dryrun=true", 400),
    ("DELETE", "/v1/services/pay/backends/10.0.1.1?dry_run=yes", 400),
    ("DELETE", "/v1/services/pay/backends/nonsense", 400),
    ("GET", "/v1/audit?limit=0", 400), ("GET", "/v1/audit?limit=x", 400),
    ("GET", "/v1/revisions/999", 404), ("GET", "/v1/revisions/x", 404),
    ("GET", "/v1/stats", 503),
])
def test_wrong_requests_get_their_status(running, method, path, status):
    assert refused(running.api.call, method, path)[0] == status


def test_a_wrong_content_type_is_refused(running):
    assert refused(running.api.call, "PUT", "/v1/config", "x", "text/plain")[0] == 415
    assert refused(running.api.call, "POST", "/v1/services/pay/backends", "{}",
                   "application/yaml")[0] == 415


def test_a_body_over_the_limit_is_refused_and_one_below_is_not(running):
    fits = EXAMPLE + "#" * ((16 << 20) - len(EXAMPLE))
    assert running.api.apply_yaml(fits)["result"] == "unchanged"
    assert refused(running.api.apply_yaml, fits + "#")[0] == 413


def test_the_audit_trail_says_who_did_what(running):
    running.api.override("pay", "10.0.1.2", state="draining")
    entry = running.api.get("/v1/audit?limit=1")["entries"][0]
    assert entry["action"] == "backend.override"
    assert entry["target"] == "tcp/192.0.2.10:443 10.0.1.2"
    assert (entry["uid"], entry["pid"], entry["user"]) == (0, os.getpid(), "root")
    assert entry["before"] == {"state": None, "weight": None}
    assert entry["after"] == {"state": "draining", "weight": None}
    assert entry["result"] == "stored"
    first = running.api.get("/v1/audit")["entries"][-1]
    assert (first["uid"], first["action"]) == (-1, "config.apply")


def test_revisions_are_kept(running):
    running.api.add("pay", address="10.0.1.3")
    revisions = running.api.get("/v1/revisions")["revisions"]
    assert [r["revision"] for r in revisions] == [2, 1]
    assert [r["current"] for r in revisions] == [True, False]
    assert len(running.api.get("/v1/revisions/1")["config"]["services"][0]["backends"]) == 2


def test_the_socket_is_for_owner_and_group(running):
    assert stat.S_IMODE(running.socket.stat().st_mode) == 0o660
    assert stat.S_IMODE((running.state / "hash.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("garbage", [
    b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\xff" * 70000,
    b"PUT /v1/config HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
    b"PUT /v1/config HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"PUT /v1/config HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /v1/status HTTP/1.1\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
    b"PUT /v1/config HTTP/1.1\r\nHost: x\r\nContent-Type: application/yaml\r\n"
    b"Content-Length: 100\r\n\r\nshort",
], ids=str.split("zeros no-request version ones negative-length huge-length bad-chunk long-path "
                 "many-headers cut-body"))
def test_garbage_on_the_socket_disturbs_nobody(running, garbage):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(running.socket))
        try:
            client.sendall(garbage)
        except OSError:
            pass
        assert running.api.get("/v1/status")["revision"] == 1
    assert running.daemon.running


def test_connections_that_say_nothing_do_not_keep_others_out_for_ever(running):
    idle = []
    try:
        for _ in range(50):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(running.socket))
            idle.append(client)
        assert running.api.get("/v1/status")["revision"] == 1
    finally:
        for client in idle:
            client.close()


def test_changes_of_many_clients_are_all_made(running):
    errors = []

    def add(number):
        try:
            running.api.add("pay", address=f"10.0.2.{number}")
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(1, 31)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(running.api.get("/v1/services/pay")["backends"]) == 32
    assert running.api.get("/v1/status")["revision"] == 31
