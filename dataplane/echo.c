/* SPDX-License-Identifier: BSD-3-Clause */
/* The request itself becomes the reply, so that its size and payload cost nothing. */

#include "dataplane/echo.h"

#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/dataplane.h"
#include "dataplane/main_lcore.h"
#include "dataplane/route.h"
#include "net/echo.h"

/* Whom the request asks. */
static struct ip_addr
echo_target(const uint8_t *frame, const struct packet *packet)
{
	if (packet->kind == PACKET_ICMP4)
		return ip_addr_from_bytes(IP_V4, frame + packet->l3 + 16);
	return ip_addr_from_bytes(IP_V6, frame + packet->l3 + 24);
}

static bool
is_ours(const struct dataplane *dp, const struct ip_addr *addr)
{
	/* Acquire: pairs with the control thread's release; valid until we report quiescent. */
	const struct snapshot *s = atomic_load_explicit(&dp->snapshot, memory_order_acquire);

	return (s != NULL && snapshot_is_vip(s, addr)) || interface_is_own(&dp->interfaces, addr);
}

bool
echo_receive(const struct dataplane *dp, const struct exception *x)
{
	struct rte_mbuf *m = x->mbuf;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	const struct interface *interface = route_interface(&dp->interfaces, x->port, x->vlan);
	struct ip_addr target;
	struct packet packet;

	packet_parse(frame, rte_pktmbuf_data_len(m), rte_pktmbuf_pkt_len(m), &packet);
	if ((packet.kind != PACKET_ICMP4 && packet.kind != PACKET_ICMP6) || interface == NULL ||
			!echo_is_request(frame, &packet))
		return false;
	target = echo_target(frame, &packet);
	if (!is_ours(dp, &target) || echo_reply_in_place(frame, &packet) != 0)
		return false;
	memcpy(frame + RTE_ETHER_ADDR_LEN, interface->mac, RTE_ETHER_ADDR_LEN);
	m->ol_flags = 0;
	if (port_send(&dp->ports[x->port], m))
		stat_add(&main_lcore_stats(dp)->echo_answered, 1);
	else
		main_lcore_drop(dp, m, DROP_TX_FULL);
	return true;
}
