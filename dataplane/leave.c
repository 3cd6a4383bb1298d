/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/leave.h"

#include "base/bytes.h"
#include "net/echo.h"

#define ICMP6_NEIGHBOUR_SOLICITATION 135
#define ICMP6_NEIGHBOUR_ADVERTISEMENT 136

static const enum drop_reason ring_full[NB_EXCEPTION_CLASSES] = {
	[EXCEPTION_NEIGHBOUR] = DROP_NEIGHBOUR_RING,
	[EXCEPTION_UNRESOLVED] = DROP_UNRESOLVED_FULL,
	[EXCEPTION_RESET] = DROP_RESET_RING,
	[EXCEPTION_ECHO] = DROP_ECHO_RING,
	[EXCEPTION_ICMP_ERROR] = DROP_ICMP_ERROR_RING,
	[EXCEPTION_PUNT] = DROP_PUNT_RING,
};

void
leave_raise(struct worker *w, enum exception_class class, const struct exception *x)
{
	if (unlikely(!exception_raise(&w->dp->exceptions, class, x))) {
		drop(w, x->mbuf, ring_full[class]);
		return;
	}
	stat_add(class == EXCEPTION_PUNT ? &w->stats->punted : &w->stats->exceptions, 1);
}

void
leave_punt(struct worker *w, struct rte_mbuf *m, const struct port *port, uint16_t vlan)
{
	const struct exception x = { .mbuf = m, .port = port->index, .vlan = vlan };

	if (port->conf->punt == PUNT_DROP)
		drop(w, m, DROP_NO_SERVICE);
	else
		leave_raise(w, EXCEPTION_PUNT, &x);
}

void
leave_unknown_vlan(struct worker *w, struct rte_mbuf *m, const struct port *port, uint16_t vlan)
{
	if (port->conf->punt == PUNT_DROP)
		drop(w, m, DROP_UNKNOWN_VLAN);
	else
		leave_punt(w, m, port, vlan);
}

void
leave_no_service(struct worker *w, struct rte_mbuf *m, const struct port *port)
{
	struct packet packet;

	packet_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->pkt_len, &packet);
	leave_punt(w, m, port, packet.vlan);
}

static struct ip_addr
destination(const uint8_t *frame, const struct packet *packet, bool v6)
{
	return v6 ? ip_addr_from_bytes(IP_V6, frame + packet->l3 + 24)
		  : ip_addr_from_bytes(IP_V4, frame + packet->l3 + 16);
}

/* Errors about what was sent (RFC 792, RFC 4443): types of either family. */
static bool
is_icmp_error(uint8_t type, bool v6)
{
	if (v6)
		return type < 128;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static void
leave_icmp(struct worker *w, struct rte_mbuf *m, const struct port *port,
		const struct snapshot *snapshot, const struct packet *packet)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct exception x = { .mbuf = m, .port = port->index, .vlan = packet->vlan };
	bool v6 = packet->kind == PACKET_ICMP6;
	uint8_t type = frame[packet->l4];
	struct ip_addr dst;
	bool vip;

	if (v6 && (type == ICMP6_NEIGHBOUR_SOLICITATION || type == ICMP6_NEIGHBOUR_ADVERTISEMENT)) {
		leave_raise(w, EXCEPTION_NEIGHBOUR, &x);
		return;
	}
	dst = destination(frame, packet, v6);
	vip = snapshot_is_vip(snapshot, &dst);
	if (echo_is_request(frame, packet) && (vip || interface_is_own(&w->dp->interfaces, &dst)))
		leave_raise(w, EXCEPTION_ECHO, &x);
	else if (vip && is_icmp_error(type, v6))
		drop(w, m, DROP_ICMP_ERROR);
	else if (is_icmp_error(type, v6) && interface_is_own(&w->dp->interfaces, &dst))
		leave_raise(w, EXCEPTION_ICMP_ERROR, &x);
	else
		leave_punt(w, m, port, packet->vlan);
}

void
leave_other_kind(struct worker *w, struct rte_mbuf *m, const struct port *port,
		const struct snapshot *snapshot, const struct packet *packet)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct exception x = { .mbuf = m, .port = port->index, .vlan = packet->vlan };
	struct ip_addr dst;

	switch (packet->kind) {
	case PACKET_DROP:
		drop(w, m, packet->drop);
		return;
	case PACKET_ARP:
		leave_raise(w, EXCEPTION_NEIGHBOUR, &x);
		return;
	case PACKET_ICMP4:
	case PACKET_ICMP6:
		leave_icmp(w, m, port, snapshot, packet);
		return;
	case PACKET_FRAGMENT4:
	case PACKET_FRAGMENT6:
		dst = destination(frame, packet, packet->kind == PACKET_FRAGMENT6);
		if (snapshot_is_vip(snapshot, &dst)) {
			drop(w, m, DROP_FRAGMENT);
			return;
		}
		break;
	default:
		break;
	}
	leave_punt(w, m, port, packet->vlan);
}
