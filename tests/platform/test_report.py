# SPDX-License-Identifier: BSD-3-Clause
"""The start-up report says what was found and what follows; start and stop are told to systemd."""

import re
import signal
import socket

import pytest


def test_report_is_complete(platform):
    port = {"name": "lan", "device": "null", "addresses": ["10.9.0.1/24", "fd00:9::1/64"],
            "mac": "02:00:00:00:00:42"}
    config = platform.config(port, memory={"flows_ipv4": 100000, "flows_ipv6": 50000})
    with platform.started(config) as program:
        text = program.text()
    for pattern in (r"^guideway-dataplane \d+\.\d+\.\d+ on DPDK 22\.11\.\d+, pid \d+$",
                    r"^  machine +CPUs 0-\d+, \d+ NUMA nodes?, \d+ MiB of memory free$",
                    r"^  hugepages +(node 0: \d+ of 2 MiB, \d+ free|none reserved)$",
                    r"^  lcores +main on CPU 0, worker 0 on CPU 1$",
                    r"^  idle +workers sleep, up to 100 us, when nothing comes$",
                    r"^  port +lan: null, driver net_null, link up",
                    r"^    address +02:00:00:00:00:42, NUMA node 0$",
                    r"^    queues +1 rx, 1 tx",
                    r"^    rss +one queue: one worker receives all$",
                    r"^    checksums +IPv4 headers verified in software$",
                    r"^    mtu +1500; mode ipip: packets up to 1480 bytes fit over IPv4, 1460 over",
                    r"^ +\(clients' MSS at most 1440 over IPv4, 1400 over IPv6",
                    r"^    untagged +10\.9\.0\.1/24, fd00:9::1/64$",
                    r"^    punt +packets for no service are dropped$",
                    r"^  memory +\d+ MiB",
                    r"^  headroom +128 bytes in front of each packet; encapsulation needs up to 58$",
                    r"^  flows +100000 IPv4 and 50000 IPv6 on each of 1 worker",
                    r"^  channel +/.*channel\.sock, for root",
                    r"^guideway-dataplane: ready$"):
        assert re.search(pattern, text, re.M), f"{pattern}\n{text}"
    assert text.index("guideway-dataplane: ready") > text.index("channel ")


def test_nothing_is_logged_as_an_error_in_a_good_start(platform):
    platform.cable("gwa", "gwb")
    config = platform.config({"name": "lan", "device": "af_packet", "interface": "gwa",
                              "punt": "tap"})
    with platform.started(config) as program:
        assert "ERROR" not in program.text() and "WARNING" not in program.text()


def test_warns_of_an_address_that_the_kernel_has_too(platform):
    platform.cable("gwa", "gwb")
    platform.ip("addr", "add", "10.9.0.7/24", "dev", "gwa")
    config = platform.config({"name": "lan", "device": "af_packet", "interface": "gwa"})
    with platform.started(config) as program:
        assert "ip addr flush dev gwa" in program.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly_on(platform, number):
    program = platform.start(platform.config())
    program.wait_ready()
    assert program.stop(number) == 0
    assert "guideway-dataplane: stopped" in program.text()


def test_hangup_and_broken_pipe_do_not_end_it(platform):
    with platform.started(platform.config()) as program:
        program.process.send_signal(signal.SIGHUP)
        program.process.send_signal(signal.SIGPIPE)
        with pytest.raises(Exception, match="timed out"):
            program.process.wait(0.5)


def test_tells_systemd(platform):
    path = str(platform.folder / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        notify.settimeout(20)
        program = platform.start(platform.config(), env={"NOTIFY_SOCKET": path})
        assert notify.recv(100) == b"READY=1"
        assert program.stop() == 0
        assert notify.recv(100) == b"STOPPING=1"


def test_lines_for_the_journal_carry_priorities(platform):
    program = platform.start(platform.config(), env={"JOURNAL_STREAM": "8:1"})
    program.wait_ready()
    assert program.stop() == 0
    assert "\n<6>guideway-dataplane: stopped" in program.text()


def test_debug_shows_what_eal_is_told(platform):
    with platform.started(platform.config(log_level="debug")) as program:
        assert "EAL argument --lcores=0@0,1@1" in program.text()
        assert "dpdk: " in program.text()
