/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_SLOW_START_H
#define HEALTH_SLOW_START_H

/**
 * @file
 * Slow start: a backend that takes new flows again after a rest begins with a small share
 * of its weight, which grows evenly, as in HAProxy (`slowstart`) and nginx (`slow_start`).
 *
 * The share grows in SLOW_START_STEPS steps, at moments that are the same for all backends
 * with the same length: any number of them that grow at once cost one change a step.
 *
 * Thread safety: pure functions. Times are milliseconds of a monotonic clock.
 */

#include <stdint.h>

#include "service/service.h"

#define SLOW_START_STEPS 20U
/** What it begins with, of BACKEND_FACTOR_ONE. */
#define SLOW_START_FIRST (BACKEND_FACTOR_ONE / SLOW_START_STEPS)

#define SLOW_START_MIN_MS 1000
#define SLOW_START_MAX_MS 3600000

/**
 * @param length_ms Until it has its whole share; 0: at once.
 * @param begin_ms  When the rest ended; not after @p now_ms.
 * @return SLOW_START_FIRST…BACKEND_FACTOR_ONE.
 */
uint32_t slow_start_factor(uint32_t length_ms, uint64_t begin_ms, uint64_t now_ms);

/** When the next step is, while the factor is less than one. @param length_ms Not 0. */
uint64_t slow_start_next_ms(uint32_t length_ms, uint64_t now_ms);

#endif
