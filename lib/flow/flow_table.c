/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table is an array of buckets of five flows: a cache line for IPv4, a pair of lines for
 * IPv6. A flow lies in its home bucket or, if that was full, in the first bucket with room of
 * the home's probe sequence: the bucket beside it, then two that a hash of the home picks, and
 * so on.
 *
 * Why so: at the default load (27/50) 32 of 33 flows lie in their home bucket, which is
 * fetched at once and compared without a branch: a flow elsewhere costs mispredicted branches
 * besides another line (doc/decisions/0009). Other buckets are looked at only if the home
 * bucket says that it has flows elsewhere (struct flow_beyond). Plain linear probing was tried:
 * full buckets gather in clusters, so that inserts failed long before the table was full.
 * Cuckoo displacement would reach a higher load, but moves entries, and two random buckets a
 * miss cost more than two adjacent ones.
 *
 * The number of buckets is no power of two: the hash is scaled, so that memory fits the
 * capacity asked for.
 *
 * The bucket hash is keyed: two rounds of multiply-and-fold (as in wyhash's mixing step)
 * with 256 random bits. One round would do for spreading, but differences of keys would
 * show in differences of buckets whatever the key is.
 *
 * Nothing is ever pushed out to make room: flows leave by flow_table_sweep() alone.
 */
#include "flow/flow_table.h"

#include <string.h>

#define FLOW_MAGIC UINT64_C(0x776f6c4677644731) /* "1GdwFlow" */
#define FLOW_VERSION 4

static size_t
bucket_size(enum flow_layout layout)
{
	return layout == FLOW_NARROW4 ? sizeof(struct flow_bucket4) : sizeof(struct flow_bucket6);
}

/* Buckets, an even number, for a load of 27/50: 23.7 bytes an IPv4 flow, 47.4 an IPv6 flow. */
static uint64_t
buckets_for(uint64_t capacity)
{
	uint64_t nb = (capacity * 50 + 27 * FLOW_LANES - 1) / (27 * FLOW_LANES);

	return (nb + 1) & ~UINT64_C(1);
}

size_t
flow_table_size(enum flow_layout layout, uint64_t capacity)
{
	if (capacity == 0 || capacity > UINT32_MAX)
		return 0;
	return sizeof(struct flow_region) + buckets_for(capacity) * bucket_size(layout);
}

void
flow_table_init(struct flow_table *table, void *memory, enum flow_layout layout, uint64_t capacity,
		const uint64_t hash_key[4])
{
	struct flow_region *region = memory;

	*region = (struct flow_region){
		.magic = FLOW_MAGIC,
		.version = FLOW_VERSION,
		.layout = layout,
		.size = flow_table_size(layout, capacity),
		.capacity = capacity,
		.nb_buckets = (uint32_t)buckets_for(capacity),
		.tick_ms = FLOW_TICK_MS,
	};
	memcpy(region->hash_key, hash_key, sizeof(region->hash_key));
	*table = (struct flow_table){
		.buckets = region + 1,
		.nb_buckets = region->nb_buckets,
		.layout = layout,
		.capacity = capacity,
		.region = region,
	};
	memcpy(table->key, hash_key, sizeof(table->key));
}

void
flow_table_detach(struct flow_table *table)
{
	table->region->nb_flows = table->nb_flows;
}

/* The bucket at @step of @home's probe sequence; step 0 is the home itself. */
static uint32_t
probe(const struct flow_table *t, uint32_t home, unsigned int step)
{
	uint32_t pair = home;

	if (step >= 2)
		pair = flow_bucket_of(t,
				flow_fold(home + (step / 2) * UINT64_C(0x9e3779b97f4a7c15),
						UINT64_C(0xd6e8feb86659fd93)));
	return step % 2 == 0 ? pair : pair ^ 1;
}

struct flow_value *
flow_find4_beyond(const struct flow_table *t, uint32_t home, uint64_t key)
{
	unsigned int reach = flow_bucket4(t, home)->beyond.reach;

	for (unsigned int step = 1; step <= reach; step++) {
		struct flow_bucket4 *b = flow_bucket4(t, probe(t, home, step));
		unsigned int match = flow_match4(b, key);

		if (match != 0)
			return &b->values[__builtin_ctz(match)];
	}
	return NULL;
}

struct flow_value *
flow_find6_beyond(const struct flow_table *t, uint32_t home, const uint8_t *client, uint32_t mark)
{
	unsigned int reach = flow_bucket6(t, home)->beyond.reach;

	for (unsigned int step = 1; step <= reach; step++) {
		struct flow_bucket6 *b = flow_bucket6(t, probe(t, home, step));
		struct flow_value *value = flow_look6(b, client, mark);

		if (value != NULL)
			return value;
	}
	return NULL;
}

/* A flow of this home went to @step of the probe sequence. */
static void
note_beyond(struct flow_beyond *beyond, unsigned int step)
{
	beyond->count++;
	if (beyond->reach < step)
		beyond->reach = (uint8_t)step;
}

/* One of them has gone. The reach shrinks only when none is left: exact enough, and cheap. */
static void
forget_beyond(struct flow_beyond *beyond)
{
	if (--beyond->count == 0)
		beyond->reach = 0;
}

struct flow_value *
flow_insert4_beyond(struct flow_table *t, uint32_t home, uint64_t key)
{
	struct flow_bucket4 *h = flow_bucket4(t, home);

	for (unsigned int step = 1; step <= FLOW_REACH; step++) {
		struct flow_bucket4 *b = flow_bucket4(t, probe(t, home, step));
		unsigned int vacant = flow_vacant4(b);

		if (vacant != 0) {
			unsigned int lane = (unsigned int)__builtin_ctz(vacant);

			b->keys[lane] = key;
			note_beyond(&h->beyond, step);
			t->nb_flows++;
			return &b->values[lane];
		}
	}
	return NULL;
}

struct flow_value *
flow_insert6_beyond(struct flow_table *t, uint32_t home, const uint8_t *client, uint32_t mark)
{
	struct flow_bucket6 *h = flow_bucket6(t, home);

	for (unsigned int step = 1; step <= FLOW_REACH; step++) {
		struct flow_bucket6 *b = flow_bucket6(t, probe(t, home, step));
		unsigned int vacant = flow_vacant6(b);

		if (vacant != 0) {
			unsigned int lane = (unsigned int)__builtin_ctz(vacant);

			flow_put6(b, lane, client, mark);
			note_beyond(&h->beyond, step);
			t->nb_flows++;
			return &b->values[lane];
		}
	}
	return NULL;
}

static void
remove4(struct flow_table *t, uint32_t at, unsigned int lane)
{
	struct flow_bucket4 *b = flow_bucket4(t, at);
	uint32_t home = flow_hash4(t, b->keys[lane]);

	b->keys[lane] = 0;
	if (home != at)
		forget_beyond(&flow_bucket4(t, home)->beyond);
	t->nb_flows--;
}

static void
remove6(struct flow_table *t, uint32_t at, unsigned int lane)
{
	struct flow_bucket6 *b = flow_bucket6(t, at);
	uint64_t hash = flow_hash_client6(t, b->prefixes[lane], b->suffixes[lane]);
	uint32_t home = flow_home6(t, hash, flow_mask_port6(hash, b->marks[lane]));

	b->marks[lane] = 0;
	if (home != at)
		forget_beyond(&flow_bucket6(t, home)->beyond);
	t->nb_flows--;
}

static unsigned int
sweep_bucket4(struct flow_table *t, uint32_t at, flow_judge judge, void *context)
{
	struct flow_bucket4 *b = flow_bucket4(t, at);
	unsigned int removed = 0;

	for (unsigned int lane = 0; lane < FLOW_LANES; lane++) {
		if (b->keys[lane] == 0)
			continue;
		if (judge(context, flow_service(b->keys[lane]), &b->values[lane])) {
			remove4(t, at, lane);
			removed++;
		}
	}
	return removed;
}

static unsigned int
sweep_bucket6(struct flow_table *t, uint32_t at, flow_judge judge, void *context)
{
	struct flow_bucket6 *b = flow_bucket6(t, at);
	unsigned int removed = 0;

	for (unsigned int lane = 0; lane < FLOW_LANES; lane++) {
		if (b->marks[lane] == 0)
			continue;
		if (judge(context, flow_service(b->marks[lane]), &b->values[lane])) {
			remove6(t, at, lane);
			removed++;
		}
	}
	return removed;
}

bool
flow_table_sweep(struct flow_table *t, uint32_t nb, flow_judge judge, void *context,
		uint64_t *removed)
{
	bool passed = false;

	if (nb > t->nb_buckets)
		nb = t->nb_buckets;
	for (uint32_t i = 0; i < nb; i++) {
		if (t->layout == FLOW_NARROW4)
			*removed += sweep_bucket4(t, t->sweep_next, judge, context);
		else
			*removed += sweep_bucket6(t, t->sweep_next, judge, context);
		if (++t->sweep_next == t->nb_buckets) {
			t->sweep_next = 0;
			passed = true;
		}
	}
	return passed;
}
