/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_SHARED_H
#define DATAPLANE_SHARED_H

/**
 * @file
 * What all parts of the dataplane share and none of them owns: the statistics
 * region, the table of next hops, the QSBR variable, the rings of evidence.
 *
 * Thread safety: main thread, before and after all others.
 */

#include <stdint.h>

struct dataplane;

/** Fills dp->stats, stats_size, stats_fd, nexthops, qsbr, evidence. Needs EAL and dp->ports.
 *  @return 0 or -errno: nothing is held. */
int shared_create(struct dataplane *dp);
void shared_destroy(struct dataplane *dp);

/** Bytes of EAL's memory that it takes; the statistics region comes on top, from the system's. */
uint64_t shared_memory(uint16_t nb_workers);

#endif
