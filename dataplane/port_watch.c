/* SPDX-License-Identifier: BSD-3-Clause */
/* A port's mtu counter is written last and is never 0: it says that the others are real. */

#include "dataplane/port_watch.h"

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "dataplane/dataplane.h"

static struct port_stats *
port_stats_of(const struct dataplane *dp, uint16_t port)
{
	return &((struct stats_header *)dp->stats)->ports[port];
}

/* @return does it have its link? */
static bool
port_look(const struct port *port, struct port_stats *out)
{
	struct rte_eth_stats s;
	struct rte_eth_link link = { .link_status = RTE_ETH_LINK_DOWN };
	bool up;

	if (rte_eth_stats_get(port->id, &s) == 0) {
		stat_set(&out->rx_packets, s.ipackets);
		stat_set(&out->tx_packets, s.opackets);
		stat_set(&out->rx_bytes, s.ibytes);
		stat_set(&out->tx_bytes, s.obytes);
		stat_set(&out->rx_missed, s.imissed);
		stat_set(&out->rx_errors, s.ierrors);
		stat_set(&out->tx_errors, s.oerrors);
		stat_set(&out->rx_nombuf, s.rx_nombuf);
	}
	up = rte_eth_link_get_nowait(port->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
	stat_set(&out->link_up, up);
	/* Release: pairs with the acquire in port_next_link_change(). */
	atomic_store_explicit(&out->mtu, port->mtu, memory_order_release);
	return up;
}

/* Reads the caches of other lcores as they change: off by a few. */
static void
pool_look(const struct dataplane *dp)
{
	struct stats_header *h = dp->stats;

	stat_set(&h->packet_buffers_used, rte_mempool_in_use_count(dp->pool));
	stat_set(&h->packet_buffers, dp->pool->size);
}

uint32_t
port_watch_tick(struct port_watch *watch, const struct dataplane *dp, uint64_t now_ms)
{
	uint32_t up = 0, came;

	if (now_ms < watch->next_ms)
		return 0;
	watch->next_ms = now_ms + PORT_WATCH_INTERVAL_MS;
	for (uint16_t i = 0; i < dp->nb_ports; i++)
		if (port_look(&dp->ports[i], port_stats_of(dp, i)))
			up |= UINT32_C(1) << i;
	pool_look(dp);
	came = watch->has_seen ? up & ~watch->up : 0;
	watch->has_seen = true;
	watch->up = up;
	return came;
}

bool
port_next_link_change(struct dataplane *dp, struct link_change *out)
{
	for (uint16_t i = 0; i < dp->nb_ports; i++) {
		const struct port_stats *s = port_stats_of(dp, i);
		uint8_t now;

		if (atomic_load_explicit(&s->mtu, memory_order_acquire) == 0)
			continue;
		now = stat_get(&s->link_up) ? 2 : 1;
		if (dp->links.known[i] == now)
			continue;
		dp->links.known[i] = now;
		*out = (struct link_change){ .port = i, .up = now == 2 };
		return true;
	}
	return false;
}
