/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_PIPELINE_RUN_H
#define BENCH_PIPELINE_RUN_H

/**
 * @file
 * The measuring half of guideway-bench pipeline: the real pipeline of the real worker,
 * compiled as the dataplane is, on real mbufs. Between the two clock reads of a burst lies the
 * call of the pipeline and nothing else, and nothing is subtracted. Before each round the
 * headers of all mbufs are written anew, so the round finds them as a NIC's cache-allocating
 * DMA leaves them: in the last cache that has them. Flows are drawn uniformly at random, so
 * that the table's whole working set is touched.
 *
 * Thread safety: none; one run a process.
 */

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "dataplane/pipeline.h"
#include "world.h"

/** Packets of a round. */
#define PIPELINE_RUN_PACKETS 2048

/** What the packets are. */
enum workload {
	WORKLOAD_HIT,	/**< Every packet of a known flow. */
	WORKLOAD_NEW,	/**< Every packet a SYN of an unknown flow; the table has room. */
	WORKLOAD_MIXED, /**< Some SYNs of unknown flows among packets of known ones. */
	WORKLOAD_FLOOD, /**< Every packet a SYN of an unknown flow; the table is full. */
};

struct pipeline_options {
	uint32_t mode;	    /**< enum service_mode − 1: direct, ipip. */
	uint32_t family;    /**< 0: IPv4, 1: IPv6. */
	uint32_t workload;  /**< enum workload. */
	uint32_t flows;	    /**< Known ones. */
	uint32_t new_share; /**< Of workload mixed, per cent. */
	uint32_t backends;
	uint32_t rounds;
	uint32_t burst;
	uint32_t isa; /**< 0: the best that the CPU has; else index into pipelines[] + 1. */
	bool no_hugepages;
};

struct pipeline_run {
	struct pipeline_options options;
	struct world world;
	struct rte_mbuf *mbufs[PIPELINE_RUN_PACKETS];
	uint64_t flow_of[PIPELINE_RUN_PACKETS]; /**< By the packet's number. */
	bool syn_of[PIPELINE_RUN_PACKETS];
	uint8_t *seen;	    /**< Bit a flow: it was drawn. */
	uint64_t next_flow; /**< The next unknown one. */
	uint64_t random;
	struct counters counters;

	/* What came out: cycles a packet by round, unsorted. */
	double *cycles;
	double *stages[NB_PIPELINE_STAGES];
	uint32_t nb_cycles;
	uint32_t nb_stages;
	uint64_t packets;
	uint64_t new_packets;
	uint64_t verified;
	uint64_t distinct;
	uint64_t instructions; /**< Of counted_packets; 0: no counter. */
	uint64_t counted_packets;
	uint64_t established;	   /**< Of workload flood: before it, */
	uint64_t established_lost; /**< and of these after it. */
};

/** Needs options. @return false: the reason was printed. pipeline_run_end() nevertheless. */
bool pipeline_run(struct pipeline_run *run);
void pipeline_run_end(struct pipeline_run *run);

/** The table that the run's packets go to. */
const struct flow_table *pipeline_run_table(const struct pipeline_run *run);

#endif
