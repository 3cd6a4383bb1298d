/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_NEIGHBOUR_H
#define DATAPLANE_NEIGHBOUR_H

/**
 * @file
 * Neighbours: ARP and ND on the main lcore. Answers for VIPs and own addresses,
 * resolves next hops, probes them again before they go stale, queues a few packets
 * meanwhile, keeps static ones.
 *
 * States of a next hop (after RFC 4861 section 7.3.2): incomplete, reachable, stale
 * (probed by unicast while still used), failed (retried with back-off). An
 * unsolicited message never changes an existing entry: it only starts a probe.
 *
 * Thread safety: neighbour_acquire() and neighbour_release() belong to the control
 * thread and reach the main lcore by a ring; everything else runs on the main lcore.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "dataplane/exception.h"

struct dataplane;
struct neighbours;
struct backend_route;

/** @return NULL: out of memory. Static neighbours of dp->conf are entered at once. */
struct neighbours *neighbours_create(struct dataplane *dp);
void neighbours_destroy(struct neighbours *n);

/* Control thread. */

/**
 * The way to @p addr: a connected network of an interface, else (unless @p on_link) a
 * gateway. Takes a reference on its next hop (control thread's own count) and asks the
 * main lcore to resolve it.
 * @return false: no way, or no free next hop.
 */
bool neighbour_acquire(struct neighbours *n, const struct ip_addr *addr, bool on_link,
		struct backend_route *out);
/** Give a reference back; the index is free for another address after the last one. */
void neighbour_release(struct neighbours *n, uint32_t nexthop);

/** What changed, for the daemon's events. */
struct neighbour_change {
	struct ip_addr addr;
	uint8_t mac[6];
	bool reachable;
};
/** Control thread: next change. @return false: none. */
bool neighbour_next_change(struct neighbours *n, struct neighbour_change *out);

/* Main lcore. */

/** An ARP or ND frame. Takes the mbuf. */
void neighbour_receive(struct neighbours *n, const struct exception *x);
/** A packet without L2 header for an unresolved next hop. Takes the mbuf: waits or is dropped. */
void neighbour_queue(struct neighbours *n, const struct exception *x);
/** Timers and requests of the control thread; call every few milliseconds. @p now_ms monotonic. */
void neighbour_tick(struct neighbours *n, uint64_t now_ms);

#endif
