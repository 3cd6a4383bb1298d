/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/**
 * @file
 * What the subcommands of guideway-bench share. Single-threaded.
 *
 * A subcommand is a main() of its own: argv[0] is its name. It returns the exit
 * code: 0 measured, 1 failed or measured wrong results, 2 usage.
 */

#include <stdbool.h>
#include <stdint.h>

#define BENCH_EXIT_OK 0
#define BENCH_EXIT_FAILED 1
#define BENCH_EXIT_USAGE 2

int bench_churn(int argc, char **argv);
int bench_flow_table(int argc, char **argv);
int bench_maglev(int argc, char **argv);
int bench_pipeline(int argc, char **argv);
int bench_scaling(int argc, char **argv);
int bench_state(int argc, char **argv);
int bench_wire(int argc, char **argv);

/** Smallest and middle value of a series. */
struct bench_summary {
	double min;
	double median;
};

/** Sorts @p values; @p nb_values is not 0. */
struct bench_summary bench_summarize(double *values, uint32_t nb_values);

/**
 * Parse the decimal number of option --@p option, min…max.
 * @return false: said on stderr what is wrong; end with BENCH_EXIT_USAGE.
 */
bool bench_parse_number(
		const char *option, const char *text, uint32_t min, uint32_t max, uint32_t *out);

/** Milliseconds of the monotonic clock. */
double bench_now_ms(void);

#endif
