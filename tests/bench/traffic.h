/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

/**
 * @file
 * Frames of a benchmark: made for a flow by its number, and checked after the pipeline,
 * byte for byte, by a builder that shares no code with it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "world.h"

/** Bytes of a frame without FCS: the smallest, 64 on the wire; IPv6 with TCP needs 74. */
#define TRAFFIC_FRAME4 60
#define TRAFFIC_FRAME6 74

/** Reset @p m and write the frame of flow @p flow; @p number comes back in its sequence field. */
void traffic_make(const struct world *world, struct rte_mbuf *m, enum ip_family family,
		uint64_t flow, bool syn, uint32_t number);

/** The number of a frame that came out. */
uint32_t traffic_number(const struct world *world, const struct rte_mbuf *m, enum ip_family family);

/**
 * Is @p m exactly what must come out for flow @p flow, on the backend that the Maglev table
 * gives to it?
 */
bool traffic_verify(const struct world *world, const struct rte_mbuf *m, enum ip_family family,
		uint64_t flow, bool syn, uint32_t number);

#endif
