/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_NEXTHOP_H
#define DATAPLANE_NEXTHOP_H

/**
 * @file
 * The table of next hops: how a worker finds the MAC address and interface of the
 * backend or gateway that a packet goes to. Not part of the snapshot, so that an
 * ARP answer rebuilds nothing.
 *
 * Thread safety: entries are 8-byte atomics written by the main lcore only
 * (neighbour.h) and read by workers, relaxed: an entry is complete in itself.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** Distinct backends and gateways. */
#define NEXTHOP_MAX 65536

/** bits 0..47: MAC as six bytes in memory order; 48..55: interface; 63: resolved; others zero. */
typedef _Atomic uint64_t nexthop_entry;

#define NEXTHOP_RESOLVED (UINT64_C(1) << 63)

struct nexthop_table {
	nexthop_entry entries[NEXTHOP_MAX];
};

static inline uint64_t
nexthop_get(const struct nexthop_table *table, uint32_t index)
{
	return atomic_load_explicit(&table->entries[index], memory_order_relaxed);
}

static inline bool
nexthop_is_resolved(uint64_t entry)
{
	return (entry & NEXTHOP_RESOLVED) != 0;
}

static inline uint8_t
nexthop_interface(uint64_t entry)
{
	return (uint8_t)(entry >> 48);
}

#endif
