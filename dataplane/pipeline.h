/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PIPELINE_H
#define DATAPLANE_PIPELINE_H

/**
 * @file
 * The pipeline: what a worker does with the packets that it took from a queue.
 *
 * Its sources (pipeline.c and stage_*.c) are compiled once for each instruction set of
 * pipelines[]; pipeline_choose() takes the best that the CPU has, once, at the start. All of
 * them do the same to every packet: the tests run on each.
 *
 * Thread safety: pipelines are constant; a worker is its own lcore's.
 */

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct worker;
struct worker_port;

/** Stages, in their order. */
enum pipeline_stage {
	PIPELINE_PARSE,	  /**< Headers to addresses, ports, flags. */
	PIPELINE_SERVICE, /**< Which service; the flow's bucket is on its way. */
	PIPELINE_FLOW,	  /**< The backend of a known flow. */
	PIPELINE_CHOOSE,  /**< A backend for an unknown one, which is entered. */
	PIPELINE_REWRITE, /**< Outer header, next hop, Ethernet header. */
	NB_PIPELINE_STAGES
};

/** TSC cycles spent in each stage, added up. */
struct pipeline_times {
	uint64_t cycles[NB_PIPELINE_STAGES];
};

/** The pipeline for one instruction set. */
struct pipeline {
	const char *name; /**< Of the instruction set: "portable", "avx2". */

	/**
	 * Forward a burst. Every frame is taken: it ends in worker->tx (to be sent by
	 * worker_flush()), with the main lcore, or dropped and counted.
	 *
	 * The snapshot is read once; it must stay valid until the worker next reports a
	 * quiescent state.
	 *
	 * @param in One of worker->ports.
	 * @param nb At most BURST_MAX; worker->tx must be empty.
	 */
	void (*run)(struct worker *w, const struct worker_port *in, struct rte_mbuf **frames,
			uint16_t nb);

	/** The same, with a look at the clock after each stage: for benchmarks. */
	void (*run_timed)(struct worker *w, const struct worker_port *in, struct rte_mbuf **frames,
			uint16_t nb, struct pipeline_times *times);
};

/** Best first, NULL at the end. */
extern const struct pipeline *const pipelines[];

/** Does this CPU have what @p pipeline was compiled for? */
bool pipeline_runs_here(const struct pipeline *pipeline);

/** The best that runs on this CPU. */
const struct pipeline *pipeline_choose(void);

#endif
