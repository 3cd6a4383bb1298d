/* SPDX-License-Identifier: BSD-3-Clause */
/* The packet itself becomes the RST. */

#include "dataplane/reset.h"

#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/dataplane.h"
#include "dataplane/main_lcore.h"
#include "dataplane/route.h"
#include "net/reset.h"

/* Cut a packet to its first @p len bytes, which lie in its first segment. */
static void
cut(struct rte_mbuf *m, uint32_t len)
{
	rte_pktmbuf_free(m->next);
	m->next = NULL;
	m->nb_segs = 1;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
}

void
reset_answer(const struct dataplane *dp, const struct exception *x)
{
	struct rte_mbuf *m = x->mbuf;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	const struct interface *interface = route_interface(&dp->interfaces, x->port, x->vlan);
	struct stats_header *header = dp->stats;
	struct packet packet;
	uint32_t len = 0;

	packet_parse(frame, rte_pktmbuf_data_len(m), rte_pktmbuf_pkt_len(m), &packet);
	if (interface != NULL)
		len = reset_in_place(frame, &packet);
	if (len == 0) {
		main_lcore_drop(dp, m, DROP_RESET_BAD);
		return;
	}
	cut(m, len);
	memcpy(frame + RTE_ETHER_ADDR_LEN, interface->mac, RTE_ETHER_ADDR_LEN);
	m->ol_flags = 0;
	if (port_send(&dp->ports[x->port], m))
		stat_add(&header->resets_sent, 1);
	else
		main_lcore_drop(dp, m, DROP_TX_FULL);
}
