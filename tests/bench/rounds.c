/* SPDX-License-Identifier: BSD-3-Clause */
#include "rounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "flow/flow_state.h"
#include "traffic.h"

/* Of so many packets that come out one is compared. */
#define VERIFY_EVERY 16

static uint64_t
random_u64(uint64_t *state)
{
	uint64_t x = (*state += UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

struct flow_table *
rounds_table(const struct rounds *r)
{
	return r->world->conf.family == IP_V4 ? &r->worker->flows4 : &r->worker->flows6;
}

uint64_t
rounds_capacity(const struct rounds_conf *conf)
{
	uint64_t room = conf->workload == WORKLOAD_MIXED ? conf->flows / 8 + 4 * ROUND_PACKETS : 0;
	uint64_t least = conf->workload == WORKLOAD_FLOOD ? 0 : 4 * ROUND_PACKETS;

	return RTE_MAX(conf->flows + room, least);
}

static bool
next_is_new(struct rounds *r)
{
	switch (r->conf.workload) {
	case WORKLOAD_HIT:
		return false;
	case WORKLOAD_MIXED:
		return random_u64(&r->random) % 100 < r->conf.new_share;
	case WORKLOAD_NEW:
	case WORKLOAD_FLOOD:
	default:
		return true;
	}
}

static void
make_packet(struct rounds *r, uint32_t number, uint64_t flow, bool syn)
{
	r->flow_of[number] = flow;
	r->syn_of[number] = syn;
	traffic_make(r->world, r->mbufs[number], r->world->conf.family, flow, syn, number);
}

static void
note_drawn(struct rounds *r, uint64_t known)
{
	if ((r->seen[known / 8] >> known % 8 & 1) != 0)
		return;
	r->seen[known / 8] |= (uint8_t)(1 << known % 8);
	r->distinct++;
}

static void
prepare(struct rounds *r)
{
	for (uint32_t i = 0; i < ROUND_PACKETS; i++) {
		uint64_t known;

		if (next_is_new(r)) {
			make_packet(r, i, r->next_flow++, true);
			r->new_packets++;
			continue;
		}
		known = random_u64(&r->random) % r->conf.flows;
		make_packet(r, i, r->conf.first_flow + known, false);
		note_drawn(r, known);
	}
}

/* One frame of every @p every of the burst that just came out. @return false: one was wrong. */
static bool
verify_burst(struct rounds *r, uint32_t first, uint32_t nb, uint32_t every)
{
	enum ip_family family = r->world->conf.family;
	struct worker_tx *tx = &r->worker->tx[0];

	if (tx->nb != nb) {
		fprintf(stderr, "guideway-bench: %u packets in, %u out\n", nb, tx->nb);
		return false;
	}
	for (uint32_t i = first % every; i < nb; i += every) {
		uint32_t number = traffic_number(r->world, tx->frames[i], family);

		if (number >= ROUND_PACKETS ||
				!traffic_verify(r->world, tx->frames[i], family, r->flow_of[number],
						r->syn_of[number], number)) {
			fprintf(stderr, "guideway-bench: packet %u came out wrong\n", number);
			return false;
		}
		r->verified++;
	}
	return true;
}

static uint64_t
run_burst(struct rounds *r, struct rte_mbuf **frames, uint16_t nb, enum round_manner manner,
		struct pipeline_times *times)
{
	struct worker *w = r->worker;
	const struct worker_port *in = &w->ports[0];
	uint64_t begin;

	switch (manner) {
	case ROUND_STAGES:
		w->pipeline->run_timed(w, in, frames, nb, times);
		return 0;
	case ROUND_COUNTED:
		counters_go(r->counters);
		w->pipeline->run(w, in, frames, nb);
		counters_halt(r->counters);
		return 0;
	case ROUND_PLAIN:
	default:
		begin = rte_rdtsc_precise();
		w->pipeline->run(w, in, frames, nb);
		return rte_rdtsc_precise() - begin;
	}
}

/* The worker's clock, as if it did nothing between the bursts: so entries get new times as often. */
static void
advance_clock(struct rounds *r, uint64_t cycles)
{
	r->worker->now_tsc += cycles;
	while (r->worker->now_tsc >= r->worker->tick_tsc) {
		r->worker->now++;
		r->worker->tick_tsc += r->worker->tsc_per_tick;
	}
}

/* @return false: a packet came out wrong. */
static bool
send_round(struct rounds *r, enum round_manner manner, uint32_t verify_every, struct round *round)
{
	uint32_t burst = r->conf.burst;

	*round = (struct round){ 0 };
	for (uint32_t i = 0; i < ROUND_PACKETS; i += burst) {
		struct rte_mbuf *frames[BURST_MAX];
		uint32_t nb = RTE_MIN(burst, ROUND_PACKETS - i);

		memcpy(frames, &r->mbufs[i], nb * sizeof(frames[0]));
		round->cycles += run_burst(r, frames, (uint16_t)nb, manner, &round->times);
		if (!verify_burst(r, i, nb, verify_every))
			return false;
		r->worker->tx[0].nb = 0;
	}
	r->packets += ROUND_PACKETS;
	advance_clock(r, round->cycles);
	return true;
}

bool
rounds_send_all_flows(struct rounds *r, uint32_t verify_every)
{
	for (uint64_t known = 0; known < r->conf.flows; known += ROUND_PACKETS) {
		struct round round;

		for (uint32_t i = 0; i < ROUND_PACKETS; i++)
			make_packet(r, i, r->conf.first_flow + (known + i) % r->conf.flows, false);
		if (!send_round(r, ROUND_PLAIN, verify_every, &round))
			return false;
	}
	return true;
}

bool
rounds_enter_all_flows(struct rounds *r)
{
	if (r->conf.workload == WORKLOAD_NEW)
		return true;
	if (!rounds_send_all_flows(r, VERIFY_EVERY))
		return false;
	r->packets = 0;
	r->verified = 0;
	if (rounds_table(r)->nb_flows == r->conf.flows)
		return true;
	fprintf(stderr, "guideway-bench: only %llu of %u flows fit\n",
			(unsigned long long)rounds_table(r)->nb_flows, r->conf.flows);
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
make_room(struct rounds *r)
{
	struct flow_table *table = rounds_table(r);
	bool enters = r->conf.workload == WORKLOAD_NEW || r->conf.workload == WORKLOAD_MIXED;
	uint64_t removed = 0;

	if (!enters || table->nb_flows + ROUND_PACKETS <= table->capacity)
		return;
	flow_table_sweep(table, table->nb_buckets, is_half_open, NULL, &removed);
}

bool
rounds_run(struct rounds *r, enum round_manner manner, struct round *round)
{
	make_room(r);
	prepare(r);
	return send_round(r, manner, VERIFY_EVERY, round);
}

bool
rounds_begin(struct rounds *r, const struct rounds_conf *conf, const struct world *world,
		uint16_t index)
{
	memset(r, 0, sizeof(*r));
	r->conf = *conf;
	r->world = world;
	r->worker = world->workers[index];
	r->random = index + UINT64_C(1);
	r->next_flow = conf->first_flow + conf->flows;
	r->seen = calloc(1, conf->flows / 8 + 1);
	if (r->seen == NULL) {
		fprintf(stderr, "guideway-bench: out of memory\n");
		return false;
	}
	if (rte_pktmbuf_alloc_bulk(world->dp.pool, r->mbufs, ROUND_PACKETS) < 0) {
		fprintf(stderr, "guideway-bench: no mbufs\n");
		return false;
	}
	return true;
}

void
rounds_end(struct rounds *r)
{
	free(r->seen);
}
