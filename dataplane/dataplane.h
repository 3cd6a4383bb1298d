/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_DATAPLANE_H
#define DATAPLANE_DATAPLANE_H

/**
 * @file
 * Everything that the parts of the dataplane share, in one place; each field says
 * who writes it. Parts:
 *
 *     main.c        start, stop, signals          eal.c, port*.c   EAL and ports
 *     report.c      the start-up report           config*.c        dataplane.yaml
 *     worker*.c     poll loop and pipeline        control*.c       control thread
 *     main_lcore.c  exceptions: neighbour*.c, reset.c, echo.c, evidence.c, punt.c
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "channel/stats.h"
#include "dataplane/config.h"
#include "dataplane/evidence.h"
#include "dataplane/exception.h"
#include "dataplane/interface.h"
#include "dataplane/nexthop.h"
#include "dataplane/port.h"
#include "dataplane/port_watch.h"
#include "service/snapshot.h"

struct pipeline;
struct rte_rcu_qsbr;
struct rte_mempool;
struct worker;
struct neighbours;
struct control;

struct dataplane {
	/* Written by main() before any other thread starts. */
	struct dataplane_conf conf;
	struct rte_mempool *pool; /**< Of all packets. */
	uint16_t nb_ports;
	struct port ports[CONFIG_MAX_PORTS];
	struct interface_table interfaces;
	struct nexthop_table *nexthops; /**< Entries: written by the main lcore. */
	struct exceptions exceptions;
	struct evidence evidence; /**< From workers and the main lcore to the control thread. */
	const struct pipeline *pipeline; /**< What all workers run. */
	uint16_t nb_workers;
	struct worker *workers[CONFIG_MAX_WORKERS];
	struct neighbours *neighbours; /**< Main lcore's; see neighbour.h. */
	struct control *control;       /**< Control thread's; see control.h. */
	struct port_links links;       /**< Control thread's; see port_watch.h. */

	/** Statistics region (channel/stats.h) and the descriptor that daemons get. */
	void *stats;
	uint64_t stats_size;
	int stats_fd;

	/** Readers: worker i as thread i, the main lcore as thread nb_workers. Writer: control thread. */
	struct rte_rcu_qsbr *qsbr;

	/** The snapshot in force. Written by the control thread (release), read once a burst (acquire). */
	_Atomic(const struct snapshot *) snapshot;

	/** Set once by main() or a signal handler; every loop ends soon after. */
	atomic_bool stop;
};

#endif
