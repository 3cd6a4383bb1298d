# SPDX-License-Identifier: BSD-3-Clause
"""The daemon's end of the channel, in Python: lib/channel/{session,region,message}.h on bytes.

Tests of the dataplane talk to it directly, without guidewayd: they see each answer, and they
can say what guidewayd never would.
"""

import array
import dataclasses
import ipaddress
import mmap
import os
import re
import select
import socket
import struct
import time

from harness.process import ROOT

SESSION_MAGIC = 0x43647747
MESSAGE_MAGIC = 0x4757
MESSAGE_SIZE = 128
PAGE = 4096
COMMAND_SLOTS, ANSWER_SLOTS, EVENT_SLOTS = 4096, 256, 4096

(TXN_BEGIN, TXN_COMMIT, TXN_ABORT, HASH_KEY_SET, SERVICE_SET, SERVICE_REMOVE, BACKEND_SET,
 BACKEND_REMOVE) = range(1, 9)
TXN_ANSWER, NEIGHBOUR_EVENT, LINK_EVENT, EVENTS_LOST, SUSPECT_EVENT = range(64, 69)
REPLACE_ALL = 1

DIRECT, IPIP = 1, 2
MOVE, RESET, KEEP = range(3)
PREFERRED, SPARE, NONE = range(3)
ENABLED, DRAINING, DISABLED = 1, 2, 3
UNKNOWN, UP, DOWN = 1, 2, 3
SYN_RETRANSMISSIONS, RESETS, UNREACHABLE = 1, 2, 3
FACTOR_ONE = 65536
TCP, UDP = 6, 17


def _enum(header, name):
    """The names of a C enum, in order, without their prefix's number."""
    text = (ROOT / "lib" / header).read_text()
    body = re.search(rf"enum {name} {{(.*?)}}", text, re.DOTALL).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
    return re.findall(r"([A-Z][A-Z0-9_]*)", body)


CONF_ERRORS = _enum("service/service.h", "conf_error")
CHANNEL_ERRORS = _enum("channel/message.h", "channel_error")


def address_bytes(address):
    """struct ip_addr; bytes pass as they are."""
    if isinstance(address, bytes):
        return address
    ip = ipaddress.ip_address(address)
    return ip.packed.ljust(16, b"\0") + bytes([ip.version, 0, 0, 0])


@dataclasses.dataclass
class Backend:
    """struct backend_conf."""

    address: str
    weight: int = 100
    factor: int = FACTOR_ONE
    admin: int = ENABLED
    health: int = UNKNOWN

    def pack(self):
        return address_bytes(self.address) + struct.pack(
            "=IIBB2x", self.weight, self.factor, self.admin, self.health)


@dataclasses.dataclass
class Service:
    """struct service_conf and its backends."""

    vip: str
    protocol: int = TCP
    port: int = 80
    mode: int = DIRECT
    backends: list = dataclasses.field(default_factory=list)
    slots: int = 0
    lifetimes: tuple = (0, 0, 0, 0)  # half-open, open, closing, udp; seconds; 0: default.
    syn_reselect_idle: int = 0
    on_down: int = MOVE
    advertise: int = PREFERRED

    @property
    def key(self):
        return address_bytes(self.vip) + struct.pack("=HBB", self.port, self.protocol, 0)

    def pack(self):
        return self.key + struct.pack("=I4IIBBBx", self.slots, *self.lifetimes,
                                      self.syn_reselect_idle, self.mode, self.on_down,
                                      self.advertise)

    def but(self, **changes):
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def with_backend(self, address, **changes):
        """A copy with one backend changed."""
        assert any(b.address == address for b in self.backends)
        return self.but(backends=[dataclasses.replace(b, **changes) if b.address == address
                                  else b for b in self.backends])


@dataclasses.dataclass
class Suspicion:
    """struct msg_suspect_event."""

    service: bytes  # Its key.
    backend: str
    kind: int
    count: int
    window_ms: int


@dataclasses.dataclass
class Answer:
    """struct msg_txn_answer."""

    txn: int
    generation: int
    error: str
    conf_error: str
    command: int
    apply_us: int


class Refused(Exception):
    """The dataplane has refused a transaction."""

    def __init__(self, answer):
        super().__init__(str(answer))
        self.answer = answer


class Channel:
    """One session. mmap objects d (writable), p and stats (read-only) are open to tests."""

    def __init__(self, path, versions=(1, 2), timeout=5.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout)
        self.d = None
        self.next_command = self.next_answer = self.next_event = 0
        self.next_txn = 1
        self.events = []
        try:
            self.socket.connect(str(path))
            self.socket.send(struct.pack("=IHH24x", SESSION_MAGIC, *versions))
            self._welcome()
            self.socket.setblocking(False)
        except BaseException:
            self.socket.close()
            raise

    def _welcome(self):
        data, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(3 * 4))
        if not data:
            raise ConnectionRefusedError("closed without a welcome")
        (magic, self.version, error, *slots, _, d_size, p_size, stats_size) = struct.unpack(
            "=IHHIIIIQQQ", data)
        assert magic == SESSION_MAGIC
        if self.version == 0:
            raise OSError(error, os.strerror(error))
        assert slots == [COMMAND_SLOTS, ANSWER_SLOTS, EVENT_SLOTS]
        fds = array.array("i")
        for level, kind, content in ancillary:
            assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
            fds.frombytes(content)
        assert len(fds) == 3
        self.fds = list(fds)
        self.d = mmap.mmap(fds[0], d_size)
        self.p = mmap.mmap(fds[1], p_size, prot=mmap.PROT_READ)
        self.stats = mmap.mmap(fds[2], stats_size, prot=mmap.PROT_READ)
        self.d_words = memoryview(self.d).cast("I")
        self.p_words = memoryview(self.p).cast("I")

    def close(self):
        self.socket.close()
        if self.d is not None:
            for fd in self.fds:
                os.close(fd)
            self.d = None

    @property
    def ended(self):
        """Has the dataplane ended the session?"""
        try:
            return self.socket.recv(16) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    # Rings.

    # Indexes are read and written as one word, by memoryviews: struct.pack_into() would zero
    # it first, and the other side would see that.

    @staticmethod
    def _index(words, number):
        return words[number * 16]

    def set_index(self, number, value):
        """0: command head, 1: answer tail, 2: event tail."""
        self.d_words[number * 16] = value % 2**32

    def put_raw(self, slot):
        """128 bytes into the next command slot, whatever they are."""
        end = time.monotonic() + 10
        while (self.next_command - self._index(self.p_words, 0)) % 2**32 >= COMMAND_SLOTS:
            self.ring_doorbell()
            assert time.monotonic() < end, "the command ring stays full"
            time.sleep(0.001)
        at = PAGE + self.next_command % COMMAND_SLOTS * MESSAGE_SIZE
        self.d[at:at + MESSAGE_SIZE] = slot
        self.next_command += 1
        self.set_index(0, self.next_command)

    def put(self, kind, payload, length=None):
        head = struct.pack("=HHHHQ", MESSAGE_MAGIC, kind,
                           len(payload) if length is None else length, 0, self.next_command)
        self.put_raw((head + payload).ljust(MESSAGE_SIZE, b"\0"))

    def ring_doorbell(self):
        try:
            self.socket.send(b"\0", socket.MSG_NOSIGNAL)
        except OSError:
            pass

    def _take(self, base, slots, head, position):
        if self._index(self.p_words, head) == position % 2**32:
            return None
        at = base + position % slots * MESSAGE_SIZE
        slot = self.p[at:at + MESSAGE_SIZE]
        magic, kind, length, _, sequence = struct.unpack_from("=HHHHQ", slot)
        assert (magic, sequence) == (MESSAGE_MAGIC, position)
        return kind, slot[16:16 + length]

    def _take_events(self):
        while (event := self._take(PAGE + ANSWER_SLOTS * MESSAGE_SIZE, EVENT_SLOTS, 2,
                                   self.next_event)) is not None:
            self.next_event += 1
            self.set_index(2, self.next_event)
            self.events.append(event)

    def suspicions(self, count=0, timeout=0.3):
        """SUSPECT_EVENTs since the last call; waits for so many, or else for the whole time."""
        end = time.monotonic() + timeout
        found = []
        while time.monotonic() < end and (count == 0 or len(found) < count):
            select.select([self.socket], [], [], 0.01)
            self.ended  # pylint: disable=pointless-statement; takes the doorbells
            self._take_events()
            found += [self._suspicion(p) for kind, p in self.events if kind == SUSPECT_EVENT]
            self.events = [event for event in self.events if event[0] != SUSPECT_EVENT]
        return found

    @staticmethod
    def _suspicion(payload):
        key, address, family, kind, count, window_ms, reserved = struct.unpack(
            "=24s16sB3xIIII", payload)
        assert reserved == 0
        return Suspicion(key, str(ipaddress.ip_address(address[:4 if family == 4 else 16])),
                         kind, count, window_ms)

    def answer(self, timeout=10.0):
        """The next answer to a transaction."""
        end = time.monotonic() + timeout
        while True:
            self._take_events()
            taken = self._take(PAGE, ANSWER_SLOTS, 1, self.next_answer)
            if taken is not None:
                self.next_answer += 1
                self.set_index(1, self.next_answer)
                kind, payload = taken
                assert kind == TXN_ANSWER
                txn, generation, error, conf_error, command, apply_us = struct.unpack(
                    "=QQIIII", payload)
                return Answer(txn, generation, CHANNEL_ERRORS[error], CONF_ERRORS[conf_error],
                              command, apply_us)
            if time.monotonic() > end:
                raise TimeoutError("no answer from the dataplane")
            readable, _, _ = select.select([self.socket], [], [], 0.02)
            if readable and self.ended:
                raise ConnectionResetError("the dataplane has ended the session")

    # Transactions.

    def begin(self, flags=0):
        txn = self.next_txn
        self.next_txn += 1
        self.put(TXN_BEGIN, struct.pack("=QII", txn, flags, 0))
        return txn

    def commit(self, txn, nb_commands):
        """Commit and return the answer, whatever it is."""
        self.put(TXN_COMMIT, struct.pack("=QII", txn, nb_commands, 0))
        self.ring_doorbell()
        answer = self.answer()
        assert answer.txn == txn
        return answer

    def transaction(self, commands, flags=0):
        """(kind, payload) pairs as one transaction; raises Refused."""
        txn = self.begin(flags)
        for command in commands:
            self.put(*command)
        answer = self.commit(txn, len(commands))
        if answer.error != "CHANNEL_OK":
            raise Refused(answer)
        return answer

    @staticmethod
    def service_commands(service):
        return [(SERVICE_SET, service.pack() + bytes(4))] + [
            (BACKEND_SET, service.key + b.pack()) for b in service.backends]

    def replace_all(self, key, services):
        """The whole desired state."""
        commands = [(HASH_KEY_SET, key)]
        for service in services:
            commands += self.service_commands(service)
        return self.transaction(commands, REPLACE_ALL)

    def set_backend(self, service, backend):
        return self.transaction([(BACKEND_SET, service.key + backend.pack())])

    def remove_backend(self, service, address):
        return self.transaction([(BACKEND_REMOVE, service.key + address_bytes(address)
                                  + bytes(4))])

    def remove_service(self, service):
        return self.transaction([(SERVICE_REMOVE, service.key)])
