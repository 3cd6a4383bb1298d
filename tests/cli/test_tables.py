# SPDX-License-Identifier: BSD-3-Clause
"""What every command prints for people, letter by letter."""

import re
import socket
import ssl
import threading
import time

import pytest

from console import LONG_ADDRESS, check_alignment, check_golden, steady, table
from harness.agent import Agent
from harness.certificates import self_signed, server_context

#: golden file -> the command line.
READING = {
    "service-list": "service list",
    "service-show": "service show pay",
    "service-show-ipv6": "service show udp/[2001:db8::10]:53",
    "backend-list": "backend list",
    "backend-list-of-one": "backend list --service pay",
    "backend-show": "backend show 10.2.0.11",
    "backend-show-of-one": "backend show 10.2.0.12 --service pay",
    "override-list-none": "override list",
    "export": "export",
    "export-effective": "export --effective",
    "history": "history",
    "audit-none": "audit list",
    "service-list-wide": "service list -o wide",
    "backend-list-wide": "backend list -o wide",
    "stats-service": "stats service",
    "stats-backend": "stats backend",
}


@pytest.mark.parametrize("name", READING)
def test_what_reading_commands_print(console, name):
    check_golden(name, steady(console.ok(*READING[name].split()), console.directory))


def without_workers(status):
    """Load is not the same twice."""
    return status.partition("\nWORKER")[0]


def test_what_status_prints(console):
    check_golden("status", without_workers(steady(console.ok("status"), console.directory)))


def test_what_status_prints_without_a_dataplane(alone):
    done = alone.run("status")
    assert (done.code, done.err) == (1, "")
    text = re.sub(r"/\S*/no-channel.sock", "CHANNEL", done.out)
    check_golden("status-alone", steady(text, alone.directory))


def test_what_changing_commands_print(console):
    """One after the other, so that each builds upon what those before it did.

    At status one service has no backend that takes new flows: exit code 1.
    """
    lines = []
    for words in ("backend set 10.2.0.11 --weight 70", "backend drain 10.2.0.12 --service pay",
                  f"backend disable {LONG_ADDRESS}", "backend enable fd02::12 --dry-run",
                  "backend set 10.2.0.11 --weight 70",
                  "backend set 10.2.0.11 --weight configured --state draining --service pay",
                  "backend add 10.2.0.13 --service pay --weight 5 --state disabled",
                  "backend remove fd02::12 --service udp/[2001:db8::10]:53 --dry-run",
                  "backend remove 10.2.0.13", "override list", "status", "backend list",
                  "service show pay", "override reset --service pay --dry-run",
                  "override reset --backend 10.2.0.11", "override reset", "override reset",
                  "apply --yes --force -f guideway.yaml", "history", "audit list --limit 4"):
        done = console.run(*words.split())
        assert (done.code, done.err) == (words == "status", ""), done
        lines += [f"$ guideway {words}\n", without_workers(done.out)]
    check_golden("changes", steady("".join(lines), console.directory))


def test_what_apply_prints(console):
    text = console.config.read_text().replace("weight: 50", "weight: 51")
    shown = console.ok("apply", "--yes", "-f", "-", "--dry-run", stdin=text)
    assert shown == ("tcp/192.0.2.10:443: backend 10.2.0.12 weight 51, was 50\n"
                     "checked; nothing was changed\n")
    check_golden("apply", steady(console.ok("apply", "--yes", "-f", "-", stdin=text), console.directory))
    assert console.ok("apply", "--yes", "-f", "-", stdin=text) == "it is so already\n"


def test_a_change_without_a_dataplane_says_that_it_is_only_stored(alone):
    check_golden("stored", alone.ok("backend", "drain", "10.2.0.12"))


@pytest.mark.parametrize("words", ["service list", "backend list", "backend list --service pay",
                                   "service list -o wide", "backend list -o wide",
                                   "override list", "history", "audit list", "stats service",
                                   "stats backend", "stats worker", "stats main", "stats drops",
                                   "stats port"])
def test_tables_are_aligned_and_end_in_no_spaces(console, words):
    console.ok("backend", "drain", "10.2.0.12")
    text = console.ok(*words.split())
    if words in ("override list", "history"):  # The last column has no heading.
        text = text.replace("  current", "")
    check_alignment(text)


def test_stats_prints_all_tables_with_a_line_between_them(console):
    parts = console.ok("stats").split("\n\n")
    firsts = [part.split("  ")[0].split("\n")[0] for part in parts]
    assert firsts == ["SERVICE", "SERVICE", "WORKER", "MAIN LCORE", firsts[4], "PORT"]
    assert firsts[4] in ("DROP REASON", "no drops")


def test_empty_lists_say_so(bare):
    bare.start("services: []\n")
    for words, said in (("service list", "no services; guideway apply -f FILE makes some\n"),
                        ("backend list", "no backends\n"), ("override list", "no overrides\n"),
                        ("export", "services: []\n")):
        assert bare.ok(*words.split()).endswith(said), words


def test_backend_show_tells_until_when_a_certificate_is_valid(bare, tmp_path):
    context = server_context(self_signed(tmp_path, "pay.example"))
    listener = socket.create_server(("127.0.3.1", 0))

    def serve():
        while True:
            try:
                with context.wrap_socket(listener.accept()[0], server_side=True):
                    pass
            except ssl.SSLError:
                pass
            except OSError:
                if listener.fileno() < 0:
                    return
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    bare.start(f"""\
services:
  - name: pay
    address: 192.0.2.10
    protocol: tcp
    port: 443
    mode: ipip
    health: {{checks: [{{type: tls, verify: false, port: {port}, interval: 20ms}}]}}
    backends: [{{address: 127.0.3.1}}]
""")
    wanted = (r"^certificate (29|30) days left, ends at \S+Z "
              rf"\(tls 127\.0\.3\.1 port {port}\)$")
    end = time.monotonic() + 60
    while not re.search(wanted, bare.ok("backend", "show", "127.0.3.1"), re.M):
        assert time.monotonic() < end, bare.ok("backend", "show", "127.0.3.1")
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(60)


def test_backend_show_tells_what_an_agent_says_and_how_slow_a_start_is(bare):
    agent = Agent("127.0.3.1")
    agent.line = "up 60%"
    bare.start(f"""\
services:
  - name: pay
    address: 192.0.2.10
    protocol: tcp
    port: 443
    mode: ipip
    health: {{checks: [{{type: agent, address: 127.0.3.1, port: {agent.port}, interval: 20ms}}], slow-start: 1h}}
    backends: [{{address: 127.0.3.1}}, {{address: 127.0.3.2}}]
""")
    end = time.monotonic() + 60
    while "agent       60%" not in bare.ok("backend", "show", "127.0.3.1"):
        assert time.monotonic() < end
    bare.ok("backend", "set", "127.0.3.1", "--weight", "0")
    bare.ok("backend", "set", "127.0.3.1", "--weight", "100")
    shown = bare.ok("backend", "show", "127.0.3.1")
    assert f"agent       60% (127.0.3.1 port {agent.port})\n" in shown
    assert re.search(r"^factor      0\.050, slow start for .+ more$", shown, re.M), shown
    agent.end()


def test_what_backend_show_says_of_checks(bare):
    with socket.create_server(("127.0.3.1", 0)) as listener:
        port = listener.getsockname()[1]
        bare.start(f"""\
services:
  - name: pay
    address: 192.0.2.10
    protocol: tcp
    port: 443
    mode: ipip
    health: {{checks: [{{type: tcp, port: {port}, interval: 20ms, fast-interval: 10ms}}]}}
    backends: [{{address: 127.0.3.1}}, {{address: 127.0.3.2}}]
""")
        shown = {}
        for address, health in (("127.0.3.1", "up"), ("127.0.3.2", "down")):
            end = time.monotonic() + 60
            while not re.search(f"^health      {health} for ", shown.get(address, ""), re.M):
                assert time.monotonic() < end, shown
                shown[address] = bare.ok("backend", "show", address)
    head, _, checks = shown["127.0.3.1"].rpartition("\n\n")
    assert re.search(r"^health      up for \S+ (µs|ms|s), went down 0 times$", head, re.M)
    check_alignment(checks)
    (row,) = table(checks)
    assert row["CHECK"] == f"tcp 127.0.3.1 port {port}" and row["LAST RESULT"] == "good"
    assert set(row["RECENT"]) == {"g"} and row["LATENCY"].endswith("s")
    head, _, checks = shown["127.0.3.2"].rpartition("\n\n")
    assert re.search(r"^health      down for \S+ (µs|ms|s), went down 1 time$", head, re.M)
    assert re.search(r"^new flows   no$", head, re.M)
    (row,) = table(checks)
    assert row["LAST RESULT"] == "connection refused" and row["RECENT"].startswith("rrr")
    assert row["LATENCY"] == row["AVERAGE"] == "-"
