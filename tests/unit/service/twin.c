/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * long because: the twin of a whole library is one thing; in pieces nobody could hold it
 * against the real one.
 */
#include "twin.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "hash/maglev.h"

/* This file allocates next to code whose allocations are made to fail: it uses none. */
#define MAX_SLOTS 8209

static uint32_t
addr_number(const struct twin *t, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < NB_ADDRS; i++)
		if (ip_addr_equal(&t->addrs[i], addr))
			return i;
	return NONE;
}

static uint32_t
key_number(const struct twin *t, const struct service_key *key)
{
	for (uint32_t i = 0; i < NB_KEYS; i++)
		if (memcmp(&t->keys[i], key, sizeof(*key)) == 0)
			return i;
	return NONE;
}

uint32_t
twin_random(struct twin *t, uint32_t below)
{
	t->lcg = t->lcg * 1664525 + 1013904223;
	return (uint32_t)(((uint64_t)t->lcg * below) >> 32);
}

/* Hooks. */

static bool
route_get(void *context, const struct ip_addr *addr, bool on_link, struct backend_route *out)
{
	struct twin *t = context;
	uint32_t i = addr_number(t, addr);

	assert_int_not_equal(i, NONE);
	if (!t->route_there[i][on_link])
		return false;
	*out = t->routes[i][on_link];
	t->route_refs[out->nexthop]++;
	return true;
}

static void
route_put(void *context, uint32_t nexthop)
{
	struct twin *t = context;

	assert_true(t->route_refs[nexthop] > 0);
	t->route_refs[nexthop]--;
}

static void
service_changed(void *context, uint16_t id, const struct service_conf *conf,
		const struct snapshot_service *service)
{
	struct twin *t = context;

	assert_true(id < MAX_SERVICES);
	assert_int_equal(service->id, id);
	assert_memory_equal(&conf->key, &service->key, sizeof(conf->key));
	t->services[id] = true;
}

static void
member_changed(void *context, uint32_t stats, uint16_t service_id, uint16_t member,
		const struct backend_conf *conf, bool routed)
{
	struct twin *t = context;
	struct twin_entry *e = &t->members[stats];

	assert_true(stats < MAX_MEMBERS);
	assert_true(t->services[service_id]);
	if (e->used) {
		assert_int_equal(e->service_id, service_id);
		assert_int_equal(e->member, member);
	}
	*e = (struct twin_entry){ true, service_id, member, *conf, routed, e->slots };
}

static void
slots_changed(void *context, uint32_t stats, uint32_t slots)
{
	struct twin *t = context;

	assert_true(t->members[stats].used);
	t->members[stats].slots = slots;
}

static void
service_freed(void *context, uint16_t id)
{
	struct twin *t = context;

	assert_true(t->services[id]);
	t->services[id] = false;
}

static void
member_freed(void *context, uint32_t stats)
{
	struct twin *t = context;

	assert_true(t->members[stats].used);
	t->members[stats] = (struct twin_entry){ .used = false };
}

/* The universe. */

static struct ip_addr
addr_make(bool v6, uint8_t last)
{
	uint8_t bytes[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = last };
	uint8_t bytes4[4] = { 10, 0, 0, last };

	return v6 ? ip_addr_from_bytes(IP_V6, bytes) : ip_addr_from_bytes(IP_V4, bytes4);
}

void
twin_routes_change(struct twin *t)
{
	for (uint32_t i = 0; i < NB_ADDRS; i++) {
		for (uint32_t on_link = 0; on_link < 2; on_link++) {
			struct backend_route *r = &t->routes[i][on_link];

			if (twin_random(t, 3) != 0)
				continue;
			t->route_there[i][on_link] = twin_random(t, 4) != 0;
			r->nexthop = (i * 2 + on_link) * 8 + twin_random(t, 8);
			r->mtu = (uint16_t)(1400 + twin_random(t, 3) * 50);
			r->source = addr_make(t->addrs[i].family == IP_V6,
					(uint8_t)(200 + twin_random(t, 2)));
		}
	}
}

void
twin_init(struct twin *t, uint32_t seed)
{
	memset(t, 0, sizeof(*t));
	t->lcg = seed;
	t->open_batch = 1;
	for (uint32_t i = 0; i < NB_KEYS; i++) {
		/* Two services share each VIP. */
		t->keys[i].vip = addr_make(i % 4 >= 2, (uint8_t)(100 + i / 4));
		t->keys[i].l4_port = (uint16_t)(i % 2 == 0 ? 80 : 53);
		t->keys[i].protocol = i % 3 == 0 ? PROTOCOL_UDP : PROTOCOL_TCP;
		t->numbers[i].id = NONE;
		for (uint32_t j = 0; j < NB_ADDRS; j++)
			t->numbers[i].backends[j].index = NONE;
	}
	for (uint32_t i = 0; i < NB_ADDRS; i++) {
		t->addrs[i] = addr_make(i % 3 == 0, (uint8_t)(1 + i));
		for (uint32_t on_link = 0; on_link < 2; on_link++) {
			t->route_there[i][on_link] = true;
			t->routes[i][on_link] = (struct backend_route){
				.nexthop = (i * 2 + on_link) * 8,
				.source = addr_make(i % 3 == 0, 200),
				.mtu = 1500,
			};
		}
	}
}

bool
twin_create(struct twin *t)
{
	const struct state_limits limits = { MAX_SERVICES, MAX_MEMBERS, TICK_MS };
	const struct state_hooks hooks = {
		.context = t,
		.route_get = route_get,
		.route_put = route_put,
		.service_changed = service_changed,
		.member_changed = member_changed,
		.service_freed = service_freed,
		.member_freed = member_freed,
		.slots_changed = slots_changed,
	};

	t->state = state_create(&limits, &hooks);
	return t->state != NULL;
}

void
twin_fini(struct twin *t)
{
	state_destroy(t->state);
	t->state = NULL;
	for (size_t i = 0; i < ARRAY_LEN(t->route_refs); i++)
		assert_int_equal(t->route_refs[i], 0);
}

/* Steps. */

bool
twin_begin(struct twin *t, bool replace_all)
{
	t->txn = txn_begin(t->state, replace_all);
	if (t->txn == NULL)
		return false;
	memcpy(t->draft, t->wanted, sizeof(t->draft));
	if (replace_all)
		memset(t->draft, 0, sizeof(t->draft));
	t->draft_has_key = t->has_hash_key;
	t->draft_key = t->hash_key;
	return true;
}

/* The step must give what the twin expects, but memory may be lacking at any time. */
static void
expect_error(enum conf_error got, enum conf_error expected)
{
	if (got != CONF_NO_MEMORY)
		assert_int_equal(got, expected);
}

enum conf_error
twin_service_set(struct twin *t, const struct service_conf *conf)
{
	enum conf_error expected = service_conf_check(conf);
	enum conf_error got = txn_service_set(t->txn, conf);
	uint32_t key = key_number(t, &conf->key);

	expect_error(got, expected);
	if (got == CONF_OK) {
		assert_int_not_equal(key, NONE);
		t->draft[key].exists = true;
		t->draft[key].conf = *conf;
	}
	return got;
}

enum conf_error
twin_service_remove(struct twin *t, uint32_t key)
{
	enum conf_error got = txn_service_remove(t->txn, &t->keys[key]);

	expect_error(got, t->draft[key].exists ? CONF_OK : CONF_NO_SUCH_SERVICE);
	if (got == CONF_OK)
		memset(&t->draft[key], 0, sizeof(t->draft[key]));
	return got;
}

enum conf_error
twin_backend_set(struct twin *t, uint32_t key, const struct backend_conf *conf)
{
	enum conf_error expected = CONF_NO_SUCH_SERVICE;
	enum conf_error got = txn_backend_set(t->txn, &t->keys[key], conf);

	if (t->draft[key].exists)
		expected = backend_conf_check(&t->draft[key].conf, conf);
	expect_error(got, expected);
	if (got == CONF_OK) {
		uint32_t addr = addr_number(t, &conf->addr);

		t->draft[key].backends[addr].exists = true;
		t->draft[key].backends[addr].conf = *conf;
	}
	return got;
}

enum conf_error
twin_backend_remove(struct twin *t, uint32_t key, uint32_t addr)
{
	enum conf_error expected = CONF_OK;
	enum conf_error got = txn_backend_remove(t->txn, &t->keys[key], &t->addrs[addr]);

	if (!t->draft[key].exists)
		expected = CONF_NO_SUCH_SERVICE;
	else if (!t->draft[key].backends[addr].exists)
		expected = CONF_NO_SUCH_BACKEND;
	expect_error(got, expected);
	if (got == CONF_OK)
		t->draft[key].backends[addr].exists = false;
	return got;
}

void
twin_hash_key_set(struct twin *t)
{
	t->draft_key.k0 = twin_random(t, UINT32_MAX);
	t->draft_key.k1 = twin_random(t, UINT32_MAX);
	t->draft_has_key = true;
	assert_int_equal(txn_hash_key_set(t->txn, &t->draft_key), CONF_OK);
}

/* The errors that a commit of the draft may give, as a set; more than one may be right. */
static uint32_t
draft_errors(const struct twin *t)
{
	uint32_t errors = 0;
	uint32_t nb_ids = 0;
	uint32_t nb_stats = 0;
	uint32_t nb_live = 0;

	for (uint32_t k = 0; k < NB_KEYS; k++) {
		const struct twin_service *s = &t->draft[k];

		nb_live += s->exists;
		nb_ids += s->exists || t->numbers[k].id != NONE;
		for (uint32_t i = 0; i < NB_ADDRS; i++) {
			bool exists = s->exists && s->backends[i].exists;

			nb_stats += exists || t->numbers[k].backends[i].index != NONE;
			if (exists && backend_conf_check(&s->conf, &s->backends[i].conf) != CONF_OK)
				errors |= 1u << CONF_FAMILY_MISMATCH;
		}
	}
	if (nb_live > 0 && !t->draft_has_key)
		errors |= 1u << CONF_NO_HASH_KEY;
	if (nb_ids > MAX_SERVICES)
		errors |= 1u << CONF_TOO_MANY_SERVICES;
	if (nb_stats > MAX_MEMBERS)
		errors |= 1u << CONF_TOO_MANY_BACKENDS;
	return errors;
}

enum conf_error
twin_prepare(struct twin *t)
{
	const struct snapshot *snapshot = NULL;
	uint32_t errors = draft_errors(t);
	enum conf_error got = txn_prepare(t->txn, t->generation + 1, &snapshot);

	if (got == CONF_NO_MEMORY)
		return got;
	if (errors == 0) {
		assert_int_equal(got, CONF_OK);
		assert_non_null(snapshot);
		assert_ptr_not_equal(snapshot, state_snapshot(t->state));
	} else {
		assert_true(errors & 1u << got);
		assert_null(snapshot);
	}
	return got;
}

/* Which way a backend of a service of this mode has now. */
static void
route_note(struct twin *t, uint32_t k, uint32_t i)
{
	bool on_link = t->wanted[k].conf.mode == MODE_DIRECT;

	t->numbers[k].backends[i].routed = t->route_there[i][on_link];
	t->numbers[k].backends[i].route = t->routes[i][on_link];
}

static bool
id_is_taken(const struct twin *t, uint32_t id)
{
	for (uint32_t k = 0; k < NB_KEYS; k++)
		if (t->numbers[k].id == id)
			return true;
	return false;
}

static bool
stats_is_taken(const struct twin *t, uint32_t stats)
{
	for (uint32_t k = 0; k < NB_KEYS; k++)
		for (uint32_t i = 0; i < NB_ADDRS; i++)
			if (t->numbers[k].backends[i].index != NONE &&
					t->numbers[k].backends[i].stats == stats)
				return true;
	return false;
}

static bool
index_is_taken(const struct twin *t, uint32_t k, uint32_t index)
{
	for (uint32_t i = 0; i < NB_ADDRS; i++)
		if (t->numbers[k].backends[i].index == index)
			return true;
	return false;
}

static uint32_t
snapshot_find(const struct snapshot *s, const struct service_key *key)
{
	uint16_t port_be = __builtin_bswap16(key->l4_port);

	if (key->vip.family == IP_V4) {
		const struct snapshot_lookup4 *found = snapshot_find4(
				s, snapshot_key4(load_u32(key->vip.bytes), port_be, key->protocol));

		return found != NULL ? found->id : NONE;
	} else {
		const struct snapshot_lookup6 *found = snapshot_find6(
				s, key->vip.bytes, snapshot_port6(port_be, key->protocol));

		return found != NULL ? found->id : NONE;
	}
}

/* Find the number that was given to a backend: its statistics index is new in the directory. */
static void
backend_adopt(struct twin *t, uint32_t k, uint32_t i)
{
	struct twin_numbers *n = &t->numbers[k];

	for (uint32_t stats = 0; stats < MAX_MEMBERS; stats++) {
		const struct twin_entry *e = &t->members[stats];

		if (!e->used || e->service_id != n->id ||
				!ip_addr_equal(&e->conf.addr, &t->addrs[i]))
			continue;
		assert_false(stats_is_taken(t, stats));
		assert_false(index_is_taken(t, k, e->member));
		n->backends[i].index = e->member;
		n->backends[i].stats = stats;
		return;
	}
	fail_msg("backend %u of service %u has got no number", i, k);
}

static void
backend_follow(struct twin *t, uint32_t k, uint32_t i, bool mode_changed)
{
	struct twin_numbers *n = &t->numbers[k];
	bool exists = t->wanted[k].exists && t->wanted[k].backends[i].exists;

	if (!exists) {
		if (n->backends[i].index != NONE && n->backends[i].batch == 0) {
			n->backends[i].batch = t->open_batch;
			n->backends[i].routed = false;
		}
		return;
	}
	if (n->backends[i].index == NONE) {
		backend_adopt(t, k, i);
		route_note(t, k, i);
	} else if (n->backends[i].batch != 0 || mode_changed) {
		route_note(t, k, i);
	}
	n->backends[i].batch = 0;
}

/* Bring the numbers up to date with what is wanted now. */
static void
numbers_follow(struct twin *t, const struct twin_service *before)
{
	struct twin_numbers old[NB_KEYS];

	memcpy(old, t->numbers, sizeof(old));
	for (uint32_t k = 0; k < NB_KEYS; k++) {
		struct twin_numbers *n = &t->numbers[k];
		bool mode_changed = before[k].conf.mode != t->wanted[k].conf.mode;

		n->touched = memcmp(&before[k], &t->wanted[k], sizeof(before[k])) != 0;
		if (t->wanted[k].exists) {
			if (n->id == NONE)
				n->id = snapshot_find(state_snapshot(t->state), &t->keys[k]);
			n->batch = 0;
		} else if (n->id != NONE && n->batch == 0) {
			n->batch = t->open_batch;
		}
		for (uint32_t i = 0; i < NB_ADDRS; i++)
			backend_follow(t, k, i, mode_changed);
	}
	/* New numbers are the lowest: none below is free. */
	for (uint32_t k = 0; k < NB_KEYS; k++) {
		if (old[k].id == NONE && t->numbers[k].id != NONE)
			for (uint32_t id = 0; id < t->numbers[k].id; id++)
				assert_true(id_is_taken(t, id));
		for (uint32_t i = 0; i < NB_ADDRS; i++) {
			if (old[k].backends[i].index != NONE ||
					t->numbers[k].backends[i].index == NONE)
				continue;
			for (uint32_t x = 0; x < t->numbers[k].backends[i].index; x++)
				assert_true(index_is_taken(t, k, x));
			for (uint32_t x = 0; x < t->numbers[k].backends[i].stats; x++)
				assert_true(stats_is_taken(t, x));
		}
	}
}

static bool
draft_removes(const struct twin *t)
{
	for (uint32_t k = 0; k < NB_KEYS; k++) {
		if (t->wanted[k].exists && !t->draft[k].exists)
			return true;
		for (uint32_t i = 0; i < NB_ADDRS; i++)
			if (t->wanted[k].exists && t->wanted[k].backends[i].exists &&
					!(t->draft[k].exists && t->draft[k].backends[i].exists))
				return true;
	}
	return false;
}

/* So that memcmp() compares what counts only. */
static void
service_tidy(struct twin_service *s)
{
	if (!s->exists)
		memset(s, 0, sizeof(*s));
	for (uint32_t i = 0; i < NB_ADDRS; i++)
		if (!s->backends[i].exists)
			memset(&s->backends[i], 0, sizeof(s->backends[i]));
}

void
twin_finish(struct twin *t)
{
	struct twin_service before[NB_KEYS];
	bool removes = draft_removes(t);

	assert_int_equal(txn_finish(t->txn), removes);
	t->txn = NULL;
	t->generation++;
	t->has_hash_key = t->draft_has_key;
	t->hash_key = t->draft_key;
	memcpy(before, t->wanted, sizeof(before));
	memcpy(t->wanted, t->draft, sizeof(before));
	for (uint32_t k = 0; k < NB_KEYS; k++)
		service_tidy(&t->wanted[k]);
	numbers_follow(t, before);
}

void
twin_abort(struct twin *t)
{
	txn_abort(t->txn);
	t->txn = NULL;
}

void
twin_quarantine_begin(struct twin *t)
{
	assert_int_equal(state_quarantine_begin(t->state), t->open_batch);
	t->open_batch++;
}

enum conf_error
twin_quarantine_end(struct twin *t, uint64_t batch)
{
	const struct snapshot *snapshot = NULL;
	enum conf_error error = state_quarantine_end(t->state, batch, &snapshot);

	if (error != CONF_OK) {
		assert_int_equal(error, CONF_NO_MEMORY);
		return error;
	}
	assert_non_null(snapshot);
	state_quarantine_finish(t->state);
	for (uint32_t k = 0; k < NB_KEYS; k++) {
		struct twin_numbers *n = &t->numbers[k];

		n->touched = false;
		if (n->id == NONE)
			continue;
		for (uint32_t i = 0; i < NB_ADDRS; i++) {
			if (n->backends[i].index == NONE || n->backends[i].batch == 0 ||
					n->backends[i].batch > batch)
				continue;
			n->backends[i].index = NONE;
			n->touched = true;
		}
		if (n->batch == 0 || n->batch > batch)
			continue;
		n->id = NONE;
		n->part = NULL;
		for (uint32_t i = 0; i < NB_ADDRS; i++)
			assert_int_equal(n->backends[i].index, NONE);
	}
	return CONF_OK;
}

enum conf_error
twin_reroute(struct twin *t)
{
	const struct snapshot *snapshot = NULL;
	enum conf_error error = state_reroute(t->state, t->generation + 1, &snapshot);

	if (error != CONF_OK) {
		assert_int_equal(error, CONF_NO_MEMORY);
		return error;
	}
	assert_non_null(snapshot);
	state_quarantine_finish(t->state);
	t->generation++;
	for (uint32_t k = 0; k < NB_KEYS; k++) {
		struct twin_numbers old = t->numbers[k];

		t->numbers[k].touched = false;
		for (uint32_t i = 0; i < NB_ADDRS; i++) {
			if (!t->wanted[k].exists || !t->wanted[k].backends[i].exists)
				continue;
			route_note(t, k, i);
			t->numbers[k].touched |= old.backends[i].routed !=
							t->numbers[k].backends[i].routed ||
					memcmp(&old.backends[i].route,
							&t->numbers[k].backends[i].route,
							sizeof(old.backends[i].route)) != 0;
		}
	}
	return CONF_OK;
}

/* Random changes. */

struct service_conf
twin_random_service(struct twin *t, uint32_t key)
{
	static const uint32_t slots[] = { 0, 0, 251, 257, 1021, 250 };
	struct service_conf conf = {
		.key = t->keys[key],
		.nb_slots = slots[twin_random(t, ARRAY_LEN(slots))],
		.lifetime_s = { twin_random(t, 3), twin_random(t, 3), 0, twin_random(t, 100) },
		.syn_reselect_idle_s = twin_random(t, 5),
		.mode = twin_random(t, 3) == 0 ? MODE_DIRECT : MODE_IPIP,
		.on_down = (uint8_t)twin_random(t, 3),
		.advertise = (uint8_t)twin_random(t, 3),
	};

	if (twin_random(t, 50) == 0)
		conf.reserved = 1;
	return conf;
}

struct backend_conf
twin_random_backend(struct twin *t, uint32_t addr)
{
	static const uint32_t factors[] = { 0, 1, 30000, BACKEND_FACTOR_ONE, BACKEND_FACTOR_ONE,
		BACKEND_FACTOR_ONE, BACKEND_FACTOR_ONE };
	struct backend_conf conf = {
		.addr = t->addrs[addr],
		.weight = twin_random(t, 4) * (1 + twin_random(t, 3)),
		.factor = factors[twin_random(t, ARRAY_LEN(factors))],
		.admin = ADMIN_ENABLED,
		.health = HEALTH_UP,
	};

	if (twin_random(t, 4) == 0)
		conf.admin = (uint8_t)(ADMIN_ENABLED + twin_random(t, 3));
	if (twin_random(t, 4) == 0)
		conf.health = (uint8_t)(HEALTH_UNKNOWN + twin_random(t, 3));
	if (twin_random(t, 50) == 0)
		conf.weight = BACKEND_MAX_WEIGHT + 1;
	return conf;
}

enum conf_error
twin_random_change(struct twin *t)
{
	uint32_t key = twin_random(t, NB_KEYS);
	uint32_t addr = twin_random(t, NB_ADDRS);
	struct service_conf service;
	struct backend_conf backend;

	switch (twin_random(t, 16)) {
	case 0:
	case 1:
	case 2:
		service = twin_random_service(t, key);
		return twin_service_set(t, &service);
	case 3:
		return twin_service_remove(t, key);
	case 4:
	case 5:
		return twin_backend_remove(t, key, addr);
	case 6:
		twin_hash_key_set(t);
		return CONF_OK;
	default:
		backend = twin_random_backend(t, addr);
		return twin_backend_set(t, key, &backend);
	}
}

enum conf_error
twin_mention(struct twin *t, uint32_t percent)
{
	for (uint32_t k = 0; k < NB_KEYS; k++) {
		enum conf_error error;

		if (!t->wanted[k].exists || twin_random(t, 100) >= percent)
			continue;
		error = twin_service_set(t, &t->wanted[k].conf);
		for (uint32_t i = 0; error == CONF_OK && i < NB_ADDRS; i++)
			if (t->wanted[k].backends[i].exists && twin_random(t, 100) < percent)
				error = twin_backend_set(t, k, &t->wanted[k].backends[i].conf);
		if (error != CONF_OK)
			return error;
	}
	return CONF_OK;
}

/* Comparison. */

static void
check_member(const struct twin *t, uint32_t k, uint32_t i, const struct snapshot_member *m)
{
	const struct twin_service *s = &t->wanted[k];
	bool live = s->exists && s->backends[i].exists;
	bool routed = t->numbers[k].backends[i].routed;
	const struct backend_route *route = &t->numbers[k].backends[i].route;
	const struct twin_entry *e = &t->members[t->numbers[k].backends[i].stats];
	struct encap_template encap = { 0 };
	uint8_t encap_len = 0;
	uint8_t flags = 0;

	assert_int_equal(m->stats, t->numbers[k].backends[i].stats);
	assert_true(e->used);
	assert_int_equal(e->service_id, t->numbers[k].id);
	assert_int_equal(e->member, t->numbers[k].backends[i].index);
	assert_true(ip_addr_equal(&e->conf.addr, &t->addrs[i]));
	if (!live) {
		assert_int_equal(m->flags, MEMBER_REMOVED);
		assert_int_equal(e->slots, 0);
		return;
	}
	assert_memory_equal(&e->conf, &s->backends[i].conf, sizeof(e->conf));
	assert_int_equal(e->routed, routed);
	if (s->backends[i].conf.admin != ADMIN_DISABLED &&
			s->backends[i].conf.health == HEALTH_DOWN) {
		if (s->conf.on_down == ON_DOWN_KEEP && routed)
			flags = MEMBER_KEEPS_FLOWS;
		if (s->conf.on_down == ON_DOWN_RESET && s->conf.key.protocol == PROTOCOL_TCP)
			flags = MEMBER_RESETS_FLOWS;
	} else if (s->backends[i].conf.admin != ADMIN_DISABLED && routed) {
		flags = MEMBER_KEEPS_FLOWS;
	}
	assert_int_equal(m->flags, flags);
	assert_int_equal(m->mode, s->conf.mode);
	if (!routed)
		return;
	assert_int_equal(m->nexthop, route->nexthop);
	if (s->conf.mode == MODE_IPIP)
		encap_len = encap_template_init(
				&encap, &route->source, &t->addrs[i], s->conf.key.vip.family);
	assert_int_equal(m->encap_len, encap_len);
	assert_int_equal(m->room, route->mtu - encap_len);
	assert_int_equal(encap_len != 0, s->conf.mode == MODE_IPIP);
	assert_memory_equal(&m->encap, &encap, sizeof(encap));
}

/* The slots against direct calls of Maglev. */
static void
check_slots(const struct twin *t, uint32_t k, const struct snapshot_service *part)
{
	static uint16_t anchor[MAX_SLOTS], slots[MAX_SLOTS];
	const struct twin_service *s = &t->wanted[k];
	struct maglev_backend list[NB_ADDRS];
	uint32_t counts[NB_ADDRS] = { 0 };
	uint32_t nb = 0;
	uint32_t nb_slots;

	for (uint32_t i = 0; i < NB_ADDRS; i++) {
		const struct backend_conf *conf = &s->backends[i].conf;
		uint8_t id[17] = { t->addrs[i].family };

		if (!s->backends[i].exists || conf->weight == 0)
			continue;
		memcpy(id + 1, t->addrs[i].bytes, 16);
		list[nb++] = (struct maglev_backend){
			.key = maglev_backend_key(id, t->addrs[i].family == IP_V4 ? 5 : 17),
			.weight = conf->weight,
			.factor = t->numbers[k].backends[i].routed &&
							conf->admin == ADMIN_ENABLED &&
							conf->health != HEALTH_DOWN
					? conf->factor
					: 0,
			.index = (uint16_t)t->numbers[k].backends[i].index,
		};
	}
	nb_slots = s->conf.nb_slots != 0 ? s->conf.nb_slots : maglev_default_slots(list, nb);
	assert_int_equal(part->nb_slots, nb_slots);
	assert_true(nb_slots <= MAX_SLOTS);
	assert_int_equal(maglev_build(anchor, nb_slots, list, nb), 0);
	maglev_resolve(slots, anchor, nb_slots, list, nb);
	assert_memory_equal(part->slots, slots, nb_slots * sizeof(slots[0]));
	for (uint32_t j = 0; j < nb_slots; j++)
		if (slots[j] != MAGLEV_NO_BACKEND)
			counts[slots[j]]++;
	for (uint32_t i = 0; i < NB_ADDRS; i++)
		if (s->backends[i].exists)
			assert_int_equal(t->members[t->numbers[k].backends[i].stats].slots,
					counts[t->numbers[k].backends[i].index]);
}

static uint32_t
ticks(uint32_t s, uint32_t default_s)
{
	return (s != 0 ? s : default_s) * 1000 / TICK_MS;
}

static void
check_service(struct twin *t, uint32_t k, const struct snapshot_service *part)
{
	const struct twin_service *s = &t->wanted[k];
	uint32_t nb_members = 0;

	assert_non_null(part);
	assert_int_equal((uintptr_t)part % CACHE_LINE, 0);
	assert_int_equal((uintptr_t)part->slots % CACHE_LINE, 0);
	assert_int_equal((uintptr_t)part->members % CACHE_LINE, 0);
	assert_int_equal(part->id, t->numbers[k].id);
	assert_memory_equal(&part->key, &t->keys[k], sizeof(part->key));
	assert_int_equal(part->removed, !s->exists);
	if (s->exists)
		assert_int_equal(part->advertise, s->conf.advertise);
	for (uint32_t i = 0; i < NB_ADDRS; i++) {
		uint32_t index = t->numbers[k].backends[i].index;

		if (index == NONE)
			continue;
		nb_members = index + 1 > nb_members ? index + 1 : nb_members;
		assert_true(index < part->nb_members);
		check_member(t, k, i, &part->members[index]);
	}
	assert_int_equal(part->nb_members, nb_members);
	for (uint32_t x = 0; x < nb_members; x++)
		if (!index_is_taken(t, k, x))
			assert_int_equal(part->members[x].flags, MEMBER_REMOVED);
	if (!s->exists) {
		for (uint32_t j = 0; j < part->nb_slots; j++)
			assert_int_equal(part->slots[j], MAGLEV_NO_BACKEND);
		assert_true(part->nb_slots > 0);
		return;
	}
	assert_true(t->services[part->id]);
	assert_int_equal(part->mode, s->conf.mode);
	for (uint32_t i = 0; i < NB_FLOW_STATES; i++)
		assert_int_equal(part->lifetime_ticks[i],
				ticks(s->conf.lifetime_s[i], service_default_lifetime_s[i]));
	assert_int_equal(part->syn_reselect_ticks, ticks(s->conf.syn_reselect_idle_s, 3));
	check_slots(t, k, part);
}

/* What packets of known flows look at says what the service says. */
static void
check_members(const struct snapshot *s, uint32_t id)
{
	const struct snapshot_service *service = s->services[id];
	bool keep = true;

	for (uint32_t i = 0; i < service->nb_members; i++)
		keep &= (service->members[i].flags & MEMBER_KEEPS_FLOWS) != 0;
	assert_ptr_equal(s->members[id].at, service->members);
	/* Holes that no flow names make no difference. */
	if (keep)
		assert_int_equal(s->members[id].keep_flows, 1);
	for (uint32_t i = 0; i < service->nb_members; i++)
		if (s->members[id].keep_flows && service->members[i].flags != MEMBER_KEEPS_FLOWS)
			assert_int_equal(service->members[i].stats, 0);
}

/* Found by address is who is in the configuration, and nobody else. */
static void
check_found(const struct twin *t)
{
	for (uint32_t k = 0; k < NB_KEYS; k++) {
		for (uint32_t i = 0; i < NB_ADDRS; i++) {
			const struct twin_service *s = &t->wanted[k];
			struct state_member found;
			bool exists = s->exists && s->backends[i].exists;

			assert_int_equal(state_find_member(t->state, &t->keys[k], &t->addrs[i],
							 &found),
					exists);
			if (!exists)
				continue;
			assert_int_equal(found.stats, t->numbers[k].backends[i].stats);
			assert_int_equal(found.mode, s->conf.mode);
			assert_int_equal(found.routed, t->numbers[k].backends[i].routed);
			if (found.routed)
				assert_memory_equal(&found.route, &t->numbers[k].backends[i].route,
						sizeof(found.route));
		}
	}
}

static void
check_routes(const struct twin *t)
{
	int refs[ARRAY_LEN(t->route_refs)] = { 0 };

	for (uint32_t k = 0; k < NB_KEYS; k++)
		for (uint32_t i = 0; i < NB_ADDRS; i++)
			if (t->wanted[k].exists && t->wanted[k].backends[i].exists &&
					t->numbers[k].backends[i].routed)
				refs[t->numbers[k].backends[i].route.nexthop]++;
	assert_memory_equal(refs, t->route_refs, sizeof(refs));
}

static void
check_vips(const struct twin *t, const struct snapshot *s)
{
	for (uint32_t k = 0; k < NB_KEYS; k++) {
		bool any = false;

		for (uint32_t other = 0; other < NB_KEYS; other++)
			any |= t->wanted[other].exists &&
					ip_addr_equal(&t->keys[k].vip, &t->keys[other].vip);
		assert_int_equal(snapshot_is_vip(s, &t->keys[k].vip), any);
	}
	for (uint32_t i = 1; i < s->nb_vips; i++)
		assert_true(ip_addr_compare(&s->vips[i - 1], &s->vips[i]) < 0);
	for (uint32_t i = 0; i < NB_ADDRS; i++)
		assert_false(snapshot_is_vip(s, &t->addrs[i]));
}

/* Numbers that nobody has: not in the snapshot, not in the directory. */
static void
check_free_numbers(const struct twin *t, const struct snapshot *s)
{
	uint32_t nb_services = 0;

	for (uint32_t id = 0; id < MAX_SERVICES; id++)
		if (id_is_taken(t, id))
			nb_services = id + 1;
	assert_int_equal(s->nb_services, nb_services);
	for (uint32_t id = 0; id < MAX_SERVICES; id++) {
		if (id_is_taken(t, id))
			continue;
		assert_true(id >= s->nb_services || s->services[id] == NULL);
		assert_true(id >= s->nb_services || s->members[id].at == NULL);
		assert_false(t->services[id]);
	}
	for (uint32_t stats = 0; stats < MAX_MEMBERS; stats++)
		assert_int_equal(stats_is_taken(t, stats), t->members[stats].used);
}

void
twin_check(struct twin *t)
{
	const struct snapshot *s = state_snapshot(t->state);
	uint32_t nb_services = 0;
	uint32_t nb_members = 0;
	bool quarantine = false;

	assert_int_equal((uintptr_t)s % CACHE_LINE, 0);
	assert_int_equal(s->generation, t->generation);
	assert_int_equal(state_has_hash_key(t->state), t->has_hash_key);
	assert_memory_equal(&s->hash_key, &t->hash_key, sizeof(s->hash_key));
	for (uint32_t k = 0; k < NB_KEYS; k++) {
		struct twin_numbers *n = &t->numbers[k];

		assert_int_equal(snapshot_find(s, &t->keys[k]), t->wanted[k].exists ? n->id : NONE);
		nb_services += t->wanted[k].exists;
		if (n->id == NONE)
			continue;
		assert_true(n->id < s->nb_services);
		check_service(t, k, s->services[n->id]);
		check_members(s, n->id);
		if (!n->touched && n->part != NULL)
			assert_ptr_equal(s->services[n->id], n->part);
		n->part = s->services[n->id];
		n->touched = false;
		quarantine |= n->batch != 0;
		for (uint32_t i = 0; i < NB_ADDRS; i++) {
			nb_members += t->wanted[k].exists && t->wanted[k].backends[i].exists;
			quarantine |= n->backends[i].index != NONE && n->backends[i].batch != 0;
		}
	}
	assert_int_equal(state_nb_services(t->state), nb_services);
	assert_int_equal(state_nb_members(t->state), nb_members);
	assert_int_equal(state_quarantine_any(t->state), quarantine);
	check_found(t);
	check_routes(t);
	check_vips(t, s);
	check_free_numbers(t, s);
}
