/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The directory in the statistics region: which service has which id, which backend counts
 * at which index.
 */
#include "dataplane/control_internal.h"
#include "dataplane/suspects.h"

void
control_service_changed(void *context, uint16_t id, const struct service_conf *conf,
		const struct snapshot_service *service)
{
	const struct control *c = context;
	const struct stats_service entry = {
		.used = 1,
		.mode = conf->mode,
		.nb_members = service->nb_members,
		.nb_slots = service->nb_slots,
		.key = conf->key,
	};

	stats_service_write(stats_service(c->dp->stats, id), &entry);
}

void
control_service_freed(void *context, uint16_t id)
{
	const struct control *c = context;
	const struct stats_service entry = { .used = 0 };

	stats_service_write(stats_service(c->dp->stats, id), &entry);
}

/* A number that comes back may not start with the counts of whoever had it before. */
static void
clear_counters(const struct control *c, uint32_t stats)
{
	for (uint16_t i = 0; i < c->dp->nb_workers; i++) {
		struct member_stats *counters = &stats_worker_members(c->dp->stats, i)[stats];
		struct member_evidence *evidence = &stats_worker_evidence(c->dp->stats, i)[stats];

		stat_set(&counters->packets, 0);
		stat_set(&counters->bytes, 0);
		stat_set(&counters->new_flows, 0);
		stat_set(&counters->active_flows, 0);
		stat_set(&evidence->syn_retransmissions, 0);
		stat_set(&evidence->resets, 0);
		stat_set(&evidence->opened, 0);
	}
}

void
control_member_changed(void *context, uint32_t stats, uint16_t service_id, uint16_t member,
		const struct backend_conf *conf, bool routed)
{
	const struct control *c = context;
	struct stats_member *shared = stats_member(c->dp->stats, stats);
	const struct stats_member entry = {
		.used = 1,
		.routed = routed,
		.service_id = service_id,
		.conf = *conf,
		.slots = shared->slots, /* Ours to read: nobody else writes. */
		.member = member,
		.unreachables = shared->unreachables,
	};

	stats_member_write(shared, &entry);
}

void
control_slots_changed(void *context, uint32_t stats, uint32_t slots)
{
	const struct control *c = context;
	struct stats_member *shared = stats_member(c->dp->stats, stats);
	struct stats_member entry = *shared;

	entry.slots = slots;
	stats_member_write(shared, &entry);
}

/* In quarantine until now, so no worker counts there any more: the counters are ours. */
void
control_member_freed(void *context, uint32_t stats)
{
	const struct control *c = context;
	const struct stats_member entry = { .used = 0 };

	stats_member_write(stats_member(c->dp->stats, stats), &entry);
	clear_counters(c, stats);
	suspects_forget(c->suspects, stats);
}
