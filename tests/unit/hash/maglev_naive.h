/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef MAGLEV_NAIVE_H
#define MAGLEV_NAIVE_H

/**
 * @file
 * doc/maglev.md, said once more as plainly as possible: for small tables.
 */

#include <stdint.h>

#include "hash/maglev.h"

uint64_t naive_mix(uint64_t x);
/** @p anchor gets positions in @p backends. */
void naive_build(uint16_t *anchor, uint32_t nb_slots, const struct maglev_backend *backends,
		uint32_t nb_backends);
void naive_resolve(uint16_t *slots, const uint16_t *anchor, uint32_t nb_slots,
		const struct maglev_backend *backends, uint32_t nb_backends);

/** xorshift64*: random numbers with a seed that a failure can print. */
uint64_t naive_random(uint64_t *seed);
/** Distinct keys, a different set for each @p set; weight, factor one, indexes from 1000 on. */
void naive_backends(struct maglev_backend *backends, uint32_t nb_backends, uint64_t set,
		uint32_t weight);

#endif
