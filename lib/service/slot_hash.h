/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_SLOT_HASH_H
#define SERVICE_SLOT_HASH_H

/**
 * @file
 * The bytes that decide a flow's slot.
 *
 * slot hash = SipHash-1-3(group key, bytes), all in network byte order:
 *
 *     IPv4, 16 bytes: client address (4) | VIP (4) | client port (2) | service port (2)
 *                     | protocol (1) | zero (3)
 *     IPv6, 40 bytes: client address (16) | VIP (16) | client port (2) | service port (2)
 *                     | protocol (1) | zero (3)
 *
 * slot = ((hash >> 32) × slots) >> 32. Every balancer with the same key and the
 * same configuration puts a flow on the same backend.
 *
 * Thread safety: pure functions.
 */

#include <stdint.h>

#include "base/bytes.h"
#include "hash/siphash.h"

/** Words of the bytes, for siphash13_lanes(). */
#define SLOT_HASH_WORDS4 2
#define SLOT_HASH_WORDS6 5

/** The bytes as words. @param ports_be,protocol As for slot_hash_v4(). */
static inline void
slot_hash_words_v4(uint64_t words[SLOT_HASH_WORDS4], uint32_t client_be, uint32_t vip_be,
		uint32_t ports_be, uint8_t protocol)
{
	words[0] = client_be | (uint64_t)vip_be << 32;
	words[1] = ports_be | (uint64_t)protocol << 32;
}

/** @param client,vip 16 bytes each. */
static inline void
slot_hash_words_v6(uint64_t words[SLOT_HASH_WORDS6], const uint8_t *client, const uint8_t *vip,
		uint32_t ports_be, uint8_t protocol)
{
	words[0] = load_u64(client);
	words[1] = load_u64(client + 8);
	words[2] = load_u64(vip);
	words[3] = load_u64(vip + 8);
	words[4] = ports_be | (uint64_t)protocol << 32;
}

/** @param ports_be The four bytes of both ports as they stand in the packet, client's first. */
static inline uint64_t
slot_hash_v4(const struct siphash_key *key, uint32_t client_be, uint32_t vip_be, uint32_t ports_be,
		uint8_t protocol)
{
	uint64_t words[SLOT_HASH_WORDS4];

	slot_hash_words_v4(words, client_be, vip_be, ports_be, protocol);
	return siphash13_16(key, words[0], words[1]);
}

/** @param client,vip 16 bytes each. */
static inline uint64_t
slot_hash_v6(const struct siphash_key *key, const uint8_t *client, const uint8_t *vip,
		uint32_t ports_be, uint8_t protocol)
{
	uint64_t words[SLOT_HASH_WORDS6];

	slot_hash_words_v6(words, client, vip, ports_be, protocol);
	return siphash13_40(key, words);
}

#endif
