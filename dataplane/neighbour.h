/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_NEIGHBOUR_H
#define DATAPLANE_NEIGHBOUR_H

/**
 * @file
 * Neighbours: ARP and ND on the main lcore. Answers for VIPs and own addresses,
 * resolves next hops, probes them again before they go stale, queues a few packets
 * meanwhile, keeps static ones.
 *
 * The state machine and whom it believes: neighbour_table.h. The traffic between the
 * control thread and the main lcore: hop_ledger.h.
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
void neighbours_destroy(struct neighbours *n); /**< Both threads have ended. Legal with NULL. */

/* Control thread. */

/**
 * The way to @p addr: a connected network of an interface, else (unless @p on_link) a
 * gateway. Takes a reference on its next hop (control thread's own count) and asks the
 * main lcore to resolve it.
 * @return false: no way, or no free next hop.
 */
bool neighbour_acquire(struct neighbours *n, const struct ip_addr *addr, bool on_link,
		struct backend_route *out);
/**
 * Was a neighbour_acquire() refused for lack of a next hop, and is one free by now?
 * @return true once: worth asking again.
 */
bool neighbour_take_relief(struct neighbours *n);
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

/** What is left to do with a frame. */
enum neighbour_rest {
	NEIGHBOUR_TAKEN, /**< Nothing: it was answered, or dropped for a reason; the mbuf is gone. */
	NEIGHBOUR_KERNEL_TOO, /**< We used it; the kernel may want it as well. */
	NEIGHBOUR_NOT_OURS,   /**< It says nothing to us: the kernel's, or for no service. */
};

/** An ARP or ND frame. @return whether the mbuf was taken. */
enum neighbour_rest neighbour_receive(struct neighbours *n, const struct exception *x);
/** A packet without L2 header for an unresolved next hop. Takes the mbuf: waits or is dropped. */
void neighbour_queue(struct neighbours *n, const struct exception *x);
/**
 * Timers, announcements and requests of the control thread; call every few
 * milliseconds, before the other two. @p now_ms monotonic.
 * @return true: there is more to do at once.
 */
bool neighbour_tick(struct neighbours *n, uint64_t now_ms);
/** The main lcore ends: drop what waits. */
void neighbours_stop(struct neighbours *n);
/** A port has its link again: ask failed next hops, announce our addresses. */
void neighbour_link_up(struct neighbours *n, uint16_t port);

#endif
