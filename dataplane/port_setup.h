/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PORT_SETUP_H
#define DATAPLANE_PORT_SETUP_H

/**
 * @file
 * Configuration of a DPDK device as a port: queues, RSS, offloads, MTU, addresses.
 * Part of port.c.
 */

#include <stdint.h>

#include "dataplane/port.h"
#include "dataplane/port_plan.h"

/**
 * Make queues on a device that was just made; it is not started.
 * Fills port->nb_rxq, nb_txq, mtu, mac, rx_checksum, has_rss, socket.
 * @return 0 or -errno; the cause was logged.
 */
int port_setup(struct port *port, const struct port_plan *plan, uint16_t nb_workers,
		struct rte_mempool *pool);

/** Start it, with multicast (for neighbour discovery). @return 0 or -errno, logged. */
int port_start(struct port *port);

/** Set up and start the paired TAP of a port. @return 0 or -errno, logged. */
int port_setup_tap(const struct port *port, struct rte_mempool *pool);

#endif
