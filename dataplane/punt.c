/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TAP costs one write() a packet, however packets are batched; so they are given one
 * by one, and a full TAP drops one packet and not a burst.
 */

#include "dataplane/punt.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/dataplane.h"
#include "dataplane/main_lcore.h"
#include "net/parse.h"
#include "service/snapshot.h"

#define PUNT_QUEUE 0
#define PUNT_BURST 32

bool
punt_has_kernel(const struct dataplane *dp, uint16_t port)
{
	return dp->ports[port].tap_id != UINT16_MAX;
}

/** Is it addressed to a VIP? The kernel, which may have that address (advertise.h), shall not answer. */
static bool
is_for_vip(const struct dataplane *dp, const struct rte_mbuf *m)
{
	const struct snapshot *s = atomic_load_explicit(&dp->snapshot, memory_order_acquire);
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct packet packet;
	struct ip_addr dst;

	packet_parse(frame, m->data_len, m->pkt_len, &packet);
	if (s == NULL || packet.kind == PACKET_DROP || packet.kind == PACKET_ARP ||
			packet.kind == PACKET_OTHER)
		return false;
	dst = frame[packet.l3] >> 4 == 6 ? ip_addr_from_bytes(IP_V6, frame + packet.l3 + 24)
					 : ip_addr_from_bytes(IP_V4, frame + packet.l3 + 16);
	return snapshot_is_vip(s, &dst);
}

void
punt_to_kernel(const struct dataplane *dp, const struct exception *x)
{
	struct rte_mbuf *m = x->mbuf;

	if (!punt_has_kernel(dp, x->port) || is_for_vip(dp, m)) {
		main_lcore_drop(dp, m, DROP_NO_SERVICE);
		return;
	}
	m->ol_flags = 0;
	if (rte_eth_tx_burst(dp->ports[x->port].tap_id, PUNT_QUEUE, &m, 1) == 1)
		stat_add(&main_lcore_stats(dp)->punted_to_kernel, 1);
	else
		main_lcore_drop(dp, m, DROP_PUNT_FULL);
}

static unsigned int
punt_from_tap(const struct dataplane *dp, const struct port *port)
{
	struct rte_mbuf *burst[PUNT_BURST];
	unsigned int n = rte_eth_rx_burst(port->tap_id, PUNT_QUEUE, burst, PUNT_BURST);

	for (unsigned int i = 0; i < n; i++) {
		burst[i]->ol_flags = 0;
		if (port_send(port, burst[i]))
			stat_add(&main_lcore_stats(dp)->from_kernel, 1);
		else
			main_lcore_drop(dp, burst[i], DROP_TX_FULL);
	}
	return n;
}

unsigned int
punt_from_kernel(const struct dataplane *dp)
{
	unsigned int n = 0;

	for (uint16_t i = 0; i < dp->nb_ports; i++)
		if (punt_has_kernel(dp, i))
			n += punt_from_tap(dp, &dp->ports[i]);
	return n;
}
