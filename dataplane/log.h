/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_LOG_H
#define DATAPLANE_LOG_H

/**
 * @file
 * Logging of the dataplane: one DPDK log type for each area, lines to stderr.
 *
 *     LOG_PORT(ERR, "%s: no interface %s", name, interface);
 *
 * ERR: an operator must act. WARNING: degraded. NOTICE: a state changed. INFO:
 * start and stop. DEBUG: the rest. A line says object, operation and reason, and
 * has no newline. Workers never log. dataplane.yaml's `log_level` sets the level
 * of all areas; what DPDK itself logs passes through here too, as "dpdk: …".
 *
 * Thread safety: any thread but a worker; a line is written by one write(2).
 */

#include <stdint.h>

#include <rte_log.h>

#include "base/compiler.h"

extern int log_main;	  /**< gw.main: start, stop, configuration. */
extern int log_port;	  /**< gw.port */
extern int log_worker;	  /**< gw.worker */
extern int log_control;	  /**< gw.control: channel and snapshots. */
extern int log_neighbour; /**< gw.neighbour */

#define LOG_MAIN(level, ...) log_write(RTE_LOG_##level, log_main, __VA_ARGS__)
#define LOG_PORT(level, ...) log_write(RTE_LOG_##level, log_port, __VA_ARGS__)
#define LOG_WORKER(level, ...) log_write(RTE_LOG_##level, log_worker, __VA_ARGS__)
#define LOG_CONTROL(level, ...) log_write(RTE_LOG_##level, log_control, __VA_ARGS__)
#define LOG_NEIGHBOUR(level, ...) log_write(RTE_LOG_##level, log_neighbour, __VA_ARGS__)

/** @param level RTE_LOG_ERR and so on. A longer line than 1 KiB is cut. */
void log_write(uint32_t level, int type, const char *format, ...) PRINTF_LIKE(3, 4);

/** Take over DPDK's log lines; before rte_eal_init(). @return 0 or -errno. */
int log_start(void);

/** Set the level of our areas. @param name As in dataplane.yaml. @return 0, or -EINVAL. */
int log_set_level(const char *name);

/** DPDK's number (RTE_LOG_…) of a level's word, or -EINVAL. */
int log_level_parse(const char *name);

#endif
