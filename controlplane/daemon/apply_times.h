/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_APPLY_TIMES_H
#define DAEMON_APPLY_TIMES_H

/**
 * @file
 * How long transactions took, as a histogram of Prometheus: buckets with an upper bound
 * each. Since the start of the daemon.
 *
 * Thread safety: none; whoever holds it.
 */

#include <stddef.h>
#include <stdint.h>

#define APPLY_TIMES_NB_BOUNDS 13

/** Zero is a fresh one. */
struct apply_times {
	/** By the first bound that is not below; the last: above all bounds. Not cumulative. */
	uint64_t nb[APPLY_TIMES_NB_BOUNDS + 1];
	uint64_t sum_us;
	uint64_t nb_refused; /**< Transactions that the dataplane did not take; in no bucket. */
};

/** Upper bounds of the buckets, in seconds, rising. */
extern const double apply_times_bounds[APPLY_TIMES_NB_BOUNDS];

/** A transaction came into force after @p us microseconds. */
void apply_times_add(struct apply_times *times, uint64_t us);

#endif
