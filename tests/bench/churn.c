/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench churn: what changes of weights cost the packets.
 *
 * A worker forwards bursts of known flows without pause on one CPU; on another one the control
 * thread's code changes a backend's weight every few milliseconds: it prepares the transaction,
 * which builds the Maglev table, publishes the snapshot, waits until the worker has moved on,
 * and frees the old one. Phases with changes and without take turns, so that a noisy minute
 * hits both alike. Each burst's time is recorded: the pipeline and the quiescent state, as in a
 * worker's loop; the packets' headers are written anew outside of it.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "bench.h"
#include "dataplane/control_internal.h"
#include "dataplane/pipeline.h"
#include "latency.h"
#include "options.h"
#include "report.h"
#include "traffic.h"
#include "world.h"

#define NB_MBUFS 2048
#define BURST 32

enum phase {
	PHASE_QUIET,
	PHASE_CHANGES,
	NB_PHASES,
	PHASE_WARM_UP = NB_PHASES,
	PHASE_END
};

struct options {
	uint32_t mode;
	uint32_t flows;
	uint32_t backends;
	uint32_t interval_ms;
	uint32_t phase_ms;
	uint32_t phases; /* Of each kind. */
	bool no_hugepages;
	bool json;
};

struct run {
	struct options options;
	struct world world;
	struct control control; /* Its state only: no thread, no session. */
	struct rte_mbuf *mbufs[NB_MBUFS];
	cpu_set_t worker_cpu;
	atomic_int phase;
	atomic_bool ready;
	struct latency bursts[NB_PHASES]; /* The worker's. */
	uint64_t packets;		  /* The worker's. */
	struct latency in_force;
	uint32_t generation;
};

static const char *const phase_names[NB_PHASES] = { "without_changes", "with_changes" };
static const char *const mode_words[] = { "direct", "ipip", NULL };

static uint64_t
next_flow(uint64_t *state, uint32_t flows)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (*state >> 32) % flows;
}

/* A round over all mbufs. @param first NULL: flows at random; else from *first on. */
static void
forward_round(struct run *run, uint64_t *random, uint64_t *first, struct latency *latency)
{
	struct worker *w = run->world.workers[0];

	for (uint32_t i = 0; i < NB_MBUFS; i++) {
		uint64_t flow = first != NULL ? (*first)++ % run->options.flows
					      : next_flow(random, run->options.flows);

		traffic_make(&run->world, run->mbufs[i], IP_V4, flow, false, i);
	}
	for (uint32_t i = 0; i < NB_MBUFS; i += BURST) {
		struct rte_mbuf *frames[BURST];
		uint64_t begin;

		memcpy(frames, &run->mbufs[i], sizeof(frames));
		begin = rte_rdtsc_precise();
		w->pipeline->run(w, &w->ports[0], frames, BURST);
		rte_rcu_qsbr_quiescent(run->world.dp.qsbr, 0);
		if (latency != NULL)
			latency_record(latency, rte_rdtsc_precise() - begin);
		run->packets += w->tx[0].nb;
		w->tx[0].nb = 0;
	}
}

static void *
work(void *context)
{
	struct run *run = context;
	struct rte_rcu_qsbr *qsbr = run->world.dp.qsbr;
	uint64_t random = 1;
	uint64_t flow = 0;
	int phase;

	pthread_setaffinity_np(pthread_self(), sizeof(run->worker_cpu), &run->worker_cpu);
	rte_rcu_qsbr_thread_register(qsbr, 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	while (flow < run->options.flows)
		forward_round(run, NULL, &flow, NULL);
	run->packets = 0;
	stat_set(&run->world.workers[0]->stats->flow_hits, 0);
	atomic_store(&run->ready, true);
	while ((phase = atomic_load_explicit(&run->phase, memory_order_relaxed)) != PHASE_END)
		forward_round(run, &random, NULL,
				phase == PHASE_WARM_UP ? NULL : &run->bursts[phase]);
	rte_rcu_qsbr_thread_offline(qsbr, 0);
	rte_rcu_qsbr_thread_unregister(qsbr, 0);
	return NULL;
}

/* As the control thread does on a commit. @return false: it was refused. */
static bool
change_weight(struct run *run, uint32_t number)
{
	const struct service_key key = {
		.vip = run->world.vip4, .protocol = PROTOCOL_TCP, .l4_port = WORLD_SERVICE_PORT
	};
	const struct backend_conf backend = { .addr = world_backend(&run->world, IP_V4,
							      number % run->options.backends),
		.weight = number / run->options.backends % 2 == 0 ? 50 : 100,
		.factor = BACKEND_FACTOR_ONE,
		.admin = ADMIN_ENABLED,
		.health = HEALTH_UP };
	struct txn *txn = txn_begin(run->world.state, false);
	const struct snapshot *snapshot;
	uint64_t begin;

	if (txn == NULL || txn_backend_set(txn, &key, &backend) != CONF_OK)
		return false;
	begin = rte_rdtsc_precise();
	if (txn_prepare(txn, ++run->generation, &snapshot) != CONF_OK)
		return false;
	control_publish(&run->control, snapshot);
	latency_record(&run->in_force, rte_rdtsc_precise() - begin);
	txn_finish(txn);
	return true;
}

static void
sleep_until(struct timespec *at, uint32_t ms)
{
	at->tv_nsec += (long)ms * 1000000;
	while (at->tv_nsec >= 1000000000) {
		at->tv_nsec -= 1000000000;
		at->tv_sec++;
	}
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, at, NULL);
}

static bool
run_phases(struct run *run)
{
	const struct options *o = &run->options;
	uint32_t changes = 0;
	struct timespec at;

	while (!atomic_load(&run->ready))
		sched_yield();
	clock_gettime(CLOCK_MONOTONIC, &at);
	for (uint32_t i = 0; i < 2 * o->phases; i++) {
		/* Quiet, changes, changes, quiet: a drift does not favour one of them. */
		enum phase phase = (i + 1) / 2 % 2 == 0 ? PHASE_QUIET : PHASE_CHANGES;

		atomic_store(&run->phase, phase);
		for (uint32_t ms = 0; ms < o->phase_ms; ms += o->interval_ms) {
			if (phase == PHASE_CHANGES && !change_weight(run, changes++)) {
				fprintf(stderr, "guideway-bench: a change was refused\n");
				return false;
			}
			sleep_until(&at, o->interval_ms);
		}
	}
	return true;
}

static bool
verify(struct run *run)
{
	uint64_t hits = stat_get(&run->world.workers[0]->stats->flow_hits);

	if (run->packets == hits && hits != 0)
		return true;
	fprintf(stderr, "guideway-bench: %llu packets came out, %llu met their flow\n",
			(unsigned long long)run->packets, (unsigned long long)hits);
	return false;
}

static double
us_at(const struct latency *latency, double share)
{
	return (double)latency_quantile(latency, share) / (double)rte_get_tsc_hz() * 1e6;
}

static json_t *
latency_json(const struct latency *latency)
{
	return json_pack("{s:I, s:f, s:f, s:f, s:f}", "nb", (json_int_t)latency->nb, "p50_us",
			us_at(latency, 0.5), "p99_us", us_at(latency, 0.99), "p99.9_us",
			us_at(latency, 0.999), "max_us", us_at(latency, 1));
}

static int
report(struct run *run)
{
	const struct latency *quiet = &run->bursts[PHASE_QUIET];
	const struct latency *busy = &run->bursts[PHASE_CHANGES];
	double ratio = us_at(busy, 0.999) / us_at(quiet, 0.999);

	if (run->options.json) {
		json_t *out = json_pack("{s:s, s:I, s:i, s:i}", "mode",
				mode_words[run->options.mode], "flows",
				(json_int_t)run->options.flows, "backends",
				(int)run->options.backends, "interval_ms",
				(int)run->options.interval_ms);

		for (unsigned int i = 0; i < NB_PHASES; i++)
			json_object_set_new(out, phase_names[i], latency_json(&run->bursts[i]));
		json_object_set_new(out, "in_force", latency_json(&run->in_force));
		json_object_set_new(out, "p99.9_ratio", json_real(ratio));
		json_object_set_new(out, "packets", json_integer((json_int_t)run->packets));
		return bench_json_print(out);
	}
	for (unsigned int i = 0; i < NB_PHASES; i++)
		printf("bursts %-16s p50 %.2f us, p99 %.2f, p99.9 %.2f, max %.1f (%llu bursts)\n",
				phase_names[i], us_at(&run->bursts[i], 0.5),
				us_at(&run->bursts[i], 0.99), us_at(&run->bursts[i], 0.999),
				us_at(&run->bursts[i], 1), (unsigned long long)run->bursts[i].nb);
	printf("p99.9 with changes / without: %.3f\n", ratio);
	printf("change to in force: p50 %.0f us, p99 %.0f, max %.0f (%llu changes)\n",
			us_at(&run->in_force, 0.5), us_at(&run->in_force, 0.99),
			us_at(&run->in_force, 1), (unsigned long long)run->in_force.nb);
	return BENCH_EXIT_OK;
}

/* The last CPU that we may run on: EAL takes the first, for what changes. */
static bool
find_worker_cpu(cpu_set_t *out)
{
	cpu_set_t cpus;

	CPU_ZERO(out);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0 || CPU_COUNT(&cpus) < 2) {
		fprintf(stderr, "guideway-bench: churn needs two CPUs\n");
		return false;
	}
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, &cpus)) {
			CPU_SET(cpu, out);
			break;
		}
	return true;
}

static bool
start(struct run *run)
{
	const struct world_conf conf = { .mode = run->options.mode == 0 ? MODE_DIRECT : MODE_IPIP,
		.family = IP_V4,
		.nb_backends = run->options.backends,
		.nb_workers = 1,
		.capacity = RTE_MAX(run->options.flows, 4096U),
		.hugepages = !run->options.no_hugepages };
	struct dataplane *dp = &run->world.dp;
	size_t size = rte_rcu_qsbr_get_memsize(2);

	if (!find_worker_cpu(&run->worker_cpu) || world_create(&run->world, &conf) < 0)
		return false;
	dp->qsbr = aligned_alloc(CACHE_LINE, (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1));
	if (dp->qsbr == NULL || rte_rcu_qsbr_init(dp->qsbr, 2) != 0 ||
			rte_pktmbuf_alloc_bulk(dp->pool, run->mbufs, NB_MBUFS) < 0) {
		fprintf(stderr, "guideway-bench: out of memory\n");
		return false;
	}
	run->control.dp = dp;
	run->control.state = run->world.state;
	run->generation = 1;
	atomic_store(&run->phase, PHASE_WARM_UP);
	return true;
}

static bool
measure(struct run *run)
{
	pthread_t thread;
	bool done;

	if (pthread_create(&thread, NULL, work, run) != 0) {
		fprintf(stderr, "guideway-bench: no thread\n");
		return false;
	}
	done = run_phases(run);
	atomic_store(&run->phase, PHASE_END);
	pthread_join(thread, NULL);
	return done && verify(run);
}

int
bench_churn(int argc, char **argv)
{
	static struct run run;
	struct options *o = &run.options;
	const struct bench_option options[] = {
		BENCH_WORD("mode", &o->mode, mode_words, "forwarding mode"),
		BENCH_NUMBER("flows", &o->flows, 1, 100000000, "known flows, drawn at random"),
		BENCH_NUMBER("backends", &o->backends, 2, 10000, "of the service"),
		BENCH_NUMBER("interval-ms", &o->interval_ms, 1, 10000, "from change to change"),
		BENCH_NUMBER("phase-ms", &o->phase_ms, 1, 600000, "of a phase"),
		BENCH_NUMBER("phases", &o->phases, 1, 10000, "with changes, and as many without"),
		BENCH_FLAG("no-hugepages", &o->no_hugepages, "4 KiB pages"),
		BENCH_FLAG("json", &o->json, "one JSON object"),
		BENCH_OPTIONS_END,
	};
	int ret;

	*o = (struct options){
		.flows = 1000000, .backends = 100, .interval_ms = 10, .phase_ms = 500, .phases = 20
	};
	ret = bench_options_parse(options, argc, argv);
	if (ret >= 0)
		return ret;
	ret = start(&run) && measure(&run) ? report(&run) : BENCH_EXIT_FAILED;
	world_destroy(&run.world);
	free(run.world.dp.qsbr);
	return ret;
}
