/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Until it is prepared, a transaction is an overlay: one draft for each service that
 * it mentions, with the wanted configuration and the backends that are set or
 * removed. It holds no pointer into the state, so the state may free quarantined
 * numbers or find new routes meanwhile. txn_prepare() lays each draft over the
 * version in force; a draft that changes nothing (the usual one when the daemon pushes
 * its whole state again) leaves that version, and so its part of the snapshot, alone.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash/maglev.h"
#include "service/state_parts.h"

/* What the transaction wants of one service. */
struct draft {
	struct service_conf conf; /* Its key; all of it if has_conf. */
	bool has_conf;
	bool removed;
	bool emptied; /* Backends in force do not count: gone with the service, or replace_all. */
	struct member_set backends; /* Live: set. Quarantined: removed. */
};

struct txn {
	struct state *state;
	bool replace_all;
	bool has_hash_key;
	struct siphash_key hash_key;
	struct draft **drafts; /* In the order of their first mention. */
	uint32_t nb_drafts;
	uint32_t capacity;   /* Of drafts; index has twice as many at least. */
	uint32_t *index;     /* Open addressing by key: position + 1; 0 = empty. */
	uint32_t index_mask; /* Entries − 1. */
	struct change_set changes;
};

struct txn *
txn_begin(struct state *state, bool replace_all)
{
	struct txn *txn;

	assert(state->txn == NULL);
	txn = calloc(1, sizeof(*txn));
	if (txn == NULL)
		return NULL;
	txn->state = state;
	txn->replace_all = replace_all;
	txn->has_hash_key = state->has_hash_key;
	txn->hash_key = state->hash_key;
	change_set_init(&txn->changes, state);
	state->txn = txn;
	return txn;
}

static void
txn_free(struct txn *txn)
{
	for (uint32_t i = 0; i < txn->nb_drafts; i++) {
		member_set_fini(&txn->drafts[i]->backends);
		free(txn->drafts[i]);
	}
	free(txn->drafts);
	free(txn->index);
	txn->state->txn = NULL;
	free(txn);
}

bool
txn_is_prepared(const struct txn *txn)
{
	return txn != NULL && txn->changes.snapshot != NULL;
}

static uint32_t *
index_entry(const struct txn *txn, const struct service_key *key)
{
	uint32_t at = (uint32_t)siphash13(&txn->state->index_key, key, sizeof(*key));

	for (;; at++) {
		uint32_t *entry = &txn->index[at & txn->index_mask];

		if (*entry == 0 ||
				memcmp(&txn->drafts[*entry - 1]->conf.key, key, sizeof(*key)) == 0)
			return entry;
	}
}

static struct draft *
draft_find(const struct txn *txn, const struct service_key *key)
{
	uint32_t entry;

	if (txn->nb_drafts == 0)
		return NULL;
	entry = *index_entry(txn, key);
	return entry == 0 ? NULL : txn->drafts[entry - 1];
}

/* Room for one draft more. */
static int
drafts_reserve(struct txn *txn)
{
	uint32_t capacity = txn->capacity == 0 ? 8 : 2 * txn->capacity;
	struct draft **drafts;
	uint32_t *index;

	if (txn->nb_drafts < txn->capacity)
		return 0;
	index = calloc(2 * (size_t)capacity, sizeof(*index));
	if (index == NULL)
		return -ENOMEM;
	drafts = realloc(txn->drafts, capacity * sizeof(struct draft *));
	if (drafts == NULL) {
		free(index);
		return -ENOMEM;
	}
	free(txn->index);
	txn->index = index;
	txn->index_mask = 2 * capacity - 1;
	txn->drafts = drafts;
	txn->capacity = capacity;
	for (uint32_t i = 0; i < txn->nb_drafts; i++)
		*index_entry(txn, &txn->drafts[i]->conf.key) = i + 1;
	return 0;
}

/* The draft of @p key, made if need be. @return NULL: out of memory. */
static struct draft *
draft_get(struct txn *txn, const struct service_key *key)
{
	struct draft *draft = draft_find(txn, key);

	if (draft != NULL)
		return draft;
	if (drafts_reserve(txn) < 0)
		return NULL;
	draft = calloc(1, sizeof(*draft));
	if (draft == NULL)
		return NULL;
	draft->conf.key = *key;
	draft->emptied = txn->replace_all;
	member_set_init(&draft->backends, &txn->state->index_key);
	*index_entry(txn, key) = txn->nb_drafts + 1;
	txn->drafts[txn->nb_drafts++] = draft;
	return draft;
}

/* The record of a live service, or NULL. */
static const struct record *
live_record(const struct txn *txn, const struct service_key *key)
{
	const struct record *record = state_find(txn->state, key);

	return record != NULL && record->live ? record : NULL;
}

/* The service as the transaction has it so far, or NULL: there is none. */
static const struct service_conf *
txn_service(const struct txn *txn, const struct service_key *key)
{
	const struct draft *draft = draft_find(txn, key);
	const struct record *record;

	if (draft != NULL && draft->has_conf)
		return &draft->conf;
	if (txn->replace_all || (draft != NULL && draft->removed))
		return NULL;
	record = live_record(txn, key);
	return record != NULL ? &record->conf : NULL;
}

static bool
record_has_backend(const struct record *record, const struct ip_addr *addr)
{
	const struct member *m = record != NULL ? member_set_find(&record->members, addr) : NULL;

	return m != NULL && m->presence == PRESENCE_LIVE;
}

/* Does the service have this backend, as the transaction has it so far? */
static bool
txn_has_backend(const struct txn *txn, const struct service_key *key, const struct ip_addr *addr)
{
	const struct draft *draft = draft_find(txn, key);
	const struct member *m = draft != NULL ? member_set_find(&draft->backends, addr) : NULL;

	if (m != NULL)
		return m->presence == PRESENCE_LIVE;
	if (draft != NULL && draft->emptied)
		return false;
	return record_has_backend(live_record(txn, key), addr);
}

enum conf_error
txn_hash_key_set(struct txn *txn, const struct siphash_key *key)
{
	txn->hash_key = *key;
	txn->has_hash_key = true;
	return CONF_OK;
}

enum conf_error
txn_service_set(struct txn *txn, const struct service_conf *conf)
{
	enum conf_error error = service_conf_check(conf);
	struct draft *draft;

	if (error != CONF_OK)
		return error;
	draft = draft_get(txn, &conf->key);
	if (draft == NULL)
		return CONF_NO_MEMORY;
	draft->conf = *conf;
	draft->has_conf = true;
	draft->removed = false;
	return CONF_OK;
}

enum conf_error
txn_service_remove(struct txn *txn, const struct service_key *key)
{
	enum conf_error error = service_key_check(key);
	struct draft *draft;

	if (error != CONF_OK)
		return error;
	if (txn_service(txn, key) == NULL)
		return CONF_NO_SUCH_SERVICE;
	draft = draft_get(txn, key);
	if (draft == NULL)
		return CONF_NO_MEMORY;
	draft->has_conf = false;
	draft->removed = true;
	draft->emptied = true;
	member_set_fini(&draft->backends);
	return CONF_OK;
}

enum conf_error
txn_backend_set(struct txn *txn, const struct service_key *service, const struct backend_conf *conf)
{
	enum conf_error error = service_key_check(service);
	const struct service_conf *service_conf;
	struct draft *draft;
	struct member *m;

	if (error != CONF_OK)
		return error;
	service_conf = txn_service(txn, service);
	if (service_conf == NULL)
		return CONF_NO_SUCH_SERVICE;
	error = backend_conf_check(service_conf, conf);
	if (error != CONF_OK)
		return error;
	draft = draft_get(txn, service);
	if (draft == NULL)
		return CONF_NO_MEMORY;
	m = member_set_find(&draft->backends, &conf->addr);
	if (m == NULL)
		m = member_set_add(&draft->backends, &conf->addr);
	if (m == NULL)
		return CONF_NO_MEMORY;
	m->conf = *conf;
	m->presence = PRESENCE_LIVE;
	return CONF_OK;
}

enum conf_error
txn_backend_remove(struct txn *txn, const struct service_key *service, const struct ip_addr *addr)
{
	enum conf_error error = service_key_check(service);
	struct draft *draft;
	struct member *m;

	if (error != CONF_OK)
		return error;
	if (!ip_addr_valid(addr))
		return CONF_BAD_ADDRESS;
	if (txn_service(txn, service) == NULL)
		return CONF_NO_SUCH_SERVICE;
	if (!txn_has_backend(txn, service, addr))
		return CONF_NO_SUCH_BACKEND;
	draft = draft_get(txn, service);
	if (draft == NULL)
		return CONF_NO_MEMORY;
	m = member_set_find(&draft->backends, addr);
	if (m == NULL)
		m = member_set_add(&draft->backends, addr);
	if (m == NULL)
		return CONF_NO_MEMORY;
	m->presence = PRESENCE_QUARANTINED;
	return CONF_OK;
}

/* Is the version in force, live or not, already what the draft wants? */
static bool
draft_changes_nothing(const struct draft *draft, const struct record *base)
{
	const struct member_set *backends = &draft->backends;
	uint32_t nb_live = 0;

	if (draft->removed)
		return base == NULL || !base->live;
	if (base == NULL || !base->live)
		return false;
	if (draft->has_conf && memcmp(&draft->conf, &base->conf, sizeof(base->conf)) != 0)
		return false;
	for (uint32_t i = 0; i < backends->nb; i++) {
		const struct member *wanted = &backends->at[i];
		const struct member *m = member_set_find(&base->members, &wanted->conf.addr);
		bool live = m != NULL && m->presence == PRESENCE_LIVE;

		if (live != (wanted->presence == PRESENCE_LIVE))
			return false;
		if (live && memcmp(&m->conf, &wanted->conf, sizeof(m->conf)) != 0)
			return false;
		nb_live += live;
	}
	return !draft->emptied || nb_live == base->nb_live;
}

static void
members_leave(struct member_set *set)
{
	for (uint32_t i = 0; i < set->nb; i++)
		if (set->at[i].presence == PRESENCE_LIVE)
			set->at[i].presence = PRESENCE_QUARANTINED;
}

/* Set or remove one backend. */
static enum conf_error
member_apply(struct state *state, struct member_set *set, const struct member *wanted)
{
	struct member *m = member_set_find(set, &wanted->conf.addr);

	if (wanted->presence != PRESENCE_LIVE) {
		if (m != NULL)
			m->presence = PRESENCE_QUARANTINED;
		return CONF_OK;
	}
	if (m == NULL) {
		m = member_set_add(set, &wanted->conf.addr);
		if (m == NULL)
			return CONF_NO_MEMORY;
		m->stats = number_take(&state->stats);
		if (m->stats == NUMBER_NONE || set->nb > MAGLEV_MAX_BACKENDS)
			return CONF_TOO_MANY_BACKENDS;
	}
	m->conf = wanted->conf;
	m->presence = PRESENCE_LIVE;
	return CONF_OK;
}

/* What the configuration of a service says to backends that were there before. */
static enum conf_error
members_check(const struct record *record)
{
	for (uint32_t i = 0; i < record->members.nb; i++) {
		const struct member *m = &record->members.at[i];
		enum conf_error error;

		if (m->presence != PRESENCE_LIVE)
			continue;
		error = backend_conf_check(&record->conf, &m->conf);
		if (error != CONF_OK)
			return error;
	}
	return CONF_OK;
}

/* Lay the draft over @p next, a copy of the version in force or a new one. */
static enum conf_error
draft_apply(const struct draft *draft, struct state *state, struct record *next)
{
	const struct member_set *backends = &draft->backends;

	next->live = !draft->removed;
	if (draft->has_conf)
		next->conf = draft->conf;
	if (next->id == NUMBER_NONE)
		next->id = number_take(&state->ids);
	if (next->id == NUMBER_NONE)
		return CONF_TOO_MANY_SERVICES;
	if (draft->emptied)
		members_leave(&next->members);
	for (uint32_t i = 0; i < backends->nb; i++) {
		enum conf_error error = member_apply(state, &next->members, &backends->at[i]);

		if (error != CONF_OK)
			return error;
	}
	return members_check(next);
}

static enum conf_error
draft_prepare(struct txn *txn, const struct draft *draft)
{
	struct state *state = txn->state;
	struct record *base = state_find(state, &draft->conf.key);
	struct record *next;

	if (draft_changes_nothing(draft, base))
		return CONF_OK;
	if (base != NULL)
		next = record_copy(base, draft->backends.nb);
	else
		next = record_create(&draft->conf, &state->index_key);
	if (next == NULL || change_set_add(&txn->changes, base, next) < 0)
		return CONF_NO_MEMORY;
	return draft_apply(draft, state, next);
}

/* Services that a transaction of the whole state does not mention. */
static enum conf_error
unmentioned_remove(struct txn *txn)
{
	const struct state *state = txn->state;

	for (uint32_t i = 0; i < state->snapshot->nb_services; i++) {
		const struct record *record = state->records[i];
		struct draft *draft;

		if (record == NULL || !record->live || draft_find(txn, &record->conf.key) != NULL)
			continue;
		draft = draft_get(txn, &record->conf.key);
		if (draft == NULL)
			return CONF_NO_MEMORY;
		draft->removed = true;
	}
	return CONF_OK;
}

enum conf_error
txn_prepare(struct txn *txn, uint64_t generation, const struct snapshot **out)
{
	enum conf_error error = CONF_OK;

	assert(txn->changes.snapshot == NULL && txn->state->pending.snapshot == NULL);
	if (txn->replace_all)
		error = unmentioned_remove(txn);
	for (uint32_t i = 0; error == CONF_OK && i < txn->nb_drafts; i++)
		error = draft_prepare(txn, txn->drafts[i]);
	if (error == CONF_OK)
		error = change_set_build(
				&txn->changes, generation, &txn->hash_key, txn->has_hash_key);
	if (error != CONF_OK) {
		change_set_drop(&txn->changes);
		return error;
	}
	*out = txn->changes.snapshot;
	return CONF_OK;
}

bool
txn_finish(struct txn *txn)
{
	struct state *state = txn->state;
	bool quarantined;

	assert(txn_is_prepared(txn));
	state->hash_key = txn->hash_key;
	state->has_hash_key = txn->has_hash_key;
	quarantined = change_set_install(&txn->changes);
	txn_free(txn);
	return quarantined;
}

void
txn_abort(struct txn *txn)
{
	change_set_drop(&txn->changes);
	txn_free(txn);
}
