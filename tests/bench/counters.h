/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_COUNTERS_H
#define BENCH_COUNTERS_H

/**
 * @file
 * The CPU's own count of instructions, where there is one: perf_event_open(2), user space
 * only. Virtual machines often have none; callgrind counts there (scripts/bench/instructions).
 *
 * Thread safety: counts the calling thread.
 */

#include <stdint.h>

struct counters {
	int fd; /**< -1: this machine has none. */
};

void counters_open(struct counters *counters);
void counters_close(struct counters *counters);

/** Count from here. Does nothing without a counter. */
void counters_go(const struct counters *counters);
/** Count no further. */
void counters_halt(const struct counters *counters);
/** @return instructions counted so far; 0 without a counter. */
uint64_t counters_read(const struct counters *counters);

#endif
