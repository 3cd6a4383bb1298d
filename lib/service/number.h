/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_NUMBER_H
#define SERVICE_NUMBER_H

/**
 * @file
 * A pool of numbers 0…size − 1, lowest first, so that the arrays that they index
 * stay short. Private to lib/service.
 *
 * Thread safety: none; the control thread owns it.
 * Memory: allocated by number_pool_init() only; taking and giving cannot fail for lack of it.
 */

#include <stdint.h>

#include "base/compiler.h"

#define NUMBER_NONE UINT32_MAX

struct number_pool {
	uint64_t *words; /**< A bit a number; set = taken. */
	uint32_t nb_words;
	uint32_t first; /**< No word before this has a clear bit. */
};

/** @return 0 or -ENOMEM. */
MUST_CHECK int number_pool_init(struct number_pool *pool, uint32_t size);
void number_pool_fini(struct number_pool *pool);

/** @return the lowest free number, now taken; NUMBER_NONE: all are. */
uint32_t number_take(struct number_pool *pool);

/** @p number must be taken. */
void number_give(struct number_pool *pool, uint32_t number);

#endif
