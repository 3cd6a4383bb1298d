/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything that can fail happens in change_set_build(), next to the state in
 * force, and is undone by change_set_drop(). Two flags of a new version's members
 * say what is to be undone, so that no list of it needs memory: `counted` (the
 * address was added to the distinct backends) and `route_taken` (a reference on a
 * next hop was taken). change_set_install() cannot fail.
 */
#include "service/change.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/aligned.h"
#include "service/state_parts.h"

void
change_set_init(struct change_set *set, struct state *state)
{
	*set = (struct change_set){ .state = state };
}

/* Member @p i of a version, or NULL where the index is free. */
static struct member *
member_at(const struct record *record, uint32_t i)
{
	if (record == NULL || i >= record->members.nb ||
			record->members.at[i].presence == PRESENCE_NONE)
		return NULL;
	return &record->members.at[i];
}

/* The same, or NULL where nobody live has the index. */
static struct member *
live_member_at(const struct record *record, uint32_t i)
{
	struct member *m = member_at(record, i);

	return m != NULL && m->presence == PRESENCE_LIVE ? m : NULL;
}

/* Indexes that either version has. */
static uint32_t
change_nb_members(const struct change *c)
{
	uint32_t base = c->base != NULL ? c->base->members.nb : 0;
	uint32_t next = c->next != NULL ? c->next->members.nb : 0;

	return base > next ? base : next;
}

static bool
is_live(const struct record *record)
{
	return record != NULL && record->live;
}

/* Numbers that the new version has and the old one had not. */
static void
numbers_give_back(struct state *state, const struct change *c)
{
	for (uint32_t i = 0; i < c->next->members.nb; i++) {
		const struct member *m = &c->next->members.at[i];

		if (member_at(c->base, i) == NULL && m->stats != NUMBER_NONE)
			number_give(&state->stats, m->stats);
	}
	if (c->base == NULL && c->next->id != NUMBER_NONE)
		number_give(&state->ids, c->next->id);
}

int
change_set_add(struct change_set *set, struct record *base, struct record *next)
{
	if (set->nb == set->capacity) {
		uint32_t capacity = set->capacity == 0 ? 4 : 2 * set->capacity;
		struct change *changes = realloc(set->changes, capacity * sizeof(*changes));

		if (changes == NULL) {
			if (next != NULL)
				numbers_give_back(set->state, &(struct change){ base, next });
			record_destroy(next);
			return -ENOMEM;
		}
		set->changes = changes;
		set->capacity = capacity;
	}
	set->changes[set->nb++] = (struct change){ base, next };
	return 0;
}

/* Those that leave first, so that a swap at the limit is legal. */
static enum conf_error
backends_count(struct change_set *set)
{
	struct backend_count *count = &set->state->backends;

	for (uint32_t k = 0; k < set->nb; k++) {
		const struct change *c = &set->changes[k];

		for (uint32_t i = 0; i < change_nb_members(c); i++)
			if (live_member_at(c->base, i) != NULL &&
					live_member_at(c->next, i) == NULL)
				backend_count_remove(count, &c->base->members.at[i].conf.addr);
	}
	set->discounted = true;
	for (uint32_t k = 0; k < set->nb; k++) {
		const struct change *c = &set->changes[k];

		for (uint32_t i = 0; i < change_nb_members(c); i++) {
			struct member *m = live_member_at(c->next, i);

			if (m == NULL || live_member_at(c->base, i) != NULL)
				continue;
			if (!backend_count_add(count, &m->conf.addr))
				return CONF_TOO_MANY_BACKENDS;
			m->counted = true;
		}
	}
	return CONF_OK;
}

static void
backends_uncount(struct change_set *set)
{
	struct backend_count *count = &set->state->backends;

	for (uint32_t k = 0; k < set->nb; k++) {
		const struct change *c = &set->changes[k];

		for (uint32_t i = 0; c->next != NULL && i < c->next->members.nb; i++)
			if (c->next->members.at[i].counted)
				backend_count_remove(count, &c->next->members.at[i].conf.addr);
	}
	for (uint32_t k = 0; set->discounted && k < set->nb; k++) {
		const struct change *c = &set->changes[k];

		for (uint32_t i = 0; i < change_nb_members(c); i++) {
			bool back;

			if (live_member_at(c->base, i) == NULL ||
					live_member_at(c->next, i) != NULL)
				continue;
			back = backend_count_add(count, &c->base->members.at[i].conf.addr);
			assert(back); /* It was there before. */
			(void)back;
		}
	}
}

/* Routes for members that are new or come back, and for all if the mode changed. */
static void
change_route(const struct state *state, const struct change *c)
{
	for (uint32_t i = 0; i < c->next->members.nb; i++) {
		struct member *m = &c->next->members.at[i];

		if (m->presence != PRESENCE_LIVE)
			m->routed = false;
		else if (live_member_at(c->base, i) == NULL ||
				c->base->conf.mode != c->next->conf.mode)
			member_find_route(m, &state->hooks, c->next->conf.mode);
	}
}

/* The service that will have @p id, or NULL; of those that the change set leaves alone. */
static const struct snapshot_service *
part_of(const struct state *state, uint32_t id)
{
	return state->records[id] != NULL ? state->records[id]->part : NULL;
}

/* By service id: pointers, and for packets of known flows what they need of each. */
static void
root_fill(struct snapshot *root, const struct change_set *set, uint32_t nb,
		const struct snapshot_service **services, struct snapshot_members *members)
{
	for (uint32_t i = 0; i < nb; i++)
		services[i] = part_of(set->state, i);
	for (uint32_t k = 0; k < set->nb; k++) {
		const struct change *c = &set->changes[k];

		if (c->next != NULL)
			services[c->next->id] = c->next->part;
		else
			services[c->base->id] = NULL;
	}
	while (nb > 0 && services[nb - 1] == NULL)
		nb--;
	for (uint32_t i = 0; i < nb; i++)
		members[i] = services[i] == NULL ? (struct snapshot_members){ 0 }
						 : (struct snapshot_members){ services[i]->members,
							   services[i]->keeps_flows };
	root->services = services;
	root->members = members;
	root->nb_services = nb;
}

/* The root and the arrays behind it. */
static struct snapshot *
root_create(const struct change_set *set, uint64_t generation, const struct siphash_key *hash_key)
{
	const struct state *state = set->state;
	uint32_t nb = state->snapshot != NULL ? state->snapshot->nb_services : 0;
	struct snapshot_members *members;
	struct snapshot *root;

	for (uint32_t k = 0; k < set->nb; k++)
		if (set->changes[k].next != NULL && set->changes[k].next->id >= nb)
			nb = set->changes[k].next->id + 1;
	root = lines_alloc(lines_size(sizeof(*root)) +
			nb * (sizeof(*members) + sizeof(const struct snapshot_service *)));
	if (root == NULL)
		return NULL;
	memset(root, 0, sizeof(*root));
	members = (void *)((uint8_t *)root + lines_size(sizeof(*root)));
	root_fill(root, set, nb, (const struct snapshot_service **)(members + nb), members);
	root->generation = generation;
	root->hash_key = *hash_key;
	root->lookup_seed = state->lookup_seed;
	return root;
}

static enum conf_error
snapshot_build(struct change_set *set, uint64_t generation, const struct siphash_key *hash_key)
{
	struct state *state = set->state;
	bool same_set = state->lookup != NULL;

	set->snapshot = root_create(set, generation, hash_key);
	if (set->snapshot == NULL)
		return CONF_NO_MEMORY;
	for (uint32_t k = 0; k < set->nb; k++)
		same_set &= is_live(set->changes[k].base) == is_live(set->changes[k].next);
	if (same_set)
		set->lookup = lookup_get(state->lookup);
	else
		set->lookup = lookup_create(set->snapshot->services, set->snapshot->nb_services,
				state->lookup_seed);
	if (set->lookup == NULL)
		return CONF_NO_MEMORY;
	lookup_apply(set->lookup, set->snapshot);
	return CONF_OK;
}

enum conf_error
change_set_build(struct change_set *set, uint64_t generation, const struct siphash_key *hash_key,
		bool has_hash_key)
{
	struct state *state = set->state;
	uint32_t nb_services = state->nb_services;
	enum conf_error error;

	for (uint32_t k = 0; k < set->nb; k++) {
		nb_services += is_live(set->changes[k].next);
		nb_services -= is_live(set->changes[k].base);
	}
	if (nb_services > 0 && !has_hash_key)
		return CONF_NO_HASH_KEY;
	error = backends_count(set);
	if (error != CONF_OK)
		return error;
	for (uint32_t k = 0; k < set->nb; k++) {
		const struct change *c = &set->changes[k];

		if (c->next == NULL)
			continue;
		change_route(state, c);
		error = record_build(c->next, c->base, state->limits.tick_ms);
		if (error != CONF_OK)
			return error;
	}
	return snapshot_build(set, generation, hash_key);
}

/* Give what was removed by this change its batch. */
static bool
change_quarantine(const struct state *state, const struct change *c)
{
	bool any = false;

	if (c->next == NULL)
		return false;
	if (is_live(c->base) && !c->next->live) {
		c->next->batch = state->open_batch;
		any = true;
	}
	for (uint32_t i = 0; i < c->next->members.nb; i++) {
		struct member *m = &c->next->members.at[i];

		if (m->presence == PRESENCE_QUARANTINED && live_member_at(c->base, i) != NULL) {
			m->batch = state->open_batch;
			any = true;
		}
	}
	return any;
}

static void
totals_add(struct state *state, const struct record *record)
{
	if (record == NULL)
		return;
	state->nb_services += record->live;
	state->nb_members += record->nb_live;
	state->nb_quarantined += !record->live + record->nb_quarantined;
}

static void
totals_subtract(struct state *state, const struct record *record)
{
	if (record == NULL)
		return;
	state->nb_services -= record->live;
	state->nb_members -= record->nb_live;
	state->nb_quarantined -= !record->live + record->nb_quarantined;
}

static void
routes_release(const struct state_hooks *hooks, const struct change *c)
{
	for (uint32_t i = 0; c->base != NULL && i < c->base->members.nb; i++) {
		const struct member *old = &c->base->members.at[i];
		const struct member *new = live_member_at(c->next, i);

		if (old->routed && (new == NULL || new->route_taken || !new->routed))
			hooks->route_put(hooks->context, old->route.nexthop);
	}
}

static void
service_tell(const struct state_hooks *hooks, const struct change *c)
{
	const struct record *old = c->base;
	const struct record *new = c->next;

	if (hooks->service_changed == NULL || !is_live(new))
		return;
	if (!is_live(old) || memcmp(&old->conf, &new->conf, sizeof(new->conf)) != 0 ||
			old->part->nb_slots != new->part->nb_slots ||
			old->part->nb_members != new->part->nb_members)
		hooks->service_changed(hooks->context, (uint16_t) new->id, &new->conf, new->part);
}

static void
member_tell(const struct state_hooks *hooks, const struct change *c, uint32_t i)
{
	const struct member *old = member_at(c->base, i);
	const struct member *new = member_at(c->next, i);

	if (new == NULL)
		return;
	if (hooks->member_changed != NULL && new->presence == PRESENCE_LIVE &&
			(live_member_at(c->base, i) == NULL || old->routed != new->routed ||
					memcmp(&old->conf, &new->conf, sizeof(new->conf)) != 0))
		hooks->member_changed(hooks->context, new->stats, (uint16_t)c->next->id,
				(uint16_t)i, &new->conf, new->routed);
	if (hooks->slots_changed != NULL && (old == NULL || old->slots != new->slots))
		hooks->slots_changed(hooks->context, new->stats, new->slots);
}

/* Numbers that the old version had and the new one has not. */
static void
numbers_free(struct state *state, const struct change *c)
{
	const struct state_hooks *hooks = &state->hooks;

	for (uint32_t i = 0; c->base != NULL && i < c->base->members.nb; i++) {
		const struct member *old = member_at(c->base, i);

		if (old == NULL || member_at(c->next, i) != NULL)
			continue;
		number_give(&state->stats, old->stats);
		if (hooks->member_freed != NULL)
			hooks->member_freed(hooks->context, old->stats);
	}
	if (c->next == NULL) {
		number_give(&state->ids, c->base->id);
		if (hooks->service_freed != NULL)
			hooks->service_freed(hooks->context, (uint16_t)c->base->id);
	}
}

bool
change_set_install(struct change_set *set)
{
	struct state *state = set->state;
	bool quarantined = false;
	bool reindex = false;

	for (uint32_t k = 0; k < set->nb; k++) {
		const struct change *c = &set->changes[k];

		quarantined |= change_quarantine(state, c);
		reindex |= c->base == NULL || c->next == NULL;
		totals_subtract(state, c->base);
		totals_add(state, c->next);
		state->records[c->next != NULL ? c->next->id : c->base->id] = c->next;
	}
	if (reindex)
		state_reindex(state);
	free(state->snapshot);
	state->snapshot = set->snapshot;
	lookup_put(state->lookup);
	state->lookup = set->lookup;

	for (uint32_t k = 0; k < set->nb; k++) {
		const struct change *c = &set->changes[k];

		routes_release(&state->hooks, c);
		service_tell(&state->hooks, c);
		for (uint32_t i = 0; i < change_nb_members(c); i++)
			member_tell(&state->hooks, c, i);
		numbers_free(state, c);
		record_destroy(c->base);
	}
	free(set->changes);
	change_set_init(set, state);
	return quarantined;
}

void
change_set_drop(struct change_set *set)
{
	struct state *state = set->state;

	backends_uncount(set);
	for (uint32_t k = 0; k < set->nb; k++) {
		const struct change *c = &set->changes[k];

		if (c->next == NULL)
			continue;
		for (uint32_t i = 0; i < c->next->members.nb; i++)
			if (c->next->members.at[i].route_taken)
				state->hooks.route_put(state->hooks.context,
						c->next->members.at[i].route.nexthop);
		numbers_give_back(state, c);
		record_destroy(c->next);
	}
	lookup_put(set->lookup);
	free(set->snapshot);
	free(set->changes);
	change_set_init(set, state);
}
