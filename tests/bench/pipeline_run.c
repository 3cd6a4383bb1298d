/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline_run.h"

#include <stdio.h>
#include <stdlib.h>

/* A round with the stages timed, and one with instructions counted, after so many without. */
#define STAGES_EVERY 4
#define COUNTED_EVERY 16

static bool
measure_round(struct pipeline_run *run, enum round_manner manner)
{
	struct round round;

	if (!rounds_run(&run->rounds, manner, &round))
		return false;
	if (manner == ROUND_PLAIN)
		run->cycles[run->nb_cycles++] = (double)round.cycles / ROUND_PACKETS;
	if (manner == ROUND_STAGES) {
		for (unsigned int s = 0; s < NB_PIPELINE_STAGES; s++)
			run->stages[s][run->nb_stages] =
					(double)round.times.cycles[s] / ROUND_PACKETS;
		run->nb_stages++;
	}
	if (manner == ROUND_COUNTED)
		run->counted_packets += ROUND_PACKETS;
	return true;
}

static bool
measure(struct pipeline_run *run)
{
	for (uint32_t i = 0; i < run->options.rounds; i++) {
		if (!measure_round(run, ROUND_PLAIN) ||
				(i % STAGES_EVERY == 0 && !measure_round(run, ROUND_STAGES)) ||
				(i % COUNTED_EVERY == 0 && run->counters.fd >= 0 &&
						!measure_round(run, ROUND_COUNTED)))
			return false;
	}
	run->instructions = counters_read(&run->counters);
	return true;
}

/* After a flood a packet of each flow that was there before must meet its entry. */
static bool
count_lost(struct pipeline_run *run)
{
	struct worker_stats *stats = run->rounds.worker->stats;
	uint64_t packets = run->rounds.packets;
	uint64_t before = stats->flow_hits;
	uint64_t met;

	if (run->rounds.conf.workload != WORKLOAD_FLOOD)
		return true;
	run->established = run->options.flows;
	if (!rounds_send_all_flows(
			    &run->rounds, 1)) /* To their old backends, each packet compared. */
		return false;
	met = stats->flow_hits - before;
	run->established_lost = run->rounds.packets - packets - met;
	run->rounds.packets = packets;
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
	const struct rounds_conf rounds = { .workload = (enum workload)o->workload,
		.flows = o->flows,
		.new_share = o->new_share,
		.burst = o->burst };
	const struct world_conf conf = { .mode = o->mode == 0 ? MODE_DIRECT : MODE_IPIP,
		.family = o->family == 0 ? IP_V4 : IP_V6,
		.nb_backends = o->backends,
		.nb_workers = 1,
		.capacity = rounds_capacity(&rounds),
		.pipeline = o->isa == 0 ? NULL : pipelines[o->isa - 1],
		.hugepages = !o->no_hugepages };

	run->cycles = calloc(o->rounds, sizeof(*run->cycles));
	for (unsigned int s = 0; s < NB_PIPELINE_STAGES; s++)
		run->stages[s] = calloc(o->rounds / STAGES_EVERY + 1, sizeof(*run->stages[s]));
	if (run->cycles == NULL || run->stages[NB_PIPELINE_STAGES - 1] == NULL) {
		fprintf(stderr, "guideway-bench: out of memory\n");
		return false;
	}
	if (world_create(&run->world, &conf) < 0 ||
			!rounds_begin(&run->rounds, &rounds, &run->world, 0))
		return false;
	counters_open(&run->counters);
	run->rounds.counters = &run->counters;
	return true;
}

bool
pipeline_run(struct pipeline_run *run)
{
	run->counters.fd = -1;
	return start(run) && rounds_enter_all_flows(&run->rounds) && measure(run) &&
			count_lost(run);
}

void
pipeline_run_end(struct pipeline_run *run)
{
	counters_close(&run->counters);
	rounds_end(&run->rounds);
	world_destroy(&run->world);
	for (unsigned int s = 0; s < NB_PIPELINE_STAGES; s++)
		free(run->stages[s]);
	free(run->cycles);
}
