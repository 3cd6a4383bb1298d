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

#endif
