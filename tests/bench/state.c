/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench state: what a change of the desired state costs the control thread,
 * from the beginning of its transaction to the release of the old snapshot, without workers
 * to wait for.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "hash/maglev.h"
#include "options.h"
#include "report.h"
#include "service/state.h"

/** Backends are drawn from so many addresses, below BACKEND_MAX. */
#define NB_ADDRESSES 60000
#define WEIGHT 100

struct options {
	uint32_t nb_services;
	uint32_t nb_backends;
	uint32_t nb_slots;
	uint32_t nb_down;
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

static int
options_parse(struct options *o, int argc, char **argv)
{
	const struct bench_option options[] = {
		BENCH_NUMBER("services", &o->nb_services, 1, SERVICE_MAX, "services"),
		BENCH_NUMBER("backends", &o->nb_backends, 1, 10000, "backends of each"),
		BENCH_NUMBER("slots", &o->nb_slots, 0, MAGLEV_MAX_SLOTS,
				"slots of each table; 0: by backends and weights"),
		BENCH_NUMBER("down", &o->nb_down, 0, 10000,
				"backends of the first service that are down all the while"),
		BENCH_NUMBER("rounds", &o->nb_rounds, 1, 100000, "rounds that are timed"),
		BENCH_FLAG("json", &o->json, "one JSON object"),
		BENCH_OPTIONS_END,
	};

	return bench_options_parse(options, argc, argv);
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

static enum conf_error
first_down_put(const struct options *o, struct txn *txn)
{
	struct service_conf first = service_make(o, 0);
	enum conf_error error = CONF_OK;

	for (uint32_t j = 0; error == CONF_OK && j < o->nb_down; j++) {
		struct backend_conf b = backend_make(j);

		b.health = HEALTH_DOWN;
		error = txn_backend_set(txn, &first.key, &b);
	}
	return error;
}

/*
 * Time one transaction: the whole state with the first --down backends down, or, with @p one,
 * that backend of the first service. @return false: said what is wrong.
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
	if (error == CONF_OK && one == NULL)
		error = first_down_put(o, txn);
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
	struct backend_conf one = backend_make(o->nb_backends - 1);

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

static int
print_json(const struct options *o, const struct results *r)
{
	return bench_json_print(json_pack("{s:i, s:i, s:i, s:i, s:i, s:{s:f, s:f}, s:o, s:o}",
			"services", (int)o->nb_services, "backends", (int)o->nb_backends, "down",
			(int)o->nb_down, "slots", (int)r->nb_slots, "rounds", (int)o->nb_rounds,
			"whole_state_ms", "first", r->first_ms, "unchanged", r->again_ms,
			"weight_ms", bench_json_summary(r->weight_ms, 1), "health_ms",
			bench_json_summary(r->health_ms, 1)));
}

static int
print_table(const struct options *o, const struct results *r)
{
	printf("%u services of %u backends, %u of the first down, %u slots, %u rounds\n",
			o->nb_services, o->nb_backends, o->nb_down, r->nb_slots, o->nb_rounds);
	printf("whole state, first time   %8.3f ms\n", r->first_ms);
	printf("whole state, unchanged    %8.3f ms\n", r->again_ms);
	printf("one weight                %8.3f ms min %8.3f ms median\n", r->weight_ms.min,
			r->weight_ms.median);
	printf("one backend down or up    %8.3f ms min %8.3f ms median\n", r->health_ms.min,
			r->health_ms.median);
	return BENCH_EXIT_OK;
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
	if (o.nb_down >= o.nb_backends) {
		fprintf(stderr, "guideway-bench: --down: not less than --backends\n");
		return BENCH_EXIT_USAGE;
	}
	ret = BENCH_EXIT_FAILED;
	ms = calloc(o.nb_rounds, sizeof(*ms));
	state = state_create(&limits, &hooks);
	if (ms == NULL || state == NULL) {
		fprintf(stderr, "guideway-bench: out of memory\n");
		goto out;
	}
	if (!measure(&o, state, ms, &r))
		goto out;
	ret = o.json ? print_json(&o, &r) : print_table(&o, &r);
out:
	state_destroy(state);
	free(ms);
	return ret;
}
