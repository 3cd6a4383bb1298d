/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_PIPELINE_PLOT_H
#define BENCH_PIPELINE_PLOT_H

/**
 * @file
 * A run of guideway-bench pipeline as a chart, drawn by gnuplot: what each stage costs, and how the
 * rounds are distributed. Single-threaded.
 */

#include <stdbool.h>

#include "pipeline_run.h"

extern const char *const pipeline_stage_names[NB_PIPELINE_STAGES];

/**
 * Write an SVG file. Needs results sorted, as bench_summarize() leaves them.
 * @return false: said on stderr why not.
 */
bool pipeline_plot(const struct pipeline_run *run, const char *path);

#endif
