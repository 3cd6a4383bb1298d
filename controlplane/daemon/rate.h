/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_RATE_H
#define DAEMON_RATE_H

/**
 * @file
 * How many requests somebody may make: a token bucket of a second for each of those that
 * were seen last. The daemon has one loop; nobody may have it alone.
 *
 * Thread safety: the main thread only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "controlplane/daemon/peer.h"

#define RATE_REMEMBERED 64

struct rate_bucket {
	uint64_t who;	  /**< 0: free. */
	uint64_t seen_us; /**< Of the last request. */
	double tokens;
};

/** Zeros: nobody was seen yet. */
struct rate {
	struct rate_bucket buckets[RATE_REMEMBERED];
};

/** @return false: it is one too many. */
bool rate_take(struct rate *rate, const struct peer *peer, uint32_t per_s, uint64_t now_us);

#endif
