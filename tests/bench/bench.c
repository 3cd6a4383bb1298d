/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int
double_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct bench_summary
bench_summarize(double *values, uint32_t nb_values)
{
	qsort(values, nb_values, sizeof(*values), double_compare);
	return (struct bench_summary){ .min = values[0], .median = values[nb_values / 2] };
}

bool
bench_parse_number(const char *option, const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
	unsigned long long value = 0;
	char *end = NULL;

	errno = 0;
	/* strtoull() would take "-1" and " 1". */
	if (text[0] >= '0' && text[0] <= '9')
		value = strtoull(text, &end, 10);
	if (end == NULL || *end != '\0' || errno != 0 || value < min || value > max) {
		fprintf(stderr, "guideway-bench: --%s: '%s' is not a number from %u to %u\n",
				option, text, min, max);
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

double
bench_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}
