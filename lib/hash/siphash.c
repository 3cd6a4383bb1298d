/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash-1-3 of any number of bytes. The rounds stand in the header, because the
 * inputs of known length are hashed inline; tests check the two against each other.
 */

#include "hash/siphash.h"

#include "base/bytes.h"

uint64_t
siphash13(const struct siphash_key *key, const void *data, size_t len)
{
	const uint8_t *p = data;
	const size_t tail = len % 8;
	uint64_t last = (uint64_t)len << 56;
	struct siphash_state s;

	siphash_begin(&s, key);
	for (size_t i = 0; i < len / 8; i++, p += 8)
		siphash_word(&s, load_u64(p));
	for (size_t i = 0; i < tail; i++)
		last |= (uint64_t)p[i] << (8 * i);
	return siphash_end(&s, last);
}
