/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HASH_SIPHASH_H
#define HASH_SIPHASH_H

/**
 * @file
 * SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012; one
 * compression round, three finalisation rounds, as in Rust's and CPython's hash
 * tables): the keyed hash that places a flow on a slot of a Maglev table.
 *
 * Keyed, so that nobody without the group's key can aim flows at one backend;
 * the same on every CPU, so that every balancer of a group agrees.
 *
 * Thread safety: pure functions.
 */

#include <stddef.h>
#include <stdint.h>

/** The group's secret. 16 random bytes, read as two little-endian words. */
struct siphash_key {
	uint64_t k0;
	uint64_t k1;
};
_Static_assert(sizeof(struct siphash_key) == 16, "wire format");

/** SipHash-1-3 of @p len bytes at @p data (no alignment needed). */
uint64_t siphash13(const struct siphash_key *key, const void *data, size_t len);

/*
 * The same for inputs of a known number of whole words, given by value: nothing
 * goes through memory, which is what a new flow pays for. A word is eight bytes
 * of the input as load_u64() reads them.
 */

/** Inside of a hash; use the functions below. */
struct siphash_state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
siphash_rotl(uint64_t x, unsigned int by)
{
	return x << by | x >> (64 - by);
}

static inline void
siphash_round(struct siphash_state *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotl(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotl(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotl(s->v2, 32);
}

static inline void
siphash_begin(struct siphash_state *s, const struct siphash_key *key)
{
	s->v0 = key->k0 ^ UINT64_C(0x736f6d6570736575);
	s->v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d);
	s->v2 = key->k0 ^ UINT64_C(0x6c7967656e657261);
	s->v3 = key->k1 ^ UINT64_C(0x7465646279746573);
}

static inline void
siphash_word(struct siphash_state *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

/** @param last The bytes after the last whole word, and the input's length in the top byte. */
static inline uint64_t
siphash_end(struct siphash_state *s, uint64_t last)
{
	siphash_word(s, last);
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/** siphash13() of the 16 bytes @p w0, @p w1. */
static inline uint64_t
siphash13_16(const struct siphash_key *key, uint64_t w0, uint64_t w1)
{
	struct siphash_state s;

	siphash_begin(&s, key);
	siphash_word(&s, w0);
	siphash_word(&s, w1);
	return siphash_end(&s, UINT64_C(16) << 56);
}

/** siphash13() of the 40 bytes of five words. */
static inline uint64_t
siphash13_40(const struct siphash_key *key, const uint64_t words[5])
{
	struct siphash_state s;

	siphash_begin(&s, key);
	siphash_word(&s, words[0]);
	siphash_word(&s, words[1]);
	siphash_word(&s, words[2]);
	siphash_word(&s, words[3]);
	siphash_word(&s, words[4]);
	return siphash_end(&s, UINT64_C(40) << 56);
}

#endif
