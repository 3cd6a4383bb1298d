/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench maglev: how long tables take, how even they are, and how many slots a
 * change of the configuration moves.
 *
 * Time: the minimum and the median of many rounds, each with keys of its own and a pause
 * before it, because the second core of a small machine is rarely idle. Disruption: medians
 * over key sets, because one set says little.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "hash/maglev.h"

#define PAUSE_US 2000
/** Of every backend, unless --max-weight says otherwise. */
#define WEIGHT 10
/** One in so many backends is down while maglev_resolve() is timed. */
#define DOWN_ONE_IN 10

struct options {
	uint32_t nb_slots;
	uint32_t nb_backends;
	uint32_t nb_rounds;
	uint32_t nb_key_sets;
	uint32_t max_weight; /* 0: all weights equal. */
	bool json;
};

struct tables {
	struct maglev_backend *backends;
	uint16_t *anchor;
	uint16_t *changed;
	uint32_t *counts;
	/* A value a round or a key set. */
	double *build_ms;
	double *resolve_ms;
	double *removal_share;
	double *removal_ratio;
	double *weight_ratio;
};

struct results {
	struct bench_summary build_ms;
	struct bench_summary resolve_ms;
	double share_error;    /* Greatest |slots - M × W / ΣW| of all backends and key sets. */
	double disruption;     /* Share of the others' slots that a removal moved. */
	double disruption_max; /* The same of the worst key set. */
	double removal_ratio;  /* All slots moved by a removal ÷ the minimum. */
	double weight_ratio;   /* The same for a weight that shrinks by a tenth. */
};

static void
usage(FILE *out)
{
	fprintf(out,
			"usage: guideway-bench maglev [OPTION]...\n"
			"  --slots M         slots of the table, a prime from %u to %u (65537)\n"
			"  --backends N      backends, 1 to %u (100)\n"
			"  --max-weight W    weights at random from 1 to W, instead of %u each\n"
			"  --rounds R        rounds that are timed (50)\n"
			"  --key-sets K      sets of backends that medians of disruption are over (40)\n"
			"  --json            one JSON object\n",
			MAGLEV_MIN_SLOTS, MAGLEV_MAX_SLOTS, MAGLEV_MAX_BACKENDS, WEIGHT);
}

/* @return false: said what is wrong. */
static bool
option_take(struct options *o, int opt)
{
	switch (opt) {
	case 's':
		return bench_parse_number(
				"slots", optarg, MAGLEV_MIN_SLOTS, MAGLEV_MAX_SLOTS, &o->nb_slots);
	case 'b':
		return bench_parse_number(
				"backends", optarg, 1, MAGLEV_MAX_BACKENDS, &o->nb_backends);
	case 'w':
		return bench_parse_number(
				"max-weight", optarg, 1, MAGLEV_MAX_WEIGHT, &o->max_weight);
	case 'r':
		return bench_parse_number("rounds", optarg, 1, 100000, &o->nb_rounds);
	case 'k':
		return bench_parse_number("key-sets", optarg, 1, 100000, &o->nb_key_sets);
	case 'j':
		o->json = true;
		return true;
	default:
		return false; /* getopt_long() said what is wrong. */
	}
}

/* @return -1: go on; else the exit code. */
static int
options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "slots", required_argument, NULL, 's' },
		{ "backends", required_argument, NULL, 'b' },
		{ "max-weight", required_argument, NULL, 'w' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "key-sets", required_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (opt == 'h') {
			usage(stdout);
			return BENCH_EXIT_OK;
		}
		if (!option_take(o, opt))
			return BENCH_EXIT_USAGE;
	}
	if (optind != argc) {
		fprintf(stderr, "guideway-bench: maglev takes no argument '%s'\n", argv[optind]);
		return BENCH_EXIT_USAGE;
	}
	if (!maglev_slots_valid(o->nb_slots)) {
		fprintf(stderr, "guideway-bench: --slots: %u is not a prime\n", o->nb_slots);
		return BENCH_EXIT_USAGE;
	}
	return -1;
}

static void
backends_make(const struct options *o, struct maglev_backend *backends, uint32_t set)
{
	for (uint32_t i = 0; i < o->nb_backends; i++) {
		const uint32_t id[2] = { set, i };
		const uint64_t key = maglev_backend_key(id, sizeof(id));

		backends[i] = (struct maglev_backend){
			.key = key,
			.weight = o->max_weight == 0 ? WEIGHT : 1 + (uint32_t)(key % o->max_weight),
			.factor = MAGLEV_FACTOR_ONE,
			.index = (uint16_t)i,
		};
	}
}

static bool
table_build(const struct options *o, const struct tables *t, uint16_t *anchor)
{
	int ret = maglev_build(anchor, o->nb_slots, t->backends, o->nb_backends);

	if (ret < 0)
		fprintf(stderr, "guideway-bench: maglev_build: %s\n", strerror(-ret));
	return ret == 0;
}

static bool
measure_time(const struct options *o, struct tables *t, struct results *r)
{
	for (uint32_t i = 0; i < o->nb_rounds; i++) {
		double begin;

		backends_make(o, t->backends, i);
		usleep(PAUSE_US);
		begin = bench_now_ms();
		if (!table_build(o, t, t->anchor))
			return false;
		t->build_ms[i] = bench_now_ms() - begin;

		for (uint32_t b = 0; b < o->nb_backends; b += DOWN_ONE_IN)
			t->backends[b].factor = 0;
		begin = bench_now_ms();
		maglev_resolve(t->changed, t->anchor, o->nb_slots, t->backends, o->nb_backends);
		t->resolve_ms[i] = bench_now_ms() - begin;
	}
	r->build_ms = bench_summarize(t->build_ms, o->nb_rounds);
	r->resolve_ms = bench_summarize(t->resolve_ms, o->nb_rounds);
	return true;
}

static double
weights_sum(const struct options *o, const struct tables *t)
{
	double sum = 0;

	for (uint32_t i = 0; i < o->nb_backends; i++)
		sum += t->backends[i].weight;
	return sum;
}

/* Greatest |slots - M × W / ΣW|; leaves the counts of slots. */
static double
share_error(const struct options *o, const struct tables *t)
{
	const double sum = weights_sum(o, t);
	double max = 0;

	memset(t->counts, 0, o->nb_backends * sizeof(*t->counts));
	for (uint32_t j = 0; j < o->nb_slots; j++)
		t->counts[t->anchor[j]]++;
	for (uint32_t i = 0; i < o->nb_backends; i++) {
		double off = t->counts[i] - o->nb_slots * (double)t->backends[i].weight / sum;

		if (off < 0)
			off = -off;
		if (off > max)
			max = off;
	}
	return max;
}

static uint32_t
slots_moved(const struct options *o, const struct tables *t)
{
	uint32_t moved = 0;

	for (uint32_t j = 0; j < o->nb_slots; j++)
		moved += t->anchor[j] != t->changed[j];
	return moved;
}

/* The backend @p at goes, or its weight shrinks by a tenth (rounded up). */
static bool
measure_changes(const struct options *o, struct tables *t, uint32_t set, uint32_t at)
{
	const uint32_t had = t->counts[at], weight = t->backends[at].weight;
	const uint32_t smaller = weight - (weight + 9) / 10;
	const double sum = weights_sum(o, t);
	const double minimum = o->nb_slots * (weight / sum - smaller / (sum - weight + smaller));
	double moved;

	t->backends[at].weight = 0;
	if (!table_build(o, t, t->changed))
		return false;
	moved = slots_moved(o, t);
	t->removal_share[set] = had == o->nb_slots ? 0 : (moved - had) / (o->nb_slots - had);
	t->removal_ratio[set] = had == 0 ? 1 : moved / had;

	t->backends[at].weight = smaller;
	if (!table_build(o, t, t->changed))
		return false;
	t->weight_ratio[set] = slots_moved(o, t) / minimum;
	return true;
}

static bool
measure_disruption(const struct options *o, struct tables *t, struct results *r)
{
	for (uint32_t set = 0; set < o->nb_key_sets; set++) {
		double error;

		backends_make(o, t->backends, set);
		if (!table_build(o, t, t->anchor))
			return false;
		error = share_error(o, t);
		if (error > r->share_error)
			r->share_error = error;
		if (o->nb_backends == 1)
			t->removal_ratio[set] = t->weight_ratio[set] = 1;
		else if (!measure_changes(o, t, set, set % o->nb_backends))
			return false;
	}
	r->disruption = bench_summarize(t->removal_share, o->nb_key_sets).median;
	r->disruption_max = t->removal_share[o->nb_key_sets - 1];
	r->removal_ratio = bench_summarize(t->removal_ratio, o->nb_key_sets).median;
	r->weight_ratio = bench_summarize(t->weight_ratio, o->nb_key_sets).median;
	return true;
}

static void
print_json(const struct options *o, const struct results *r)
{
	printf("{\"slots\":%u,\"backends\":%u,\"max_weight\":%u,\"rounds\":%u,\"key_sets\":%u,"
	       "\"build_ms\":{\"min\":%.4f,\"median\":%.4f},"
	       "\"resolve_ms\":{\"min\":%.4f,\"median\":%.4f},"
	       "\"share_error\":%.4f,\"disruption\":%.6f,\"disruption_max\":%.6f,"
	       "\"disruption_ratio\":%.3f,\"weight_change_ratio\":%.3f}\n",
			o->nb_slots, o->nb_backends, o->max_weight, o->nb_rounds, o->nb_key_sets,
			r->build_ms.min, r->build_ms.median, r->resolve_ms.min,
			r->resolve_ms.median, r->share_error, r->disruption, r->disruption_max,
			r->removal_ratio, r->weight_ratio);
}

static void
print_table(const struct options *o, const struct results *r)
{
	printf("%u slots, %u backends, %u rounds, %u key sets\n", o->nb_slots, o->nb_backends,
			o->nb_rounds, o->nb_key_sets);
	printf("build                     %8.3f ms min %8.3f ms median\n", r->build_ms.min,
			r->build_ms.median);
	printf("resolve, 1 in %u down     %8.3f ms min %8.3f ms median\n", DOWN_ONE_IN,
			r->resolve_ms.min, r->resolve_ms.median);
	printf("share error               %8.3f slots at most\n", r->share_error);
	printf("removal of a backend      %8.3f %% of the others' slots moved (worst %.3f %%)\n",
			100 * r->disruption, 100 * r->disruption_max);
	printf("                          %8.2f x the minimum\n", r->removal_ratio);
	printf("weight less by a tenth    %8.2f x the minimum\n", r->weight_ratio);
}

static void
tables_free(struct tables *t)
{
	free(t->backends);
	free(t->anchor);
	free(t->changed);
	free(t->counts);
	free(t->build_ms);
	free(t->resolve_ms);
	free(t->removal_share);
	free(t->removal_ratio);
	free(t->weight_ratio);
}

static bool
tables_alloc(struct tables *t, const struct options *o)
{
	t->backends = calloc(o->nb_backends, sizeof(*t->backends));
	t->anchor = calloc(o->nb_slots, sizeof(*t->anchor));
	t->changed = calloc(o->nb_slots, sizeof(*t->changed));
	t->counts = calloc(o->nb_backends, sizeof(*t->counts));
	t->build_ms = calloc(o->nb_rounds, sizeof(double));
	t->resolve_ms = calloc(o->nb_rounds, sizeof(double));
	t->removal_share = calloc(o->nb_key_sets, sizeof(double));
	t->removal_ratio = calloc(o->nb_key_sets, sizeof(double));
	t->weight_ratio = calloc(o->nb_key_sets, sizeof(double));
	return t->backends != NULL && t->anchor != NULL && t->changed != NULL &&
			t->counts != NULL && t->build_ms != NULL && t->resolve_ms != NULL &&
			t->removal_share != NULL && t->removal_ratio != NULL &&
			t->weight_ratio != NULL;
}

int
bench_maglev(int argc, char **argv)
{
	struct options o = {
		.nb_slots = 65537, .nb_backends = 100, .nb_rounds = 50, .nb_key_sets = 40
	};
	struct tables t = { 0 };
	struct results r = { 0 };
	int ret = options_parse(&o, argc, argv);

	if (ret >= 0)
		return ret;
	ret = BENCH_EXIT_FAILED;
	if (!tables_alloc(&t, &o)) {
		fprintf(stderr, "guideway-bench: out of memory\n");
		goto out;
	}
	if (!measure_time(&o, &t, &r) || !measure_disruption(&o, &t, &r))
		goto out;
	if (o.json)
		print_json(&o, &r);
	else
		print_table(&o, &r);
	ret = BENCH_EXIT_OK;
out:
	tables_free(&t);
	return ret;
}
