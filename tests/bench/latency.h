/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

/**
 * @file
 * A histogram of durations in TSC cycles: 32 steps in each power of two, so that what is
 * read from it is at most 3.2 % too high. Single-threaded. Recording is a few instructions
 * without a branch that depends on the value.
 */

#include <stdint.h>

/** Steps in a power of two, as a power of two. */
#define LATENCY_STEP_BITS 5
#define LATENCY_NB_STEPS ((65 - LATENCY_STEP_BITS) << LATENCY_STEP_BITS)

struct latency {
	uint64_t nb;
	uint64_t max;
	uint64_t steps[LATENCY_NB_STEPS];
};

static inline uint32_t
latency_step(uint64_t cycles)
{
	/* Below 2^STEP_BITS a step is one cycle. */
	uint32_t top = 63 - (uint32_t)__builtin_clzll(cycles | 1u << LATENCY_STEP_BITS);
	uint32_t shift = top - LATENCY_STEP_BITS;

	return (uint32_t)(cycles >> shift) + (shift << LATENCY_STEP_BITS);
}

static inline void
latency_record(struct latency *latency, uint64_t cycles)
{
	latency->steps[latency_step(cycles)]++;
	latency->nb++;
	if (cycles > latency->max)
		latency->max = cycles;
}

/** Cycles that @p share (0…1) of all stayed below or at. @return 0: nothing was recorded. */
uint64_t latency_quantile(const struct latency *latency, double share);

#endif
