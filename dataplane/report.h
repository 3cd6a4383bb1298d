/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_REPORT_H
#define DATAPLANE_REPORT_H

/**
 * @file
 * The start-up report on stdout: what was found and what follows from it. Aligned
 * for people; the last line, "guideway-dataplane: ready", is for scripts.
 *
 * Thread safety: main thread only.
 */

#include <stdint.h>

struct dataplane;
struct port;

/** Versions, machine, hugepages, lcores. Before ports. */
void report_machine(const struct dataplane *dp);
/** One port: driver, queues, offloads, MTU, interfaces, and what they mean. */
void report_port(const struct port *port);
/** Memory, flow tables, encapsulation, channel. After ports. */
void report_consequences(const struct dataplane *dp, uint64_t memory_mb);
/** Everything runs. */
void report_ready(void);

#endif
