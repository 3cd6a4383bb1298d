/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bounds stand around the bars: a changed weight in 10 ms, a rollback within 1 s, ten
 * thousand services in 2 s (so 2.5).
 */
#include "controlplane/daemon/apply_times.h"

const double apply_times_bounds[APPLY_TIMES_NB_BOUNDS] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
	0.1, 0.25, 0.5, 1, 2.5, 5, 10 };

void
apply_times_add(struct apply_times *times, uint64_t us)
{
	size_t i = 0;

	while (i < APPLY_TIMES_NB_BOUNDS && (double)us > apply_times_bounds[i] * 1e6)
		i++;
	times->nb[i]++;
	times->sum_us += us;
}
