/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_TELEMETRY_H
#define DATAPLANE_TELEMETRY_H

/**
 * @file
 * Commands of DPDK's telemetry socket, /guideway/…: what dpdk-telemetry.py shows
 * (guideway-dataplane(8) lists them). They read the statistics region and nothing else.
 *
 * Thread safety: telemetry_start() and telemetry_stop() on the main thread. Commands run
 * on threads of DPDK's telemetry; all that they read is made for concurrent readers
 * (channel/stats.h). A lock of their own keeps the region mapped while one runs; neither
 * a worker nor the control thread ever takes it.
 */

struct dataplane;

/** Register the commands; dp->stats is there. @return 0, or -errno. */
int telemetry_start(struct dataplane *dp);
/** Commands answer nothing from here on; dp->stats may go. */
void telemetry_stop(struct dataplane *dp);

#endif
