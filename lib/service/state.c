/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state is an array of records (record.h) by service id. Every change of it is
 * a change set (change.h); this file makes two kinds, txn.c the third.
 */
#include "service/state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "service/state_parts.h"

/* Statistics indexes beyond this would make an unreasonable region. */
#define MAX_MEMBERS (UINT32_C(1) << 20)

static int
random_fill(void *out, size_t size)
{
	uint8_t *bytes = out;

	while (size > 0) {
		ssize_t n = getrandom(bytes, size, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

static bool
limits_valid(const struct state_limits *limits)
{
	return limits->max_services > 0 && limits->max_services <= SERVICE_MAX &&
			limits->max_members > 0 && limits->max_members <= MAX_MEMBERS &&
			limits->tick_ms > 0;
}

static int
state_alloc(struct state *state)
{
	const struct state_limits *limits = &state->limits;
	uint32_t max_backends =
			limits->max_members < BACKEND_MAX ? limits->max_members : BACKEND_MAX;
	uint32_t index_size = 2;

	while (index_size < 2 * limits->max_services)
		index_size *= 2;
	state->key_index_mask = index_size - 1;
	state->key_index = calloc(index_size, sizeof(*state->key_index));
	state->records = calloc(limits->max_services, sizeof(struct record *));
	if (state->key_index == NULL || state->records == NULL)
		return -ENOMEM;
	if (number_pool_init(&state->ids, limits->max_services) < 0)
		return -ENOMEM;
	if (number_pool_init(&state->stats, limits->max_members) < 0)
		return -ENOMEM;
	return backend_count_init(&state->backends, max_backends, &state->index_key);
}

struct state *
state_create(const struct state_limits *limits, const struct state_hooks *hooks)
{
	struct change_set first;
	struct state *state;

	assert(limits_valid(limits) && hooks->route_get != NULL && hooks->route_put != NULL);
	state = calloc(1, sizeof(*state));
	if (state == NULL)
		return NULL;
	state->limits = *limits;
	state->hooks = *hooks;
	state->open_batch = 1;
	change_set_init(&state->pending, state);
	if (random_fill(&state->index_key, sizeof(state->index_key)) < 0 ||
			random_fill(&state->lookup_seed, sizeof(state->lookup_seed)) < 0)
		goto err_destroy;
	if (state_alloc(state) < 0)
		goto err_destroy;
	change_set_init(&first, state);
	if (change_set_build(&first, 0, &state->hash_key, false) != CONF_OK)
		goto err_drop;
	change_set_install(&first);
	return state;

err_drop:
	change_set_drop(&first);
err_destroy:
	state_destroy(state);
	return NULL;
}

static void
record_release(const struct state *state, struct record *record)
{
	for (uint32_t i = 0; i < record->members.nb; i++)
		if (record->members.at[i].routed)
			state->hooks.route_put(
					state->hooks.context, record->members.at[i].route.nexthop);
	record_destroy(record);
}

void
state_destroy(struct state *state)
{
	if (state == NULL)
		return;
	if (state->txn != NULL)
		txn_abort(state->txn);
	change_set_drop(&state->pending);
	for (uint32_t i = 0; state->records != NULL && i < state->limits.max_services; i++)
		if (state->records[i] != NULL)
			record_release(state, state->records[i]);
	lookup_put(state->lookup);
	free(state->snapshot);
	backend_count_fini(&state->backends);
	number_pool_fini(&state->stats);
	number_pool_fini(&state->ids);
	free(state->key_index);
	free(state->records);
	free(state);
}

const struct snapshot *
state_snapshot(const struct state *state)
{
	return state->snapshot;
}

uint32_t
state_nb_services(const struct state *state)
{
	return state->nb_services;
}

uint32_t
state_nb_members(const struct state *state)
{
	return state->nb_members;
}

bool
state_has_hash_key(const struct state *state)
{
	return state->has_hash_key;
}

/* The entry of the index that names @p key, or the empty one where it belongs. */
static uint16_t *
key_entry(const struct state *state, const struct service_key *key)
{
	uint32_t at = (uint32_t)siphash13(&state->index_key, key, sizeof(*key));

	for (;; at++) {
		uint16_t *entry = &state->key_index[at & state->key_index_mask];

		if (*entry == 0 ||
				memcmp(&state->records[*entry - 1]->conf.key, key, sizeof(*key)) ==
						0)
			return entry;
	}
}

struct record *
state_find(const struct state *state, const struct service_key *key)
{
	uint16_t entry = *key_entry(state, key);

	return entry == 0 ? NULL : state->records[entry - 1];
}

bool
state_find_member(const struct state *state, const struct service_key *service,
		const struct ip_addr *backend, struct state_member *out)
{
	const struct record *record = state_find(state, service);
	const struct member *member;

	if (record == NULL || !record->live)
		return false;
	member = member_set_find(&record->members, backend);
	if (member == NULL || member->presence != PRESENCE_LIVE)
		return false;
	*out = (struct state_member){ .stats = member->stats,
		.mode = record->conf.mode,
		.routed = member->routed,
		.route = member->route };
	return true;
}

void
state_reindex(struct state *state)
{
	memset(state->key_index, 0, (state->key_index_mask + 1) * sizeof(*state->key_index));
	for (uint32_t i = 0; i < state->limits.max_services; i++)
		if (state->records[i] != NULL)
			*key_entry(state, &state->records[i]->conf.key) = (uint16_t)(i + 1);
}

uint64_t
state_quarantine_begin(struct state *state)
{
	return state->open_batch++;
}

bool
state_quarantine_any(const struct state *state)
{
	return state->nb_quarantined != 0;
}

static bool
members_end(const struct record *record, uint64_t batch)
{
	for (uint32_t i = 0; i < record->members.nb; i++)
		if (record->members.at[i].presence == PRESENCE_QUARANTINED &&
				record->members.at[i].batch <= batch)
			return true;
	return false;
}

/* @return 0 or -ENOMEM. */
static int
record_end_batch(struct change_set *set, struct record *record, uint64_t batch)
{
	struct record *next;

	/* A service's members left with it at the latest, so they end with it. */
	if (!record->live && record->batch <= batch)
		return change_set_add(set, record, NULL);
	if (record->nb_quarantined == 0 || !members_end(record, batch))
		return 0;
	next = record_copy(record, 0);
	if (next == NULL)
		return -ENOMEM;
	member_set_end_batch(&next->members, batch);
	return change_set_add(set, record, next);
}

enum conf_error
state_quarantine_end(struct state *state, uint64_t batch, const struct snapshot **out)
{
	struct change_set *set = &state->pending;
	enum conf_error error = CONF_OK;

	assert(set->snapshot == NULL && !txn_is_prepared(state->txn));
	assert(batch < state->open_batch);
	for (uint32_t i = 0; i < state->snapshot->nb_services; i++) {
		if (state->records[i] == NULL)
			continue;
		if (record_end_batch(set, state->records[i], batch) < 0) {
			error = CONF_NO_MEMORY;
			break;
		}
	}
	if (error == CONF_OK)
		error = change_set_build(set, state->snapshot->generation, &state->hash_key,
				state->has_hash_key);
	if (error != CONF_OK) {
		change_set_drop(set);
		return error;
	}
	*out = set->snapshot;
	return CONF_OK;
}

void
state_quarantine_finish(struct state *state)
{
	assert(state->pending.snapshot != NULL);
	change_set_install(&state->pending);
}

static bool
route_equal(const struct member *m, bool routed, const struct backend_route *route)
{
	if (m->routed != routed)
		return false;
	return !routed ||
			(m->route.nexthop == route->nexthop && m->route.mtu == route->mtu &&
					ip_addr_equal(&m->route.source, &route->source));
}

/*
 * Ask for the routes of all members of one service; a new version only if one of
 * them differs. @return 0 or -ENOMEM.
 */
static int
record_reroute(struct change_set *set, struct record *record)
{
	const struct state_hooks *hooks = &set->state->hooks;
	struct record *next = NULL;

	for (uint32_t i = 0; i < record->members.nb; i++) {
		const struct member *m = &record->members.at[i];
		struct member *new;
		struct member found = *m;

		if (m->presence != PRESENCE_LIVE)
			continue;
		member_find_route(&found, hooks, record->conf.mode);
		if (route_equal(m, found.routed, &found.route)) {
			if (found.routed)
				hooks->route_put(hooks->context, found.route.nexthop);
			continue;
		}
		if (next == NULL) {
			next = record_copy(record, 0);
			if (next == NULL || change_set_add(set, record, next) < 0) {
				if (found.routed)
					hooks->route_put(hooks->context, found.route.nexthop);
				return -ENOMEM;
			}
		}
		new = &next->members.at[i];
		new->route = found.route;
		new->routed = found.routed;
		new->route_taken = found.route_taken;
	}
	return 0;
}

enum conf_error
state_reroute(struct state *state, uint64_t generation, const struct snapshot **out)
{
	struct change_set *set = &state->pending;
	enum conf_error error = CONF_OK;

	assert(set->snapshot == NULL && !txn_is_prepared(state->txn));
	for (uint32_t i = 0; i < state->snapshot->nb_services; i++) {
		if (state->records[i] == NULL || !state->records[i]->live)
			continue;
		if (record_reroute(set, state->records[i]) < 0) {
			error = CONF_NO_MEMORY;
			break;
		}
	}
	if (error == CONF_OK)
		error = change_set_build(set, generation, &state->hash_key, state->has_hash_key);
	if (error != CONF_OK) {
		change_set_drop(set);
		return error;
	}
	*out = set->snapshot;
	return CONF_OK;
}
