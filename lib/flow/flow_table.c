/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table is an array of buckets, each a pair of cache lines with eight IPv4 or four IPv6
 * flows. A flow lies in its home bucket or, if that was full, in the first bucket with room of
 * the home's probe sequence: the bucket beside it, then two that a hash of the home picks, and
 * so on.
 *
 * Why so: at the default load (11/16) 19 of 20 IPv4 flows and nine of ten IPv6 flows lie in
 * their home bucket, whose two lines are fetched at once and compared without a branch: a
 * flow elsewhere costs mispredicted branches besides a third and fourth line, which is far
 * more than the second line of everybody (doc/decisions/0008). Other buckets are
 * looked at only if the home bucket says that it has flows elsewhere: lane 0 counts them,
 * lane 1 tells how far along the sequence the farthest went. Plain linear probing was tried:
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
#define FLOW_VERSION 3

static unsigned int
lanes(enum flow_layout layout)
{
	return layout == FLOW_NARROW4 ? 8 : 4;
}

/* Buckets, an even number, for a load of 11/16: 23.3 bytes an IPv4 flow, 46.6 an IPv6 flow. */
static uint64_t
buckets_for(enum flow_layout layout, uint64_t capacity)
{
	uint64_t per_sixteen_buckets = 11 * lanes(layout);
	uint64_t nb = (capacity * 16 + per_sixteen_buckets - 1) / per_sixteen_buckets;

	return (nb + 1) & ~UINT64_C(1);
}

size_t
flow_table_size(enum flow_layout layout, uint64_t capacity)
{
	if (capacity == 0 || capacity > UINT32_MAX || buckets_for(layout, capacity) > UINT32_MAX)
		return 0;
	return sizeof(struct flow_region) + buckets_for(layout, capacity) * FLOW_BUCKET_SIZE;
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
		.nb_buckets = (uint32_t)buckets_for(layout, capacity),
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
	unsigned int reach = flow_bucket4(t, home)->values[1].bucket;

	for (unsigned int step = 1; step <= reach; step++) {
		struct flow_bucket4 *b = flow_bucket4(t, probe(t, home, step));
		unsigned int match = flow_match4(b, key);

		if (match != 0)
			return &b->values[__builtin_ctz(match)];
	}
	return NULL;
}

struct flow_value *
flow_find6_beyond(const struct flow_table *t, uint32_t home, const uint8_t *client, uint32_t port)
{
	unsigned int reach = flow_bucket6(t, home)->values[1].bucket;

	for (unsigned int step = 1; step <= reach; step++) {
		struct flow_bucket6 *b = flow_bucket6(t, probe(t, home, step));
		unsigned int match = flow_match6(b, client, port);

		if (match != 0)
			return &b->values[__builtin_ctz(match)];
	}
	return NULL;
}

/* A flow of the home with this @count and @reach went to @step of the probe sequence. */
static void
note_beyond(uint8_t *count, uint8_t *reach, unsigned int step)
{
	(*count)++; /* At most 8 * FLOW_REACH: cannot wrap. */
	if (*reach < step)
		*reach = (uint8_t)step;
}

/* One of them has gone. The reach shrinks only when none is left: exact enough, and cheap. */
static void
forget_beyond(uint8_t *count, uint8_t *reach)
{
	if (--*count == 0)
		*reach = 0;
}

struct flow_value *
flow_insert4_beyond(struct flow_table *t, uint32_t home, uint64_t key)
{
	struct flow_bucket4 *h = flow_bucket4(t, home);

	for (unsigned int step = 1; step <= FLOW_REACH; step++) {
		struct flow_bucket4 *b = flow_bucket4(t, probe(t, home, step));
		unsigned int vacant = flow_match4(b, 0);

		if (vacant != 0) {
			unsigned int lane = (unsigned int)__builtin_ctz(vacant);

			b->keys[lane] = key;
			note_beyond(&h->values[0].bucket, &h->values[1].bucket, step);
			t->nb_flows++;
			return &b->values[lane];
		}
	}
	return NULL;
}

struct flow_value *
flow_insert6_beyond(struct flow_table *t, uint32_t home, const uint8_t *client, uint32_t port)
{
	struct flow_bucket6 *h = flow_bucket6(t, home);

	for (unsigned int step = 1; step <= FLOW_REACH; step++) {
		struct flow_bucket6 *b = flow_bucket6(t, probe(t, home, step));
		unsigned int vacant = flow_vacant6(b);

		if (vacant != 0) {
			unsigned int lane = (unsigned int)__builtin_ctz(vacant);

			flow_put6(b, lane, client, port);
			note_beyond(&h->values[0].bucket, &h->values[1].bucket, step);
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
	struct flow_bucket4 *h = flow_bucket4(t, home);

	b->keys[lane] = 0;
	if (home != at)
		forget_beyond(&h->values[0].bucket, &h->values[1].bucket);
	t->nb_flows--;
}

static void
remove6(struct flow_table *t, uint32_t at, unsigned int lane)
{
	struct flow_bucket6 *b = flow_bucket6(t, at);
	uint32_t home = flow_hash6(t, b->clients[flow_client6(lane)], (uint32_t)b->ports[lane]);
	struct flow_bucket6 *h = flow_bucket6(t, home);

	b->ports[lane] = 0;
	if (home != at)
		forget_beyond(&h->values[0].bucket, &h->values[1].bucket);
	t->nb_flows--;
}

static unsigned int
sweep_bucket4(struct flow_table *t, uint32_t at, flow_judge judge, void *context)
{
	struct flow_bucket4 *b = flow_bucket4(t, at);
	unsigned int removed = 0;

	for (unsigned int lane = 0; lane < 8; lane++) {
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

	for (unsigned int lane = 0; lane < 4; lane++) {
		if (b->ports[lane] == 0)
			continue;
		if (judge(context, flow_service(b->ports[lane]), &b->values[lane])) {
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
