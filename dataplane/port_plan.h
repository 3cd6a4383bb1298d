/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PORT_PLAN_H
#define DATAPLANE_PORT_PLAN_H

/**
 * @file
 * What a port will need, known before EAL starts: queues, MTU, packet buffers. Memory
 * is summed from it, and devices are made by it.
 *
 * Thread safety: pure but for a look at kernel interfaces; main thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/config.h"

struct port_plan {
	uint16_t nb_queues;  /**< Of rx, and of tx where they come in pairs. */
	uint16_t max_queues; /**< More cannot be asked of this kind; UINT16_MAX: the device says. */
	bool pairs;	     /**< As many tx queues as rx queues, always. */
	uint16_t mtu;	 /**< Wanted, the kernel interface's, or the least of a bond's members. */
	bool kernel_mtu; /**< The kernel's interface alone decides: net_af_packet believes in 1500. */
	uint16_t descriptors; /**< Of each queue, before the device adjusts it. */
	uint16_t mbuf_size;   /**< Data room that its frames need in one mbuf; 0: any. */
	uint32_t mbufs;	      /**< All queues together. */
};

void port_plan_make(struct port_plan *plan, const struct dataplane_conf *conf,
		const struct port_conf *port);

/** Does the port make the socket at its path, rather than connect to it? */
bool port_listens(const struct port_conf *port);

/** Packet buffers of the process: conf->mbufs, or what all ports, rings and caches need. */
uint32_t ports_plan_mbufs(const struct dataplane_conf *conf);
/** Data room of each: conf->mbuf_size, or more if a port needs it. */
uint16_t ports_plan_mbuf_size(const struct dataplane_conf *conf);
/** Bytes of the pool, headers included. */
uint64_t ports_plan_pool_size(const struct dataplane_conf *conf);

/**
 * Largest MTU of AF_XDP: a mempool object has 63 cache lines of a page at most (an odd
 * number of them spreads over memory channels), less its headers (192), the mbuf's
 * headroom (128), the kernel's (256) and PORT_L2_MAX.
 */
#define PORT_XDP_MTU_MAX 3438
/** Bytes in front of the IP packet in the longest frame: Ethernet and one VLAN tag. */
#define PORT_L2_MAX 18
/** mbufs that a lcore keeps for itself. */
#define PORT_POOL_CACHE 256
/** Frames that wait for the worker which owns a port's tx queue. */
#define PORT_OUTBOX_SIZE 1024

#endif
