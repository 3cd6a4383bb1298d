/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last stage: outer header, next hop, Ethernet header. All of it is written in front of
 * the packet's IP header, wherever that lies, so a VLAN tag on either side needs no case of
 * its own; what lay there before (the old Ethernet header) is overwritten.
 */
#include <rte_mbuf.h>

#include "base/bytes.h"
#include "dataplane/burst.h"
#include "dataplane/leave.h"
#include "net/encap.h"

#define MAC_MASK UINT64_C(0xffffffffffff)
#define L2_PLAIN 14
#define L2_MAX 18

/* As load_u16() and store_u16() have them. */
#define ETHERTYPE_IP4_LE 0x0008
#define ETHERTYPE_IP6_LE 0xdd86
#define ETHERTYPE_VLAN_LE 0x0081

/* Let the packet begin at @p start, which lies in its buffer. */
static inline void
begin_at(struct rte_mbuf *m, const uint8_t *start)
{
	uint16_t data_off = (uint16_t)(start - (const uint8_t *)m->buf_addr);
	int delta = (int)m->data_off - (int)data_off;

	m->data_off = data_off;
	m->data_len = (uint16_t)(m->data_len + delta);
	m->pkt_len = (uint32_t)((int)m->pkt_len + delta);
}

/* Ethernet padding must not become part of an encapsulated packet. */
static inline void
trim(struct rte_mbuf *m, uint32_t frame_len)
{
	if (unlikely(m->pkt_len > frame_len) && m->pkt_len - frame_len <= m->data_len &&
			m->nb_segs == 1)
		rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - frame_len));
}

/* Write the outer header in front of @p ip. @return its start. */
static inline uint8_t *
encapsulate(uint8_t *ip, const struct burst_out *out)
{
	const struct snapshot_member *member = out->member;
	uint8_t first = ip[0];
	uint8_t traffic_class = first >> 4 == 4 ? ip[1] : (uint8_t)(first << 4 | ip[1] >> 4);
	uint8_t *outer = ip - member->encap_len;

	if (member->encap_len == 20)
		encap_write_v4(&member->encap, outer, out->l3_len, traffic_class);
	else
		encap_write_v6(&member->encap, outer, out->l3_len, traffic_class);
	return outer;
}

static inline void
write_macs(uint8_t *frame, const struct interface *interface, uint64_t nexthop)
{
	store_u64(frame, (nexthop & MAC_MASK) | (uint64_t)load_u16(interface->mac) << 48);
	store_u32(frame + 8, load_u32(interface->mac + 2));
}

/* Write the Ethernet header in front of @p ip. @return its start. */
static inline uint8_t *
frame_for(uint8_t *ip, const struct interface *interface, uint64_t nexthop)
{
	uint16_t type = ip[0] >> 4 == 4 ? ETHERTYPE_IP4_LE : ETHERTYPE_IP6_LE;
	uint8_t *frame = ip - interface->l2_len;

	write_macs(frame, interface, nexthop);
	if (unlikely(interface->vlan != PACKET_VLAN_NONE)) {
		store_u16(frame + 12, ETHERTYPE_VLAN_LE);
		store_be16(frame + 14, interface->vlan);
	}
	store_u16(ip - 2, type);
	return frame;
}

static inline void
send(struct worker *w, const struct interface *interface, struct rte_mbuf *m)
{
	struct worker_tx *tx = &w->tx[interface->port];

	tx->frames[tx->nb++] = m;
}

/* Encapsulation, VLAN tags, next hops without a MAC address: all that moves the packet's start. */
static void
rewrite_any(struct worker *w, const struct burst *b, const struct burst_out *out, uint64_t nexthop)
{
	const struct snapshot_member *member = out->member;
	struct rte_mbuf *m = out->mbuf;
	const struct interface *interface;
	uint8_t *ip;

	if (unlikely(m->data_off + out->l3 < member->encap_len + L2_MAX)) {
		drop(w, m, DROP_NO_HEADROOM);
		return;
	}
	ip = rte_pktmbuf_mtod(m, uint8_t *) + out->l3;
	if (member->encap_len != 0) {
		trim(m, out->l3 + (uint32_t)out->l3_len);
		ip = encapsulate(ip, out);
	}
	if (unlikely(!nexthop_is_resolved(nexthop))) {
		const struct exception x = { .mbuf = m,
			.nexthop = member->nexthop,
			.port = b->in->port->index,
			.vlan = PACKET_VLAN_NONE };

		begin_at(m, ip);
		leave_raise(w, EXCEPTION_UNRESOLVED, &x);
		return;
	}
	interface = &w->dp->interfaces.interfaces[nexthop_interface(nexthop)];
	begin_at(m, frame_for(ip, interface, nexthop));
	send(w, interface, m);
}

static inline void
rewrite_one(struct worker *w, const struct burst *b, const struct burst_out *out)
{
	const struct snapshot_member *member = out->member;
	uint64_t nexthop = nexthop_get(w->nexthops, member->nexthop);
	const struct interface *interface =
			&w->dp->interfaces.interfaces[nexthop_interface(nexthop)];

	if (unlikely(out->l3_len + member->encap_len > member->mtu)) {
		drop(w, out->mbuf, DROP_TOO_BIG);
		return;
	}
	/* Plain in, plain out, direct: only the MAC addresses change. */
	if (member->encap_len == 0 && nexthop_is_resolved(nexthop) && out->l3 == L2_PLAIN &&
			interface->l2_len == L2_PLAIN) {
		write_macs(rte_pktmbuf_mtod(out->mbuf, uint8_t *), interface, nexthop);
		send(w, interface, out->mbuf);
		return;
	}
	rewrite_any(w, b, out, nexthop);
}

void
burst_rewrite(struct worker *w, struct burst *b)
{
	for (uint16_t i = 0; i < b->nb_out; i++)
		rewrite_one(w, b, &b->out[i]);
}
