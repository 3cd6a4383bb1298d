/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Two passes: the first judges each backend by what was observed of it, its own hold-down
 * and the pace; the second counts, and decides whether to fail open. Judgements go on
 * while a service is open, so that it closes with each backend where it belongs.
 */
#include "controlplane/health/guard.h"

void
guard_init(struct guard *guard)
{
	*guard = (struct guard){ .fail_open = false };
}

void
guard_member_init(struct guard_member *m)
{
	*m = (struct guard_member){ .observed = HEALTH_UNKNOWN,
		.judged = HEALTH_UNKNOWN,
		.effective = HEALTH_UNKNOWN,
		.counts = true };
}

uint32_t
guard_limit_of(const struct guard_limit *limit, uint32_t nb)
{
	if (!limit->percent)
		return limit->value;
	return (uint32_t)(((uint64_t)nb * limit->value + 99) / 100);
}

static void
again_at(struct guard *guard, uint64_t at_ms)
{
	if (guard->again_ms == 0 || at_ms < guard->again_ms)
		guard->again_ms = at_ms;
}

static uint64_t
hold_down_ms(const struct guard_conf *conf, uint32_t nb_flaps)
{
	uint64_t hold = conf->hold_down_ms;

	if (nb_flaps <= GUARD_FLAPS_FREE)
		return 0;
	for (uint32_t i = GUARD_FLAPS_FREE + 1; i < nb_flaps && hold < conf->max_hold_down_ms; i++)
		hold *= 2;
	return hold < conf->max_hold_down_ms ? hold : conf->max_hold_down_ms;
}

/** May one more backend go down in this interval? */
static bool
may_leave(struct guard *guard, const struct guard_conf *conf, uint64_t now_ms)
{
	uint32_t most = guard_limit_of(&conf->max_leave, guard->nb_members);

	if (conf->max_leave.percent && conf->max_leave.value >= 100)
		return true; /* No limit, also for one that leaves, returns and leaves again. */
	if (now_ms - guard->interval_ms >= conf->leave_interval_ms) {
		guard->interval_ms = now_ms;
		guard->nb_left = 0;
	}
	if (guard->nb_left < (most > 0 ? most : 1))
		return true;
	again_at(guard, guard->interval_ms + conf->leave_interval_ms);
	return false;
}

static void
judge_down(struct guard *guard, const struct guard_conf *conf, struct guard_member *m,
		uint64_t now_ms)
{
	uint64_t hold;

	if (m->counts && !may_leave(guard, conf, now_ms)) {
		guard->nb_waiting++;
		return;
	}
	if (m->counts)
		guard->nb_left++;
	if (m->nb_flaps > 0 && now_ms - m->changed_ms >= GUARD_FLAP_WINDOW_MS)
		m->nb_flaps = 0;
	m->nb_flaps++;
	m->nb_downs++;
	hold = hold_down_ms(conf, m->nb_flaps);
	m->hold_until_ms = hold > 0 ? now_ms + hold : 0;
	m->judged = HEALTH_DOWN;
	m->changed_ms = now_ms;
}

static void
judge(struct guard *guard, const struct guard_conf *conf, struct guard_member *m, uint64_t now_ms)
{
	if (m->observed == m->judged || m->observed == HEALTH_UNKNOWN)
		return; /* A check that is new, or asked anew, does not undo a judgement. */
	if (m->observed == HEALTH_DOWN) {
		judge_down(guard, conf, m, now_ms);
		return;
	}
	if (m->judged == HEALTH_DOWN && now_ms < m->hold_until_ms) {
		again_at(guard, m->hold_until_ms);
		return;
	}
	m->judged = m->observed;
	m->changed_ms = now_ms;
}

static void
count(struct guard *guard, const struct guard_member *members, uint32_t nb)
{
	guard->nb_members = 0;
	guard->nb_up = 0;
	for (uint32_t i = 0; i < nb; i++) {
		if (!members[i].counts)
			continue;
		guard->nb_members++;
		guard->nb_up += members[i].judged != HEALTH_DOWN && !members[i].drained;
	}
}

static bool
any_down(const struct guard_member *members, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++) {
		if (members[i].judged == HEALTH_DOWN)
			return true;
	}
	return false;
}

/** @param is_settled Nobody would leave. */
static bool
stays_open(struct guard *guard, const struct guard_conf *conf, bool is_settled, uint64_t now_ms)
{
	uint32_t min = guard_limit_of(&conf->min_healthy, guard->nb_members);

	if (guard->nb_up < (min < guard->nb_members ? min : guard->nb_members)) {
		guard->enough_ms = 0;
		return true;
	}
	if (guard->fail_open && !is_settled) {
		if (guard->enough_ms == 0)
			guard->enough_ms = now_ms;
		if (now_ms - guard->enough_ms < conf->settle_ms) {
			again_at(guard, guard->enough_ms + conf->settle_ms);
			return true;
		}
	}
	guard->enough_ms = 0;
	return false;
}

bool
guard_update(struct guard *guard, const struct guard_conf *conf, struct guard_member *members,
		uint32_t nb, uint64_t now_ms)
{
	bool was_open = guard->fail_open;
	bool changed;

	guard->again_ms = 0;
	guard->nb_waiting = 0;
	count(guard, members, nb);
	for (uint32_t i = 0; i < nb; i++)
		judge(guard, conf, &members[i], now_ms);
	count(guard, members, nb);
	guard->fail_open = stays_open(guard, conf, !any_down(members, nb), now_ms);
	changed = guard->fail_open != was_open;
	for (uint32_t i = 0; i < nb; i++) {
		uint8_t effective = guard->fail_open && members[i].judged == HEALTH_DOWN
				? HEALTH_UNKNOWN
				: members[i].judged;

		changed |= effective != members[i].effective;
		members[i].effective = effective;
	}
	return changed;
}
