/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_NEIGHBOUR_PRIVATE_H
#define DATAPLANE_NEIGHBOUR_PRIVATE_H

/**
 * @file
 * What neighbour.c (main lcore) and neighbour_control.c (control thread) share.
 */

#include "dataplane/announce.h"
#include "dataplane/hop_ledger.h"
#include "dataplane/neighbour.h"
#include "dataplane/neighbour_table.h"
#include "dataplane/token_bucket.h"
#include "dataplane/wait_queue.h"

struct rte_mempool;
struct snapshot;

struct neighbours {
	/* Written at creation only. */
	struct dataplane *dp;
	struct hop_ledger *ledger; /**< Used by both; see there. */

	/* The main lcore's. */
	struct neighbour_table *table;
	struct wait_queue *waiting;
	struct rte_mempool *
			frames; /**< Of its own: neighbours live on when the packets' pool is empty. */
	struct announce vips;
	struct announce own;
	struct token_bucket messages; /**< ARP and ND that we did not ask for. */
	struct token_bucket logs;
	uint64_t now_ms;
	const struct snapshot *seen; /**< Whose VIPs are in vips; only compared, never followed. */
	uint64_t seen_generation;
};

#endif
