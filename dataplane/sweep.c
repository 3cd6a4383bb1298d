/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sweeps: a few buckets at every poll (WORKER_SWEEP_BUCKETS_PER_SECOND). They free idle
 * flows and flows of removed backends, keep the counts of active flows exact, and, by
 * counting whole passes, end quarantines.
 *
 * One pass goes through one table after the other: so two ends of a pass always have each
 * table, whole, between them, whatever the tables' sizes are. (With a pace of its own for
 * each table, and the smaller number of their passes as the number of sweeps, the table
 * that is ahead may have been looked at but in part between two such numbers.)
 */
#include <stdatomic.h>

#include "dataplane/worker.h"

/* A poll must not take long, however long the worker slept; what is left stays due. */
#define SWEEP_MAX_AT_ONCE 512

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

	if (flow_idle(value, w->now) <= service->lifetime_ticks[value->state] &&
			!(member->flags & MEMBER_REMOVED) && !service->removed)
		return false;
	stat_add(&w->members[member->stats].active_flows, -UINT64_C(1));
	return true;
}

/* Buckets that are due now, at most SWEEP_MAX_AT_ONCE. */
static uint32_t
take_due(struct worker_sweep *sweep, uint64_t elapsed_tsc)
{
	uint64_t whole = (uint64_t)sweep->nb_buckets << 32;
	uint32_t nb;

	/* Late by more than a pass: one pass is all that can be due. */
	if (elapsed_tsc > whole / sweep->buckets_per_tsc)
		sweep->due = whole;
	else
		sweep->due += elapsed_tsc * sweep->buckets_per_tsc;
	if (sweep->due > whole)
		sweep->due = whole;
	nb = (uint32_t)(sweep->due >> 32);
	if (nb > SWEEP_MAX_AT_ONCE)
		nb = SWEEP_MAX_AT_ONCE;
	sweep->due -= (uint64_t)nb << 32;
	return nb;
}

/* Look at @p nb buckets at most, up to the end of the table. @return how many it were. */
static uint32_t
sweep_some(struct worker *w, struct judge *judge, uint32_t nb)
{
	struct flow_table *table = w->sweep.on6 ? &w->flows6 : &w->flows4;
	uint32_t left = table->nb_buckets - table->sweep_next;
	uint64_t removed = 0;

	if (nb > left)
		nb = left;
	if (flow_table_sweep(table, nb, expired, judge, &removed)) {
		w->sweep.passes += w->sweep.on6;
		w->sweep.on6 = !w->sweep.on6;
	}
	if (removed != 0)
		stat_add(&w->stats->flows_expired, removed);
	return nb;
}

void
worker_sweep(struct worker *w, uint64_t elapsed_tsc)
{
	struct judge judge = {
		.worker = w,
		.snapshot = atomic_load_explicit(&w->dp->snapshot, memory_order_acquire),
	};
	uint32_t nb = take_due(&w->sweep, elapsed_tsc);

	stat_set(&w->stats->generation, judge.snapshot->generation);
	if (nb == 0)
		return;
	while (nb > 0)
		nb -= sweep_some(w, &judge, nb);
	stat_set(&w->stats->flows4, w->flows4.nb_flows);
	stat_set(&w->stats->flows6, w->flows6.nb_flows);
	stat_set(&w->stats->sweeps, w->sweep.passes);
}
