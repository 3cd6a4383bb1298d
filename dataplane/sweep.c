/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sweeps: a few buckets at every poll (WORKER_SWEEP_BUCKETS_PER_SECOND). They free idle flows and flows of removed backends, keep the
 * counts of active flows exact, and, by counting whole passes, end quarantines.
 */
#include <stdatomic.h>

#include "dataplane/worker.h"

/* A poll must not take long, however long the worker slept; what is left stays due. */
#define SWEEP_MAX_AT_ONCE 256

struct judge {
	struct worker *worker;
	const struct snapshot *snapshot;
};

static bool
expired(void *context, uint16_t id, struct flow_value *value)
{
	const struct judge *judge = context;
	struct worker *w = judge->worker;
	const struct snapshot_service *service = judge->snapshot->services[id];
	const struct snapshot_member *member = &service->members[value->member];

	if (w->now - value->last_seen <= service->lifetime_ticks[value->state] &&
			!(member->flags & MEMBER_REMOVED) && !service->removed)
		return false;
	stat_add(&w->members[member->stats].active_flows, -UINT64_C(1));
	return true;
}

static void
sweep_table(struct worker *w, struct worker_sweep *sweep, struct judge *judge, uint64_t elapsed_tsc)
{
	uint64_t whole = (uint64_t)sweep->table->nb_buckets << 32;
	uint64_t removed = 0;
	uint32_t nb;

	/* Late by more than a pass: one pass is all that can be due. */
	if (elapsed_tsc > whole / sweep->buckets_per_tsc)
		sweep->due = whole;
	else
		sweep->due += elapsed_tsc * sweep->buckets_per_tsc;
	if (sweep->due > whole)
		sweep->due = whole;
	nb = (uint32_t)(sweep->due >> 32);
	if (nb == 0)
		return;
	if (nb > SWEEP_MAX_AT_ONCE)
		nb = SWEEP_MAX_AT_ONCE;
	sweep->due -= (uint64_t)nb << 32;
	if (flow_table_sweep(sweep->table, nb, expired, judge, &removed))
		sweep->passes++;
	if (removed != 0)
		stat_add(&w->stats->flows_expired, removed);
	stat_set(sweep->flows, sweep->table->nb_flows);
}

void
worker_sweep(struct worker *w, uint64_t elapsed_tsc)
{
	struct judge judge = {
		.worker = w,
		.snapshot = atomic_load_explicit(&w->dp->snapshot, memory_order_acquire),
	};

	sweep_table(w, &w->sweeps[0], &judge, elapsed_tsc);
	sweep_table(w, &w->sweeps[1], &judge, elapsed_tsc);
	stat_set(&w->stats->sweeps,
			w->sweeps[0].passes < w->sweeps[1].passes ? w->sweeps[0].passes
								  : w->sweeps[1].passes);
	stat_set(&w->stats->generation, judge.snapshot->generation);
}
