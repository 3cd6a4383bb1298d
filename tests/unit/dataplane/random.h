/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_DATAPLANE_RANDOM_H
#define TESTS_DATAPLANE_RANDOM_H

/**
 * @file
 * Random numbers of a test (splitmix64), with the seed printed: SEED=… repeats a run.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t random_state;

static inline uint64_t
random_u64(void)
{
	uint64_t x = (random_state += 0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static inline uint32_t
random_below(uint32_t n)
{
	return (uint32_t)(random_u64() % n);
}

static inline void
seed_random(const char *test)
{
	const char *given = getenv("SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	random_state = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)now.tv_nsec;
	printf("%s: SEED=%llu\n", test, (unsigned long long)random_state);
}

#endif
