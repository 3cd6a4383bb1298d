/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A daemon that starts knows nothing of its backends' health, but the dataplane may have been
 * told by an earlier one. Until checks have come to verdicts of their own that stays, so that a
 * restart of the daemon neither sends flows to a backend that was down, nor takes out those
 * that are down initially.
 */
#include "controlplane/clock.h"
#include "controlplane/daemon/counters.h"
#include "controlplane/daemon/health_private.h"

static bool
adopt(struct watched *s, uint32_t member, const struct counters_member *known, uint64_t now_ms)
{
	struct guard_member *m = &s->members[member];

	if (m->judged != HEALTH_UNKNOWN || known->factor > BACKEND_FACTOR_ONE ||
			(known->health != HEALTH_UP && known->health != HEALTH_DOWN))
		return false;
	m->judged = known->health;
	m->effective = known->health;
	m->changed_ms = now_ms;
	s->told[member] = known->health;
	if (s->shares != NULL)
		share_adopt(s, member, known->factor, now_ms);
	return true;
}

bool
health_adopt(struct health *h, struct counters *counters)
{
	uint64_t now_ms = clock_monotonic_us() / 1000;
	bool adopted = false;

	if (h->watch.nb_services == 0 || !counters_read(counters))
		return false;
	for (uint32_t i = 0; i < h->watch.nb_services; i++) {
		struct watched *s = &h->watch.services[i];

		for (uint32_t j = 0; j < s->nb; j++) {
			const struct counters_member *known =
					counters_find_member(counters, &s->key, &s->addrs[j]);

			if (known != NULL)
				adopted |= adopt(s, j, known, now_ms);
		}
	}
	if (adopted)
		health_judge_queue(h);
	return adopted;
}
