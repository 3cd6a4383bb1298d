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

/** @param ports_be The four bytes of both ports as they stand in the packet, client's first. */
static inline uint64_t
slot_hash_v4(const struct siphash_key *key, uint32_t client_be, uint32_t vip_be, uint32_t ports_be,
		uint8_t protocol)
{
	uint64_t addresses = client_be | (uint64_t)vip_be << 32;
	uint64_t rest = ports_be | (uint64_t)protocol << 32;

	return siphash13_16(key, addresses, rest);
}

/** @param client,vip 16 bytes each. */
static inline uint64_t
slot_hash_v6(const struct siphash_key *key, const uint8_t *client, const uint8_t *vip,
		uint32_t ports_be, uint8_t protocol)
{
	const uint64_t words[5] = {
		load_u64(client),
		load_u64(client + 8),
		load_u64(vip),
		load_u64(vip + 8),
		ports_be | (uint64_t)protocol << 32,
	};

	return siphash13_40(key, words);
}

#endif
