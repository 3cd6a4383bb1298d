/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of lib/flow, used as the dataplane's stages use it: hashed and prefetched for the
 * whole burst, found, and at the end of the burst looked for beyond their home. Compiled once
 * for each instruction set, as they are.
 */
#include <string.h>

#include <rte_malloc.h>

#include "base/bytes.h"
#include "contender.h"
#include "flow/flow_table.h"

/** Compiled with -DCONTENDER_ISA=avx2 or portable. */
#define PASTE_(a, b) a##_##b
#define PASTE(a, b) PASTE_(a, b)

struct guideway {
	struct flow_table table;
	enum ip_family family;
	void *region;
};

static enum flow_layout
layout_of(enum ip_family family)
{
	return family == IP_V4 ? FLOW_NARROW4 : FLOW_NARROW6;
}

static uint64_t
memory(const struct contender_conf *conf)
{
	return flow_table_size(layout_of(conf->family), conf->capacity);
}

static void *
create(const struct contender_conf *conf)
{
	uint64_t key[4];
	struct guideway *g = rte_zmalloc("contender", sizeof(*g), CACHE_LINE);

	if (g == NULL)
		return NULL;
	for (uint64_t i = 0; i < 4; i++) /* In production from getrandom(). */
		key[i] = flow_fold(conf->seed + i + 1, UINT64_C(0x9e3779b97f4a7c15));
	g->family = conf->family;
	g->region = rte_zmalloc("flows", memory(conf), 2 * CACHE_LINE);
	if (g->region == NULL) {
		rte_free(g);
		return NULL;
	}
	flow_table_init(&g->table, g->region, layout_of(conf->family), conf->capacity, key);
	if (conf->beyond_capacity)
		g->table.capacity = UINT64_MAX;
	return g;
}

static void
destroy(void *table)
{
	struct guideway *g = table;

	if (g == NULL)
		return;
	rte_free(g->region);
	rte_free(g);
}

static uint64_t
slots(const void *table)
{
	const struct guideway *g = table;

	return (uint64_t)g->table.nb_buckets * FLOW_LANES;
}

/* IPv4 flows have no mark. */
static inline struct flow_hash6
hash(const struct flow_table *t, const void *key, bool v6)
{
	if (v6)
		return flow_hash6(t, key, load_u32((const uint8_t *)key + 16));
	return (struct flow_hash6){ .home = flow_hash4(t, load_u64(key)) };
}

static inline struct flow_value *
find_at_home(const struct flow_table *t, struct flow_hash6 hash, const void *key, bool v6)
{
	return v6 ? flow_find6(t, hash.home, key, hash.mark)
		  : flow_find4(t, hash.home, load_u64(key));
}

static inline bool
overflowed(const struct flow_table *t, uint32_t home, bool v6)
{
	return v6 ? flow_overflowed6(t, home) : flow_overflowed4(t, home);
}

static inline struct flow_value *
find_beyond(const struct flow_table *t, struct flow_hash6 hash, const void *key, bool v6)
{
	if (!overflowed(t, hash.home, v6))
		return NULL;
	return v6 ? flow_find6_beyond(t, hash.home, key, hash.mark)
		  : flow_find4_beyond(t, hash.home, load_u64(key));
}

static inline void
prefetch(const struct flow_table *t, uint32_t home, bool v6)
{
	if (v6)
		flow_prefetch6(t, home);
	else
		flow_prefetch4(t, home);
}

static inline void
prefetch_beyond(const struct flow_table *t, uint32_t home, bool v6)
{
	if (v6)
		flow_prefetch6_beyond(t, home);
	else
		flow_prefetch4_beyond(t, home);
}

/** What look-up leaves of a burst: those that are nowhere. */
struct misses {
	uint32_t nb;
	uint8_t at[CONTENDER_BURST_MAX]; /* Their place in the burst. */
	struct flow_hash6 hashes[CONTENDER_BURST_MAX];
};

/* @return bits of those found. */
static inline __attribute__((always_inline)) uint64_t
look_up(const struct flow_table *table, const void **keys, uint32_t nb, void *data[],
		struct misses *left, bool v6)
{
	const struct flow_table t = *table; /* As in stage_flow.c: so that it stays in registers. */
	uint32_t nb_left = 0, nb_nowhere = 0;
	uint64_t found = 0;

	for (uint32_t i = 0; i < nb; i++) {
		left->hashes[i] = hash(&t, keys[i], v6);
		prefetch(&t, left->hashes[i].home, v6);
	}
	for (uint32_t i = 0; i < nb; i++) {
		struct flow_hash6 at = left->hashes[i];
		const struct flow_value *value = find_at_home(&t, at, keys[i], v6);

		if (unlikely(value == NULL)) {
			if (overflowed(&t, at.home, v6))
				prefetch_beyond(&t, at.home, v6);
			left->at[nb_left] = (uint8_t)i;
			left->hashes[nb_left++] = at; /* i has been read already. */
			continue;
		}
		data[i] = (void *)(uintptr_t)load_u32(value);
		found |= UINT64_C(1) << i;
	}
	for (uint32_t j = 0; j < nb_left; j++) {
		uint32_t i = left->at[j];
		struct flow_hash6 at = left->hashes[j];
		const struct flow_value *value = find_beyond(&t, at, keys[i], v6);

		if (value == NULL) {
			left->at[nb_nowhere] = (uint8_t)i;
			left->hashes[nb_nowhere++] = at;
			continue;
		}
		data[i] = (void *)(uintptr_t)load_u32(value);
		found |= UINT64_C(1) << i;
	}
	left->nb = nb_nowhere;
	return found;
}

static uint64_t
find(void *table, const void **keys, uint32_t nb, void *data[])
{
	struct guideway *g = table;
	struct misses misses;

	if (g->family == IP_V4)
		return look_up(&g->table, keys, nb, data, &misses, false);
	return look_up(&g->table, keys, nb, data, &misses, true);
}

static inline struct flow_value *
insert(struct flow_table *t, struct flow_hash6 hash, const void *key, bool v6)
{
	return v6 ? flow_insert6(t, hash.home, key, hash.mark)
		  : flow_insert4(t, hash.home, load_u64(key));
}

/* As stage_choose.c does: an earlier packet of the burst may have entered the flow. */
static inline __attribute__((always_inline)) uint64_t
enter_burst(struct flow_table *t, const void **keys, uint32_t nb, void *data[], bool v6)
{
	void *known[CONTENDER_BURST_MAX];
	struct misses misses;
	uint64_t entered = 0;

	look_up(t, keys, nb, known, &misses, v6);
	for (uint32_t j = 0; j < misses.nb; j++) {
		struct flow_hash6 at = misses.hashes[j];
		struct flow_value *value = NULL;
		uint32_t i = misses.at[j];

		if (j > 0) {
			value = find_at_home(t, at, keys[i], v6);
			if (value == NULL)
				value = find_beyond(t, at, keys[i], v6);
		}
		if (unlikely(value != NULL))
			continue;
		value = insert(t, at, keys[i], v6);
		if (unlikely(value == NULL))
			continue;
		store_u32(value, (uint32_t)(uintptr_t)data[i]);
		entered |= UINT64_C(1) << i;
	}
	return entered;
}

static uint64_t
enter(void *table, const void **keys, uint32_t nb, void *data[])
{
	struct guideway *g = table;

	if (g->family == IP_V4)
		return enter_burst(&g->table, keys, nb, data, false);
	return enter_burst(&g->table, keys, nb, data, true);
}

static bool
is_this(void *context, uint16_t service, struct flow_value *value)
{
	(void)service;
	return value == context;
}

/* By a sweep of the one bucket that it is in: there is no other way out of the table. */
static uint32_t
remove_by_key(void *table, const void **keys, uint32_t nb)
{
	struct guideway *g = table;
	bool v6 = g->family == IP_V6;
	uint64_t removed = 0;

	for (uint32_t i = 0; i < nb; i++) {
		struct flow_hash6 at = hash(&g->table, keys[i], v6);
		struct flow_value *value = find_at_home(&g->table, at, keys[i], v6);

		if (value == NULL)
			value = find_beyond(&g->table, at, keys[i], v6);
		if (value == NULL)
			continue;
		g->table.sweep_next = (uint32_t)((size_t)((char *)value -
								 (char *)g->table.buckets) /
				(v6 ? sizeof(struct flow_bucket6) : sizeof(struct flow_bucket4)));
		flow_table_sweep(&g->table, 1, is_this, value, &removed);
	}
	return (uint32_t)removed;
}

/** Judges count what they see; from numbers, if there are any, room is left. */
struct judge {
	uint32_t seen;
	uint32_t max;
	uint32_t *numbers;
};

static bool
keep(void *context, uint16_t service, struct flow_value *value)
{
	struct judge *judge = context;

	(void)service;
	judge->seen += load_u32(value) != UINT32_MAX;
	return false;
}

static bool
take(void *context, uint16_t service, struct flow_value *value)
{
	struct judge *judge = context;

	(void)service;
	if (judge->seen == judge->max)
		return false;
	judge->numbers[judge->seen++] = load_u32(value);
	return true;
}

/* Buckets that hold about @p nb flows. */
static uint32_t
buckets_with(const struct flow_table *t, uint32_t nb)
{
	uint64_t buckets = (uint64_t)nb * t->nb_buckets / (t->nb_flows + 1);

	return buckets == 0 ? 1 : (uint32_t)buckets;
}

static uint32_t
sweep(void *table, uint64_t random, uint32_t nb)
{
	struct guideway *g = table;
	struct judge judge = { 0 };
	uint64_t removed = 0;

	g->table.sweep_next = (uint32_t)(random % g->table.nb_buckets);
	flow_table_sweep(&g->table, buckets_with(&g->table, nb), keep, &judge, &removed);
	return judge.seen;
}

static uint32_t
expire(void *table, uint64_t random, uint32_t nb, uint32_t *numbers)
{
	struct guideway *g = table;
	struct judge judge = { .max = nb, .numbers = numbers };
	uint64_t removed = 0;

	g->table.sweep_next = (uint32_t)(random % g->table.nb_buckets);
	flow_table_sweep(&g->table, buckets_with(&g->table, nb), take, &judge, &removed);
	return (uint32_t)removed;
}

const struct contender PASTE(contender, CONTENDER_ISA) = {
	.name = "guideway",
	.memory = memory,
	.create = create,
	.destroy = destroy,
	.slots = slots,
	.find = find,
	.enter = enter,
	.remove = remove_by_key,
	.sweep = sweep,
	.expire = expire,
};
