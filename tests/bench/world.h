/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

/**
 * @file
 * A dataplane without a NIC: workers with their real flow tables, one service of each
 * family made by the real state, next hops resolved, one port that is never opened. What
 * the pipeline sends stays in worker->tx, for the benchmark to look at.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/dataplane.h"
#include "dataplane/worker.h"
#include "eal.h"

#define WORLD_SERVICE_PORT 80
#define WORLD_MAX_WORKERS 64

struct world_conf {
	enum service_mode mode;
	uint32_t nb_backends;
	enum ip_family family;		 /**< Of the packets: only its table is large. */
	uint64_t capacity;		 /**< Flows of that table, for each worker. */
	uint16_t nb_workers;		 /**< 1…WORLD_MAX_WORKERS. */
	const struct pipeline *pipeline; /**< NULL: the best that the CPU has. */
	bool hugepages;
};

struct world {
	struct world_conf conf;
	struct dataplane dp;
	struct port_conf port_conf;
	struct interface_conf interface_conf;
	struct worker *workers[WORLD_MAX_WORKERS];
	struct state *state;
	struct ip_addr vip4;
	struct ip_addr vip6;
	struct bench_eal eal;
};

/** EAL, memory, service, workers. @return 0, or -1: the reason was printed. */
int world_create(struct world *world, const struct world_conf *conf);
void world_destroy(struct world *world);

/** Address of backend @p i of the service with @p vip's family. */
struct ip_addr world_backend(const struct world *world, enum ip_family family, uint32_t i);
/** MAC address of backend @p i of @p family, 6 bytes. */
void world_backend_mac(enum ip_family family, uint32_t i, uint8_t *mac);
/** The balancer's own. */
struct ip_addr world_own(enum ip_family family);

#endif
