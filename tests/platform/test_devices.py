# SPDX-License-Identifier: BSD-3-Clause
"""Every kind of device that works without a NIC opens, is reported, and is gone afterwards."""

import os
import pathlib
import struct
import subprocess
import time

import pytest

from conftest import run


def report_of(text, port):
    """The part of the report about one port, as words by key."""
    part = {}
    inside = False
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key == "port":
            inside = value.strip().startswith(port + ":")
        elif line.startswith("  ") and not line.startswith("    "):
            inside = False
        if inside:
            part.setdefault(key, value.strip())
    return part


def test_null(platform):
    with platform.started(platform.config({"name": "p0", "device": "null"})) as program:
        assert "null, driver net_null" in report_of(program.text(), "p0")["port"]


def test_ring(platform):
    with platform.started(platform.config({"name": "p0", "device": "ring"})) as program:
        assert "ring, driver net_ring" in report_of(program.text(), "p0")["port"]


def test_tap_appears_with_its_name_and_mtu_and_goes(platform):
    port = {"name": "p0", "device": "tap", "interface": "gwtap", "mtu": 1400,
            "mac": "02:00:00:00:00:77", "addresses": ["10.9.0.1/24"]}
    with platform.started(platform.config(port)) as program:
        link = platform.ip("link", "show", "gwtap")
        assert "mtu 1400" in link and "UP" in link
        assert "02:00:00:00:00:77" in report_of(program.text(), "p0")["address"].lower()
    assert "gwtap" not in platform.links()


def ping(platform, address):
    run("ip", "netns", "exec", platform.namespace, "ping", "-c", "3", "-i", "0.2", "-W", "3",
        address)


def test_kernel_behind_a_tap_is_a_neighbour(platform):
    """It has a MAC address of its own, resolves ours, and gets its echoes."""
    port = {"name": "p0", "device": "tap", "interface": "gwtap",
            "addresses": ["10.9.0.1/24", "fd00:9::1/64"]}
    with platform.started(platform.config(port)):
        platform.ip("addr", "add", "10.9.0.2/24", "dev", "gwtap")
        platform.ip("addr", "add", "fd00:9::2/64", "dev", "gwtap", "nodad")
        ping(platform, "10.9.0.1")
        ping(platform, "fd00:9::1")


def test_echo_over_af_packet(platform):
    platform.cable("gwa", "gwb")
    platform.ip("addr", "add", "10.9.0.2/24", "dev", "gwb")
    port = {"name": "p0", "device": "af_packet", "interface": "gwa", "mac": "02:00:00:00:00:55",
            "addresses": ["10.9.0.1/24"]}
    with platform.started(platform.config(port)):
        ping(platform, "10.9.0.1")
        assert "02:00:00:00:00:55" in platform.ip("neigh", "show", "10.9.0.1")


def test_echo_over_af_xdp(platform):
    platform.cable("gwa", "gwb")
    platform.ip("addr", "add", "10.9.0.2/24", "dev", "gwb")
    port = {"name": "p0", "device": "af_xdp", "interface": "gwa", "addresses": ["10.9.0.1/24"]}
    with platform.started(platform.config(port)):
        ping(platform, "10.9.0.1")


@pytest.mark.parametrize("mtu", [1500, 9000])
def test_af_packet_with_two_queues(platform, mtu):
    platform.cable("gwa", "gwb", mtu)
    port = {"name": "p0", "device": "af_packet", "interface": "gwa", "rx_queues": 2}
    with platform.started(platform.config(port)) as program:
        report = report_of(program.text(), "p0")
        assert "af_packet gwa, driver net_af_packet" in report["port"]
        assert report["queues"].startswith("2 rx, 2 tx")
        assert report["mtu"].startswith(f"{mtu};")
        assert "PACKET_FANOUT" in report["rss"]


def test_af_packet_sets_the_mtu_of_the_interface(platform):
    platform.cable("gwa", "gwb", 9000)
    port = {"name": "p0", "device": "af_packet", "interface": "gwa", "mtu": 1540}
    with platform.started(platform.config(port)) as program:
        assert "mtu 1540" in platform.ip("link", "show", "gwa")
        assert report_of(program.text(), "p0")["mtu"].startswith("1540; mode ipip: packets up to "
                                                                 "1520 bytes fit over IPv4, 1500")


def test_af_xdp_on_veth_leaves_no_program(platform):
    platform.cable("gwa", "gwb")
    port = {"name": "p0", "device": "af_xdp", "interface": "gwa"}
    with platform.started(platform.config(port)) as program:
        assert "af_xdp gwa, driver net_af_xdp" in report_of(program.text(), "p0")["port"]
        assert "xdp" in platform.ip("link", "show", "gwa")
    assert "xdp" not in platform.ip("link", "show", "gwa")


def test_af_xdp_starts_again_after_a_kill(platform):
    platform.cable("gwa", "gwb")
    config = platform.config({"name": "p0", "device": "af_xdp", "interface": "gwa"})
    program = platform.start(config)
    program.wait_ready()
    program.kill()
    with platform.started(config):
        pass
    assert "xdp" not in platform.ip("link", "show", "gwa")


@pytest.fixture
def xdp_program(platform):
    """A program of a user's own, as an object file."""
    program = platform.folder / "redirect.o"
    source = pathlib.Path(__file__).with_name("redirect.bpf.c")
    run("clang-14", "-O2", "-g", "-target", "bpf", f"-I/usr/include/{os.uname().machine}-linux-gnu",
        "-c", str(source), "-o", str(program))
    return program


def xdp_id(platform, interface):
    text = platform.ip("link", "show", interface)
    return text.split("prog/xdp id ")[1].split()[0] if "prog/xdp" in text else None


def test_own_xdp_program_of_a_killed_dataplane_is_taken_off(platform, xdp_program):
    platform.cable("gwa", "gwb")
    config = platform.config({"name": "p0", "device": "af_xdp", "interface": "gwa",
                              "xdp_program": str(xdp_program)})
    program = platform.start(config)
    program.wait_ready()
    first = xdp_id(platform, "gwa")
    assert first is not None
    program.kill()
    assert xdp_id(platform, "gwa") == first
    with platform.started(config) as second:
        assert f"gwa: took off XDP program {first} of an earlier run" in second.text()
        assert xdp_id(platform, "gwa") not in (None, first)
    assert xdp_id(platform, "gwa") is None


def test_xdp_program_of_somebody_else_stays(platform, xdp_program):
    platform.cable("gwa", "gwb")
    platform.ip("link", "set", "dev", "gwa", "xdp", "obj", str(xdp_program), "sec", "xdp")
    before = xdp_id(platform, "gwa")
    platform.refused(platform.config({"name": "p0", "device": "af_xdp", "interface": "gwa"}), 12,
                     f"an XDP program (id {before}) that is not ours",
                     "ip link set dev gwa xdp off")
    assert xdp_id(platform, "gwa") == before


def write_pcap(path, frames):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def test_pcap(platform):
    source = platform.folder / "in.pcap"
    write_pcap(source, [bytes(60)])
    port = {"name": "p0", "device": "pcap", "path": str(source),
            "pcap_out": str(platform.folder / "out.pcap")}
    with platform.started(platform.config(port)):
        assert (platform.folder / "out.pcap").exists()


def test_memif_pair_sees_each_other(platform):
    path = str(platform.folder / "memif.sock")
    server = platform.config({"name": "p0", "device": "memif", "path": path, "role": "server"})
    client = platform.config({"name": "p0", "device": "memif", "path": path, "role": "client"},
                             channel={"socket": str(platform.folder / "second.sock")},
                             name="gwt-second")
    with platform.started(server):
        assert os.path.exists(path)
        with platform.started(client, name="client.yaml") as second:
            assert "memif" in report_of(second.text(), "p0")["port"]


def test_vhost_and_virtio_user(platform):
    path = str(platform.folder / "vhost.sock")
    mac = "02:00:00:00:00:66"  # net_vhost itself cannot set one.
    back = platform.config({"name": "p0", "device": "vhost", "path": path, "mac": mac,
                            "addresses": ["10.9.0.1/24"]})
    front = platform.config({"name": "p0", "device": "virtio_user", "path": path},
                            channel={"socket": str(platform.folder / "second.sock")},
                            name="gwt-second")
    with platform.started(back) as first:
        assert mac in report_of(first.text(), "p0")["address"].lower()
        with platform.started(front, name="front.yaml") as second:
            assert "link up" in report_of(second.text(), "p0")["port"]
    assert not os.path.exists(path)


RECEIVE_ONE = """
import socket, sys
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(int(sys.argv[2]))) as s:
    s.bind((sys.argv[1], int(sys.argv[2])))
    s.settimeout(10)
    print(s.recv(2000).hex())
"""
BOND_MODES = ["round-robin", "active-backup", "balance-xor", "broadcast", "802.3ad"]


@pytest.mark.parametrize("mode", BOND_MODES)
def test_bond_of_two_af_packet(platform, mode):
    platform.cable("gwa", "gwb")
    platform.cable("gwc", "gwd")
    config = platform.config(
        {"name": "m0", "device": "af_packet", "interface": "gwa"},
        {"name": "m1", "device": "af_packet", "interface": "gwc"},
        {"name": "bond0", "device": "bond", "bond": {"mode": mode, "members": ["m0", "m1"]},
         "addresses": ["10.9.0.1/24"]})
    with platform.started(config) as program:
        report = report_of(program.text(), "bond0")
        assert f"bond {mode}, driver net_bonding" in report["port"]
        assert "link up" in report["port"]
        assert report["members"] == "m0"
        assert not report_of(program.text(), "m0")
        assert ("LACP" in program.text()) == (mode == "802.3ad")


def bond_config(platform, bond, member):
    platform.cable("gwa", "gwb", 9000)
    platform.cable("gwc", "gwd", 9000)
    return platform.config(
        {"name": "m0", "device": "af_packet", "interface": "gwa", **member},
        {"name": "m1", "device": "af_packet", "interface": "gwc", **member},
        {"name": "bond0", "device": "bond", **bond,
         "bond": {"mode": "active-backup", "members": ["m0", "m1"]}})


def test_bond_with_room_for_encapsulation(platform):
    with platform.started(bond_config(platform, {"mtu": 1540}, {"mtu": 1540})) as program:
        assert report_of(program.text(), "bond0")["mtu"].startswith("1540;")
        assert "mtu 1540" in platform.ip("link", "show", "gwc")


def test_bond_takes_the_mtu_of_its_members(platform):
    with platform.started(bond_config(platform, {}, {})) as program:
        assert report_of(program.text(), "bond0")["mtu"].startswith("9000;")
        assert "mtu 9000" in platform.ip("link", "show", "gwa")


def test_bond_has_no_more_than_its_members(platform):
    platform.refused(bond_config(platform, {"mtu": 1540}, {"mtu": 1500}), 12, "give each member mtu: 1540")


def test_af_xdp_with_its_largest_mtu(platform):
    platform.cable("gwa", "gwb", 3438)
    with platform.started(platform.config({"name": "p0", "device": "af_xdp", "interface": "gwa"})
                          ) as program:
        assert report_of(program.text(), "p0")["mtu"].startswith("3438;")


def test_lacp_speaks_while_nothing_is_sent(platform):
    """802.3ad: LACP frames (slow protocols, 0x8809) leave every member of an idle bond."""
    platform.cable("gwa", "gwb")
    platform.cable("gwc", "gwd")
    config = platform.config(
        {"name": "m0", "device": "af_packet", "interface": "gwa"},
        {"name": "m1", "device": "af_packet", "interface": "gwc"},
        {"name": "bond0", "device": "bond", "bond": {"mode": "802.3ad", "members": ["m0", "m1"]}})
    with platform.started(config):
        for interface in ("gwb", "gwd"):
            assert run("ip", "netns", "exec", platform.namespace, "/usr/bin/python3", "-c",
                       RECEIVE_ONE, interface, str(0x8809)).startswith("0180c2000002")


def test_raw_devargs(platform):
    port = {"name": "p0", "device": "devargs", "devargs": "net_null7,size=128,no-rx=1"}
    with platform.started(platform.config(port)) as program:
        assert "devargs net_null7" in report_of(program.text(), "p0")["port"]


def test_vlan_interfaces(platform):
    platform.cable("gwa", "gwb")
    port = {"name": "p0", "device": "af_packet", "interface": "gwa",
            "vlans": [{"id": 100, "addresses": ["10.9.100.1/24"], "gateway": "10.9.100.254"},
                      {"id": 200, "addresses": ["fd00:200::1/64"]}]}
    with platform.started(platform.config(port)) as program:
        assert report_of(program.text(), "p0")["vlan"] == "100: 10.9.100.1/24"
        assert "200: fd00:200::1/64" in program.text()
        assert "untagged" not in program.text()


def test_two_ports_and_more_workers_than_queues(platform):
    platform.cable("gwa", "gwb")
    config = platform.config({"name": "p0", "device": "af_packet", "interface": "gwa",
                              "rx_queues": 1},
                             {"name": "p1", "device": "null"},
                             lcores={"main": 0, "workers": [0, 1]})
    with platform.started(config) as program:
        assert report_of(program.text(), "p0")["queues"].startswith("1 rx, 1 tx")
        assert report_of(program.text(), "p1")["queues"].startswith("2 rx, 2 tx")
        assert "some share a CPU" in program.text()


def test_punt_tap_has_mac_and_mtu_of_the_port(platform):
    platform.cable("gwa", "gwb", 1540)
    port = {"name": "lan", "device": "af_packet", "interface": "gwa", "punt": "tap"}
    with platform.started(platform.config(port)):
        link = platform.ip("link", "show", "gw-lan")
        mac = platform.ip("link", "show", "gwa").split("link/ether ")[1].split()[0]
        assert f"link/ether {mac}" in link
        # net_tap has no more than 1500.
        assert "mtu 1500" in link and "UP" in link


def test_kill_and_start_again(platform):
    """Nothing that a killed dataplane leaves stands in the way of the next."""
    platform.cable("gwa", "gwb")
    config = platform.config({"name": "lan", "device": "af_packet", "interface": "gwa",
                              "punt": "tap"},
                             {"name": "v0", "device": "vhost",
                              "path": str(platform.folder / "vhost.sock")},
                             {"name": "t0", "device": "tap", "interface": "gwtap"})
    program = platform.start(config)
    program.wait_ready()
    program.kill()
    with platform.started(config):
        pass


def test_stop_leaves_no_files(platform):
    config = platform.config()
    with platform.started(config):
        pass
    left = sorted(entry.name for entry in platform.folder.iterdir())
    assert left == ["dataplane.yaml", "dataplane.yaml.log"]


def test_telemetry_answers(platform):
    with platform.started(platform.config()):
        time.sleep(0.2)
        done = subprocess.run(["dpdk-telemetry.py", "-f", "gwt-platform"], text=True, timeout=20,
                              input="/ethdev/list\nquit\n", capture_output=True, check=False)
        assert '"/ethdev/list": [0]' in done.stdout.replace("\n", " "), done.stdout + done.stderr
