/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_LEAVE_H
#define DATAPLANE_LEAVE_H

/**
 * @file
 * The ways out of a burst other than being sent.
 */

#include <stdint.h>

#include <rte_mbuf.h>

#include "base/drop.h"
#include "dataplane/exception.h"
#include "dataplane/worker.h"
#include "net/parse.h"

/** Free a packet and count why. */
static inline void
drop(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
	stat_add(&w->stats->drops[reason], 1);
	rte_pktmbuf_free(m);
}

/** Hand a packet to the main lcore; dropped for the class's reason if its ring is full. */
void leave_raise(struct worker *w, enum exception_class class, const struct exception *x);

/** A packet for no service: to the kernel, or dropped, as its port is configured. */
void leave_punt(struct worker *w, struct rte_mbuf *m, const struct port *port, uint16_t vlan);

/** A packet with a VLAN tag that no interface has: to the kernel, or dropped. */
void leave_unknown_vlan(
		struct worker *w, struct rte_mbuf *m, const struct port *port, uint16_t vlan);

/** A TCP or UDP packet for no service. */
void leave_no_service(struct worker *w, struct rte_mbuf *m, const struct port *port);

/** A packet that is no whole TCP or UDP packet: neighbours, echo, errors, fragments, the rest. */
void leave_other_kind(struct worker *w, struct rte_mbuf *m, const struct port *port,
		const struct snapshot *snapshot, const struct packet *packet);

#endif
