# SPDX-License-Identifier: BSD-3-Clause
"""A daemon gone mad: random bytes over all that it can write, a million times, under traffic.

The dataplane must not crash or stall, must not lose a packet, and must take the next, sane
session as if nothing had been.
"""

import os
import random
import struct
import time

from harness.channel import (BACKEND_SET, MESSAGE_MAGIC, MESSAGE_SIZE, PAGE, UDP,
                             Backend, Channel, Service, TXN_BEGIN, TXN_COMMIT)
from harness.rig import HASH_KEY, backend
from traffic import Traffic

SERVICE = Service("192.0.2.70", UDP, 7000, backends=[Backend(backend(4, n)) for n in (11, 12)])
NB_SCRIBBLES = 1_000_000


def connect(path):
    """A session; the one before may take a moment to be over."""
    for _ in range(500):
        try:
            return Channel(path)
        except (OSError, AssertionError):
            time.sleep(0.01)
    raise AssertionError("no session within five seconds")


def scribble_anywhere(channel, rng):
    """Bytes at random places, indexes included; the session soon ends."""
    for _ in range(rng.randrange(1, 2000)):
        size = rng.choice((1, 2, 4, 8, 64, 128, 1000))
        at = rng.randrange(len(channel.d) - size)
        channel.d[at:at + size] = rng.randbytes(size)
        yield


def scribble_indexes(channel, rng):
    """Only indexes, near what is possible and far from it."""
    for _ in range(rng.randrange(1, 50)):
        value = rng.choice((rng.randrange(2**32), rng.randrange(5000),
                            channel.next_command + rng.randrange(-3, 4098)))
        channel.set_index(rng.randrange(3), value)
        yield


def scribble_slots(channel, rng):
    """The head says so: garbage in good order, most of it with a right envelope."""
    for _ in range(rng.randrange(1, 3000)):
        kind = rng.randrange(0, 12)
        length = {1: 16, 2: 16, 3: 8, 4: 16, 5: 56, 6: 24, 7: 56, 8: 48}.get(kind, 20)
        payload = rng.randbytes(length) if rng.random() < 0.7 else bytes(length)
        if kind == BACKEND_SET and rng.random() < 0.5:
            payload = SERVICE.key + payload[24:]
        head = struct.pack("=HHHHQ", MESSAGE_MAGIC, kind, length, 0, channel.next_command)
        slot = (head + payload).ljust(MESSAGE_SIZE, b"\0")
        at = PAGE + channel.next_command % 4096 * MESSAGE_SIZE
        channel.d[at:at + MESSAGE_SIZE] = slot
        channel.next_command += 1
        channel.set_index(0, channel.next_command)
        yield


def scribble_transactions(channel, rng):
    """Right transactions whose commands' bytes change while the dataplane reads them."""
    commands = Channel.service_commands(SERVICE)
    for _ in range(rng.randrange(1, 200)):
        txn = rng.randrange(1, 2**64)
        first = channel.next_command
        for kind, payload in [(TXN_BEGIN, struct.pack("=QII", txn, 0, 0)), *commands,
                              (TXN_COMMIT, struct.pack("=QII", txn, len(commands), 0))]:
            head = struct.pack("=HHHHQ", MESSAGE_MAGIC, kind, len(payload), 0,
                               channel.next_command)
            at = PAGE + channel.next_command % 4096 * MESSAGE_SIZE
            channel.d[at:at + MESSAGE_SIZE] = (head + payload).ljust(MESSAGE_SIZE, b"\0")
            channel.next_command += 1
            yield
        channel.set_index(0, channel.next_command)
        channel.ring_doorbell()
        for _ in range(20):
            # Weights and factors of backends only: a daemon may also take all backends out
            # of service, and the traffic with them, but that is its right and no chaos.
            slot = (first + 2 + rng.randrange(len(SERVICE.backends))) % 4096
            at = PAGE + slot * MESSAGE_SIZE + 16 + rng.randrange(44, 52)
            channel.d[at] = rng.randrange(256)
            yield


def scribbler(path, seed, count):
    """A process of its own: sessions and scribbles, until there were enough."""
    rng = random.Random(seed)
    kinds = (scribble_anywhere, scribble_indexes, scribble_slots, scribble_transactions)
    done = 0
    while done < count:
        channel = connect(path)
        for _ in rng.choice(kinds)(channel, rng):
            done += 1
            if done % 64 == 0:
                channel.ring_doorbell()
        if rng.random() < 0.5:
            time.sleep(0.002)
        channel.close()


def in_child(function, *arguments):
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function(*arguments)
            code = 0
        finally:
            os._exit(code)
    return pid


def test_a_million_scribbles_do_not_touch_the_traffic(rig):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rig.control.replace_all(HASH_KEY, [SERVICE])
    rig.control.close()
    with Traffic(rig, SERVICE.vip, SERVICE.port, rate=500) as traffic:
        child = in_child(scribbler, rig.socket_path, seed, NB_SCRIBBLES)
        deadline = time.monotonic() + 300
        arrived = 0
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(1)
            assert rig.dataplane.running, "the dataplane has crashed"
            assert len(traffic.arrived) > arrived, "the dataplane has stalled"
            arrived = len(traffic.arrived)
            assert time.monotonic() < deadline, "the scribbler makes no headway"
    rig.control = connect(rig.socket_path)
    traffic.check()
    # And the next session is as good as the first.
    answer = rig.control.replace_all(HASH_KEY, [SERVICE])
    assert answer.error == "CHANNEL_OK"
    assert len(rig.members(SERVICE)) == 2
