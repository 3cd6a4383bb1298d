# SPDX-License-Identifier: BSD-3-Clause
"""scripts/bench/capture.py: what it sees in packets, and that its clock is ours."""

import os
import pathlib
import socket
import sys
import time

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bench"
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1] / "tests")]

from capture import ICMP_UNREACHABLE, NEW_AFTER_S, Capture, Packet  # noqa: E402
from harness.netns import Namespace  # noqa: E402

CLIENT, VIP, BACKEND, OWN = "10.70.0.10", "192.0.2.10", "10.70.2.12", "10.70.2.2"
MAC = "02:00:00:00:00:0b"


def seen(*layers, at=1000.0):
    packet = Ether(dst=MAC)
    for layer in layers:
        packet /= layer
    return Packet(at, bytes(packet)[:128])


def syn(port=1024, flags="S"):
    return IP(src=CLIENT, dst=VIP) / TCP(sport=port, dport=80, flags=flags)


def test_a_syn_as_it_is_and_in_a_tunnel():
    direct, tunnelled = seen(syn()), seen(IP(src=OWN, dst=BACKEND), syn())
    assert direct.mac == tunnelled.mac == bytes.fromhex(MAC.replace(":", ""))
    assert (direct.outer, tunnelled.outer) == (None, BACKEND)
    assert direct.flow == tunnelled.flow
    for packet in (direct, tunnelled):
        assert packet.is_syn and packet.is_to_vip


def test_what_is_no_new_flow_to_the_vip():
    assert not seen(syn(flags="A")).is_syn
    assert not seen(syn(flags="SA")).is_syn
    assert not seen(IP(src=VIP, dst=CLIENT), TCP(dport=1024)).is_to_vip
    for packet in (seen(IP(dst=VIP), UDP()), seen(ARP()), Packet(0., b"short")):
        assert not packet.is_syn and not packet.is_to_vip and packet.icmp_type is None


def test_an_icmp_error():
    error = seen(IP(src=BACKEND, dst=OWN), ICMP(type=ICMP_UNREACHABLE, code=2), syn())
    assert error.icmp_type == ICMP_UNREACHABLE and error.source == BACKEND
    assert not error.is_syn


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
def test_flows_are_new_once_and_times_are_of_the_kernel():
    namespace = Namespace(f"gwcap{os.getpid()}")
    try:
        namespace.cable("one", "other", MAC)
        capture = Capture(namespace.name, "other")
        sender = namespace.call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        sender.bind(("one", 0))
        began = time.time()
        for port in (1, 2, 1):
            sender.send(bytes(Ether(dst=MAC, src=MAC) / syn(port)))
        ended = time.time()
        packets = []
        while len([p for p in packets if p.is_syn]) < 3:
            assert time.time() < ended + 60
            packets += capture.take()
        new = capture.new_flows(packets)
        assert [int.from_bytes(p.flow[8:10], "big") for p in new] == [1, 2]
        assert all(began <= p.time <= ended for p in new)
        later = seen(syn(1), at=ended + NEW_AFTER_S + 1)
        assert capture.new_flows([later]) == [later]
        assert capture.take() == []
        sender.close()
        capture.close()
    finally:
        namespace.delete()
