/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_EAL_H
#define DATAPLANE_EAL_H

/**
 * @file
 * DPDK's environment (EAL), started from the words of dataplane.yaml: lcore 0 is
 * main, lcore i + 1 is worker i, whatever their CPUs. Devices are not on its command
 * line, except PCI addresses: ports are plugged in afterwards, one by one (port.h).
 *
 * Thread safety: main thread only; once in a process.
 */

#include <stdint.h>

#include "dataplane/config.h"

/** @param memory_mb With hugepages: 0 lets EAL take pages as they are needed.
 *  @return 0 or -errno; what DPDK said was logged. */
int eal_start(const struct dataplane_conf *conf, uint64_t memory_mb);
void eal_stop(void);

static inline unsigned int
eal_worker_lcore(uint16_t worker)
{
	return worker + 1U;
}

/** For messages: what a DPDK function's return value means. Drivers return -1 for anything. */
const char *eal_error_text(int ret);

#endif
