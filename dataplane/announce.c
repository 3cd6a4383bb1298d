/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds over the sorted addresses: a round announces each that has not been
 * announced often enough, and the next one begins ANNOUNCE_INTERVAL_MS after it
 * began. A change starts a round at once; what was announced before it keeps its
 * count, by a merge of the two sorted lists.
 */

#include "dataplane/announce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
announce_init(struct announce *a)
{
	*a = (struct announce){ .done = true };
}

void
announce_fini(struct announce *a)
{
	free(a->addrs);
	free(a->times);
	announce_init(a);
}

static void
round_start(struct announce *a, uint64_t now_ms)
{
	a->next = 0;
	a->next_ms = now_ms;
	a->round_ms = now_ms;
	a->done = false;
}

/* Take over the counts of addresses that stay. */
static void
times_merge(const struct announce *old, const struct ip_addr *addrs, uint8_t *times, uint32_t nb)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < nb; i++) {
		while (at < old->nb && ip_addr_compare(&old->addrs[at], &addrs[i]) < 0)
			at++;
		if (at < old->nb && ip_addr_equal(&old->addrs[at], &addrs[i]))
			times[i] = old->times[at];
	}
}

static bool
is_same(const struct announce *a, const struct ip_addr *addrs, uint32_t nb)
{
	return a->nb == nb && (nb == 0 || memcmp(a->addrs, addrs, nb * sizeof(*addrs)) == 0);
}

int
announce_set(struct announce *a, const struct ip_addr *addrs, uint32_t nb, uint64_t now_ms)
{
	struct ip_addr *copy;
	uint8_t *times;

	if (is_same(a, addrs, nb))
		return 0;
	copy = calloc(nb + 1, sizeof(*copy));
	times = calloc(nb + 1, sizeof(*times));
	if (copy == NULL || times == NULL) {
		free(copy);
		free(times);
		return -ENOMEM;
	}
	if (nb > 0)
		memcpy(copy, addrs, nb * sizeof(*copy));
	times_merge(a, copy, times, nb);
	free(a->addrs);
	free(a->times);
	a->addrs = copy;
	a->times = times;
	a->nb = nb;
	round_start(a, now_ms);
	return 0;
}

void
announce_restart(struct announce *a, uint64_t now_ms)
{
	if (a->nb > 0)
		memset(a->times, 0, a->nb * sizeof(*a->times));
	round_start(a, now_ms);
}

/* The round is over: is another one needed? */
static void
round_end(struct announce *a)
{
	a->done = true;
	for (uint32_t i = 0; i < a->nb && a->done; i++)
		a->done = a->times[i] >= ANNOUNCE_TIMES;
	a->next = 0;
	a->round_ms += ANNOUNCE_INTERVAL_MS;
	if (a->next_ms < a->round_ms)
		a->next_ms = a->round_ms;
}

const struct ip_addr *
announce_next(struct announce *a, uint64_t now_ms)
{
	if (a->done || now_ms < a->next_ms)
		return NULL;
	if (a->next == 0)
		a->round_ms = now_ms;
	while (a->next < a->nb && a->times[a->next] >= ANNOUNCE_TIMES)
		a->next++;
	if (a->next == a->nb) {
		round_end(a);
		return NULL;
	}
	a->next_ms = now_ms + 1;
	a->times[a->next]++;
	return &a->addrs[a->next++];
}
