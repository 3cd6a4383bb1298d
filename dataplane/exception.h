/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_EXCEPTION_H
#define DATAPLANE_EXCEPTION_H

/**
 * @file
 * From workers to the main lcore: packets that are not forwarded on the fast path.
 * Each class has a bounded ring of its own, so that a flood of one cannot displace
 * another; the main lcore serves them in the order of this enum, neighbours first,
 * each by its token bucket.
 *
 * Thread safety: exception_raise() on any worker; exception_take() on the main lcore.
 */

#include <stdbool.h>
#include <stdint.h>

struct rte_mbuf;
struct rte_ring;

enum exception_class {
	EXCEPTION_NEIGHBOUR, /**< ARP, NS, NA. */
	EXCEPTION_UNRESOLVED, /**< Ready to send but for the next hop's MAC: see exception.nexthop. */
	EXCEPTION_RESET,      /**< TCP packet of a service, to be answered with a RST. */
	EXCEPTION_ECHO,	      /**< Echo request for a VIP or an address of ours. */
	EXCEPTION_ICMP_ERROR, /**< ICMP error for an address of ours. */
	EXCEPTION_PUNT,	      /**< For the kernel, unchanged. */
	NB_EXCEPTION_CLASSES
};

/** One packet of a class; 16 bytes, by value. */
struct exception {
	struct rte_mbuf *mbuf;
	uint32_t nexthop; /**< UNRESOLVED: index; the mbuf starts with its IP header, L2 room in front. */
	uint16_t port; /**< It came in there: index into dataplane.ports. */
	uint16_t vlan; /**< Its tag, or PACKET_VLAN_NONE. */
};
_Static_assert(sizeof(struct exception) == 16, "ring element");

struct exceptions {
	struct rte_ring *rings[NB_EXCEPTION_CLASSES]; /**< Multi-producer, single-consumer. */
};

/** @return 0, or -errno: nothing is held. Needs EAL. */
int exceptions_create(struct exceptions *e);
void exceptions_destroy(struct exceptions *e);

/** @return false: the ring is full; the packet is still the caller's (drop it for the class's reason). */
bool exception_raise(struct exceptions *e, enum exception_class class, const struct exception *x);

/** @return how many were taken, at most @p max. */
unsigned int exception_take(struct exceptions *e, enum exception_class class, struct exception *x,
		unsigned int max);

#endif
