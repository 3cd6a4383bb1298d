/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_MAIN_LCORE_H
#define DATAPLANE_MAIN_LCORE_H

/**
 * @file
 * The main lcore's loop: exceptions by class and token bucket, neighbours first;
 * TAPs towards the kernel; port statistics and link state. Sleeps when idle.
 */

#include "base/drop.h"
#include "channel/stats.h"

struct dataplane;
struct rte_mbuf;

/** Runs on the main lcore until dp->stop. */
void main_lcore_run(struct dataplane *dp);

/* For the parts of the main lcore. */

/** Its counters; it is their only writer. */
struct main_stats *main_lcore_stats(const struct dataplane *dp);
/** Free @p mbuf and count why. */
void main_lcore_drop(const struct dataplane *dp, struct rte_mbuf *mbuf, enum drop_reason reason);

#endif
