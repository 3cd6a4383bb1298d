/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_EAL_H
#define BENCH_EAL_H

/**
 * @file
 * EAL for a benchmark: one lcore, no devices, as much memory as it needs. Missing hugepages
 * are taken from the system and given back at the end.
 *
 * The lcore is the first CPU that the process may run on, so that taskset chooses it.
 *
 * Thread safety: none; EAL starts once a process.
 */

#include <stdbool.h>

struct bench_eal {
	long hugepages_taken; /**< Added to the system's. */
};

/**
 * @param hugepages 2 MB pages; else 4 KiB ones.
 * @return 0, or -1: the reason was printed; bench_eal_stop() nevertheless.
 */
int bench_eal_start(struct bench_eal *eal, unsigned int megabytes, bool hugepages);
void bench_eal_stop(struct bench_eal *eal);

#endif
