/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench pipeline: what a packet costs on a worker, in all and by stage. This file
 * has its options and tells the results; pipeline_run.c measures.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <valgrind/valgrind.h>

#include "bench.h"
#include "options.h"
#include "pipeline_plot.h"
#include "pipeline_run.h"
#include "report.h"

#define DEFAULT_ROUNDS 1000
#define MIN_ROUNDS 200
#define MAX_FLOWS 100000000

static const char *const mode_words[] = { "direct", "ipip", NULL };
static const char *const family_words[] = { "4", "6", NULL };
static const char *const workload_words[] = { "hit", "new", "mixed", "flood", NULL };
/* Behind the first as in pipelines[]. */
static const char *const isa_words[] = { "best", "avx2", "portable", NULL };

const char *const pipeline_stage_names[NB_PIPELINE_STAGES] = {
	[PIPELINE_PARSE] = "parse",
	[PIPELINE_SERVICE] = "service",
	[PIPELINE_FLOW] = "flow",
	[PIPELINE_CHOOSE] = "choose",
	[PIPELINE_REWRITE] = "rewrite",
};

static json_t *
stages_json(struct pipeline_run *run)
{
	json_t *stages = json_object();

	for (unsigned int s = 0; s < NB_PIPELINE_STAGES; s++)
		json_object_set_new(stages, pipeline_stage_names[s],
				bench_json_summary(bench_summarize(run->stages[s], run->nb_stages),
						1));
	return stages;
}

static int
report_json(struct pipeline_run *run, struct bench_summary cycles)
{
	const struct pipeline_options *o = &run->options;
	const struct flow_table *table = rounds_table(&run->rounds);
	double hz = (double)rte_get_tsc_hz();
	json_t *out = json_pack("{s:s, s:i, s:I, s:s, s:i, s:i, s:s, s:s}", "mode",
			mode_words[o->mode], "family", o->family == 0 ? 4 : 6, "flows",
			(json_int_t)o->flows, "workload", workload_words[o->workload], "burst",
			(int)o->burst, "backends", (int)o->backends, "pages",
			o->no_hugepages ? "4k" : "2M", "pipeline", run->world.dp.pipeline->name);

	json_object_set_new(out, "cycles_per_packet", bench_json_summary(cycles, 1));
	json_object_set_new(out, "ns_per_packet", bench_json_summary(cycles, 1e9 / hz));
	json_object_set_new(out, "mpps",
			json_pack("{s:f, s:f}", "max", hz / cycles.min / 1e6, "median",
					hz / cycles.median / 1e6));
	json_object_set_new(out, "stages", stages_json(run));
	json_object_set_new(out, "instructions_per_packet",
			run->instructions == 0 ? json_null()
					       : json_real((double)run->instructions /
								 (double)run->counted_packets));
	json_object_set_new(out, "table_bytes", json_integer((json_int_t)table->region->size));
	json_object_set_new(out, "bytes_per_flow",
			json_real((double)table->region->size / (double)table->capacity));
	json_object_set_new(out, "packets", json_integer((json_int_t)run->rounds.packets));
	json_object_set_new(out, "new_packets", json_integer((json_int_t)run->rounds.new_packets));
	json_object_set_new(out, "verified", json_integer((json_int_t)run->rounds.verified));
	json_object_set_new(out, "distinct_flows", json_integer((json_int_t)run->rounds.distinct));
	json_object_set_new(out, "rounds", json_integer(run->nb_cycles));
	json_object_set_new(out, "tsc_hz", json_real(hz));
	if (o->workload == WORKLOAD_FLOOD) {
		json_object_set_new(out, "established", json_integer((json_int_t)run->established));
		json_object_set_new(out, "established_lost",
				json_integer((json_int_t)run->established_lost));
	}
	return bench_json_print(out);
}

static void
report_text(struct pipeline_run *run, struct bench_summary cycles)
{
	const struct pipeline_options *o = &run->options;
	const struct flow_table *table = rounds_table(&run->rounds);
	double hz = (double)rte_get_tsc_hz();

	printf("mode %s, IPv%d, %u flows, workload %s, burst %u, %u backends, %s pages, "
	       "pipeline %s\n",
			mode_words[o->mode], o->family == 0 ? 4 : 6, o->flows,
			workload_words[o->workload], o->burst, o->backends,
			o->no_hugepages ? "4 KiB" : "2 MB", run->world.dp.pipeline->name);
	printf("cycles a packet: min %.1f, median %.1f (ns: min %.1f, median %.1f)\n", cycles.min,
			cycles.median, cycles.min / hz * 1e9, cycles.median / hz * 1e9);
	printf("Mpps a core:     max %.2f, median %.2f\n", hz / cycles.min / 1e6,
			hz / cycles.median / 1e6);
	printf("by stage:        ");
	for (unsigned int s = 0; s < NB_PIPELINE_STAGES; s++)
		printf("%s %.1f%s", pipeline_stage_names[s],
				bench_summarize(run->stages[s], run->nb_stages).min,
				s + 1 < NB_PIPELINE_STAGES
						? ", "
						: " (min; the clock's reads included)\n");
	if (run->instructions != 0)
		printf("instructions:    %.1f a packet\n",
				(double)run->instructions / (double)run->counted_packets);
	else
		printf("instructions:    this machine has no counter\n");
	printf("flow table:      %llu bytes, %.2f bytes a flow at capacity\n",
			(unsigned long long)table->region->size,
			(double)table->region->size / (double)table->capacity);
	if (o->workload == WORKLOAD_FLOOD)
		printf("established:     %llu flows, %llu lost\n",
				(unsigned long long)run->established,
				(unsigned long long)run->established_lost);
	printf("packets %llu, of new flows %llu, verified %llu, distinct flows %llu, TSC %.0f Hz\n",
			(unsigned long long)run->rounds.packets,
			(unsigned long long)run->rounds.new_packets,
			(unsigned long long)run->rounds.verified,
			(unsigned long long)run->rounds.distinct, hz);
}

/*
 * valgrind executes LZCNT, but its CPUID has it not: there the word of who chose must do.
 */
static bool
isa_runs_here(uint32_t isa)
{
	if (isa == 0 || RUNNING_ON_VALGRIND || pipeline_runs_here(pipelines[isa - 1]))
		return true;
	fprintf(stderr, "guideway-bench: --pipeline: this CPU has no %s\n", isa_words[isa]);
	return false;
}

int
bench_pipeline(int argc, char **argv)
{
	static struct pipeline_run run;
	struct pipeline_options *o = &run.options;
	const char *plot = NULL;
	bool json = false;
	const struct bench_option options[] = {
		BENCH_WORD("mode", &o->mode, mode_words, "forwarding mode"),
		BENCH_WORD("family", &o->family, family_words, "IP version"),
		BENCH_WORD("workload", &o->workload, workload_words, "what the packets are"),
		BENCH_NUMBER("flows", &o->flows, 1, MAX_FLOWS, "known flows, drawn at random"),
		BENCH_NUMBER("new-share", &o->new_share, 1, 99,
				"of workload mixed: per cent of SYNs of unknown flows"),
		BENCH_NUMBER("backends", &o->backends, 1, 10000, "of the service"),
		BENCH_NUMBER("burst", &o->burst, 1, BURST_MAX, "packets a burst"),
		BENCH_NUMBER("rounds", &o->rounds, MIN_ROUNDS, 1000000, "of 2048 packets"),
		BENCH_WORD("pipeline", &o->isa, isa_words, "instruction set"),
		BENCH_FLAG("no-hugepages", &o->no_hugepages, "4 KiB pages"),
		BENCH_FLAG("json", &json, "one JSON object"),
		BENCH_TEXT("plot", &plot, "file for a chart (SVG; needs gnuplot)"),
		BENCH_OPTIONS_END,
	};
	int ret;

	*o = (struct pipeline_options){ .flows = 1000000,
		.new_share = 10,
		.backends = 100,
		.rounds = DEFAULT_ROUNDS,
		.burst = BURST_MAX };
	ret = bench_options_parse(options, argc, argv);
	if (ret >= 0)
		return ret;
	if (!isa_runs_here(o->isa))
		return BENCH_EXIT_USAGE;
	ret = BENCH_EXIT_FAILED;
	if (pipeline_run(&run)) {
		struct bench_summary cycles = bench_summarize(run.cycles, run.nb_cycles);

		ret = BENCH_EXIT_OK;
		if (json)
			ret = report_json(&run, cycles);
		else
			report_text(&run, cycles);
		if (plot != NULL && !pipeline_plot(&run, plot))
			ret = BENCH_EXIT_FAILED;
	}
	pipeline_run_end(&run);
	return ret;
}
