# SPDX-License-Identifier: BSD-3-Clause
"""-o json is the API's answer, nothing more and nothing less."""

import json

import pytest
import yaml

from console import shown

READING = {
    "service list": "/v1/services",
    "service show pay": "/v1/services/pay",
    "backend list": "/v1/backends",
    "backend list --service pay": "/v1/backends?service=pay",
    "backend show 10.2.0.11": "/v1/backends/10.2.0.11",
    "events --limit 5": "/v1/events?limit=5",
    "backend show fd02::12 --service udp/[2001:db8::10]:53":
        "/v1/services/udp%2F%5B2001:db8::10%5D:53/backends/fd02::12",
    "override list": "/v1/overrides",
    "export": "/v1/config",
    "export --effective": "/v1/config?effective=true",
    "history": "/v1/revisions",
    "audit list --limit 1": "/v1/audit?limit=1",
    "status": "/v1/status",
    "stats": "/v1/stats",
    "stats port": "/v1/stats",
}
#: What is not the same a moment later.
VOLATILE = {"uptime_s", "at", "load", "workers", "ports", "main", "drops"}


def steady(value):
    if isinstance(value, dict):
        return {name: None if name in VOLATILE else steady(child)
                for name, child in value.items()}
    if isinstance(value, list):
        return [steady(child) for child in value]
    return value


@pytest.mark.parametrize("words", READING)
def test_reading_gives_the_answer_of_the_api(console, words):
    console.ok("backend", "drain", "10.2.0.12")
    console.ok("backend", "set", "10.2.0.11", "--weight", "3", "--service", "pay")
    got = json.loads(console.ok("-o", "json", *words.split()))
    assert steady(got) == steady(console.api.get(READING[words]))


def test_a_change_gives_the_answer_of_the_api(console):
    got = json.loads(console.ok("backend", "set", "10.2.0.11", "--weight=9", "--output=json"))
    status = console.api.get("/v1/status")
    assert got["result"] == "in_force"
    assert got["generation"] == status["dataplane"]["generation"]
    assert got["apply_us"] == status["last_apply"]["apply_us"]
    assert got["changes"]["backends_changed"] == 2


def test_an_error_of_the_api_goes_to_stderr_as_it_is(alone):
    done = alone.run("-o", "json", "service", "show", "nope")
    assert (done.code, done.out) == (4, "")
    assert done.error["code"] == "no_such_service"
    assert set(done.error) >= {"code", "message", "path", "hint"}


@pytest.mark.parametrize("words, code, name", [
    ("status --limit 3", 2, "usage"), ("status --no-such", 2, "usage"),
    ("service show", 2, "usage"), ("apply", 2, "usage"), ("apply -f /nowhere", 6, "cannot_read"),
    ("status", 3, "cannot_connect")])
def test_an_error_of_the_cli_has_the_same_form(bare, words, code, name):
    done = bare.run("-o", "json", *words.split())
    assert (done.code, done.out) == (code, "")
    assert done.error["code"] == name
    assert set(done.error) == {"code", "message", "path", "hint"}


def test_a_message_that_is_no_utf8_is_shown_all_the_same(alone):
    done = alone.run("-o", "json", "apply", "-f", b"/nowhere/\xff\xfe".decode("latin-1"))
    assert done.code == 6 and "/nowhere/" in done.err


def test_unhealthy_is_told_by_json_and_exit_code(alone):
    done = alone.run("status", "-o", "json")
    assert done.code == 1 and done.json["healthy"] is False


@pytest.mark.parametrize("words", READING)
def test_yaml_says_the_same(console, words):
    text = console.run(*words.split(), "-o", "yaml").out
    assert not text.startswith(("{", "["))
    assert steady(yaml.safe_load(text)) == steady(console.run(*words.split(), "-o", "json").json)


@pytest.mark.parametrize("name", [
    "yes", "No", "null", "~", "1.5", "0x1f", "1:20", "2026-11-27", "-", "- a", "a: b", "a #b", "'",
    '"', "{a}", "[", "*a", "&a", "!a", "%a", "@a", "`a", "", " ", " a ", "é", "\u2028", "\x1b[2J",
    "a\nb\n", "\ttab", "=", "<<", ".inf", "+1", "10.0.0.1", "…"])
def test_yaml_keeps_every_word_what_it_is(bare, name):
    """Also as the name of a member."""
    answer = {"services": [{"name": name, name: [name, 2**63 - 1, 0.1, None, True, {}, []]}]}
    assert yaml.safe_load(shown(bare, "service list -o yaml", answer)) == answer


def test_errors_are_yaml_too(alone):
    error = yaml.safe_load(alone.refused(4, "service", "show", "nope", "-o", "yaml"))["error"]
    assert error["code"] == "no_such_service"
    assert yaml.safe_load(alone.refused(2, "-o", "yaml", "nope"))["error"]["code"] == "usage"
