# SPDX-License-Identifier: BSD-3-Clause
"""An independent model of how a flow finds its backend.

Written from the SipHash paper (Aumasson, Bernstein 2012), the Maglev paper (Eisenbud et al.,
NSDI 2016, section 3.4), doc/maglev.md and the documented bytes of lib/service/slot_hash.h;
not from the C code, so that the two can be held against each other.
"""

import ipaddress

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
