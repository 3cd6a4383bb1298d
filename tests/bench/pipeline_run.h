/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_PIPELINE_RUN_H
#define BENCH_PIPELINE_RUN_H

/**
 * @file
 * The measuring half of guideway-bench pipeline: rounds (rounds.h) of one worker, in turns
 * plain, by stage, and with instructions counted.
 *
 * Thread safety: none; one run a process.
 */

#include <stdbool.h>
#include <stdint.h>

#include "counters.h"
#include "rounds.h"
#include "world.h"

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
	struct rounds rounds;
	struct counters counters;

	/* What came out: cycles a packet by round, unsorted. */
	double *cycles;
	double *stages[NB_PIPELINE_STAGES];
	uint32_t nb_cycles;
	uint32_t nb_stages;
	uint64_t instructions; /**< Of counted_packets; 0: no counter. */
	uint64_t counted_packets;
	uint64_t established;	   /**< Of workload flood: before it, */
	uint64_t established_lost; /**< and of these after it. */
};

/** Needs options. @return false: the reason was printed. pipeline_run_end() nevertheless. */
bool pipeline_run(struct pipeline_run *run);
void pipeline_run_end(struct pipeline_run *run);

#endif
