/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PORT_H
#define DATAPLANE_PORT_H

/**
 * @file
 * Ports: DPDK devices made from the words of dataplane.yaml, with their queues.
 *
 * Every worker sends on tx queue (worker index) where a port has as many tx queues
 * as there are workers; else workers share by handing packets to the queue's owner
 * through the port's outbox. The main lcore never sends by itself: it puts frames
 * into the outbox, which one worker (outbox_worker) drains at every poll.
 *
 * Thread safety: ports_open() before workers start; fields are read-only afterwards.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/config.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

struct port {
	const struct port_conf *conf;
	uint16_t id;	/**< DPDK's port id. */
	uint16_t index; /**< In dataplane.ports. */
	uint16_t nb_rxq;
	uint16_t nb_txq;
	uint16_t mtu;
	uint8_t mac[6];
	bool rx_checksum; /**< The device verifies IPv4 header checksums (RTE_MBUF_F_RX_IP_CKSUM_*). */
	bool has_rss; /**< The device spreads flows over its queues by a hash that mbufs carry. */
	bool needs_tx_poll; /**< 802.3ad: call rte_eth_tx_burst() on each tx queue at least every
			     *   100 ms, if only with no packet: LACP frames leave with it. */
	int socket;	    /**< NUMA node. */
	uint16_t outbox_worker;
	struct rte_ring *outbox; /**< Finished frames for this port; multi-producer. */
	/** Paired TAP (punt: tap), a DPDK port without interfaces; UINT16_MAX: none. */
	uint16_t tap_id;
};

struct dataplane;

/**
 * Make, configure and start every port of dp->conf; fills dp->ports, dp->nb_ports,
 * dp->pool and dp->interfaces. Prints each port's part of the start-up report.
 * @return 0, or -errno: the cause and its cure were reported; what was opened is closed.
 */
int ports_open(struct dataplane *dp);

/** Stop and close every port. Workers and main have ended. */
void ports_close(struct dataplane *dp);

/**
 * Give a finished frame to the port's outbox. Any lcore.
 * @return false: full; the frame is still the caller's.
 */
bool port_send(const struct port *port, struct rte_mbuf *frame);

#endif
