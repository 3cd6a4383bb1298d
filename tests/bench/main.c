/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway-bench: measures Guideway and its parts, without a NIC. Each subcommand is a file
 * of this folder; doc/benchmarks.md holds what was measured where.
 */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "bench.h"

/** A subcommand. */
static const struct bench_command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "churn", bench_churn, "what changes of weights cost the packets" },
	{ "flow-table", bench_flow_table, "the flow table against DPDK's rte_hash" },
	{ "maglev", bench_maglev, "build and resolve Maglev tables: time, shares, disruption" },
	{ "pipeline", bench_pipeline, "what a packet costs on a worker, without a NIC" },
	{ "scaling", bench_scaling, "what workers cost each other" },
	{ "state", bench_state, "what a change of services and backends costs to prepare" },
	{ "wire", bench_wire, "traffic over a virtio-user port: rate, loss, latency" },
};

static void
usage(FILE *out)
{
	fprintf(out, "usage: guideway-bench COMMAND [OPTION]...\n\ncommands:\n");
	for (unsigned int i = 0; i < ARRAY_LEN(commands); i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n'guideway-bench COMMAND --help' lists a command's options.\n");
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return BENCH_EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage(stdout);
		return BENCH_EXIT_OK;
	}
	for (unsigned int i = 0; i < ARRAY_LEN(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "guideway-bench: no command '%s'\n", argv[1]);
	usage(stderr);
	return BENCH_EXIT_USAGE;
}
