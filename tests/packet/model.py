# SPDX-License-Identifier: BSD-3-Clause
"""An independent model of how a flow finds its backend.

Written from the SipHash paper (Aumasson, Bernstein 2012), the Maglev paper (Eisenbud et al.,
NSDI 2016, section 3.4), doc/maglev.md and the documented bytes of lib/service/slot_hash.h;
not from the C code, so that the two can be held against each other.
"""

import fractions
import heapq
import ipaddress
import math

MASK = (1 << 64) - 1


def siphash(key, data, compression, finalization):
    """SipHash-c-d of data under a key of 16 bytes."""
    def rotl(x, bits):
        return ((x << bits) | (x >> (64 - bits))) & MASK

    def sip_round(v0, v1, v2, v3):
        v0 = (v0 + v1) & MASK
        v2 = (v2 + v3) & MASK
        v1 = rotl(v1, 13) ^ v0
        v3 = rotl(v3, 16) ^ v2
        v0 = rotl(v0, 32)
        v2 = (v2 + v1) & MASK
        v0 = (v0 + v3) & MASK
        v1 = rotl(v1, 17) ^ v2
        v3 = rotl(v3, 21) ^ v0
        v2 = rotl(v2, 32)
        return v0, v1, v2, v3

    k0 = int.from_bytes(key[:8], "little")
    k1 = int.from_bytes(key[8:], "little")
    v = (k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
         k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573)
    whole = len(data) // 8 * 8
    last = data[whole:] + bytes(7 - len(data) % 8) + bytes([len(data) & 0xff])
    for at in range(0, whole + 8, 8):
        word = int.from_bytes(data[at:at + 8] if at < whole else last, "little")
        v = (v[0], v[1], v[2], v[3] ^ word)
        for _ in range(compression):
            v = sip_round(*v)
        v = (v[0] ^ word, v[1], v[2], v[3])
    v = (v[0], v[1], v[2] ^ 0xff, v[3])
    for _ in range(finalization):
        v = sip_round(*v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def siphash13(key, data):
    return siphash(key, data, 1, 3)


def slot_hash(key, client, vip, client_port, service_port, protocol):
    """64 bits; addresses as text, protocol as a number."""
    data = (ipaddress.ip_address(client).packed + ipaddress.ip_address(vip).packed
            + client_port.to_bytes(2, "big") + service_port.to_bytes(2, "big")
            + bytes([protocol, 0, 0, 0]))
    return siphash13(key, data)


def slot_of(hash64, nb_slots):
    return ((hash64 >> 32) * nb_slots) >> 32


# Maglev tables: doc/maglev.md. Names as there.

GOLDEN = 0x9e3779b97f4a7c15
FACTOR_ONE = 65536
NO_BACKEND = 65535
SLOT_SIZES = (1021, 1543, 2053, 3079, 4099, 6151, 8209, 12289, 16411, 24593, 32771, 49157, 65537,
              98317, 131101, 196613, 262147, 393241, 524309, 786433, 1048573)


def mix(x):
    x = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & MASK
    x = ((x ^ (x >> 27)) * 0x94d049bb133111eb) & MASK
    return x ^ (x >> 31)


def high(x):
    return x >> 32


def low(x):
    return x & 0xffffffff


def scale(bits, n):
    return (bits * n) >> 32


class Member:
    """A backend, as a table sees it: its key, weight and factor."""

    def __init__(self, name, identity, weight, factor=FACTOR_ONE):
        self.name = name
        self.key = siphash13(bytes(16), identity)
        self.weight = weight
        self.factor = factor


def default_slots(members):
    weights = [m.weight for m in members if m.weight > 0]
    if not weights:
        return SLOT_SIZES[0]
    for size in SLOT_SIZES:
        if size >= 100 * len(weights) and size * min(weights) >= 50 * sum(weights):
            return size
    return SLOT_SIZES[-1]


def quotas(members, nb_slots):
    """How many slots each backend of non-zero weight gets."""
    total = sum(m.weight for m in members)
    exact = {m: divmod(nb_slots * m.weight, total) for m in members}
    left = nb_slots - sum(whole for whole, _ in exact.values())
    by_remainder = sorted(members, key=lambda m: (-exact[m][1], m.key))
    return {m: exact[m][0] + (m in by_remainder[:left]) for m in members}


def anchor_table(members, nb_slots):
    """A list of members, one a slot; None in each where no weight is non-zero."""
    members = [m for m in members if m.weight > 0]
    table = [None] * nb_slots
    if not members:
        return table
    wanted = quotas(members, nb_slots)
    # Looks in order of (r + 1) / W, then key. Common denominators make the times integers.
    common = math.lcm(*(m.weight for m in members))
    heap = []
    for m in members:
        if wanted[m] > 0:
            offset = scale(high(mix(m.key)), nb_slots)
            skip = 1 + scale(high(mix(m.key ^ GOLDEN)), nb_slots - 1)
            heapq.heappush(heap, (common // m.weight, m.key, offset, skip, m))
    while heap:
        time, key, at, skip, m = heap[0]
        if table[at] is None:
            table[at] = m
            wanted[m] -= 1
            if wanted[m] == 0:
                heapq.heappop(heap)
                continue
        heapq.heapreplace(heap, (time + common // m.weight, key, (at + skip) % nb_slots, skip, m))
    return table


def _last_resort(live, x):
    """Nobody has accepted: the live backend with the smallest L / (W * f)."""
    def cost(m):
        b = high(mix(x ^ m.key)) | 1
        e = b.bit_length() - 1
        fraction = low(b << (32 - e)) >> 16
        return fractions.Fraction((32 - e) * 65536 - fraction, m.weight * m.factor), m.key
    return min(live, key=cost)


def resolve_slot(anchor, live, slot):
    """Who has this slot today."""
    nb_slots = len(anchor)
    x = mix((slot + GOLDEN) & MASK)
    for k in range(513):
        at = slot if k == 0 else (scale(high(x), nb_slots)
                                  + (k - 1) * (1 + scale(low(x), nb_slots - 1))) % nb_slots
        m = anchor[at]
        doublings = 0 if k <= 256 else (k - 257) // 16 + 1
        threshold = m.factor << doublings
        if threshold >= FACTOR_ONE or mix(((x + k * GOLDEN) & MASK) ^ m.key) >> 48 < threshold:
            return m
    return _last_resort(live, x)


class Table:
    """The table of one service, slots resolved when they are asked for."""

    def __init__(self, members, nb_slots=0):
        self.nb_slots = nb_slots or default_slots(members)
        self.anchor = anchor_table(members, self.nb_slots)
        self.live = [m for m in members if m.weight > 0 and m.factor > 0]

    def owner(self, slot):
        """The member's name, or None: nobody takes new flows."""
        return resolve_slot(self.anchor, self.live, slot).name if self.live else None

    def choose(self, key, client, vip, client_port, service_port, protocol):
        """Where a new flow goes."""
        hash64 = slot_hash(key, client, vip, client_port, service_port, protocol)
        return self.owner(slot_of(hash64, self.nb_slots))
