/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From signs to SUSPECT_EVENTs. Workers say which member a sign is against; an ICMP error says
 * what it quotes, so it must be found out whether that is a member at all: it counts only if
 * the service, the backend and our own address on the way to it are those of the configuration.
 */
#include "channel/message.h"
#include "dataplane/control_internal.h"
#include "dataplane/evidence.h"
#include "dataplane/spsc_ring.h"
#include "dataplane/suspects.h"
#include "net/unreachable.h"

static void
fill(struct message *m, const struct service_key *service, const struct ip_addr *backend,
		uint32_t kind, const struct suspects_verdict *verdict)
{
	message_init(m, MSG_SUSPECT_EVENT);
	m->SUSPECT_EVENT.service = *service;
	m->SUSPECT_EVENT.backend = *backend;
	m->SUSPECT_EVENT.kind = kind;
	m->SUSPECT_EVENT.count = verdict->count;
	m->SUSPECT_EVENT.window_ms = verdict->window_ms;
}

static void
count_unreachable(struct control *c, uint32_t stats)
{
	struct stats_member *shared = stats_member(c->dp->stats, stats);
	struct stats_member entry = *shared; /* Ours to read: nobody else writes. */

	entry.unreachables++;
	stats_member_write(shared, &entry);
}

static bool
judge_unreachable(struct control *c, const struct unreachable *error, struct message *m)
{
	const struct service_key key = {
		.vip = error->vip, .l4_port = error->l4_port, .protocol = error->protocol
	};
	struct suspects_sign sign = { .kind = SUSPECT_UNREACHABLE };
	struct suspects_verdict verdict;
	struct state_member member;

	if (!state_find_member(c->state, &key, &error->backend, &member) ||
			member.mode != MODE_IPIP || !member.routed ||
			!ip_addr_equal(&member.route.source, &error->source))
		return false;
	count_unreachable(c, member.stats);
	sign.member = member.stats;
	if (!suspects_note(c->suspects, &sign, control_now_ms(), &verdict))
		return false;
	fill(m, &key, &error->backend, sign.kind, &verdict);
	return true;
}

/*
 * Flows of a member that were half open and went on, on all workers. Of the worker that saw the
 * sign, what it was then: signs may have waited for us while flows opened between them.
 */
static uint64_t
progress_of(const struct control *c, const struct evidence_sign *sign, uint16_t worker)
{
	uint64_t opened = sign->opened;

	for (uint16_t i = 0; i < c->dp->nb_workers; i++)
		if (i != worker)
			opened += stat_get(&stats_worker_evidence(c->dp->stats, i)[sign->stats]
							    .opened);
	return opened;
}

static bool
judge_sign(struct control *c, const struct evidence_sign *from, uint16_t worker, struct message *m)
{
	const struct suspects_sign sign = {
		.member = from->stats,
		.kind = from->kind,
		.flow = from->flow,
		.progress = progress_of(c, from, worker),
	};
	const struct stats_member *entry = stats_member(c->dp->stats, from->stats);
	const struct stats_service *service = stats_service(c->dp->stats, entry->service_id);
	struct suspects_verdict verdict;
	struct state_member member;

	/* What was removed is in the directory until its quarantine is over. */
	if (!suspects_note(c->suspects, &sign, control_now_ms(), &verdict) ||
			!state_find_member(c->state, &service->key, &entry->conf.addr, &member))
		return false;
	fill(m, &service->key, &entry->conf.addr, sign.kind, &verdict);
	return true;
}

/* In turns, so that no worker's flood hides the signs of the others. */
static bool
next_sign(struct control *c, struct evidence_sign *out, uint16_t *worker)
{
	for (uint16_t i = 0; i < c->dp->nb_workers; i++) {
		uint16_t at = c->sign_worker;

		c->sign_worker = (uint16_t)((at + 1) % c->dp->nb_workers);
		*worker = at;
		if (spsc_ring_take(c->dp->evidence.signs[at], out))
			return true;
	}
	return false;
}

bool
control_next_suspicion(struct control *c, uint32_t *budget, struct message *m)
{
	while (*budget > 0) {
		struct unreachable error;
		struct evidence_sign sign;
		uint16_t worker;
		bool suspect;

		--*budget;
		if (spsc_ring_take(c->dp->evidence.unreachables, &error))
			suspect = judge_unreachable(c, &error, m);
		else if (next_sign(c, &sign, &worker))
			suspect = judge_sign(c, &sign, worker, m);
		else
			return false;
		if (suspect)
			return true;
	}
	return false;
}
