/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_ROUNDS_H
#define BENCH_ROUNDS_H

/**
 * @file
 * Rounds of packets through the real pipeline of one real worker, compiled as the dataplane
 * is, on real mbufs. Between the two clock reads of a burst lies the call of the pipeline and
 * nothing else, and nothing is subtracted. Before each round the headers of all mbufs are
 * written anew, so the round finds them as a NIC's cache-allocating DMA leaves them: in the
 * last cache that has them. Flows are drawn uniformly at random, so that the table's whole
 * working set is touched; the worker's clock goes on by what the bursts took. What comes out is compared byte for byte, in part.
 *
 * Thread safety: one thread a struct rounds; those of different workers of a world may run
 * at the same time.
 */

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "dataplane/pipeline.h"
#include "world.h"

/** Packets of a round. */
#define ROUND_PACKETS 2048

/** What the packets are. */
enum workload {
	WORKLOAD_HIT,	/**< Every packet of a known flow. */
	WORKLOAD_NEW,	/**< Every packet a SYN of an unknown flow; the table has room. */
	WORKLOAD_MIXED, /**< Some SYNs of unknown flows among packets of known ones. */
	WORKLOAD_FLOOD, /**< Every packet a SYN of an unknown flow; the table is full. */
};

/** How a round calls the pipeline. */
enum round_manner {
	ROUND_PLAIN,   /**< As a worker does. */
	ROUND_STAGES,  /**< With a look at the clock after each stage. */
	ROUND_COUNTED, /**< With the CPU's counter of instructions. */
};

/** What a round took, in all; by its manner one of these. */
struct round {
	uint64_t cycles;
	struct pipeline_times times;
};

struct rounds_conf {
	enum workload workload;
	uint32_t flows;	     /**< Known ones. */
	uint64_t first_flow; /**< Their numbers begin here: workers have different ones. */
	uint32_t new_share;  /**< Of workload mixed, per cent. */
	uint32_t burst;
};

struct rounds {
	struct rounds_conf conf;
	const struct world *world;
	struct worker *worker;
	struct rte_mbuf *mbufs[ROUND_PACKETS];
	uint64_t flow_of[ROUND_PACKETS]; /**< By the packet's number. */
	bool syn_of[ROUND_PACKETS];
	uint8_t *seen;	    /**< Bit a known flow: it was drawn. */
	uint64_t next_flow; /**< The next unknown one. */
	uint64_t random;
	struct counters *counters; /**< NULL: there are no counted rounds. */

	uint64_t packets;
	uint64_t new_packets;
	uint64_t verified;
	uint64_t distinct; /**< Known flows that were drawn. */
};

/**
 * For worker @p index of @p world, whose table has room for conf.flows. Takes its mbufs.
 * @return false: the reason was printed; rounds_end() nevertheless.
 */
bool rounds_begin(struct rounds *rounds, const struct rounds_conf *conf, const struct world *world,
		uint16_t index);
void rounds_end(struct rounds *rounds); /**< Legal if all zero. */

/** Capacity of a table for @p conf. */
uint64_t rounds_capacity(const struct rounds_conf *conf);

/** The worker's table that the packets go to. */
struct flow_table *rounds_table(const struct rounds *rounds);

/**
 * A packet of each known flow.
 * @param verify_every Of so many packets that come out one is compared.
 * @return false: one came out wrong; said on stderr.
 */
bool rounds_send_all_flows(struct rounds *rounds, uint32_t verify_every);

/** Enter the known flows, but for workload new. @return false: the reason was printed. */
bool rounds_enter_all_flows(struct rounds *rounds);

/** Make room if the workload needs some, write packets, send them. @return false: one came out wrong. */
bool rounds_run(struct rounds *rounds, enum round_manner manner, struct round *round);

#endif
