/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HASH_SIPHASH_LANES_H
#define HASH_SIPHASH_LANES_H

/**
 * @file
 * SipHash-1-3 (siphash.h) of four inputs at once, lane by lane: a burst of new flows hashes
 * so. Vectors are gcc's: one AVX2 register, or two of SSE2. They go by pointer, because how
 * they would go by value depends on the instruction set.
 *
 * Thread safety: pure functions.
 */

#include <stdint.h>

#include "hash/siphash.h"

/** The same word of four inputs. */
typedef uint64_t siphash_lanes __attribute__((vector_size(32)));

/** Inside of four hashes; use siphash13_lanes(). */
struct siphash_lanes_state {
	siphash_lanes v0, v1, v2, v3;
};

static inline void
siphash_lanes_round(struct siphash_lanes_state *s)
{
	s->v0 += s->v1;
	s->v1 = (s->v1 << 13 | s->v1 >> 51) ^ s->v0;
	s->v0 = s->v0 << 32 | s->v0 >> 32;
	s->v2 += s->v3;
	s->v3 = (s->v3 << 16 | s->v3 >> 48) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = (s->v3 << 21 | s->v3 >> 43) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = (s->v1 << 17 | s->v1 >> 47) ^ s->v2;
	s->v2 = s->v2 << 32 | s->v2 >> 32;
}

/**
 * siphash13() of four inputs of whole words.
 * @param words    @p nb_words vectors: word i of all four inputs.
 * @param nb_words At most 31; a constant, so that the loop unrolls.
 * @param hashes   By lane.
 */
static inline __attribute__((always_inline)) void
siphash13_lanes(const struct siphash_key *key, const siphash_lanes *words, unsigned int nb_words,
		siphash_lanes *hashes)
{
	const siphash_lanes none = { 0 };
	struct siphash_lanes_state s;
	struct siphash_state one;

	siphash_begin(&one, key);
	s = (struct siphash_lanes_state){ none + one.v0, none + one.v1, none + one.v2,
		none + one.v3 };
	for (unsigned int i = 0; i < nb_words; i++) {
		s.v3 ^= words[i];
		siphash_lanes_round(&s);
		s.v0 ^= words[i];
	}
	s.v3 ^= (uint64_t)nb_words << 59; /* The length in bytes, in the top byte. */
	siphash_lanes_round(&s);
	s.v0 ^= (uint64_t)nb_words << 59;
	s.v2 ^= 0xff;
	siphash_lanes_round(&s);
	siphash_lanes_round(&s);
	siphash_lanes_round(&s);
	*hashes = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
