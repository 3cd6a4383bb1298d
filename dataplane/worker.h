/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

/**
 * @file
 * Workers: one polling lcore each, sharing nothing.
 */

#include <stdint.h>

struct dataplane;
struct worker;

/** Memory for flow tables that worker_create() will take, in bytes, for the start-up report. */
uint64_t worker_memory(const struct dataplane *dp);

/** @return NULL and errno. Needs ports, stats, nexthops and the first snapshot. */
struct worker *worker_create(struct dataplane *dp, uint16_t index);
void worker_destroy(struct worker *worker); /**< Legal with NULL. */

/** The lcore's function (rte_eal_remote_launch): runs until dp->stop. @return 0. */
int worker_run(void *worker);

#endif
