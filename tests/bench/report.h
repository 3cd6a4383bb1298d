/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

/**
 * @file
 * Results as JSON. Memory: as jansson has it: who makes a value owns it.
 */

#include <jansson.h>

#include "bench.h"

/** {"min": …, "median": …}, both times @p factor. */
json_t *bench_json_summary(struct bench_summary summary, double factor);

/**
 * Print @p value in one line and free it.
 * @return the exit code: BENCH_EXIT_FAILED if it is NULL (no memory) or stdout fails.
 */
int bench_json_print(json_t *value);

#endif
