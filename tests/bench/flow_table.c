/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench flow-table: the table of lib/flow and DPDK's rte_hash, with the same keys in
 * the same kind of memory, taking turns in one run.
 *
 * Between the two clock reads of a burst lies the call for the burst and nothing else, and
 * nothing is subtracted. Flows are drawn uniformly at random, so that all of a table is
 * touched. What comes out is compared outside the timed part: all results of all rounds, and
 * all flows before the first round and after the last.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_prefetch.h>

#include "base/bytes.h"
#include "bench.h"
#include "contender.h"
#include "dataplane/pipeline.h"
#include "eal.h"
#include "flow/flow_table.h"
#include "options.h"
#include "report.h"

#define MIN_ROUNDS 200
/** Look-ups of a round; of new and of expired flows no more than a share of all. */
#define ROUND_OPS 1024
#define CHURN_SHARE 8
#define MIN_FLOWS 1024
#define MAX_FLOWS 100000000
/** Numbers from here on belong to no flow. */
#define FIRST_STRANGER (UINT32_C(1) << 31)
/** Tables that are filled to the first failure have at most so many places. */
#define MAX_FILL (UINT64_C(1) << 20)
#define MAX_SEEDS 64
#define SERVICE_ID 1

/** Our table first; results are told of both. */
#define NB_CONTENDERS 2

enum operation {
	OP_HIT,
	OP_MISS,
	OP_NEW,
	OP_EXPIRE,
	OP_SWEEP,
	NB_OPERATIONS
};

static const struct {
	const char *name;
	const char *text;
} operations[NB_OPERATIONS] = {
	[OP_HIT] = { "hit", "look-up, hit" },
	[OP_MISS] = { "miss", "look-up, miss" },
	[OP_NEW] = { "insert", "look-up, miss, and insert" },
	[OP_EXPIRE] = { "expire", "expire: remove" },
	[OP_SWEEP] = { "sweep", "sweep: look at, and keep" },
};

struct options {
	uint32_t flows;
	uint32_t family; /* Index into family_words. */
	uint32_t burst;
	uint32_t rounds;
	uint32_t seeds;
	uint32_t flags; /* Index into flags_words. */
	uint32_t keys;	/* enum contender_keys. */
	bool no_hugepages;
	bool json;
};

static const char *const family_words[] = { "4", "6", NULL };
static const char *const flags_words[] = { "lock-free", "none", NULL };
static const char *const keys_words[] = { "compared", "plain", "padded", NULL };

/** A contender and what was found out about it. */
struct side {
	const struct contender *is;
	struct contender_conf conf;
	void *table;
	uint64_t bytes;
	uint64_t slots;
	double *cycles[NB_OPERATIONS]; /* An operation, by round. */
	uint32_t nb_cycles[NB_OPERATIONS];
	double fill[MAX_SEEDS]; /* Share of places taken when an insertion failed first. */
};

struct contest {
	struct options options;
	struct bench_eal eal;
	const char *isa;
	struct side sides[NB_CONTENDERS];
	uint32_t churn; /* Flows that come and go in a round. */
	uint32_t next_new;
	uint64_t random;
	uint64_t verified;
	/* One round. */
	uint8_t (*keys)[CONTENDER_KEY_SIZE];
	const void *key_at[ROUND_OPS];
	uint32_t numbers[ROUND_OPS];
	uint64_t masks[ROUND_OPS];
	void *data[ROUND_OPS];
};

static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t
next_random(struct contest *c)
{
	return mix(c->random += UINT64_C(0x9e3779b97f4a7c15));
}

static enum ip_family
family_of(const struct options *o)
{
	return o->family == 0 ? IP_V4 : IP_V6;
}

/* Both mixings are one to one, so that no two numbers have one key. */
void
contender_key(enum ip_family family, uint32_t number, uint8_t key[CONTENDER_KEY_SIZE])
{
	static const uint8_t prefix[8] = { 0x20, 1, 0xd, 0xb8 };
	const uint64_t mask = (UINT64_C(1) << 48) - 1;
	uint64_t x = number + UINT64_C(1);

	memset(key, 0, CONTENDER_KEY_SIZE);
	if (family == IP_V6) {
		x = mix(x);
		memcpy(key, prefix, sizeof(prefix));
		memcpy(key + 8, &x, sizeof(x));
		store_u32(key + 16, flow_port6((uint16_t)mix(x + 1), SERVICE_ID));
		return;
	}
	x = x * UINT64_C(0x9e3779b97f4b) & mask;
	x = (x ^ x >> 25) * UINT64_C(0xbf58476d1ce5) & mask;
	x ^= x >> 24;
	x = flow_key4((uint32_t)(x >> 16), (uint16_t)x, SERVICE_ID);
	memcpy(key, &x, sizeof(x));
}

static void
make_keys(struct contest *c, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++)
		contender_key(family_of(&c->options), c->numbers[i], c->keys[i]);
}

/* Number @p i of the burst that begins at @p first was found as it should be. */
static bool
result_right(struct contest *c, const struct side *s, uint32_t i, bool expected)
{
	bool found = c->masks[i / c->options.burst] >> i % c->options.burst & 1;

	c->verified++;
	if (found == expected && (!found || (uintptr_t)c->data[i] == c->numbers[i]))
		return true;
	fprintf(stderr, "guideway-bench: %s: flow %" PRIu32 " was %s\n", s->is->name, c->numbers[i],
			!found			    ? "not found"
					: !expected ? "found, and is not there"
						    : "mistaken");
	return false;
}

/* All of a round. */
static bool
results_right(struct contest *c, const struct side *s, uint32_t nb, bool expected)
{
	for (uint32_t i = 0; i < nb; i++)
		if (!result_right(c, s, i, expected))
			return false;
	return true;
}

typedef uint64_t (*burst_function)(void *table, const void **keys, uint32_t nb, void *data[]);

/* @return cycles. */
static uint64_t
run_bursts(struct contest *c, void *table, burst_function function, uint32_t nb)
{
	uint64_t cycles = 0;
	uint32_t burst = c->options.burst;

	for (uint32_t i = 0; i < nb; i += burst) {
		uint32_t length = RTE_MIN(burst, nb - i);
		uint64_t begin = rte_rdtsc_precise();
		uint64_t mask = function(table, &c->key_at[i], length, &c->data[i]);
		uint64_t end = rte_rdtsc_precise();

		c->masks[i / burst] = mask;
		cycles += end - begin;
	}
	return cycles;
}

static void
note(struct side *s, enum operation op, uint64_t cycles, uint32_t nb)
{
	s->cycles[op][s->nb_cycles[op]++] = (double)cycles / nb;
}

/* Whose turn it is first changes by round. */
static struct side *
turn(struct contest *c, uint32_t round, uint32_t i)
{
	return &c->sides[(round + i) % NB_CONTENDERS];
}

static bool
round_of_lookups(struct contest *c, uint32_t round, enum operation op)
{
	for (uint32_t i = 0; i < ROUND_OPS; i++)
		c->numbers[i] = op == OP_HIT ? (uint32_t)(next_random(c) % c->options.flows)
					     : FIRST_STRANGER | (uint32_t)next_random(c);
	make_keys(c, ROUND_OPS);
	for (uint32_t i = 0; i < NB_CONTENDERS; i++) {
		struct side *s = turn(c, round, i);

		memset(c->data, 0, sizeof(c->data));
		note(s, op, run_bursts(c, s->table, s->is->find, ROUND_OPS), ROUND_OPS);
		if (!results_right(c, s, ROUND_OPS, op == OP_HIT))
			return false;
	}
	return true;
}

static void
put_numbers(struct contest *c, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++)
		c->data[i] = (void *)(uintptr_t)c->numbers[i];
}

/* Were the flows that run_bursts() entered all new, and did all find a place? */
static bool
all_entered(struct contest *c, const struct side *s, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++)
		if ((c->masks[i / c->options.burst] >> i % c->options.burst & 1) == 0) {
			fprintf(stderr, "guideway-bench: %s: flow %" PRIu32 " was not entered\n",
					s->is->name, c->numbers[i]);
			return false;
		}
	return true;
}

static bool
enter(struct contest *c, struct side *s, uint32_t nb, uint64_t *cycles)
{
	put_numbers(c, nb);
	*cycles = run_bursts(c, s->table, s->is->enter, nb);
	return all_entered(c, s, nb);
}

static bool
removed_all(const struct side *s, uint32_t removed, uint32_t wanted)
{
	if (removed == wanted)
		return true;
	fprintf(stderr, "guideway-bench: %s: of %u flows %u could be removed\n", s->is->name,
			wanted, removed);
	return false;
}

/* New flows come; outside the timed part they are looked up, and go again. */
static bool
round_of_new(struct contest *c, uint32_t round)
{
	for (uint32_t i = 0; i < c->churn; i++)
		c->numbers[i] = c->next_new++;
	make_keys(c, c->churn);
	for (uint32_t i = 0; i < NB_CONTENDERS; i++) {
		struct side *s = turn(c, round, i);
		uint64_t cycles;

		if (!enter(c, s, c->churn, &cycles))
			return false;
		note(s, OP_NEW, cycles, c->churn);
		run_bursts(c, s->table, s->is->find, c->churn);
		if (!results_right(c, s, c->churn, true) ||
				!removed_all(s, s->is->remove(s->table, c->key_at, c->churn),
						c->churn))
			return false;
	}
	return true;
}

/*
 * What our sweep meets expires; rte_hash is told the same flows' keys. Outside the timed
 * part they are missed, and come back.
 */
static bool
round_of_expiry(struct contest *c)
{
	struct side *ours = &c->sides[0], *theirs = &c->sides[1];
	uint64_t random = next_random(c), begin = rte_rdtsc_precise();
	uint32_t nb = ours->is->expire(ours->table, random, c->churn, c->numbers);
	uint64_t cycles = rte_rdtsc_precise() - begin;
	uint32_t removed;

	if (nb == 0)
		return true; /* Small tables have empty stretches. */
	note(ours, OP_EXPIRE, cycles, nb);
	make_keys(c, nb);
	begin = rte_rdtsc_precise();
	removed = theirs->is->remove(theirs->table, c->key_at, nb);
	note(theirs, OP_EXPIRE, rte_rdtsc_precise() - begin, nb);
	if (!removed_all(theirs, removed, nb))
		return false;
	for (uint32_t i = 0; i < NB_CONTENDERS; i++) {
		struct side *s = &c->sides[i];

		run_bursts(c, s->table, s->is->find, nb);
		if (!results_right(c, s, nb, false) || !enter(c, s, nb, &cycles))
			return false;
	}
	return true;
}

static void
round_of_sweep(struct contest *c, uint32_t round)
{
	uint64_t random = next_random(c);

	for (uint32_t i = 0; i < NB_CONTENDERS; i++) {
		struct side *s = turn(c, round, i);
		uint64_t begin = rte_rdtsc_precise();
		uint32_t seen = s->is->sweep(s->table, random, c->churn);
		uint64_t cycles = rte_rdtsc_precise() - begin;

		if (seen > 0)
			note(s, OP_SWEEP, cycles, seen);
	}
}

/* All flows: entered, or looked up. */
static bool
all_flows(struct contest *c, struct side *s, bool entering)
{
	for (uint32_t flow = 0; flow < c->options.flows; flow += ROUND_OPS) {
		uint32_t nb = RTE_MIN((uint32_t)ROUND_OPS, c->options.flows - flow);
		uint64_t cycles;

		for (uint32_t i = 0; i < nb; i++)
			c->numbers[i] = flow + i;
		make_keys(c, nb);
		if (entering && !enter(c, s, nb, &cycles))
			return false;
		if (entering)
			continue;
		run_bursts(c, s->table, s->is->find, nb);
		if (!results_right(c, s, nb, true))
			return false;
	}
	return true;
}

static bool
measure(struct contest *c)
{
	for (uint32_t i = 0; i < NB_CONTENDERS; i++)
		if (!all_flows(c, &c->sides[i], true) || !all_flows(c, &c->sides[i], false))
			return false;
	for (uint32_t round = 0; round < c->options.rounds; round++)
		if (!round_of_lookups(c, round, OP_HIT) || !round_of_lookups(c, round, OP_MISS))
			return false;
	for (uint32_t round = 0; round < c->options.rounds; round++) {
		if (!round_of_new(c, round) || !round_of_expiry(c))
			return false;
		round_of_sweep(c, round);
	}
	for (uint32_t i = 0; i < NB_CONTENDERS; i++)
		if (!all_flows(c, &c->sides[i], false))
			return false;
	return true;
}

static uint64_t
allocated_bytes(void)
{
	struct rte_malloc_socket_stats stats = { 0 };
	uint64_t bytes = 0;

	for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++)
		if (rte_malloc_get_socket_stats(socket, &stats) == 0)
			bytes += stats.heap_allocsz_bytes;
	return bytes;
}

/* All that a table takes, by what the heap has less. */
static bool
create_table(struct side *s, const struct contender_conf *conf)
{
	uint64_t before = allocated_bytes();

	s->table = s->is->create(conf);
	if (s->table == NULL) {
		fprintf(stderr, "guideway-bench: %s: no memory for %" PRIu64 " flows\n",
				s->is->name, conf->capacity);
		return false;
	}
	s->bytes = allocated_bytes() - before;
	s->slots = s->is->slots(s->table);
	return true;
}

static void
destroy_table(struct side *s)
{
	s->is->destroy(s->table);
	s->table = NULL;
}

/* Flows that can be entered one after the other until one finds no place. */
static uint64_t
fill(struct contest *c, const struct side *s, uint32_t seed)
{
	uint32_t number = seed * MAX_FILL * 2;
	uint64_t nb = 0;

	for (;; nb++) {
		void *data = (void *)(uintptr_t)number;

		contender_key(family_of(&c->options), number++, c->keys[0]);
		if (s->is->enter(s->table, c->key_at, 1, &data) == 0)
			return nb;
	}
}

/* Tables of their own, with a power of two of flows: rte_hash has then as many keys as places. */
static bool
measure_fill(struct contest *c)
{
	for (uint32_t i = 0; i < NB_CONTENDERS; i++)
		for (uint32_t seed = 0; seed < c->options.seeds; seed++) {
			struct side s = { .is = c->sides[i].is };
			struct contender_conf conf = c->sides[i].conf;

			conf.seed = seed;
			conf.capacity = RTE_MIN(rte_align64pow2(c->options.flows), MAX_FILL);
			conf.beyond_capacity = true;
			if (!create_table(&s, &conf))
				return false;
			c->sides[i].fill[seed] = (double)fill(c, &s, seed) / (double)s.slots;
			destroy_table(&s);
		}
	return true;
}

static void
print_table(struct contest *c, struct bench_summary results[NB_OPERATIONS][NB_CONTENDERS])
{
	const struct options *o = &c->options;

	printf("IPv%s, %u flows, bursts of %u, %u rounds, %s pages, %s; rte_hash: %s, %s keys\n",
			family_words[o->family], o->flows, o->burst, o->rounds,
			o->no_hugepages ? "4k" : "2M", c->isa, flags_words[o->flags],
			keys_words[o->keys]);
	printf("%-28s %10s %10s %10s %10s %8s\n", "cycles a flow", "guideway", "median", "rte_hash",
			"median", "ratio");
	for (uint32_t op = 0; op < NB_OPERATIONS; op++)
		printf("%-28s %10.1f %10.1f %10.1f %10.1f %8.2f\n", operations[op].text,
				results[op][0].min, results[op][0].median, results[op][1].min,
				results[op][1].median, results[op][1].min / results[op][0].min);
	printf("%-28s %10.1f %10s %10.1f %10s %8.2f\n", "bytes a flow",
			(double)c->sides[0].bytes / o->flows, "",
			(double)c->sides[1].bytes / o->flows, "",
			(double)c->sides[1].bytes / (double)c->sides[0].bytes);
	printf("%-28s %9.1f%% %10s %9.1f%%\n", "places taken",
			100.0 * o->flows / (double)c->sides[0].slots, "",
			100.0 * o->flows / (double)c->sides[1].slots);
	if (o->seeds > 0)
		printf("%-28s %9.1f%% %9.1f%% %9.1f%% %9.1f%%\n", "first failure to insert at",
				100 * bench_summarize(c->sides[0].fill, o->seeds).min,
				100 * bench_summarize(c->sides[0].fill, o->seeds).median,
				100 * bench_summarize(c->sides[1].fill, o->seeds).min,
				100 * bench_summarize(c->sides[1].fill, o->seeds).median);
	printf("%" PRIu64 " results verified, TSC %" PRIu64 " Hz\n", c->verified, rte_get_tsc_hz());
}

static json_t *
json_of_side(const struct contest *c, struct side *s)
{
	uint32_t seeds = c->options.seeds;
	json_t *o = json_pack("{s:I, s:f, s:I, s:f}", "table_bytes", (json_int_t)s->bytes,
			"bytes_per_flow", (double)s->bytes / c->options.flows, "places",
			(json_int_t)s->slots, "load", (double)c->options.flows / (double)s->slots);

	if (seeds > 0)
		json_object_set_new(o, "first_failure_load",
				bench_json_summary(bench_summarize(s->fill, seeds), 1));
	return o;
}

static json_t *
json_of_operation(const struct bench_summary results[NB_CONTENDERS])
{
	double ns = 1e9 / (double)rte_get_tsc_hz();

	return json_pack("{s:{s:o, s:o}, s:{s:o, s:o}, s:f}", "guideway", "cycles",
			bench_json_summary(results[0], 1), "ns", bench_json_summary(results[0], ns),
			"rte_hash", "cycles", bench_json_summary(results[1], 1), "ns",
			bench_json_summary(results[1], ns), "ratio",
			results[1].min / results[0].min);
}

static int
print_json(struct contest *c, struct bench_summary results[NB_OPERATIONS][NB_CONTENDERS])
{
	const struct options *o = &c->options;
	json_t *all = json_pack("{s:i, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:s, s:o, s:o}", "family",
			(int)family_of(o), "flows", (int)o->flows, "burst", (int)o->burst, "rounds",
			(int)o->rounds, "seeds", (int)o->seeds, "pages",
			o->no_hugepages ? "4k" : "2M", "isa", c->isa, "rte_hash_flags",
			flags_words[o->flags], "rte_hash_keys", keys_words[o->keys], "guideway",
			json_of_side(c, &c->sides[0]), "rte_hash", json_of_side(c, &c->sides[1]));

	for (uint32_t op = 0; op < NB_OPERATIONS; op++)
		json_object_set_new(all, operations[op].name, json_of_operation(results[op]));
	json_object_set_new(all, "verified", json_integer((json_int_t)c->verified));
	json_object_set_new(all, "tsc_hz", json_integer((json_int_t)rte_get_tsc_hz()));
	return bench_json_print(all);
}

static int
report(struct contest *c)
{
	struct bench_summary results[NB_OPERATIONS][NB_CONTENDERS];

	for (uint32_t op = 0; op < NB_OPERATIONS; op++)
		for (uint32_t i = 0; i < NB_CONTENDERS; i++) {
			struct side *s = &c->sides[i];

			if (s->nb_cycles[op] < MIN_ROUNDS / 2) {
				fprintf(stderr, "guideway-bench: %s: only %u rounds of %s\n",
						s->is->name, s->nb_cycles[op], operations[op].name);
				return BENCH_EXIT_FAILED;
			}
			results[op][i] = bench_summarize(s->cycles[op], s->nb_cycles[op]);
		}
	if (c->options.json)
		return print_json(c, results);
	print_table(c, results);
	return BENCH_EXIT_OK;
}

static const struct contender *
our_contender(const char *isa)
{
	return strcmp(isa, "avx2") == 0 ? &contender_avx2 : &contender_portable;
}

static bool
prepare(struct contest *c)
{
	const struct options *o = &c->options;

	c->churn = RTE_MIN((uint32_t)ROUND_OPS, o->flows / CHURN_SHARE);
	c->next_new = o->flows;
	c->isa = pipeline_choose()->name;
	c->sides[0].is = our_contender(c->isa);
	c->sides[1].is = &contender_rte_hash;
	c->keys = calloc(ROUND_OPS, sizeof(*c->keys));
	if (c->keys == NULL)
		return false;
	for (uint32_t i = 0; i < ROUND_OPS; i++)
		c->key_at[i] = c->keys[i];
	for (uint32_t i = 0; i < NB_CONTENDERS; i++) {
		c->sides[i].conf = (struct contender_conf){ .family = family_of(o),
			.capacity = (uint64_t)o->flows + c->churn,
			.seed = 1,
			.lock_free = o->flags == 0,
			.keys = (enum contender_keys)o->keys };
		for (uint32_t op = 0; op < NB_OPERATIONS; op++) {
			c->sides[i].cycles[op] = calloc(o->rounds, sizeof(double));
			if (c->sides[i].cycles[op] == NULL)
				return false;
		}
	}
	return true;
}

static unsigned int
megabytes_needed(const struct contest *c)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < NB_CONTENDERS; i++)
		bytes += c->sides[i].is->memory(&c->sides[i].conf);
	return (unsigned int)(bytes >> 20) + 32;
}

static int
run(struct contest *c)
{
	int ret = BENCH_EXIT_FAILED;

	if (!prepare(c)) {
		fprintf(stderr, "guideway-bench: out of memory\n");
		return ret;
	}
	if (bench_eal_start(&c->eal, megabytes_needed(c), !c->options.no_hugepages) < 0)
		goto out;
	for (uint32_t i = 0; i < NB_CONTENDERS; i++)
		if (!create_table(&c->sides[i], &c->sides[i].conf))
			goto out;
	if (!measure(c))
		goto out;
	for (uint32_t i = 0; i < NB_CONTENDERS; i++)
		destroy_table(&c->sides[i]);
	if (measure_fill(c))
		ret = report(c);
out:
	bench_eal_stop(&c->eal);
	return ret;
}

static int
options_parse(struct options *o, int argc, char **argv)
{
	const struct bench_option options[] = {
		BENCH_NUMBER("flows", &o->flows, MIN_FLOWS, MAX_FLOWS, "known flows"),
		BENCH_WORD("family", &o->family, family_words, "of the clients"),
		BENCH_NUMBER("burst", &o->burst, 1, CONTENDER_BURST_MAX, "look-ups at once"),
		BENCH_NUMBER("rounds", &o->rounds, MIN_ROUNDS, 1000000, "of 1024 look-ups"),
		BENCH_NUMBER("seeds", &o->seeds, 0, MAX_SEEDS,
				"tables filled to the first failure"),
		BENCH_WORD("rte-flags", &o->flags, flags_words, "of rte_hash"),
		BENCH_WORD("rte-keys", &o->keys, keys_words, "of rte_hash"),
		BENCH_FLAG("no-hugepages", &o->no_hugepages, "4 KiB pages"),
		BENCH_FLAG("json", &o->json, "one JSON object"),
		BENCH_OPTIONS_END,
	};

	return bench_options_parse(options, argc, argv);
}

int
bench_flow_table(int argc, char **argv)
{
	struct contest *c = calloc(1, sizeof(*c));
	int ret = BENCH_EXIT_FAILED;

	if (c == NULL)
		return ret;
	c->options = (struct options){ .flows = 1000000, .burst = 32, .rounds = 1000, .seeds = 5 };
	ret = options_parse(&c->options, argc, argv);
	if (ret < 0)
		ret = run(c);
	for (uint32_t i = 0; i < NB_CONTENDERS; i++)
		for (uint32_t op = 0; op < NB_OPERATIONS; op++)
			free(c->sides[i].cycles[op]);
	free(c->keys);
	free(c);
	return ret;
}
