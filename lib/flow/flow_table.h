/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FLOW_FLOW_TABLE_H
#define FLOW_FLOW_TABLE_H

/**
 * @file
 * Flow tables: which member of its service a client's flow belongs to. Narrow
 * entries: exact key (service id, client address, client port), never a digest;
 * 12 bytes for an IPv4 flow, 24 for an IPv6 flow. flow_table.c tells how it works.
 *
 * The functions of a packet's path are inline and split where memory is touched, so
 * that a burst can be hashed and its buckets prefetched before the first is looked
 * at: flow_hash4() and flow_prefetch4() for the whole burst, then flow_find4(); for what was
 * not found but may be elsewhere flow_prefetch4_beyond(), and, at the end of the burst,
 * flow_find4_beyond(); flow_insert4() for what is nowhere.
 *
 * Thread safety: none. A table belongs to one worker.
 *
 * Memory: the caller's: one region of flow_table_size() bytes without a pointer in it
 * (struct flow_region), so that a later process can adopt it, and a small handle.
 */

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"

/** Milliseconds of a tick, the unit of a table's clock. Ticks count CLOCK_BOOTTIME. */
#define FLOW_TICK_MS 2000
/** Entries know times modulo this many ticks: nine hours. */
#define FLOW_TICKS 16384
/** So long may a flow be idle before it is swept: what is older would look young again. */
#define FLOW_MAX_LIFETIME_S 28800
_Static_assert(FLOW_MAX_LIFETIME_S + 3600 < FLOW_TICKS * (FLOW_TICK_MS / 1000),
		"an hour until the next sweep is more than enough");
/** Service ids in keys are below this. */
#define FLOW_MAX_SERVICES 32768
/** Flows of a bucket. */
#define FLOW_LANES 5
/** An entry lies in its home bucket or in one of this many others. */
#define FLOW_REACH 31

/** Layout of a table. */
enum flow_layout {
	FLOW_NARROW4 = 1, /**< Five IPv4 flows a cache line. */
	FLOW_NARROW6 = 2, /**< Five IPv6 flows a pair of cache lines. */
};

/** What is remembered of a flow; lies within its entry. */
struct flow_value {
	uint16_t member;    /**< Index within the service: the caller's. */
	uint16_t state : 2; /**< The caller's: enum flow_state. */
	uint16_t seen : 14; /**< flow_stamp() of the last packet that counted. */
};
_Static_assert(sizeof(struct flow_value) == 4, "a third of an IPv4 entry");

/** Of a bucket: the flows that have their home here but lie elsewhere. */
struct flow_beyond {
	uint8_t count;
	uint8_t reach; /**< How many steps of the probe sequence the farthest went. */
	uint16_t reserved;
};
_Static_assert(FLOW_LANES *FLOW_REACH <= UINT8_MAX, "the count cannot wrap");

/** Five IPv4 flows: a line. */
struct flow_bucket4 {
	uint64_t keys[FLOW_LANES]; /**< flow_key4(); 0 = free. */
	struct flow_value values[FLOW_LANES];
	struct flow_beyond beyond;
};
_Static_assert(sizeof(struct flow_bucket4) == CACHE_LINE, "a line");

/** Five IPv6 flows: a pair of lines. That a flow is not here the first line tells, nearly always. */
struct flow_bucket6 {
	uint32_t marks[FLOW_LANES]; /**< Of flow_hash6(); 0 = free. */
	struct flow_beyond beyond;
	uint64_t suffixes[FLOW_LANES]; /**< The lower half of the client's address, */
	uint64_t prefixes[FLOW_LANES]; /**< and the upper half. */
	struct flow_value values[FLOW_LANES];
	uint32_t reserved;
};
_Static_assert(sizeof(struct flow_bucket6) == 2 * CACHE_LINE, "a pair of lines");
_Static_assert(offsetof(struct flow_bucket6, prefixes) == CACHE_LINE, "the second line");

/** Start of a region. */
struct flow_region {
	uint64_t magic;
	uint32_t version;
	uint32_t layout;   /**< enum flow_layout. */
	uint64_t size;	   /**< Of the region in bytes. */
	uint64_t capacity; /**< Flows that fit. */
	uint32_t nb_buckets;
	uint32_t tick_ms;
	uint64_t hash_key[4]; /**< Random. */
	uint64_t nb_flows;
	uint8_t reserved[48];
};
_Static_assert(sizeof(struct flow_region) == 2 * CACHE_LINE, "region layout");

/** Handle of a region; process-private. */
struct flow_table {
	void *buckets;
	uint64_t key[4];
	uint32_t nb_buckets; /**< Even. */
	uint32_t sweep_next; /**< Next bucket to sweep. */
	uint32_t layout;     /**< enum flow_layout. */
	uint64_t nb_flows;
	uint64_t capacity;
	struct flow_region *region;
};

/** Bytes of a region that holds @p capacity flows (at least 1); 0: @p capacity is too large. */
size_t flow_table_size(enum flow_layout layout, uint64_t capacity);

/**
 * Make an empty table in @p memory.
 * @param memory   Aligned to 2 * CACHE_LINE, of flow_table_size() bytes, zeroed by the caller
 *                 (fresh pages are: nothing is touched here but the header).
 * @param hash_key 32 random bytes.
 */
void flow_table_init(struct flow_table *table, void *memory, enum flow_layout layout,
		uint64_t capacity, const uint64_t hash_key[4]);

/** Write nb_flows back to the region, for who adopts it. */
void flow_table_detach(struct flow_table *table);

/**
 * Judge one flow during a sweep.
 * @param service Its service id.
 * @return true: remove it. The judge keeps its counts before it says so.
 */
typedef bool (*flow_judge)(void *context, uint16_t service, struct flow_value *value);

/**
 * Look at the next @p nb buckets; wraps around.
 * @param removed Counts flows that the judge gave up.
 * @return true: the end of the table was passed, a whole pass is complete.
 */
bool flow_table_sweep(struct flow_table *table, uint32_t nb, flow_judge judge, void *context,
		uint64_t *removed);

/**
 * What an IPv6 flow's key has besides the client's address: client port | marked service.
 * @param port_be As it stands in the packet. Never 0.
 */
static inline uint32_t
flow_port6(uint16_t port_be, uint16_t service)
{
	return (uint32_t)port_be << 16 | service | FLOW_MAX_SERVICES;
}

/** Key of an IPv4 flow: client address | client port | marked service. Never 0. */
static inline uint64_t
flow_key4(uint32_t client_be, uint16_t port_be, uint16_t service)
{
	return (uint64_t)client_be << 32 | flow_port6(port_be, service);
}

/** A tick as entries keep it. */
static inline uint16_t
flow_stamp(uint32_t tick)
{
	return tick % FLOW_TICKS;
}

/**
 * Ticks since the last packet of a flow that counted.
 * @return n: at least n - 1 whole ticks have passed, at most n + 1.
 */
static inline uint32_t
flow_idle(const struct flow_value *value, uint32_t now)
{
	return flow_stamp(now - value->seen);
}

/** The service of a flow_key4(), flow_port6() or mark. */
static inline uint16_t
flow_service(uint64_t key)
{
	return key & (FLOW_MAX_SERVICES - 1);
}

/* Multiply and fold: both halves of the product count. */
static inline uint64_t
flow_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t
flow_bucket_of(const struct flow_table *t, uint64_t hash)
{
	return (uint32_t)(((hash >> 32) * t->nb_buckets) >> 32);
}

/** Home bucket of a key. */
static inline uint32_t
flow_hash4(const struct flow_table *t, uint64_t key)
{
	return flow_bucket_of(
			t, flow_fold(flow_fold(key ^ t->key[0], t->key[1]) ^ t->key[2], t->key[3]));
}

/**
 * Where an IPv6 flow is at home, and what stands for its ports in a lane: the client's port
 * masked with a keyed hash of the address. So marks differ where ports do not, and who knows not
 * the key cannot make them alike; with the address beside it a mark still tells the exact port.
 */
struct flow_hash6 {
	uint32_t home;
	uint32_t mark; /**< Never 0; the service in clear. */
};

static inline uint64_t
flow_hash_client6(const struct flow_table *t, uint64_t prefix, uint64_t suffix)
{
	return flow_fold(prefix ^ t->key[0], suffix ^ t->key[1]);
}

/* Its own inverse: makes a mark of a port and the port of a mark. */
static inline uint32_t
flow_mask_port6(uint64_t client_hash, uint32_t port)
{
	return port ^ ((uint32_t)client_hash & UINT32_C(0xffff0000));
}

static inline uint32_t
flow_home6(const struct flow_table *t, uint64_t client_hash, uint32_t port)
{
	return flow_bucket_of(t, flow_fold(client_hash ^ port ^ t->key[2], t->key[3]));
}

/** @param client 16 bytes. @param port flow_port6(). */
static inline struct flow_hash6
flow_hash6(const struct flow_table *t, const uint8_t *client, uint32_t port)
{
	uint64_t hash = flow_hash_client6(t, load_u64(client), load_u64(client + 8));

	return (struct flow_hash6){ .home = flow_home6(t, hash, port),
		.mark = flow_mask_port6(hash, port) };
}

static inline struct flow_bucket4 *
flow_bucket4(const struct flow_table *t, uint32_t at)
{
	return (struct flow_bucket4 *)t->buckets + at;
}

static inline struct flow_bucket6 *
flow_bucket6(const struct flow_table *t, uint32_t at)
{
	return (struct flow_bucket6 *)t->buckets + at;
}

static inline void
flow_prefetch4(const struct flow_table *t, uint32_t home)
{
	__builtin_prefetch(flow_bucket4(t, home), 0, 3);
}

static inline void
flow_prefetch6_first(const struct flow_table *t, uint32_t home)
{
	__builtin_prefetch(flow_bucket6(t, home), 0, 3);
}

static inline void
flow_prefetch6_second(const struct flow_table *t, uint32_t home)
{
	__builtin_prefetch(flow_bucket6(t, home)->prefixes, 0, 3);
}

/** Both lines of a bucket. */
static inline void
flow_prefetch6(const struct flow_table *t, uint32_t home)
{
	flow_prefetch6_first(t, home);
	flow_prefetch6_second(t, home);
}

/*
 * Bit i: lane i holds the flow. Without a branch: which lane it is nobody can predict.
 */
static inline unsigned int
flow_match4(const struct flow_bucket4 *b, uint64_t key)
{
	unsigned int last = b->keys[4] == key;
#ifdef __AVX2__
	__m256i four = _mm256_load_si256((const __m256i *)(const void *)b->keys);

	return (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(
			       _mm256_cmpeq_epi64(four, _mm256_set1_epi64x((long long)key)))) |
			last << 4;
#else
	unsigned int match = last << 4;

	for (unsigned int lane = 0; lane < 4; lane++)
		match |= (unsigned int)(b->keys[lane] == key) << lane;
	return match;
#endif
}

/* Bit i: lane i has this mark, 0: is free. */
static inline unsigned int
flow_match_mark6(const struct flow_bucket6 *b, uint32_t mark)
{
#ifdef __AVX2__
	__m256i equal = _mm256_cmpeq_epi32(
			_mm256_load_si256((const __m256i *)(const void *)b->marks),
			_mm256_set1_epi32((int)mark));

	return (unsigned int)_mm256_movemask_ps(_mm256_castsi256_ps(equal)) &
			((1 << FLOW_LANES) - 1);
#else
	unsigned int match = 0;

	for (unsigned int lane = 0; lane < FLOW_LANES; lane++)
		match |= (unsigned int)(b->marks[lane] == mark) << lane;
	return match;
#endif
}

/*
 * Which lane it is the marks nearly always tell, without a branch; that the address is the
 * same, too, can be predicted then. @return the flow's value, or NULL.
 */
static inline struct flow_value *
flow_look6(struct flow_bucket6 *b, const uint8_t *client, uint32_t mark)
{
	uint64_t prefix = load_u64(client);
	uint64_t suffix = load_u64(client + 8);

	for (unsigned int left = flow_match_mark6(b, mark); left != 0; left &= left - 1) {
		unsigned int lane = (unsigned int)__builtin_ctz(left);

		if (likely(b->suffixes[lane] == suffix && b->prefixes[lane] == prefix))
			return &b->values[lane];
	}
	return NULL;
}

/**
 * Find a flow in its home bucket.
 * @param home flow_hash4() of @p key; for IPv6 home and mark are those of flow_hash6().
 * @return its value, to be read and changed in place; NULL: it is not there, but, if
 *         flow_overflowed4(), may be elsewhere.
 */
static inline struct flow_value *
flow_find4(const struct flow_table *t, uint32_t home, uint64_t key)
{
	struct flow_bucket4 *b = flow_bucket4(t, home);
	unsigned int match = flow_match4(b, key);

	return likely(match != 0) ? &b->values[__builtin_ctz(match)] : NULL;
}

static inline struct flow_value *
flow_find6(const struct flow_table *t, uint32_t home, const uint8_t *client, uint32_t mark)
{
	return flow_look6(flow_bucket6(t, home), client, mark);
}

/** Are there flows of this home elsewhere? */
static inline bool
flow_overflowed4(const struct flow_table *t, uint32_t home)
{
	return flow_bucket4(t, home)->beyond.count != 0;
}

static inline bool
flow_overflowed6(const struct flow_table *t, uint32_t home)
{
	return flow_bucket6(t, home)->beyond.count != 0;
}

/** Where most flows are that their home had no room for. */
static inline void
flow_prefetch4_beyond(const struct flow_table *t, uint32_t home)
{
	flow_prefetch4(t, home ^ 1);
}

static inline void
flow_prefetch6_beyond(const struct flow_table *t, uint32_t home)
{
	flow_prefetch6(t, home ^ 1);
}

/** Find a flow that is not in its home bucket. @return its value, or NULL. */
struct flow_value *flow_find4_beyond(const struct flow_table *t, uint32_t home, uint64_t key);
struct flow_value *flow_find6_beyond(
		const struct flow_table *t, uint32_t home, const uint8_t *client, uint32_t mark);

/* Bit i: lane i is free. */

static inline unsigned int
flow_vacant4(const struct flow_bucket4 *b)
{
	return flow_match4(b, 0);
}

static inline unsigned int
flow_vacant6(const struct flow_bucket6 *b)
{
	return flow_match_mark6(b, 0);
}

static inline void
flow_put6(struct flow_bucket6 *b, unsigned int lane, const uint8_t *client, uint32_t mark)
{
	b->prefixes[lane] = load_u64(client);
	b->suffixes[lane] = load_u64(client + 8);
	b->marks[lane] = mark;
}

/* Of a flow whose home bucket is full. */
struct flow_value *flow_insert4_beyond(struct flow_table *t, uint32_t home, uint64_t key);
struct flow_value *flow_insert6_beyond(
		struct flow_table *t, uint32_t home, const uint8_t *client, uint32_t mark);

/**
 * Enter a flow that neither flow_find4() nor flow_find4_beyond() found.
 * @return its value, with member, state and seen to be filled in; NULL: the table is
 *         full (its capacity is reached, or the home's neighbourhood has no room).
 */
static inline struct flow_value *
flow_insert4(struct flow_table *t, uint32_t home, uint64_t key)
{
	struct flow_bucket4 *b = flow_bucket4(t, home);
	unsigned int vacant = flow_vacant4(b);
	unsigned int lane;

	if (unlikely(t->nb_flows >= t->capacity))
		return NULL;
	if (unlikely(vacant == 0))
		return flow_insert4_beyond(t, home, key);
	lane = (unsigned int)__builtin_ctz(vacant);
	b->keys[lane] = key;
	t->nb_flows++;
	return &b->values[lane];
}

static inline struct flow_value *
flow_insert6(struct flow_table *t, uint32_t home, const uint8_t *client, uint32_t mark)
{
	struct flow_bucket6 *b = flow_bucket6(t, home);
	unsigned int vacant = flow_vacant6(b);
	unsigned int lane;

	if (unlikely(t->nb_flows >= t->capacity))
		return NULL;
	if (unlikely(vacant == 0))
		return flow_insert6_beyond(t, home, client, mark);
	lane = (unsigned int)__builtin_ctz(vacant);
	flow_put6(b, lane, client, mark);
	t->nb_flows++;
	return &b->values[lane];
}

#endif
