/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include <stdio.h>

json_t *
bench_json_summary(struct bench_summary summary, double factor)
{
	return json_pack("{s:f, s:f}", "min", summary.min * factor, "median",
			summary.median * factor);
}

int
bench_json_print(json_t *value)
{
	int ret = BENCH_EXIT_OK;

	if (value == NULL || json_dumpf(value, stdout, JSON_REAL_PRECISION(6)) < 0 ||
			printf("\n") < 0 || fflush(stdout) != 0) {
		fprintf(stderr, "guideway-bench: the result could not be printed\n");
		ret = BENCH_EXIT_FAILED;
	}
	json_decref(value);
	return ret;
}
