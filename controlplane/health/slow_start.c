/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/slow_start.h"

static uint64_t
step_ms(uint32_t length_ms)
{
	return length_ms > SLOW_START_STEPS ? length_ms / SLOW_START_STEPS : 1;
}

uint32_t
slow_start_factor(uint32_t length_ms, uint64_t begin_ms, uint64_t now_ms)
{
	uint64_t elapsed_ms = 0;

	if (now_ms >= begin_ms + length_ms)
		return BACKEND_FACTOR_ONE;
	/* As it was at the last step: between steps nothing changes, whoever asks. */
	now_ms -= now_ms % step_ms(length_ms);
	if (now_ms > begin_ms)
		elapsed_ms = now_ms - begin_ms;
	return SLOW_START_FIRST +
			(uint32_t)((BACKEND_FACTOR_ONE - SLOW_START_FIRST) * elapsed_ms /
					length_ms);
}

uint64_t
slow_start_next_ms(uint32_t length_ms, uint64_t now_ms)
{
	uint64_t step = step_ms(length_ms);

	return now_ms - now_ms % step + step;
}
