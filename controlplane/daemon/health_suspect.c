/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Evidence decides nothing: it makes checks come at once. What was suspected is kept for
 * people, and named as a reason when the check that followed says "down".
 */
#include "channel/message.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/health_private.h"

/** A verdict that comes so soon after a suspicion was brought about by it. */
#define SUSPICION_COUNTS_MS 2000

static void
suspicion_note(struct watched *s, uint32_t member, const char *kind)
{
	struct suspicion_state *state = &s->suspicions[member];

	state->nb++;
	state->kind = kind;
	state->at_ms = clock_monotonic_us() / 1000;
	state->wall_ms = clock_wall_ms();
}

void
health_suspect(struct health *h, const struct msg_suspect_event *event)
{
	struct watched *s = watch_find(&h->watch, &event->service);
	int at = s != NULL ? watched_find(s, &event->backend) : -1;

	if (at < 0)
		return;
	suspicion_note(s, (uint32_t)at, suspicion_name(event->kind));
	for (uint32_t i = 0; i < s->conf->nb_checks; i++)
		checker_suspect(h->checker, s->checks[(uint32_t)at * s->conf->nb_checks + i]);
}

/** Every backend that this check serves. */
static void
users_note(struct health *h, uint32_t check, const char *kind)
{
	const struct watch *w = &h->watch;

	for (uint32_t i = w->first_user[check]; i < w->first_user[check + 1]; i++)
		suspicion_note(&w->services[w->users[i].service], w->users[i].member, kind);
}

void
health_suspect_next_hop(struct health *h, const struct ip_addr *addr)
{
	uint32_t nb, first;

	if (h->watch.set == NULL)
		return;
	first = check_set_of_addr(h->watch.set, addr, &nb);
	for (uint32_t i = first; i < first + nb; i++) {
		users_note(h, i, "next_hop_lost");
		checker_suspect(h->checker, i);
	}
}

const char *
watched_suspected_lately(const struct watched *s, uint32_t member)
{
	const struct suspicion_state *state = &s->suspicions[member];

	if (state->nb == 0 || clock_monotonic_us() / 1000 - state->at_ms > SUSPICION_COUNTS_MS)
		return NULL;
	return state->kind;
}
