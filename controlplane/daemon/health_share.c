/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A backend's factor is its agents' percentage times its slow start. The factors of a service
 * are then scaled so that the largest of those that take flows is one: only their proportion
 * counts, and where all are at 5 %, forwarding would ask twenty backends for each slot.
 *
 * What takes no new flows has the factor that it is to begin with: so whoever lets it
 * take them again (a person, by a change that knows nothing of this) begins its slow start.
 */
#include "controlplane/daemon/health_private.h"
#include "controlplane/health/slow_start.h"

static bool
has_agents(const struct config_health *conf)
{
	for (uint32_t i = 0; i < conf->nb_checks; i++) {
		if (conf->checks[i].type == CHECK_AGENT)
			return true;
	}
	return false;
}

bool
watched_has_shares(const struct config_health *conf)
{
	return conf->slow_start_ms > 0 || has_agents(conf);
}

uint32_t
share_first(const struct config_health *conf)
{
	return conf->slow_start_ms > 0 ? SLOW_START_FIRST : BACKEND_FACTOR_ONE;
}

void
share_init(struct watched *s, uint32_t member, const struct watched *before, int at)
{
	struct share *share = &s->shares[member];

	*share = (struct share){ .percent = 100 };
	if (before != NULL && at < 0)
		share->rests = true;
	else if (before != NULL && before->shares != NULL)
		*share = before->shares[at];
	s->told_factors[member] = before != NULL && at >= 0 ? before->told_factors[at]
			: share->rests			    ? share_first(s->conf)
							    : BACKEND_FACTOR_ONE;
}

void
share_adopt(struct watched *s, uint32_t member, uint32_t factor, uint64_t now_ms)
{
	struct share *share = &s->shares[member];
	uint64_t grown_ms;

	s->told_factors[member] = factor;
	if (has_agents(s->conf)) {
		/* As good as it is known: only the proportion counts. Soon they speak. */
		share->percent = (uint8_t)((factor * 100 + BACKEND_FACTOR_ONE - 1) /
				BACKEND_FACTOR_ONE);
		s->members[member].drained = factor == 0;
	} else if (factor >= SLOW_START_FIRST && factor < BACKEND_FACTOR_ONE) {
		grown_ms = (uint64_t)(factor - SLOW_START_FIRST) * s->conf->slow_start_ms /
				(BACKEND_FACTOR_ONE - SLOW_START_FIRST);
		share->begin_ms = now_ms > grown_ms ? now_ms - grown_ms : 1;
	}
}

bool
share_observe(const struct watch *w, struct watched *s, uint32_t member)
{
	struct guard_member *m = &s->members[member];
	uint32_t nb = s->conf->nb_checks, nb_agents = 0;
	uint8_t least = AGENT_NO_PERCENT;
	bool was_drained = m->drained;

	for (uint32_t i = 0; i < nb; i++) {
		uint8_t percent = w->percents[s->checks[member * nb + i]];

		if (s->conf->checks[i].type != CHECK_AGENT)
			continue;
		nb_agents++;
		least = percent < least ? percent : least;
	}
	/* An agent that is asked anew, and has not spoken yet, undoes nothing. */
	if (nb_agents == 0)
		s->shares[member].percent = 100;
	else if (least != AGENT_NO_PERCENT)
		s->shares[member].percent = least;
	m->drained = s->shares[member].percent == 0;
	return m->drained != was_drained;
}

/** Begin or end a slow start. @return the factor, not scaled yet. */
static uint32_t
share_update(struct watched *s, uint32_t member, uint64_t now_ms)
{
	const struct guard_member *m = &s->members[member];
	struct share *share = &s->shares[member];
	uint32_t length_ms = s->conf->slow_start_ms;
	uint32_t factor;

	if (!watched_takes_flows(s, member)) {
		/* What was never up (`initial: down`) does not rest: nobody waits for it to warm up. */
		share->rests |= !m->counts || m->judged == HEALTH_DOWN || m->drained;
		share->begin_ms = 0;
		return share->percent > 0 ? share_first(s->conf) : 0;
	}
	if (share->rests)
		share->begin_ms = length_ms > 0 ? now_ms : 0;
	share->rests = false;
	factor = share->begin_ms != 0 ? slow_start_factor(length_ms, share->begin_ms, now_ms)
				      : BACKEND_FACTOR_ONE;
	if (factor == BACKEND_FACTOR_ONE)
		share->begin_ms = 0;
	else
		s->grow_ms = slow_start_next_ms(length_ms, now_ms);
	return (uint32_t)((uint64_t)factor * share->percent / 100);
}

/** With too few healthy backends everybody gives what it has. */
static uint32_t
share_open(struct watched *s, uint32_t member)
{
	struct share *share = &s->shares[member];

	share->rests = !s->members[member].counts;
	share->begin_ms = 0;
	return share->rests ? share_first(s->conf) : BACKEND_FACTOR_ONE;
}

static uint32_t
scaled(uint32_t factor, uint32_t largest)
{
	return (uint32_t)((uint64_t)factor * BACKEND_FACTOR_ONE / largest);
}

bool
shares_update(struct watched *s, uint64_t now_ms)
{
	uint32_t largest = 0;
	bool changed = false;

	s->grow_ms = 0;
	for (uint32_t i = 0; i < s->nb; i++) {
		s->raw_factors[i] =
				s->guard.fail_open ? share_open(s, i) : share_update(s, i, now_ms);
		if (watched_takes_flows(s, i) && s->raw_factors[i] > largest)
			largest = s->raw_factors[i];
	}
	for (uint32_t i = 0; i < s->nb; i++) {
		uint32_t factor = s->raw_factors[i];

		if (largest > 0 && watched_takes_flows(s, i))
			factor = scaled(factor, largest);
		changed |= factor != s->told_factors[i];
		s->told_factors[i] = factor;
	}
	return changed;
}
