/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PORT_WATCH_H
#define DATAPLANE_PORT_WATCH_H

/**
 * @file
 * Counters and link state of the ports, and the fill of their pool, copied into the
 * statistics region once a second; and who wants to know of a link's change.
 *
 * The region is also how the control thread learns of changes: it compares what
 * stands there with what it has reported. So nothing can be lost, and a link that
 * goes down and up within one look is no event.
 *
 * Thread safety: each function says whose it is.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/config.h"

#define PORT_WATCH_INTERVAL_MS 1000

struct dataplane;

/** The main lcore's memory; zero is a fresh one. */
struct port_watch {
	uint64_t next_ms;
	uint32_t up;   /**< Bit i: port i had its link. */
	bool has_seen; /**< up is real. */
};

/**
 * Main lcore: copy, if it is time.
 * @return bits of the ports whose link came back since the last look.
 */
uint32_t port_watch_tick(struct port_watch *watch, const struct dataplane *dp, uint64_t now_ms);

/** The control thread's memory of what it reported: dataplane.links; zero is a fresh one. */
struct port_links {
	uint8_t known[CONFIG_MAX_PORTS]; /**< 0: never reported; 1: down; 2: up. */
};

struct link_change {
	uint16_t port; /**< Index into dataplane.ports. */
	bool up;
};

/**
 * Control thread: the next port whose link is not as it was last reported; at first every
 * port, once the main lcore has looked at it.
 * @return false: none.
 */
bool port_next_link_change(struct dataplane *dp, struct link_change *out);

#endif
