/* SPDX-License-Identifier: BSD-3-Clause */
#include "latency.h"

/* The largest value of a step. */
static uint64_t
step_end(uint32_t step)
{
	uint32_t shift = step >> LATENCY_STEP_BITS;
	uint64_t mantissa;

	if (shift <= 1)
		return step;
	shift--;
	mantissa = step - ((uint64_t)shift << LATENCY_STEP_BITS);
	return ((mantissa + 1) << shift) - 1;
}

uint64_t
latency_quantile(const struct latency *latency, double share)
{
	uint64_t wanted = (uint64_t)(share * (double)latency->nb);
	uint64_t seen = 0;

	for (uint32_t i = 0; i < LATENCY_NB_STEPS; i++) {
		seen += latency->steps[i];
		if (seen > wanted || (seen != 0 && seen == latency->nb))
			return step_end(i) < latency->max ? step_end(i) : latency->max;
	}
	return 0;
}
