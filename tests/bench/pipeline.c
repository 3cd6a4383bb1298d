/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench pipeline: what a packet costs on a worker.
 *
 * The real pipeline of the real worker, compiled as the dataplane is, on real mbufs. Between
 * the two clock reads of a burst lies the call of the pipeline and nothing else, and nothing
 * is subtracted. Before each round the headers of all mbufs are written anew, so the round
 * finds them as a NIC's cache-allocating DMA leaves them: in the last cache that has them.
 * Flows are drawn uniformly at random, so that the table's whole working set is touched.
 */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "bench.h"
#include "dataplane/pipeline.h"
#include "traffic.h"

/* Packets of a round. */
#define NB_PACKETS 2048
#define DEFAULT_ROUNDS 1000
#define MIN_ROUNDS 200

enum workload {
	WORKLOAD_HIT, /* Every packet of a known flow. */
	WORKLOAD_NEW, /* Every packet a SYN of an unknown flow; the table has room. */
};

struct options {
	enum service_mode mode;
	enum ip_family family;
	enum workload workload;
	uint64_t flows;
	uint32_t backends;
	uint32_t rounds;
	uint32_t burst;
	bool hugepages;
	bool json;
};

struct run {
	struct options options;
	struct world world;
	struct rte_mbuf *mbufs[NB_PACKETS];
	uint64_t flow_of[NB_PACKETS]; /* By the packet's number. */
	uint8_t *seen;		      /* Bit a flow: it was drawn. */
	uint64_t distinct;
	uint64_t next_flow; /* Of workload new. */
	uint64_t random;
	uint64_t packets;
	uint64_t verified;
	double *cycles; /* A packet, by round. */
	uint32_t nb_cycles;
};

static uint64_t
random_u64(uint64_t *state)
{
	uint64_t x = (*state += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static bool
is_new(const struct run *run)
{
	return run->options.workload == WORKLOAD_NEW;
}

static void
note_flow(struct run *run, uint64_t flow)
{
	if (is_new(run))
		return;
	if ((run->seen[flow / 8] >> flow % 8 & 1) == 0) {
		run->seen[flow / 8] |= (uint8_t)(1 << flow % 8);
		run->distinct++;
	}
}

static void
prepare_round(struct run *run)
{
	for (uint32_t i = 0; i < NB_PACKETS; i++) {
		uint64_t flow = is_new(run) ? run->next_flow++
					    : random_u64(&run->random) % run->options.flows;

		run->flow_of[i] = flow;
		note_flow(run, flow);
		traffic_make(&run->world, run->mbufs[i], run->options.family, flow, is_new(run), i);
	}
}

/* Every 16th frame of the burst that just came out. @return false: one was wrong. */
static bool
verify_burst(struct run *run, uint32_t first, uint32_t nb)
{
	struct worker_tx *tx = &run->world.worker->tx[0];
	enum ip_family family = run->options.family;

	if (tx->nb != nb) {
		fprintf(stderr, "guideway-bench: %u packets in, %u out\n", nb, tx->nb);
		return false;
	}
	for (uint32_t i = first % 16; i < nb; i += 16) {
		uint32_t number = traffic_number(&run->world, tx->frames[i], family);

		if (number >= NB_PACKETS ||
				!traffic_verify(&run->world, tx->frames[i], family,
						run->flow_of[number], is_new(run), number)) {
			fprintf(stderr, "guideway-bench: packet %u came out wrong\n", number);
			return false;
		}
		run->verified++;
	}
	return true;
}

/* @return false: a packet came out wrong. */
static bool
run_round(struct run *run, uint64_t *cycles)
{
	struct worker *w = run->world.worker;
	uint32_t burst = run->options.burst;

	*cycles = 0;
	for (uint32_t i = 0; i < NB_PACKETS; i += burst) {
		struct rte_mbuf *frames[BURST_MAX];
		uint32_t nb = RTE_MIN(burst, NB_PACKETS - i);
		uint64_t begin, end;

		memcpy(frames, &run->mbufs[i], nb * sizeof(frames[0]));
		begin = rte_rdtsc_precise();
		w->pipeline->run(w, &w->ports[0], frames, (uint16_t)nb);
		end = rte_rdtsc_precise();
		*cycles += end - begin;
		if (!verify_burst(run, i, nb))
			return false;
		w->tx[0].nb = 0;
	}
	run->packets += NB_PACKETS;
	return true;
}

static struct flow_table *
table_of(struct run *run)
{
	return run->options.family == IP_V4 ? &run->world.worker->flows4
					    : &run->world.worker->flows6;
}

/* Empty the table before it is full: workload new is about a table with room. */
static void
make_room(struct run *run)
{
	struct flow_table *table = table_of(run);

	if (table->nb_flows + NB_PACKETS <= table->capacity)
		return;
	memset(table->buckets, 0, (size_t)table->nb_buckets * FLOW_BUCKET_SIZE);
	table->nb_flows = 0;
}

static bool
enter_all_flows(struct run *run)
{
	for (uint64_t flow = 0; flow < run->options.flows; flow += NB_PACKETS) {
		uint64_t cycles;

		for (uint32_t i = 0; i < NB_PACKETS; i++) {
			run->flow_of[i] = RTE_MIN(flow + i, run->options.flows - 1);
			traffic_make(&run->world, run->mbufs[i], run->options.family,
					run->flow_of[i], false, i);
		}
		if (!run_round(run, &cycles))
			return false;
	}
	run->packets = 0;
	run->verified = 0;
	if (table_of(run)->nb_flows == run->options.flows)
		return true;
	fprintf(stderr, "guideway-bench: only %llu flows fit\n",
			(unsigned long long)table_of(run)->nb_flows);
	return false;
}

static bool
measure(struct run *run)
{
	for (uint32_t round = 0; round < run->options.rounds; round++) {
		uint64_t cycles;

		if (is_new(run))
			make_room(run);
		prepare_round(run);
		if (!run_round(run, &cycles))
			return false;
		run->cycles[run->nb_cycles++] = (double)cycles / NB_PACKETS;
	}
	return true;
}

static void
report(struct run *run, double elapsed_s)
{
	const struct options *o = &run->options;
	double hz = (double)rte_get_tsc_hz();
	struct bench_summary cycles;
	uint64_t table_bytes = table_of(run)->region->size;
	const char *format =
			"mode %s, IPv%d, %llu flows, workload %s, burst %u, %u backends, %s\n"
			"cycles a packet: min %.1f, median %.1f (ns: min %.1f, median %.1f)\n"
			"Mpps a core:     max %.2f, median %.2f\n"
			"flow table:      %llu bytes, %.1f bytes a flow at capacity\n"
			"packets %llu, verified %llu, distinct flows %llu, TSC %.0f Hz, %.1f s\n";

	if (o->json)
		format = "{\"mode\": \"%s\", \"family\": %d, \"flows\": %llu, \"workload\": \"%s\", "
			 "\"burst\": %u, \"backends\": %u, \"pages\": \"%s\", "
			 "\"cycles_per_packet\": {\"min\": %.2f, \"median\": %.2f}, "
			 "\"ns_per_packet\": {\"min\": %.2f, \"median\": %.2f}, "
			 "\"mpps\": {\"max\": %.3f, \"median\": %.3f}, \"table_bytes\": %llu, "
			 "\"bytes_per_flow\": %.2f, \"packets\": %llu, \"verified\": %llu, "
			 "\"distinct_flows\": %llu, \"tsc_hz\": %.0f, \"elapsed_s\": %.3f}\n";
	cycles = bench_summarize(run->cycles, run->nb_cycles);
	/* NOLINTNEXTLINE(clang-diagnostic-format-nonliteral): one of the two above. */
	_Pragma("GCC diagnostic push") _Pragma(
			"GCC diagnostic ignored \"-Wformat-nonliteral\"") printf(format,
			o->mode == MODE_DIRECT ? "direct" : "ipip", (int)o->family,
			(unsigned long long)o->flows, is_new(run) ? "new" : "hit", o->burst,
			o->backends, o->hugepages ? "2M" : "4k", cycles.min, cycles.median,
			cycles.min / hz * 1e9, cycles.median / hz * 1e9, hz / cycles.min / 1e6,
			hz / cycles.median / 1e6, (unsigned long long)table_bytes,
			(double)table_bytes / (double)table_of(run)->capacity,
			(unsigned long long)run->packets, (unsigned long long)run->verified,
			(unsigned long long)(is_new(run) ? run->next_flow : run->distinct), hz,
			elapsed_s);
	_Pragma("GCC diagnostic pop")
}

static void
usage(FILE *out)
{
	fprintf(out,
			"Usage: guideway-bench pipeline [options]\n"
			"  --mode direct|ipip     forwarding mode (direct)\n"
			"  --family 4|6           (4)\n"
			"  --flows N              known flows, drawn at random (1000000)\n"
			"  --workload hit|new     packets of known flows, or SYNs of unknown ones (hit)\n"
			"  --backends N           of the service (100)\n"
			"  --burst N              packets a burst, 1 to 32 (32)\n"
			"  --rounds N             of 2048 packets, at least 200 (1000)\n"
			"  --no-hugepages         4 KiB pages\n"
			"  --json                 one object\n");
}

static int
bad(const char *option, const char *value)
{
	fprintf(stderr, "guideway-bench: pipeline: --%s: '%s' is not possible; see --help\n",
			option, value);
	return 2;
}

static bool
take_word(struct options *o, int option, const char *word)
{
	switch (option) {
	case 'm':
		o->mode = strcmp(word, "ipip") == 0 ? MODE_IPIP : MODE_DIRECT;
		return strcmp(word, "ipip") == 0 || strcmp(word, "direct") == 0;
	case 'f':
		o->family = strcmp(word, "6") == 0 ? IP_V6 : IP_V4;
		return strcmp(word, "6") == 0 || strcmp(word, "4") == 0;
	default:
		o->workload = strcmp(word, "new") == 0 ? WORKLOAD_NEW : WORKLOAD_HIT;
		return strcmp(word, "new") == 0 || strcmp(word, "hit") == 0;
	}
}

static const struct option long_options[] = {
	{ "mode", required_argument, NULL, 'm' },
	{ "family", required_argument, NULL, 'f' },
	{ "workload", required_argument, NULL, 'w' },
	{ "flows", required_argument, NULL, 'n' },
	{ "backends", required_argument, NULL, 'b' },
	{ "burst", required_argument, NULL, 'u' },
	{ "rounds", required_argument, NULL, 'r' },
	{ "no-hugepages", no_argument, NULL, 'p' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* @return -1: go on; else the exit code. */
static int
take_options(struct options *o, int argc, char **argv)
{
	static const uint32_t low[] = { ['n'] = 1, ['b'] = 1, ['u'] = 1, ['r'] = MIN_ROUNDS };
	static const uint32_t high[] = {
		['n'] = 100000000, ['b'] = 10000, ['u'] = BURST_MAX, ['r'] = 1000000
	};
	int option, index;

	while ((option = getopt_long(argc, argv, "h", long_options, &index)) != -1) {
		uint32_t number = 0;

		if (option == 'h') {
			usage(stdout);
			return BENCH_EXIT_OK;
		}
		if (option == '?') {
			usage(stderr);
			return BENCH_EXIT_USAGE;
		}
		if (strchr("mfw", option) != NULL && !take_word(o, option, optarg))
			return bad(long_options[index].name, optarg);
		if (strchr("nbur", option) != NULL &&
				!bench_parse_number(long_options[index].name, optarg, low[option],
						high[option], &number))
			return BENCH_EXIT_USAGE;
		o->flows = option == 'n' ? number : o->flows;
		o->backends = option == 'b' ? number : o->backends;
		o->burst = option == 'u' ? number : o->burst;
		o->rounds = option == 'r' ? number : o->rounds;
		o->hugepages = option == 'p' ? false : o->hugepages;
		o->json = option == 'j' ? true : o->json;
	}
	if (optind != argc) {
		fprintf(stderr, "guideway-bench: pipeline: unexpected '%s'; see --help\n",
				argv[optind]);
		return BENCH_EXIT_USAGE;
	}
	return -1;
}

static int
run_all(struct run *run)
{
	const struct options *o = &run->options;
	const struct world_conf conf = { .mode = o->mode,
		.nb_backends = o->backends,
		.capacity = RTE_MAX(o->flows, UINT64_C(4) * NB_PACKETS),
		.hugepages = o->hugepages };
	uint64_t begin;
	int ret = 1;

	if (world_create(&run->world, &conf) < 0)
		return 1;
	begin = rte_rdtsc();
	if (rte_pktmbuf_alloc_bulk(run->world.dp.pool, run->mbufs, NB_PACKETS) < 0) {
		fprintf(stderr, "guideway-bench: no mbufs\n");
	} else if ((is_new(run) || enter_all_flows(run)) && measure(run)) {
		report(run, (double)(rte_rdtsc() - begin) / (double)rte_get_tsc_hz());
		ret = 0;
	}
	world_destroy(&run->world);
	return ret;
}

int
bench_pipeline(int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	int ret = 1;

	if (run == NULL)
		return 1;
	run->options = (struct options){ .mode = MODE_DIRECT,
		.family = IP_V4,
		.flows = 1000000,
		.workload = WORKLOAD_HIT,
		.backends = 100,
		.rounds = DEFAULT_ROUNDS,
		.burst = BURST_MAX,
		.hugepages = true };
	run->random = 1;
	ret = take_options(&run->options, argc, argv);
	if (ret < 0) {
		ret = 1;
		run->seen = calloc(1, run->options.flows / 8 + 1);
		run->cycles = calloc(run->options.rounds, sizeof(*run->cycles));
		if (run->seen != NULL && run->cycles != NULL)
			ret = run_all(run);
	}
	free(run->cycles);
	free(run->seen);
	free(run);
	return ret;
}
