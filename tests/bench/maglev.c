/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench maglev: how long tables take, how even they are, and how many slots a
 * change of the configuration moves; of one size, or of a matrix of usual ones.
 *
 * Time: the minimum and the median of many rounds, each with keys of its own and a pause
 * before it, because the second core of a small machine is rarely idle. Disruption: medians
 * over key sets, because one set says little.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "bench.h"
#include "hash/maglev.h"
#include "options.h"
#include "report.h"

#define PAUSE_US 2000
/** Of every backend, unless --max-weight says otherwise. */
#define WEIGHT 10
/** One in so many backends is down while maglev_resolve() is timed. */
#define DOWN_ONE_IN 10

/** Of the matrix. */
static const uint32_t usual_slots[] = { 65537, 655373 };
static const uint32_t usual_backends[] = { 10, 100, 1000 };
#define NB_SIZES_MAX (ARRAY_LEN(usual_slots) * ARRAY_LEN(usual_backends))

struct options {
	uint32_t nb_slots;    /* 0: each of usual_slots. */
	uint32_t nb_backends; /* 0: each of usual_backends. */
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
	uint32_t nb_slots;
	uint32_t nb_backends;
	struct bench_summary build_ms;
	struct bench_summary resolve_ms;
	double share_error;    /* Greatest |slots - M × W / ΣW| of all backends and key sets. */
	double disruption;     /* Share of the others' slots that a removal moved. */
	double disruption_max; /* The same of the worst key set. */
	double removal_ratio;  /* All slots moved by a removal ÷ the minimum. */
	double weight_ratio;   /* The same for a weight that shrinks by a tenth. */
};

/* @return -1: go on; else the exit code. */
static int
options_parse(struct options *o, int argc, char **argv)
{
	const struct bench_option options[] = {
		BENCH_NUMBER("slots", &o->nb_slots, MAGLEV_MIN_SLOTS, MAGLEV_MAX_SLOTS,
				"slots of the table, a prime; without it 65537 and 655373"),
		BENCH_NUMBER("backends", &o->nb_backends, 1, MAGLEV_MAX_BACKENDS,
				"backends; without it 10, 100 and 1000"),
		BENCH_NUMBER("max-weight", &o->max_weight, 1, MAGLEV_MAX_WEIGHT,
				"weights at random from 1 to N; without it 10 each"),
		BENCH_NUMBER("rounds", &o->nb_rounds, 1, 100000, "rounds that are timed"),
		BENCH_NUMBER("key-sets", &o->nb_key_sets, 1, 100000,
				"sets of backends that medians of disruption are over"),
		BENCH_FLAG("json", &o->json, "an array of one JSON object a size"),
		BENCH_OPTIONS_END,
	};
	int ret = bench_options_parse(options, argc, argv);

	if (ret >= 0)
		return ret;
	if (o->nb_slots != 0 && !maglev_slots_valid(o->nb_slots)) {
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

static json_t *
json_of(const struct options *o, const struct results *r)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:f, s:f, s:f, s:f, s:f}", "slots",
			(int)r->nb_slots, "backends", (int)r->nb_backends, "max_weight",
			(int)o->max_weight, "rounds", (int)o->nb_rounds, "key_sets",
			(int)o->nb_key_sets, "build_ms", bench_json_summary(r->build_ms, 1),
			"resolve_ms", bench_json_summary(r->resolve_ms, 1), "share_error",
			r->share_error, "disruption", r->disruption, "disruption_max",
			r->disruption_max, "disruption_ratio", r->removal_ratio,
			"weight_change_ratio", r->weight_ratio);
}

static int
print_json(const struct options *o, const struct results *results, size_t nb)
{
	json_t *all = json_array();

	for (size_t i = 0; i < nb; i++)
		if (json_array_append_new(all, json_of(o, &results[i])) < 0) {
			json_decref(all);
			all = NULL;
		}
	return bench_json_print(all);
}

static int
print_table(const struct options *o, const struct results *results, size_t nb)
{
	printf("%u rounds, %u key sets; resolve: one in %u backends down; moved: slots of others, by "
	       "the removal of one\n",
			o->nb_rounds, o->nb_key_sets, DOWN_ONE_IN);
	printf("%7s %8s | %9s %9s | %9s %9s | %8s | %8s %8s | %10s %10s\n", "slots", "backends",
			"build ms", "median", "resolve", "median", "share", "moved", "worst",
			"removal", "weight -10%");
	printf("%7s %8s | %9s %9s | %9s %9s | %8s | %8s %8s | %10s %10s\n", "", "", "min", "",
			"ms min", "", "error", "%", "%", "x minimum", "x minimum");
	for (const struct results *r = results; r < results + nb; r++)
		printf("%7u %8u | %9.3f %9.3f | %9.3f %9.3f | %8.3f | %8.3f %8.3f | %10.2f %10.2f\n",
				r->nb_slots, r->nb_backends, r->build_ms.min, r->build_ms.median,
				r->resolve_ms.min, r->resolve_ms.median, r->share_error,
				100 * r->disruption, 100 * r->disruption_max, r->removal_ratio,
				r->weight_ratio);
	return BENCH_EXIT_OK;
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

/* Measure one size: @p o has no 0 in it. */
static bool
measure(const struct options *o, struct results *r)
{
	struct tables t = { 0 };
	bool measured = false;

	*r = (struct results){ .nb_slots = o->nb_slots, .nb_backends = o->nb_backends };
	if (!tables_alloc(&t, o))
		fprintf(stderr, "guideway-bench: out of memory\n");
	else
		measured = measure_time(o, &t, r) && measure_disruption(o, &t, r);
	tables_free(&t);
	return measured;
}

int
bench_maglev(int argc, char **argv)
{
	struct options o = { .nb_rounds = 50, .nb_key_sets = 40 };
	const uint32_t *slots = &o.nb_slots, *backends = &o.nb_backends;
	struct results results[NB_SIZES_MAX];
	size_t nb_slots = 1, nb_backends = 1, nb = 0;
	int ret = options_parse(&o, argc, argv);

	if (ret >= 0)
		return ret;
	if (o.nb_slots == 0) {
		slots = usual_slots;
		nb_slots = ARRAY_LEN(usual_slots);
	}
	if (o.nb_backends == 0) {
		backends = usual_backends;
		nb_backends = ARRAY_LEN(usual_backends);
	}
	for (size_t i = 0; i < nb_slots; i++)
		for (size_t j = 0; j < nb_backends; j++) {
			struct options one = o;

			one.nb_slots = slots[i];
			one.nb_backends = backends[j];
			if (!measure(&one, &results[nb++]))
				return BENCH_EXIT_FAILED;
		}
	return o.json ? print_json(&o, results, nb) : print_table(&o, results, nb);
}
