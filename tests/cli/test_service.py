# SPDX-License-Identifier: BSD-3-Clause
"""service add, set, remove."""


def service(console, name):
    return next(s for s in console.api.get("/v1/config")["services"] if s.get("name") == name)


def test_add_set_remove(console):
    text = console.ok("service", "add", "udp/[2001:db8::99]:5300", "mode=ipip", "name=late",
                      "lifetimes.udp=10s")
    assert text.splitlines()[0] == "udp/[2001:db8::99]:5300: service added"
    assert service(console, "late") == {
        "name": "late", "address": "2001:db8::99", "protocol": "udp", "port": 5300,
        "mode": "ipip", "lifetimes": {"udp": "10s"}, "backends": []}
    console.ok("service", "set", "late", "lifetimes.udp=", "slots=1021")
    assert service(console, "late")["slots"] == 1021 and "lifetimes" not in service(console, "late")
    console.ok("backend", "add", "10.2.0.11", "--service", "late")
    assert "--force" in console.refused(5, "service", "remove", "late")
    console.ok("service", "remove", "late", "--force")
    assert "no service is called" in console.refused(4, "service", "show", "late")


def test_words_that_are_none(alone):
    assert '"mode" is not KEY=VALUE' in alone.refused(2, "service", "set", "pay", "mode")
    assert "PROTOCOL/ADDRESS:PORT" in alone.refused(2, "service", "add", "pay", "mode=direct")
    assert "missing: " in alone.refused(2, "service", "set", "pay")
    assert "mode" in alone.refused(6, "service", "set", "pay", "mode=teleport")
    assert alone.refused(6, "service", "add", "tcp/192.0.2.77:80", "name=x").count("mode")
    assert alone.refused(5, "service", "add", "tcp/192.0.2.10:443", "mode=direct").count("already")
