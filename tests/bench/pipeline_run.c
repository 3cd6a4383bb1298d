/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "flow/flow_state.h"
#include "traffic.h"

#define NB_PACKETS PIPELINE_RUN_PACKETS
/* A round with the stages timed, and one with instructions counted, after so many without. */
#define STAGES_EVERY 4
#define COUNTED_EVERY 16
/* Of so many packets that come out one is compared. */
#define VERIFY_EVERY 16

/* How a round calls the pipeline. */
enum manner {
	PLAIN,	/* As a worker does. */
	STAGES, /* With a look at the clock after each stage. */
	COUNTED /* With the CPU's counter of instructions. */
};

struct round {
	uint64_t cycles;
	struct pipeline_times times;
};

static uint64_t
random_u64(uint64_t *state)
{
	uint64_t x = (*state += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static enum ip_family
family_of(const struct pipeline_run *run)
{
	return run->options.family == 0 ? IP_V4 : IP_V6;
}

static struct flow_table *
table_of(struct pipeline_run *run)
{
	return family_of(run) == IP_V4 ? &run->world.worker->flows4 : &run->world.worker->flows6;
}

const struct flow_table *
pipeline_run_table(const struct pipeline_run *run)
{
	return family_of(run) == IP_V4 ? &run->world.worker->flows4 : &run->world.worker->flows6;
}

static bool
next_is_new(struct pipeline_run *run)
{
	switch ((enum workload)run->options.workload) {
	case WORKLOAD_HIT:
		return false;
	case WORKLOAD_MIXED:
		return random_u64(&run->random) % 100 < run->options.new_share;
	case WORKLOAD_NEW:
	case WORKLOAD_FLOOD:
	default:
		return true;
	}
}

static void
make_packet(struct pipeline_run *run, uint32_t number, uint64_t flow, bool syn)
{
	run->flow_of[number] = flow;
	run->syn_of[number] = syn;
	traffic_make(&run->world, run->mbufs[number], family_of(run), flow, syn, number);
}

static void
prepare_round(struct pipeline_run *run)
{
	for (uint32_t i = 0; i < NB_PACKETS; i++) {
		bool new = next_is_new(run);
		uint64_t flow = new ? run->next_flow++
				    : random_u64(&run->random) % run->options.flows;

		make_packet(run, i, flow, new);
		run->new_packets += new;
		if (!new && (run->seen[flow / 8] >> flow % 8 & 1) == 0) {
			run->seen[flow / 8] |= (uint8_t)(1 << flow % 8);
			run->distinct++;
		}
	}
}

/* One frame of every @p every of the burst that just came out. @return false: one was wrong. */
static bool
verify_burst(struct pipeline_run *run, uint32_t first, uint32_t nb, uint32_t every)
{
	struct worker_tx *tx = &run->world.worker->tx[0];

	if (tx->nb != nb) {
		fprintf(stderr, "guideway-bench: %u packets in, %u out\n", nb, tx->nb);
		return false;
	}
	for (uint32_t i = first % every; i < nb; i += every) {
		uint32_t number = traffic_number(&run->world, tx->frames[i], family_of(run));

		if (number >= NB_PACKETS ||
				!traffic_verify(&run->world, tx->frames[i], family_of(run),
						run->flow_of[number], run->syn_of[number],
						number)) {
			fprintf(stderr, "guideway-bench: packet %u came out wrong\n", number);
			return false;
		}
		run->verified++;
	}
	return true;
}

static uint64_t
run_burst(struct pipeline_run *run, struct rte_mbuf **frames, uint16_t nb, enum manner manner,
		struct pipeline_times *times)
{
	struct worker *w = run->world.worker;
	const struct worker_port *in = &w->ports[0];
	uint64_t begin;

	switch (manner) {
	case STAGES:
		w->pipeline->run_timed(w, in, frames, nb, times);
		return 0;
	case COUNTED:
		counters_go(&run->counters);
		w->pipeline->run(w, in, frames, nb);
		counters_halt(&run->counters);
		return 0;
	case PLAIN:
	default:
		begin = rte_rdtsc_precise();
		w->pipeline->run(w, in, frames, nb);
		return rte_rdtsc_precise() - begin;
	}
}

/* @return false: a packet came out wrong. */
static bool
run_round(struct pipeline_run *run, enum manner manner, uint32_t verify_every, struct round *round)
{
	uint32_t burst = run->options.burst;

	*round = (struct round){ 0 };
	for (uint32_t i = 0; i < NB_PACKETS; i += burst) {
		struct rte_mbuf *frames[BURST_MAX];
		uint32_t nb = RTE_MIN(burst, NB_PACKETS - i);

		memcpy(frames, &run->mbufs[i], nb * sizeof(frames[0]));
		round->cycles += run_burst(run, frames, (uint16_t)nb, manner, &round->times);
		if (!verify_burst(run, i, nb, verify_every))
			return false;
		run->world.worker->tx[0].nb = 0;
	}
	run->packets += NB_PACKETS;
	return true;
}

/* A packet of each known flow. @return false: one came out wrong. */
static bool
send_all_flows(struct pipeline_run *run, uint32_t verify_every)
{
	for (uint64_t flow = 0; flow < run->options.flows; flow += NB_PACKETS) {
		struct round round;

		for (uint32_t i = 0; i < NB_PACKETS; i++)
			make_packet(run, i, (flow + i) % run->options.flows, false);
		if (!run_round(run, PLAIN, verify_every, &round))
			return false;
	}
	return true;
}

static bool
enter_all_flows(struct pipeline_run *run)
{
	if (run->options.workload == WORKLOAD_NEW)
		return true;
	if (!send_all_flows(run, VERIFY_EVERY))
		return false;
	run->packets = 0;
	run->verified = 0;
	if (table_of(run)->nb_flows == run->options.flows)
		return true;
	fprintf(stderr, "guideway-bench: only %llu of %u flows fit\n",
			(unsigned long long)table_of(run)->nb_flows, run->options.flows);
	return false;
}

/* A flow_judge: what a SYN entered during the run goes. */
static bool
is_half_open(void *context, uint16_t service, struct flow_value *value)
{
	(void)context;
	(void)service;
	return value->state == FLOW_HALF_OPEN;
}

/*
 * Workloads new and mixed are about a table with room. The others must not come here: a sweep
 * before each round would leave nothing of the table in the caches.
 */
static void
make_room(struct pipeline_run *run)
{
	struct flow_table *table = table_of(run);
	bool enters = run->options.workload == WORKLOAD_NEW ||
			run->options.workload == WORKLOAD_MIXED;
	uint64_t removed = 0;

	if (!enters || table->nb_flows + NB_PACKETS <= table->capacity)
		return;
	flow_table_sweep(table, table->nb_buckets, is_half_open, NULL, &removed);
}

static bool
measure_round(struct pipeline_run *run, enum manner manner)
{
	struct round round;

	make_room(run);
	prepare_round(run);
	if (!run_round(run, manner, VERIFY_EVERY, &round))
		return false;
	if (manner == PLAIN)
		run->cycles[run->nb_cycles++] = (double)round.cycles / NB_PACKETS;
	if (manner == STAGES) {
		for (unsigned int s = 0; s < NB_PIPELINE_STAGES; s++)
			run->stages[s][run->nb_stages] = (double)round.times.cycles[s] / NB_PACKETS;
		run->nb_stages++;
	}
	if (manner == COUNTED)
		run->counted_packets += NB_PACKETS;
	return true;
}

static bool
measure(struct pipeline_run *run)
{
	for (uint32_t i = 0; i < run->options.rounds; i++) {
		if (!measure_round(run, PLAIN) ||
				(i % STAGES_EVERY == 0 && !measure_round(run, STAGES)) ||
				(i % COUNTED_EVERY == 0 && run->counters.fd >= 0 &&
						!measure_round(run, COUNTED)))
			return false;
	}
	run->instructions = counters_read(&run->counters);
	return true;
}

/* After a flood a packet of each flow that was there before must meet its entry. */
static bool
count_lost(struct pipeline_run *run)
{
	struct worker_stats *stats = run->world.worker->stats;
	uint64_t packets = run->packets;
	uint64_t rounds = (run->options.flows + NB_PACKETS - 1) / NB_PACKETS;
	uint64_t before = stats->flow_hits;
	uint64_t met;

	if (run->options.workload != WORKLOAD_FLOOD)
		return true;
	run->established = run->options.flows;
	if (!send_all_flows(run, 1)) /* To their old backends, each packet compared. */
		return false;
	met = stats->flow_hits - before;
	run->established_lost = rounds * NB_PACKETS - met;
	run->packets = packets;
	if (run->established_lost == 0)
		return true;
	fprintf(stderr, "guideway-bench: %llu packets of established flows met no entry\n",
			(unsigned long long)run->established_lost);
	return false;
}

static bool
start(struct pipeline_run *run)
{
	const struct pipeline_options *o = &run->options;
	uint64_t room = o->workload == WORKLOAD_MIXED ? o->flows / 8 + 4 * NB_PACKETS : 0;
	uint64_t least = o->workload == WORKLOAD_FLOOD ? 0 : 4 * NB_PACKETS;
	const struct world_conf conf = { .mode = o->mode == 0 ? MODE_DIRECT : MODE_IPIP,
		.family = family_of(run),
		.nb_backends = o->backends,
		.capacity = RTE_MAX(o->flows + room, least),
		.pipeline = o->isa == 0 ? NULL : pipelines[o->isa - 1],
		.hugepages = !o->no_hugepages };

	run->random = 1;
	run->next_flow = o->flows;
	run->seen = calloc(1, o->flows / 8 + 1);
	run->cycles = calloc(o->rounds, sizeof(*run->cycles));
	for (unsigned int s = 0; s < NB_PIPELINE_STAGES; s++)
		run->stages[s] = calloc(o->rounds / STAGES_EVERY + 1, sizeof(*run->stages[s]));
	if (run->seen == NULL || run->cycles == NULL ||
			run->stages[NB_PIPELINE_STAGES - 1] == NULL) {
		fprintf(stderr, "guideway-bench: out of memory\n");
		return false;
	}
	if (world_create(&run->world, &conf) < 0)
		return false;
	if (rte_pktmbuf_alloc_bulk(run->world.dp.pool, run->mbufs, NB_PACKETS) < 0) {
		fprintf(stderr, "guideway-bench: no mbufs\n");
		return false;
	}
	counters_open(&run->counters);
	return true;
}

bool
pipeline_run(struct pipeline_run *run)
{
	run->counters.fd = -1;
	return start(run) && enter_all_flows(run) && measure(run) && count_lost(run);
}

void
pipeline_run_end(struct pipeline_run *run)
{
	counters_close(&run->counters);
	world_destroy(&run->world);
	for (unsigned int s = 0; s < NB_PIPELINE_STAGES; s++)
		free(run->stages[s]);
	free(run->cycles);
	free(run->seen);
}
