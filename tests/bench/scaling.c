/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench scaling: what workers cost each other.
 *
 * One worker alone and all of them at once take turns, so that a noisy minute hits both alike.
 * Each is a thread on a CPU of its own, with flow tables, packets and statistics of its own, as
 * in the dataplane; they share the snapshot and the next hops. A round counts only while all
 * workers of its phase run: who is done goes on until the last one is.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "bench.h"
#include "options.h"
#include "report.h"
#include "rounds.h"

static const char *const mode_words[] = { "direct", "ipip", NULL };
static const char *const family_words[] = { "4", "6", NULL };

struct options {
	uint32_t mode;
	uint32_t family;
	uint32_t workers;
	uint32_t flows;
	uint32_t backends;
	uint32_t burst;
	uint32_t rounds;
	uint32_t turns;
	bool no_hugepages;
	bool json;
};

/* A phase: the first so many workers run. */
struct phase {
	uint32_t nb_workers;
	atomic_uint ready;
	atomic_uint done;
};

struct series {
	double *cycles; /* A packet, by round. */
	uint32_t nb;
};

struct runner {
	struct run *run;
	uint16_t index;
	pthread_t thread;
	struct rounds rounds;
	struct series alone;
	struct series together;
	bool failed;
};

struct run {
	struct options options;
	struct world world;
	struct phase *phases; /* Alone, together, alone, … */
	uint32_t nb_phases;
	pthread_barrier_t barrier; /* Between phases: the workers sleep there. */
	struct runner runners[WORLD_MAX_WORKERS];
	int cpus[WORLD_MAX_WORKERS];
};

/* @return how many CPUs this process may run on; the first ones in @p cpus. */
static uint32_t
find_cpus(int *cpus)
{
	cpu_set_t set;
	uint32_t nb = 0;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && nb < WORLD_MAX_WORKERS; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[nb++] = cpu;
	return nb;
}

static void
pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* All of the phase's workers are there. */
static void
start_together(struct phase *phase)
{
	atomic_fetch_add(&phase->ready, 1);
	while (atomic_load(&phase->ready) < phase->nb_workers)
		rte_pause();
}

static void
run_phase(struct runner *runner, struct phase *phase)
{
	struct series *series = phase->nb_workers == 1 ? &runner->alone : &runner->together;
	uint32_t quota = runner->run->options.rounds;
	struct round round;

	start_together(phase);
	for (uint32_t i = 0; i < quota && !runner->failed; i++) {
		runner->failed = !rounds_run(&runner->rounds, ROUND_PLAIN, &round);
		series->cycles[series->nb++] = (double)round.cycles / ROUND_PACKETS;
	}
	atomic_fetch_add(&phase->done, 1);
	while (atomic_load(&phase->done) < phase->nb_workers && !runner->failed)
		runner->failed = !rounds_run(&runner->rounds, ROUND_PLAIN, &round);
}

static void *
run_worker(void *context)
{
	struct runner *runner = context;
	struct run *run = runner->run;

	pin(run->cpus[runner->index]);
	runner->failed = !rounds_enter_all_flows(&runner->rounds);
	for (uint32_t i = 0; i < run->nb_phases; i++) {
		pthread_barrier_wait(&run->barrier);
		if (runner->index < run->phases[i].nb_workers)
			run_phase(runner, &run->phases[i]);
	}
	return NULL;
}

static bool
make_phases(struct run *run)
{
	run->nb_phases = 2 * run->options.turns;
	run->phases = calloc(run->nb_phases, sizeof(*run->phases));
	if (run->phases == NULL)
		return false;
	for (uint32_t i = 0; i < run->nb_phases; i++)
		run->phases[i].nb_workers = i % 2 == 0 ? 1 : run->options.workers;
	return pthread_barrier_init(&run->barrier, NULL, run->options.workers) == 0;
}

static bool
make_runner(struct run *run, uint16_t index, const struct rounds_conf *rounds)
{
	struct runner *runner = &run->runners[index];
	struct rounds_conf own = *rounds;
	size_t nb = (size_t)run->options.rounds * run->options.turns;

	own.first_flow = (uint64_t)index * own.flows;
	runner->run = run;
	runner->index = index;
	runner->alone.cycles = calloc(nb, sizeof(double));
	runner->together.cycles = calloc(nb, sizeof(double));
	return runner->alone.cycles != NULL && runner->together.cycles != NULL &&
			rounds_begin(&runner->rounds, &own, &run->world, index);
}

static bool
start(struct run *run)
{
	const struct options *o = &run->options;
	const struct rounds_conf rounds = {
		.workload = WORKLOAD_HIT, .flows = o->flows, .burst = o->burst
	};
	const struct world_conf conf = { .mode = o->mode == 0 ? MODE_DIRECT : MODE_IPIP,
		.family = o->family == 0 ? IP_V4 : IP_V6,
		.nb_backends = o->backends,
		.nb_workers = (uint16_t)o->workers,
		.capacity = rounds_capacity(&rounds),
		.hugepages = !o->no_hugepages };

	if (world_create(&run->world, &conf) < 0)
		return false;
	if (!make_phases(run)) {
		fprintf(stderr, "guideway-bench: out of memory\n");
		return false;
	}
	for (uint16_t i = 0; i < o->workers; i++)
		if (!make_runner(run, i, &rounds))
			return false;
	return true;
}

static bool
measure(struct run *run)
{
	bool good = true;

	for (uint32_t i = 0; i < run->options.workers; i++) {
		struct runner *runner = &run->runners[i];

		if (pthread_create(&runner->thread, NULL, run_worker, runner) != 0) {
			perror("guideway-bench: thread");
			exit(BENCH_EXIT_FAILED); /* The others wait for it for ever. */
		}
	}
	for (uint32_t i = 0; i < run->options.workers; i++) {
		pthread_join(run->runners[i].thread, NULL);
		good &= !run->runners[i].failed;
	}
	return good;
}

static void
end(struct run *run)
{
	for (uint32_t i = 0; i < run->options.workers; i++) {
		rounds_end(&run->runners[i].rounds);
		free(run->runners[i].alone.cycles);
		free(run->runners[i].together.cycles);
	}
	free(run->phases);
	world_destroy(&run->world);
}

/* Millions of packets a second: of one worker alone, and of all of them at once. */
struct rates {
	struct bench_summary alone; /* Cycles a packet. */
	struct bench_summary together[WORLD_MAX_WORKERS];
	double mpps_alone;
	double mpps_together;
};

static struct rates
summarize(struct run *run)
{
	double mhz = (double)rte_get_tsc_hz() / 1e6;
	struct series *alone = &run->runners[0].alone;
	struct rates rates = { .alone = bench_summarize(alone->cycles, alone->nb) };

	rates.mpps_alone = mhz / rates.alone.median;
	for (uint32_t i = 0; i < run->options.workers; i++) {
		struct series *s = &run->runners[i].together;

		rates.together[i] = bench_summarize(s->cycles, s->nb);
		rates.mpps_together += mhz / rates.together[i].median;
	}
	return rates;
}

static int
report_json(struct run *run, const struct rates *rates)
{
	const struct options *o = &run->options;
	json_t *out = json_pack("{s:i, s:s, s:i, s:i, s:i, s:i}", "workers", (int)o->workers,
			"mode", mode_words[o->mode], "family", o->family == 0 ? 4 : 6, "flows",
			(int)o->flows, "burst", (int)o->burst, "rounds",
			(int)(o->rounds * o->turns));
	json_t *together = json_array();

	for (uint32_t i = 0; i < o->workers; i++)
		json_array_append_new(together, bench_json_summary(rates->together[i], 1));
	json_object_set_new(out, "cycles_alone", bench_json_summary(rates->alone, 1));
	json_object_set_new(out, "cycles_together", together);
	json_object_set_new(out, "mpps_alone", json_real(rates->mpps_alone));
	json_object_set_new(out, "mpps_together", json_real(rates->mpps_together));
	json_object_set_new(out, "scaling", json_real(rates->mpps_together / rates->mpps_alone));
	return bench_json_print(out);
}

static void
report_text(struct run *run, const struct rates *rates)
{
	const struct options *o = &run->options;

	printf("mode %s, IPv%d, %u flows a worker, burst %u\n", mode_words[o->mode],
			o->family == 0 ? 4 : 6, o->flows, o->burst);
	printf("one worker:  cycles a packet: min %.1f, median %.1f; %.2f Mpps by the median\n",
			rates->alone.min, rates->alone.median, rates->mpps_alone);
	for (uint32_t i = 0; i < o->workers; i++)
		printf("worker %u of %u: cycles a packet: min %.1f, median %.1f\n", i, o->workers,
				rates->together[i].min, rates->together[i].median);
	printf("%u workers:  %.2f Mpps by the medians, %.2f times one\n", o->workers,
			rates->mpps_together, rates->mpps_together / rates->mpps_alone);
}

static bool
workers_have_cpus(struct run *run)
{
	uint32_t nb = find_cpus(run->cpus);

	if (run->options.workers <= nb)
		return true;
	fprintf(stderr,
			"guideway-bench: scaling: --workers %u, but this process may run on %u CPU%s: "
			"fewer workers, or another taskset\n",
			run->options.workers, nb, nb == 1 ? "" : "s");
	return false;
}

int
bench_scaling(int argc, char **argv)
{
	static struct run run;
	struct options *o = &run.options;
	const struct bench_option options[] = {
		BENCH_NUMBER("workers", &o->workers, 2, WORLD_MAX_WORKERS,
				"at once, a CPU each of those that the process may use"),
		BENCH_WORD("mode", &o->mode, mode_words, "forwarding mode"),
		BENCH_WORD("family", &o->family, family_words, "IP version"),
		BENCH_NUMBER("flows", &o->flows, 1, 100000000, "known flows of each worker"),
		BENCH_NUMBER("backends", &o->backends, 1, 10000, "of the service"),
		BENCH_NUMBER("burst", &o->burst, 1, BURST_MAX, "packets a burst"),
		BENCH_NUMBER("rounds", &o->rounds, 1, 100000, "of 2048 packets, a worker and turn"),
		BENCH_NUMBER("turns", &o->turns, 1, 1000, "of one worker alone, and of all"),
		BENCH_FLAG("no-hugepages", &o->no_hugepages, "4 KiB pages"),
		BENCH_FLAG("json", &o->json, "one JSON object"),
		BENCH_OPTIONS_END,
	};
	struct rates rates;
	int ret;

	*o = (struct options){ .workers = 2,
		.flows = 1000000,
		.backends = 100,
		.burst = BURST_MAX,
		.rounds = 100,
		.turns = 8 };
	ret = bench_options_parse(options, argc, argv);
	if (ret >= 0)
		return ret;
	if (!workers_have_cpus(&run))
		return BENCH_EXIT_USAGE;
	ret = BENCH_EXIT_FAILED;
	if (start(&run) && measure(&run)) {
		rates = summarize(&run);
		ret = BENCH_EXIT_OK;
		if (o->json)
			ret = report_json(&run, &rates);
		else
			report_text(&run, &rates);
	}
	end(&run);
	return ret;
}
