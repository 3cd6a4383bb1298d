/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench state: what a change of the desired state costs the control thread,
 * from the beginning of its transaction to the release of the old snapshot, without workers
 * to wait for.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "hash/maglev.h"
#include "service/state.h"

/** Backends are drawn from so many addresses, below BACKEND_MAX. */
#define NB_ADDRESSES 60000
#define WEIGHT 100

struct options {
	uint32_t nb_services;
	uint32_t nb_backends;
	uint32_t nb_slots;
	uint32_t nb_rounds;
	bool json;
};

struct results {
	double first_ms; /* The whole state, into an empty dataplane. */
	double again_ms; /* The same once more: nothing changes. */
	struct bench_summary weight_ms;
	struct bench_summary health_ms;
	uint32_t nb_slots; /* Of the first service. */
};

static void
usage(FILE *out)
{
	fprintf(out,
			"usage: guideway-bench state [OPTION]...\n"
			"  --services S      services, 1 to %u (1)\n"
			"  --backends N      backends of each, 1 to 10000 (100)\n"
			"  --slots M         slots of each table, 0: by backends and weights (0)\n"
			"  --rounds R        rounds that are timed (51)\n"
			"  --json            one JSON object\n",
			SERVICE_MAX);
}

/* @return false: said what is wrong. */
static bool
option_take(struct options *o, int opt)
{
	switch (opt) {
	case 'n':
		return bench_parse_number("services", optarg, 1, SERVICE_MAX, &o->nb_services);
	case 'b':
		return bench_parse_number("backends", optarg, 1, 10000, &o->nb_backends);
	case 's':
		return bench_parse_number("slots", optarg, 0, MAGLEV_MAX_SLOTS, &o->nb_slots);
	case 'r':
		return bench_parse_number("rounds", optarg, 1, 100000, &o->nb_rounds);
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
		{ "services", required_argument, NULL, 'n' },
		{ "backends", required_argument, NULL, 'b' },
		{ "slots", required_argument, NULL, 's' },
		{ "rounds", required_argument, NULL, 'r' },
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
		fprintf(stderr, "guideway-bench: state takes no argument '%s'\n", argv[optind]);
		return BENCH_EXIT_USAGE;
	}
	return -1;
}

static bool
route_get(void *context, const struct ip_addr *addr, bool on_link, struct backend_route *out)
{
	(void)context;
	(void)on_link;
	*out = (struct backend_route){ .source = *addr, .mtu = 1500 };
	return true;
}

static void
route_put(void *context, uint32_t nexthop)
{
	(void)context;
	(void)nexthop;
}

static struct service_conf
service_make(const struct options *o, uint32_t i)
{
	const uint8_t vip[4] = { 192, 168, (uint8_t)(i >> 8), (uint8_t)i };
	struct service_conf conf = { .nb_slots = o->nb_slots, .mode = MODE_IPIP };

	conf.key.vip = ip_addr_from_bytes(IP_V4, vip);
	conf.key.l4_port = 443;
	conf.key.protocol = PROTOCOL_TCP;
	return conf;
}

static struct backend_conf
backend_make(uint32_t i)
{
	const uint8_t bytes[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };

	return (struct backend_conf){
		.addr = ip_addr_from_bytes(IP_V4, bytes),
		.weight = WEIGHT,
		.factor = BACKEND_FACTOR_ONE,
		.admin = ADMIN_ENABLED,
		.health = HEALTH_UP,
	};
}

static enum conf_error
whole_state_put(const struct options *o, struct txn *txn)
{
	static const struct siphash_key key = { 1, 2 };
	enum conf_error error = txn_hash_key_set(txn, &key);

	for (uint32_t i = 0; error == CONF_OK && i < o->nb_services; i++) {
		struct service_conf service = service_make(o, i);

		error = txn_service_set(txn, &service);
		for (uint32_t j = 0; error == CONF_OK && j < o->nb_backends; j++) {
			struct backend_conf b =
					backend_make((i * o->nb_backends + j) % NB_ADDRESSES);

			error = txn_backend_set(txn, &service.key, &b);
		}
	}
	return error;
}

/*
 * Time one transaction: the whole state, or, with @p one, that backend of the first service.
 * @return false: said what is wrong.
 */
static bool
transaction(const struct options *o, struct state *state, const struct backend_conf *one,
		double *ms)
{
	struct service_conf first = service_make(o, 0);
	double begin = bench_now_ms();
	struct txn *txn = txn_begin(state, one == NULL);
	const struct snapshot *snapshot;
	enum conf_error error = CONF_NO_MEMORY;

	if (txn != NULL)
		error = one == NULL ? whole_state_put(o, txn)
				    : txn_backend_set(txn, &first.key, one);
	if (error == CONF_OK)
		error = txn_prepare(txn, state_snapshot(state)->generation + 1, &snapshot);
	if (error != CONF_OK) {
		fprintf(stderr, "guideway-bench: %s\n", conf_error_text(error));
		if (txn != NULL)
			txn_abort(txn);
		return false;
	}
	txn_finish(txn);
	*ms = bench_now_ms() - begin;
	return true;
}

static bool
measure(const struct options *o, struct state *state, double *ms, struct results *r)
{
	struct backend_conf one = backend_make(o->nb_backends / 2);

	if (!transaction(o, state, NULL, &r->first_ms) ||
			!transaction(o, state, NULL, &r->again_ms))
		return false;
	r->nb_slots = state_snapshot(state)->services[0]->nb_slots;
	for (uint32_t i = 0; i < o->nb_rounds; i++) {
		one.weight = i % 2 == 0 ? WEIGHT - 1 : WEIGHT;
		if (!transaction(o, state, &one, &ms[i]))
			return false;
	}
	r->weight_ms = bench_summarize(ms, o->nb_rounds);
	for (uint32_t i = 0; i < o->nb_rounds; i++) {
		one.health = i % 2 == 0 ? HEALTH_DOWN : HEALTH_UP;
		if (!transaction(o, state, &one, &ms[i]))
			return false;
	}
	r->health_ms = bench_summarize(ms, o->nb_rounds);
	return true;
}

static void
print_json(const struct options *o, const struct results *r)
{
	printf("{\"services\":%u,\"backends\":%u,\"slots\":%u,\"rounds\":%u,"
	       "\"whole_state_ms\":{\"first\":%.3f,\"unchanged\":%.3f},"
	       "\"weight_ms\":{\"min\":%.4f,\"median\":%.4f},"
	       "\"health_ms\":{\"min\":%.4f,\"median\":%.4f}}\n",
			o->nb_services, o->nb_backends, r->nb_slots, o->nb_rounds, r->first_ms,
			r->again_ms, r->weight_ms.min, r->weight_ms.median, r->health_ms.min,
			r->health_ms.median);
}

static void
print_table(const struct options *o, const struct results *r)
{
	printf("%u services of %u backends, %u slots, %u rounds\n", o->nb_services, o->nb_backends,
			r->nb_slots, o->nb_rounds);
	printf("whole state, first time   %8.3f ms\n", r->first_ms);
	printf("whole state, unchanged    %8.3f ms\n", r->again_ms);
	printf("one weight                %8.3f ms min %8.3f ms median\n", r->weight_ms.min,
			r->weight_ms.median);
	printf("one backend down or up    %8.3f ms min %8.3f ms median\n", r->health_ms.min,
			r->health_ms.median);
}

int
bench_state(int argc, char **argv)
{
	const struct state_limits limits = { SERVICE_MAX, 1 << 20, 250 };
	const struct state_hooks hooks = { .route_get = route_get, .route_put = route_put };
	struct options o = { .nb_services = 1, .nb_backends = 100, .nb_rounds = 51 };
	struct results r = { 0 };
	struct state *state;
	double *ms;
	int ret = options_parse(&o, argc, argv);

	if (ret >= 0)
		return ret;
	ret = BENCH_EXIT_FAILED;
	ms = calloc(o.nb_rounds, sizeof(*ms));
	state = state_create(&limits, &hooks);
	if (ms == NULL || state == NULL) {
		fprintf(stderr, "guideway-bench: out of memory\n");
		goto out;
	}
	if (!measure(&o, state, ms, &r))
		goto out;
	if (o.json)
		print_json(&o, &r);
	else
		print_table(&o, &r);
	ret = BENCH_EXIT_OK;
out:
	state_destroy(state);
	free(ms);
	return ret;
}
