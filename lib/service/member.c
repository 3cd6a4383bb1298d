/* SPDX-License-Identifier: BSD-3-Clause */
#include "service/member.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/number.h"

#define MIN_CAPACITY 4

void
member_find_route(struct member *member, const struct state_hooks *hooks, uint8_t mode)
{
	bool direct = mode == MODE_DIRECT;
	struct backend_route route = { 0 };

	member->routed = hooks->route_get(hooks->context, &member->conf.addr, direct, &route);
	if (member->routed && !direct && route.source.family != member->conf.addr.family) {
		/* No outer header can be made: as good as no way. */
		hooks->route_put(hooks->context, route.nexthop);
		member->routed = false;
	}
	member->route_taken = member->routed;
	member->route = route;
}

void
member_set_init(struct member_set *set, const struct siphash_key *key)
{
	*set = (struct member_set){ .key = key };
}

void
member_set_fini(struct member_set *set)
{
	free(set->at);
	free(set->index);
	member_set_init(set, set->key);
}

/* The entry of the index that names @p addr, or the empty one where it belongs. */
static uint32_t *
index_entry(const struct member_set *set, const struct ip_addr *addr)
{
	uint32_t at = (uint32_t)siphash13(set->key, addr, sizeof(*addr));

	for (;; at++) {
		uint32_t *entry = &set->index[at & set->index_mask];

		if (*entry == 0 || ip_addr_equal(&set->at[*entry - 1].conf.addr, addr))
			return entry;
	}
}

static void
index_fill(struct member_set *set)
{
	memset(set->index, 0, ((size_t)set->index_mask + 1) * sizeof(*set->index));
	for (uint32_t i = 0; i < set->nb; i++)
		if (set->at[i].presence != PRESENCE_NONE)
			*index_entry(set, &set->at[i].conf.addr) = i + 1;
}

/* Room for @p capacity members. On error nothing changes. */
static int
member_set_reserve(struct member_set *set, uint32_t capacity)
{
	uint32_t index_size = 2 * MIN_CAPACITY;
	struct member *at;
	uint32_t *index;

	if (capacity <= set->capacity)
		return 0;
	while (index_size < 2 * capacity)
		index_size *= 2;
	index = malloc(index_size * sizeof(*index));
	if (index == NULL)
		return -ENOMEM;
	at = realloc(set->at, capacity * sizeof(*at));
	if (at == NULL) {
		free(index);
		return -ENOMEM;
	}
	free(set->index);
	set->index = index;
	set->index_mask = index_size - 1;
	set->at = at;
	set->capacity = capacity;
	index_fill(set);
	return 0;
}

int
member_set_copy(struct member_set *set, const struct member_set *from, uint32_t nb_more)
{
	uint32_t capacity = from->nb + nb_more;
	int ret;

	member_set_init(set, from->key);
	if (capacity == 0)
		return 0;
	ret = member_set_reserve(set, capacity < MIN_CAPACITY ? MIN_CAPACITY : capacity);
	if (ret < 0)
		return ret;
	if (from->nb == 0)
		return 0;
	memcpy(set->at, from->at, from->nb * sizeof(*set->at));
	set->nb = from->nb;
	set->first_hole = from->first_hole;
	if (set->index_mask == from->index_mask)
		memcpy(set->index, from->index,
				((size_t)set->index_mask + 1) * sizeof(*set->index));
	else
		index_fill(set);
	return 0;
}

struct member *
member_set_find(const struct member_set *set, const struct ip_addr *addr)
{
	uint32_t entry;

	if (set->nb == 0)
		return NULL;
	entry = *index_entry(set, addr);
	return entry == 0 ? NULL : &set->at[entry - 1];
}

struct member *
member_set_add(struct member_set *set, const struct ip_addr *addr)
{
	struct member *member;
	uint32_t at = set->first_hole;

	while (at < set->nb && set->at[at].presence != PRESENCE_NONE)
		at++;
	if (at == set->capacity &&
			member_set_reserve(set, at < MIN_CAPACITY ? MIN_CAPACITY : 2 * at) < 0)
		return NULL;
	member = &set->at[at];
	*member = (struct member){
		.conf.addr = *addr,
		.stats = NUMBER_NONE,
		.identity = backend_identity(addr),
		.presence = PRESENCE_LIVE,
	};
	*index_entry(set, addr) = at + 1;
	set->first_hole = at + 1;
	if (at == set->nb)
		set->nb++;
	return member;
}

void
member_set_end_batch(struct member_set *set, uint64_t batch)
{
	bool ended = false;

	for (uint32_t i = set->nb; i-- > 0;) {
		struct member *m = &set->at[i];

		if (m->presence != PRESENCE_QUARANTINED || m->batch > batch)
			continue;
		*m = (struct member){ .stats = NUMBER_NONE };
		ended = true;
		if (i < set->first_hole)
			set->first_hole = i;
	}
	if (!ended)
		return;
	while (set->nb > 0 && set->at[set->nb - 1].presence == PRESENCE_NONE)
		set->nb--;
	index_fill(set);
}
