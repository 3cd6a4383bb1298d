/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Putting a snapshot in force, the end of quarantines, and second tries of routes.
 *
 * In force means: every worker and the main lcore have reported a quiescent state since the
 * pointer was changed, so none of them can still hold the snapshot before.
 */
#include <time.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/advertise.h"
#include "dataplane/control_internal.h"
#include "dataplane/log.h"
#include "dataplane/neighbour.h"

/* A worker polls in microseconds; a sleeping one is offline and need not be waited for. */
#define CHECK_PERIOD_NS 20000
/* Sweeps that must end after a removal: the one under way saw the old snapshot; the next is whole. */
#define SWEEPS_OF_QUARANTINE 2

void
control_publish(struct control *c, const struct snapshot *snapshot)
{
	const struct timespec period = { .tv_nsec = CHECK_PERIOD_NS };
	uint64_t complain_ms = control_now_ms() + 1000;
	uint64_t token;

	atomic_store_explicit(&c->dp->snapshot, snapshot, memory_order_release);
	token = rte_rcu_qsbr_start(c->dp->qsbr);
	while (rte_rcu_qsbr_check(c->dp->qsbr, token, false) == 0) {
		nanosleep(&period, NULL);
		if (control_now_ms() < complain_ms)
			continue;
		/* Nothing may be freed before; a frozen lcore freezes changes, not traffic. */
		LOG_CONTROL(WARNING, "generation %llu: an lcore has not moved on for a second",
				(unsigned long long)snapshot->generation);
		complain_ms += 1000;
	}
	advertise_want(c->advertise, snapshot);
}

void
control_quarantine_begin(struct control *c)
{
	struct control_batch *batch;

	if (c->nb_batches == CONTROL_MAX_BATCHES)
		c->nb_batches--; /* The newest two end together, with the newer. */
	batch = &c->batches[c->nb_batches++];
	batch->number = state_quarantine_begin(c->state);
	for (uint16_t i = 0; i < c->dp->nb_workers; i++)
		batch->sweeps[i] = stat_get(&stats_worker(c->dp->stats, i)->sweeps) +
				SWEEPS_OF_QUARANTINE;
}

static bool
is_over(const struct control *c, const struct control_batch *batch)
{
	for (uint16_t i = 0; i < c->dp->nb_workers; i++)
		if (stat_get(&stats_worker(c->dp->stats, i)->sweeps) < batch->sweeps[i])
			return false;
	return true;
}

void
control_quarantine_check(struct control *c)
{
	const struct snapshot *snapshot;
	uint32_t over = 0;

	while (over < c->nb_batches && is_over(c, &c->batches[over]))
		over++;
	if (over == 0)
		return;
	if (state_quarantine_end(c->state, c->batches[over - 1].number, &snapshot) != CONF_OK)
		return; /* Out of memory: later. */
	control_publish(c, snapshot);
	state_quarantine_finish(c->state);
	for (uint32_t i = over; i < c->nb_batches; i++)
		c->batches[i - over] = c->batches[i];
	c->nb_batches -= over;
}

void
control_reroute_check(struct control *c)
{
	const struct snapshot *snapshot;
	uint64_t now_ms;

	c->reroute |= neighbour_take_relief(c->dp->neighbours);
	if (!c->reroute)
		return;
	now_ms = control_now_ms();
	if (now_ms < c->reroute_due_ms)
		return;
	c->reroute_due_ms = now_ms + CONTROL_REROUTE_MS;
	if (state_reroute(c->state, c->generation, &snapshot) != CONF_OK)
		return; /* Out of memory: later. */
	control_publish(c, snapshot);
	state_quarantine_finish(c->state);
	c->reroute = false;
}
