/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The level is kept in millionths of a token, so that one microsecond adds exactly
 * `rate` units: integers only, nothing to round. A rest of fill_us or more simply
 * fills the bucket, which also bounds the product: rate × fill_us is at most
 * full + 2 × rate, far below 2^64.
 */

#include "dataplane/token_bucket.h"

#define TOKEN UINT64_C(1000000)

void
token_bucket_init(struct token_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_us)
{
	b->full = burst * TOKEN;
	b->level = b->full;
	b->fill_us = b->full / rate + 1;
	b->last_us = now_us;
	b->rate = rate;
}

static void
token_bucket_fill(struct token_bucket *b, uint64_t now_us)
{
	uint64_t rest_us;

	if (now_us <= b->last_us)
		return;
	rest_us = now_us - b->last_us;
	b->last_us = now_us;
	if (rest_us >= b->fill_us)
		b->level = b->full;
	else
		b->level += rest_us * b->rate;
	if (b->level > b->full)
		b->level = b->full;
}

bool
token_bucket_take(struct token_bucket *b, uint64_t now_us)
{
	token_bucket_fill(b, now_us);
	if (b->level < TOKEN)
		return false;
	b->level -= TOKEN;
	return true;
}
