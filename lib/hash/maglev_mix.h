/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HASH_MAGLEV_MIX_H
#define HASH_MAGLEV_MIX_H

/**
 * @file
 * The fixed mixing functions of Maglev tables (inside of lib/hash). They are part
 * of the format that balancers of one group must agree on: doc/maglev.md.
 *
 * Thread safety: pure functions.
 */

#include <stdint.h>

/** 2^64 divided by the golden ratio. */
#define MAGLEV_GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/** A bijection of 64-bit words: the finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64_t
maglev_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/** Scale 32 bits evenly to 0…n-1. */
static inline uint32_t
maglev_scale(uint32_t bits, uint32_t n)
{
	return (uint32_t)((uint64_t)bits * n >> 32);
}

#endif
