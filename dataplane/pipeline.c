/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compiled once for each instruction set, like the stages; burst.h gives the names their
 * endings.
 */
#include "dataplane/pipeline.h"

#include <stdatomic.h>

#include <rte_cycles.h>

#include "dataplane/burst.h"

/* The clock after @p stage; in run() @p times is a constant NULL, and nothing is left of this. */
static inline void
note_time(struct pipeline_times *times, enum pipeline_stage stage, uint64_t *since)
{
	uint64_t now;

	if (times == NULL)
		return;
	now = rte_rdtsc_precise();
	times->cycles[stage] += now - *since;
	*since = now;
}

static inline __attribute__((always_inline)) void
run_stages(struct worker *w, const struct worker_port *in, struct rte_mbuf **frames, uint16_t nb,
		struct pipeline_times *times)
{
	uint64_t since = 0;
	struct burst b;

	b.snapshot = atomic_load_explicit(&w->dp->snapshot, memory_order_acquire);
	b.in = in;
	b.nb_out = 0;

	if (times == NULL)
		burst_classify(w, &b, frames, nb);
	else
		since = burst_classify_timed(w, &b, frames, nb, times);
	burst_find_flows(w, &b);
	note_time(times, PIPELINE_FLOW, &since);
	burst_rewrite(w, &b);
	note_time(times, PIPELINE_REWRITE, &since);
	if (b.nb4 + b.nb6 == 0)
		return;
	burst_find_flows_beyond(w, &b);
	note_time(times, PIPELINE_FLOW, &since);
	burst_choose(w, &b);
	note_time(times, PIPELINE_CHOOSE, &since);
	burst_rewrite(w, &b);
	note_time(times, PIPELINE_REWRITE, &since);
}

/* Named after its instruction set: callgrind collects within it (scripts/bench/instructions). */
#define pipeline_run PIPELINE_NAME(pipeline_run)

static void
pipeline_run(struct worker *w, const struct worker_port *in, struct rte_mbuf **frames, uint16_t nb)
{
	run_stages(w, in, frames, nb, NULL);
}

static void
run_timed(struct worker *w, const struct worker_port *in, struct rte_mbuf **frames, uint16_t nb,
		struct pipeline_times *times)
{
	run_stages(w, in, frames, nb, times);
}

/* Declared where it is chosen. */
extern const struct pipeline PIPELINE_NAME(pipeline);

const struct pipeline PIPELINE_NAME(pipeline) = {
	.name = PIPELINE_TEXT(PIPELINE_ISA),
	.run = pipeline_run,
	.run_timed = run_timed,
};
