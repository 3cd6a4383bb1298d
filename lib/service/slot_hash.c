/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/slot_hash.h"

#include <string.h>

#include "base/bytes.h"

uint64_t
slot_hash_v4(const struct siphash_key *key, uint32_t client_be, uint32_t vip_be, uint32_t ports_be,
		uint8_t protocol)
{
	uint8_t bytes[16];

	store_u32(bytes, client_be);
	store_u32(bytes + 4, vip_be);
	store_u32(bytes + 8, ports_be);
	store_u32(bytes + 12, protocol); /* Little endian: the protocol, then three zeros. */
	return siphash13(key, bytes, sizeof(bytes));
}

uint64_t
slot_hash_v6(const struct siphash_key *key, const uint8_t *client, const uint8_t *vip,
		uint32_t ports_be, uint8_t protocol)
{
	uint8_t bytes[40];

	memcpy(bytes, client, 16);
	memcpy(bytes + 16, vip, 16);
	store_u32(bytes + 32, ports_be);
	store_u32(bytes + 36, protocol);
	return siphash13(key, bytes, sizeof(bytes));
}
