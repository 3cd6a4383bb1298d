# SPDX-License-Identifier: BSD-3-Clause
"""The dataplane's end of the channel: transactions are all or nothing, nothing is trusted."""

import array
import contextlib
import fcntl
import mmap
import os
import random
import socket
import struct
import time

import pytest

from flows import Flow, open_flows
from harness.channel import (BACKEND_REMOVE, BACKEND_SET, HASH_KEY_SET, IPIP, MESSAGE_MAGIC,
                             REPLACE_ALL, SERVICE_REMOVE, SERVICE_SET, SESSION_MAGIC, TXN_ABORT,
                             TXN_ANSWER, TXN_COMMIT, Backend, Channel, Refused, Service,
                             address_bytes)
from harness.rig import HASH_KEY, backend

VIP = "192.0.2.60"
F_SEAL_FUTURE_WRITE = 0x10


def make_service(**fields):
    fields.setdefault("backends", [Backend(backend(4, n)) for n in (11, 12)])
    return Service(VIP, **fields)


@pytest.fixture
def service(rig):
    """In force at the beginning and, unchanged, at the end of a test."""
    if rig.control.ended:
        rig.control.close()
        rig.connect()
    one = make_service()
    rig.apply(one)
    yield one
    assert Flow(rig, one).send("S") is not None


def refused(rig, commands, flags=0):
    """The answer to a transaction that has to be refused; the generation stays."""
    before = rig.stats.generation
    with pytest.raises(Refused) as error:
        rig.control.transaction(commands, flags)
    assert rig.stats.generation == before == error.value.answer.generation
    return error.value.answer


def reconnect(rig):
    rig.control.close()
    rig.connect()


def test_each_change_raises_the_generation_and_every_worker_has_it(rig, service):
    before = rig.stats.generation
    for weight in (1, 2, 3):
        answer = rig.control.set_backend(service, Backend(backend(4, 11), weight=weight))
        before += 1
        assert answer.generation == rig.stats.generation == before
        rig.check_every_worker_uses(before)


def test_a_refused_command_is_named_and_nothing_of_its_transaction_is_in_force(rig, service):
    good = (BACKEND_SET, service.key + Backend(backend(4, 21)).pack())
    bad = (BACKEND_SET, service.key + Backend(backend(4, 22), weight=65536).pack())
    answer = refused(rig, [good, good, bad, good])
    assert (answer.error, answer.conf_error, answer.command) == (
        "CHANNEL_REFUSED", "CONF_BAD_WEIGHT", 2)
    assert set(rig.members(service)) == {b.address for b in service.backends}


def _bad_changes():
    one = make_service()
    key = one.key
    good = Backend(backend(4, 21))
    conf = bytearray(one.pack() + bytes(4))

    def service_with(offset, value):
        data = bytearray(conf)
        data[offset:offset + len(value)] = value
        return SERVICE_SET, bytes(data)

    def backend_with(offset, value, of=good):
        data = bytearray(key + of.pack())
        data[offset:offset + len(value)] = value
        return BACKEND_SET, bytes(data)

    multicast = address_bytes("224.0.0.1")
    return {
        "family-0": (service_with(16, b"\0"), "CONF_BAD_ADDRESS"),
        "family-5": (service_with(16, b"\5"), "CONF_BAD_ADDRESS"),
        "unused-address-bytes": (service_with(4, b"\1"), "CONF_BAD_ADDRESS"),
        "multicast-vip": (service_with(0, multicast), "CONF_BAD_ADDRESS"),
        "zero-vip": (service_with(0, bytes(4)), "CONF_BAD_ADDRESS"),
        "port-0": (service_with(20, b"\0\0"), "CONF_BAD_PORT"),
        "protocol-1": (service_with(22, b"\1"), "CONF_BAD_PROTOCOL"),
        "key-reserved": (service_with(23, b"\1"), "CONF_BAD_RESERVED"),
        "slots-not-prime": (service_with(24, struct.pack("=I", 65536)), "CONF_BAD_SLOTS"),
        "slots-too-many": (service_with(24, struct.pack("=I", 1048583)), "CONF_BAD_SLOTS"),
        "slots-too-few": (service_with(24, struct.pack("=I", 7)), "CONF_BAD_SLOTS"),
        "lifetime": (service_with(28, struct.pack("=I", 28801)), "CONF_BAD_LIFETIME"),
        "lifetime-max": (service_with(40, b"\xff\xff\xff\xff"), "CONF_BAD_LIFETIME"),
        "syn-reselect": (service_with(44, b"\xff\xff\xff\xff"), "CONF_BAD_LIFETIME"),
        "mode-0": (service_with(48, b"\0"), "CONF_BAD_MODE"),
        "mode-9": (service_with(48, b"\x09"), "CONF_BAD_MODE"),
        "on-down-3": (service_with(49, b"\3"), "CONF_BAD_ON_DOWN"),
        "advertise-3": (service_with(50, b"\3"), "CONF_BAD_ADVERTISE"),
        "service-reserved": (service_with(51, b"\1"), "CONF_BAD_RESERVED"),
        "backend-zero": (backend_with(24, bytes(4)), "CONF_BAD_ADDRESS"),
        "backend-multicast": (backend_with(24, multicast), "CONF_BAD_ADDRESS"),
        "weight": (backend_with(44, struct.pack("=I", 65536)), "CONF_BAD_WEIGHT"),
        "weight-minus-1": (backend_with(44, b"\xff\xff\xff\xff"), "CONF_BAD_WEIGHT"),
        "factor": (backend_with(48, struct.pack("=I", 65537)), "CONF_BAD_FACTOR"),
        "admin-0": (backend_with(52, b"\0"), "CONF_BAD_ADMIN"),
        "admin-4": (backend_with(52, b"\4"), "CONF_BAD_ADMIN"),
        "health-0": (backend_with(53, b"\0"), "CONF_BAD_HEALTH"),
        "health-255": (backend_with(53, b"\xff"), "CONF_BAD_HEALTH"),
        "backend-reserved": (backend_with(54, b"\1"), "CONF_BAD_RESERVED"),
        "family-mismatch": (backend_with(24, address_bytes("fd02::11")), "CONF_FAMILY_MISMATCH"),
        "backend-is-vip": (backend_with(24, address_bytes(VIP)), "CONF_BACKEND_IS_VIP"),
        "no-such-service": ((BACKEND_SET, Service("192.0.2.61").key + good.pack()),
                            "CONF_NO_SUCH_SERVICE"),
        "remove-unknown-service": ((SERVICE_REMOVE, Service("192.0.2.61").key),
                                   "CONF_NO_SUCH_SERVICE"),
        "remove-unknown-backend": ((BACKEND_REMOVE, key + address_bytes("10.2.0.29") + bytes(4)),
                                   "CONF_NO_SUCH_BACKEND"),
    }


BAD_CHANGES = _bad_changes()


@pytest.mark.parametrize("name", BAD_CHANGES)
def test_every_field_of_a_change_is_checked(rig, service, name):
    command, why = BAD_CHANGES[name]
    answer = refused(rig, [command])
    assert (answer.error, answer.conf_error, answer.command) == ("CHANNEL_REFUSED", why, 0)


def test_no_service_without_a_hash_key(rig, service):
    """Only a fresh dataplane has none; there the whole state must bring it."""
    # This one has a key: replacing everything without naming the key keeps it.
    answer = rig.control.transaction(Channel.service_commands(service), REPLACE_ALL)
    assert answer.error == "CHANNEL_OK"


def test_more_services_than_the_limit_are_refused(rig, service):
    commands = [(HASH_KEY_SET, HASH_KEY)]
    for number in range(257):  # limits.services of the rig is 256.
        commands += Channel.service_commands(Service(f"192.0.3.{number % 250 + 1}",
                                                     port=1 + number))
    answer = refused(rig, commands, REPLACE_ALL)
    assert answer.conf_error == "CONF_TOO_MANY_SERVICES"


def test_a_commit_that_counts_other_commands_than_came_is_refused(rig, service):
    before = rig.stats.generation
    txn = rig.control.begin()
    rig.control.put(BACKEND_SET, service.key + Backend(backend(4, 23)).pack())
    assert rig.control.commit(txn, 2).error == "CHANNEL_LOST_COMMANDS"
    assert rig.stats.generation == before


def test_commands_and_commits_outside_a_transaction_are_refused(rig, service):
    before = rig.stats.generation
    rig.control.put(SERVICE_REMOVE, service.key)
    rig.control.ring_doorbell()
    assert rig.control.answer().error == "CHANNEL_BAD_SEQUENCE"
    rig.control.put(TXN_COMMIT, struct.pack("=QII", 99, 0, 0))
    rig.control.ring_doorbell()
    assert rig.control.answer().error == "CHANNEL_BAD_SEQUENCE"
    assert rig.stats.generation == before


def test_an_aborted_transaction_changes_nothing(rig, service):
    before = rig.stats.generation
    txn = rig.control.begin()
    rig.control.put(SERVICE_REMOVE, service.key)
    rig.control.put(TXN_ABORT, struct.pack("=Q", txn))
    rig.control.ring_doorbell()
    # The next transaction is answered, and is the first to be in force.
    answer = rig.control.set_backend(service, Backend(backend(4, 11), weight=7))
    while answer.txn == txn:
        answer = rig.control.answer()
    assert answer.generation == before + 1
    rig.apply(service)


def test_a_transaction_is_dropped_when_its_session_ends(rig, service):
    before = rig.stats.generation
    rig.control.begin()
    rig.control.put(SERVICE_REMOVE, service.key)
    rig.control.ring_doorbell()
    time.sleep(0.2)
    reconnect(rig)
    assert rig.stats.generation == before
    assert Flow(rig, service).send("S") is not None


def test_a_new_session_with_the_same_state_disturbs_no_flow(rig, service):
    flows = open_flows(rig, service, 30)
    members = {address: m["packets"] for address, m in rig.members(service).items()}
    for _ in range(3):
        reconnect(rig)
        rig.apply(service)
    assert {address: m["packets"] for address, m in rig.members(service).items()} == members
    for flow, where in flows:
        assert flow.data() == where


def test_a_full_state_larger_than_the_ring_is_taken(rig, service):
    """Back-pressure, never loss: 200 services with 30 backends are more than 4096 commands."""
    many = [Service("192.0.3.9", port=1 + n, mode=IPIP, slots=251,
                    backends=[Backend(f"10.2.{1 + b}.1") for b in range(20)])
            for n in range(200)]
    commands = [(HASH_KEY_SET, HASH_KEY)]
    for one in (*many, service):
        commands += Channel.service_commands(one)
    txn = rig.control.begin(REPLACE_ALL)
    for number, command in enumerate(commands):
        rig.control.put(*command)
        if number % 512 == 0:
            rig.control.ring_doorbell()
    answer = rig.control.commit(txn, len(commands))
    assert answer.error == "CHANNEL_OK"
    assert all(len(rig.members(one)) == 20 for one in many[::50])
    rig.apply(service)


def test_a_second_session_is_refused_while_one_is_active(rig, service):
    with pytest.raises(OSError) as error:
        Channel(rig.socket_path)
    assert error.value.errno == 16  # EBUSY
    assert not rig.control.ended


@pytest.mark.parametrize("versions", [(3, 9), (0, 0), (9, 1), (0xffff, 0xffff)])
def test_an_unknown_protocol_version_is_refused(rig, service, versions):
    rig.control.close()
    try:
        with pytest.raises((OSError, ConnectionError)):
            Channel(rig.socket_path, versions=versions)
    finally:
        rig.connect()


@pytest.mark.parametrize("versions, ours", [((1, 9), 2), ((2, 3), 2), ((1, 2), 2), ((1, 1), 1)])
def test_the_highest_version_that_both_speak_is_taken(rig, service, versions, ours):
    rig.control.close()
    rig.connect(versions=versions)
    assert rig.control.version == ours
    rig.apply(service)


def test_what_the_dataplane_writes_cannot_be_written_by_the_daemon(rig, service):
    """P and the statistics: no map, no write, no reopening, no resizing."""
    for fd in rig.control.fds[1:]:
        size = os.fstat(fd).st_size
        with pytest.raises(OSError):
            mmap.mmap(fd, size)
        with pytest.raises(OSError):
            os.pwrite(fd, b"x", 0)
        with pytest.raises(OSError):
            os.ftruncate(fd, 0)
        again = None
        try:
            again = os.open(f"/proc/self/fd/{fd}", os.O_RDWR)
            with pytest.raises(OSError):
                mmap.mmap(again, size)
            with pytest.raises(OSError):
                os.pwrite(again, b"x", 0)
        finally:
            if again is not None:
                os.close(again)
        with pytest.raises(OSError):
            fcntl.fcntl(fd, 1033, 0)  # F_ADD_SEALS


def test_the_memory_cannot_be_pulled_from_under_the_dataplane(rig, service):
    fd = rig.control.fds[0]
    for size in (0, 4096, 1 << 30):
        with pytest.raises(OSError):
            os.ftruncate(fd, size)


def raw_socket(rig):
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.settimeout(5)
    one.connect(rig.socket_path)
    return one


def closed(one, timeout=5.0):
    """Does the dataplane close the connection?"""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        try:
            if one.recv(4096) == b"":
                return True
        except socket.timeout:
            return False
        except OSError:
            return True
    return False


def test_garbage_on_the_socket_ends_that_connection_only(rig, service):
    rng = random.Random(1)
    right = struct.pack("=IHH24x", SESSION_MAGIC, 1, 1)
    garbage = [b"\0", b"GET / HTTP/1.1\r\n\r\n", rng.randbytes(32), rng.randbytes(100000),
               right[:-1], right + b"\0", struct.pack("=IHH24x", SESSION_MAGIC + 1, 1, 1),
               struct.pack("=IHH24s", SESSION_MAGIC, 1, 1, b"\1" * 24)]
    for data in garbage:
        one = raw_socket(rig)
        one.send(data)
        assert closed(one), f"still open after {data[:40]!r}"
        one.close()
    assert not rig.control.ended
    rig.control.set_backend(service, service.backends[0])


def test_descriptors_sent_to_the_socket_are_not_kept(rig, service):
    pid = int(os.popen(f"ip netns pids {rig.namespace.name}").read().split()[0])
    fds = f"/proc/{pid}/fd"
    before = len(os.listdir(fds))
    for _ in range(20):
        one = raw_socket(rig)
        read, write = os.pipe()
        with contextlib.suppress(PermissionError):  # Newer kernels let the dataplane refuse.
            one.sendmsg([struct.pack("=IHH24x", SESSION_MAGIC, 1, 1)],
                        [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                          array.array("i", [read, write]))])
        one.close()
        os.close(read)
        os.close(write)
    time.sleep(0.5)
    assert len(os.listdir(fds)) <= before + 1


def test_many_silent_connections_do_not_shut_others_out(rig, service):
    """Each is closed within a second or so; the session goes on meanwhile."""
    silent = []
    for _ in range(64):
        one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        try:
            one.connect(rig.socket_path)
            silent.append(one)
        except BlockingIOError:
            one.close()
    assert silent
    rig.control.set_backend(service, service.backends[0])
    for one in silent:
        one.settimeout(5)
        assert closed(one)
        one.close()
    reconnect(rig)


@pytest.mark.parametrize("slot", [
    b"\xff" * 128, bytes(128),
    struct.pack("=HHHHQ", MESSAGE_MAGIC ^ 1, TXN_COMMIT, 16, 0, 0).ljust(128, b"\0"),
    struct.pack("=HHHHQ", MESSAGE_MAGIC, 999, 16, 0, 0).ljust(128, b"\0"),
    struct.pack("=HHHHQ", MESSAGE_MAGIC, TXN_ANSWER, 32, 0, 0).ljust(128, b"\0"),
    struct.pack("=HHHHQ", MESSAGE_MAGIC, TXN_COMMIT, 15, 0, 0).ljust(128, b"\0"),
    struct.pack("=HHHHQ", MESSAGE_MAGIC, TXN_COMMIT, 16, 1, 0).ljust(128, b"\0"),
    struct.pack("=HHHHQ", MESSAGE_MAGIC, TXN_COMMIT, 16, 0, 12345).ljust(128, b"\0"),
], ids=["ff", "zero", "magic", "type", "report", "length", "reserved", "sequence"])
def test_a_malformed_message_is_refused_or_ends_the_session(rig, service, slot):
    before = rig.stats.generation
    rig.control.put_raw(slot)
    rig.control.ring_doorbell()
    try:
        assert rig.control.answer(timeout=2).error == "CHANNEL_BAD_MESSAGE"
    except (ConnectionError, TimeoutError):
        pass
    reconnect(rig)
    assert rig.stats.generation == before


@pytest.mark.parametrize("index", [0, 1, 2], ids=["command-head", "answer-tail", "event-tail"])
def test_an_impossible_index_ends_the_session_only(rig, service, index):
    for value in (4097 + rig.control.next_command, 2**31, 2**32 - 1):
        rig.control.set_index(index, value)
        rig.control.ring_doorbell()
        time.sleep(0.15)
        assert Flow(rig, service).send("S") is not None
        reconnect(rig)
        rig.apply(service)


def test_an_unfinished_transaction_does_not_last_for_ever(rig, service):
    """Bounded in time: what is staged is dropped, and the daemon is told."""
    txn = rig.control.begin()
    rig.control.put(SERVICE_REMOVE, service.key)
    rig.control.ring_doorbell()
    answer = rig.control.answer(timeout=30)
    assert (answer.txn, answer.error) == (txn, "CHANNEL_TOO_SLOW")
