/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_TOKEN_BUCKET_H
#define DATAPLANE_TOKEN_BUCKET_H

/**
 * @file
 * A token bucket: lets @p rate events a second pass, and up to @p burst at once
 * after a rest. Exact: no rounding is lost between calls, however often they come.
 *
 * Thread safety: one thread owns a bucket. Times are microseconds of a monotonic
 * clock; a time before the last one counts as the last one.
 */

#include <stdbool.h>
#include <stdint.h>

struct token_bucket {
	uint64_t level;	  /**< Millionths of a token. */
	uint64_t full;	  /**< The same unit. */
	uint64_t fill_us; /**< After so long a rest it is full, whatever it held. */
	uint64_t last_us;
	uint32_t rate;
};

/** Starts full. @p rate and @p burst must not be 0. */
void token_bucket_init(struct token_bucket *b, uint32_t rate, uint32_t burst, uint64_t now_us);

/** @return true: a token was there and is taken. */
bool token_bucket_take(struct token_bucket *b, uint64_t now_us);

#endif
