/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/number.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int
number_pool_init(struct number_pool *pool, uint32_t size)
{
	pool->nb_words = (size + 63) / 64;
	pool->first = 0;
	pool->words = calloc(pool->nb_words, sizeof(*pool->words));
	if (pool->words == NULL)
		return -ENOMEM;
	if (size % 64 != 0)
		pool->words[pool->nb_words - 1] = UINT64_MAX << size % 64;
	return 0;
}

void
number_pool_fini(struct number_pool *pool)
{
	free(pool->words);
	pool->words = NULL;
}

uint32_t
number_take(struct number_pool *pool)
{
	for (; pool->first < pool->nb_words; pool->first++) {
		uint64_t *word = &pool->words[pool->first];

		if (*word != UINT64_MAX) {
			uint32_t bit = (uint32_t)__builtin_ctzll(~*word);

			*word |= UINT64_C(1) << bit;
			return pool->first * 64 + bit;
		}
	}
	return NUMBER_NONE;
}

void
number_give(struct number_pool *pool, uint32_t number)
{
	uint64_t bit = UINT64_C(1) << number % 64;
	uint64_t *word = &pool->words[number / 64];

	assert(*word & bit);
	*word &= ~bit;
	if (number / 64 < pool->first)
		pool->first = number / 64;
}
