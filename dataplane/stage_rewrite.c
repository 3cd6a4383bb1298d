/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last stage: outer header, next hop, Ethernet header. All of it is written in front of
 * the packet's IP header, wherever that lies, so a VLAN tag on either side needs no case of
 * its own; what lay there before (the old Ethernet header) is overwritten.
 */
#include <immintrin.h>

#include <rte_mbuf.h>

#include "base/bytes.h"
#include "dataplane/burst.h"
#include "dataplane/leave.h"
#include "net/encap.h"

#define L2_PLAIN 14
#define L2_TAGGED 18

/* As store_u16() takes it. */
#define ETHERTYPE_VLAN 0x0081

/* Frames that go out on one port, in registers while it stays the same. */
struct sink {
	struct worker_tx *tx;
	uint32_t nb;
	uint16_t port;
};

static inline void
sink_open(struct sink *sink, struct worker *w, uint16_t port)
{
	sink->tx = &w->tx[port];
	sink->nb = sink->tx->nb;
	sink->port = port;
}

static inline void
sink_close(struct sink *sink)
{
	sink->tx->nb = (uint16_t)sink->nb;
}

static inline void
sink_add(struct sink *sink, struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	if (unlikely(sink->port != port)) {
		sink_close(sink);
		sink_open(sink, w, port);
	}
	sink->tx->frames[sink->nb++] = m;
}

/* Let the packet begin @p by bytes further in front. */
static inline void
grow(struct rte_mbuf *m, int by)
{
	m->data_off = (uint16_t)(m->data_off - by);
	m->data_len = (uint16_t)(m->data_len + by);
	m->pkt_len = (uint32_t)((int)m->pkt_len + by);
}

/* Ethernet padding must not become part of an encapsulated packet. */
static inline void
trim(struct rte_mbuf *m, uint32_t frame_len)
{
	if (unlikely(m->pkt_len > frame_len) && m->pkt_len - frame_len <= m->data_len &&
			m->nb_segs == 1)
		rte_pktmbuf_trim(m, (uint16_t)(m->pkt_len - frame_len));
}

/* Write the outer header in front of the client's packet, and its ethertype. */
static inline void
encapsulate(const struct burst_packet *p)
{
	const struct snapshot_member *member = p->member;
	uint8_t first = p->ip[0];
	uint8_t second = p->ip[1];
	uint8_t traffic_class =
			likely(first >> 4 == 4) ? second : (uint8_t)(first << 4 | second >> 4);

	if (likely(member->encap_len == ENCAP_V4_LEN))
		encap_write_v4(&member->encap, p->ip - ENCAP_V4_LEN, p->l3_len, traffic_class);
	else
		encap_write_v6(&member->encap, p->ip - ENCAP_V6_LEN, p->l3_len, traffic_class);
}

static inline void
write_macs(uint8_t *frame, const struct worker_interface *interface, uint64_t nexthop)
{
	store_u64(frame, nexthop ^ interface->flip);
	store_u32(frame + 8, interface->mac_rest);
}

/* Write the Ethernet header in front of @p ip, where the ethertype is already. @return its bytes. */
static inline int
write_l2(uint8_t *ip, const struct worker_interface *interface, uint64_t nexthop)
{
	if (likely(interface->vlan == PACKET_VLAN_NONE)) {
		write_macs(ip - L2_PLAIN, interface, nexthop);
		return L2_PLAIN;
	}
	write_macs(ip - L2_TAGGED, interface, nexthop);
	store_u16(ip - L2_TAGGED + 12, ETHERTYPE_VLAN);
	store_be16(ip - L2_TAGGED + 14, interface->vlan);
	return L2_TAGGED;
}

/* No MAC address yet: the main lcore gets the IP packet, outer header included. */
static void
leave_unresolved(struct worker *w, const struct burst *b, const struct burst_packet *p)
{
	const struct exception x = { .mbuf = p->mbuf,
		.nexthop = p->member->nexthop,
		.port = b->in->port->index,
		.vlan = PACKET_VLAN_NONE };

	grow(p->mbuf, p->member->encap_len - p->l3);
	leave_raise(w, EXCEPTION_UNRESOLVED, &x);
}

/* Encapsulation, VLAN tags, next hops without a MAC address: all that moves the packet's start. */
static inline void
rewrite_any(struct worker *w, const struct burst *b, const struct burst_packet *p, uint64_t nexthop,
		struct sink *sink)
{
	const struct worker_interface *interface = &w->interfaces[nexthop_interface(nexthop)];
	int encap_len = p->member->encap_len;

	if (unlikely(p->mbuf->data_off + p->l3 < encap_len + L2_TAGGED)) {
		drop(w, p->mbuf, DROP_NO_HEADROOM);
		return;
	}
	if (likely(encap_len != 0)) {
		trim(p->mbuf, p->l3 + (uint32_t)p->l3_len);
		encapsulate(p);
	}
	if (unlikely(!nexthop_is_resolved(nexthop))) {
		leave_unresolved(w, b, p);
		return;
	}
	grow(p->mbuf, encap_len - p->l3 + write_l2(p->ip - encap_len, interface, nexthop));
	sink_add(sink, w, interface->port, p->mbuf);
}

/*
 * Both counters in one addition. Each half is stored whole, as their readers need it: so
 * stores of 16 aligned bytes are on every x86-64 CPU, if not atomic altogether.
 */
static inline void
count_member(struct worker *w, const struct snapshot_member *member, uint16_t bytes)
{
	__m128i *counters = (__m128i *)(void *)&w->members[member->stats];

	_Static_assert(offsetof(struct member_stats, packets) == 0 &&
					offsetof(struct member_stats, bytes) == 8,
			"side by side");
	_mm_store_si128(counters,
			_mm_add_epi64(_mm_load_si128(counters), _mm_set_epi64x(bytes, 1)));
}

/* Room in front for an outer header, and no Ethernet padding behind the packet? */
static inline bool
takes_outer(const struct burst_packet *p, int encap_len)
{
	return likely(p->mbuf->data_off + L2_PLAIN >= encap_len + L2_TAGGED) &&
			likely(p->mbuf->pkt_len == L2_PLAIN + (uint32_t)p->l3_len);
}

/*
 * Plain in, plain out: untagged, a known MAC address. @return false: nothing was done, it is
 * for rewrite_any().
 */
static inline bool
rewrite_plain(struct worker *w, const struct burst_packet *p, uint64_t nexthop, struct sink *sink)
{
	const struct worker_interface *interface = &w->interfaces[nexthop_interface(nexthop)];
	int encap_len = p->member->encap_len;
	struct rte_mbuf *m = p->mbuf;
	uint8_t *ip = p->ip;

	if (unlikely(!nexthop_is_resolved(nexthop)) || unlikely(p->l3 != L2_PLAIN) ||
			unlikely(interface->vlan != PACKET_VLAN_NONE))
		return false;
	if (encap_len != 0) {
		if (!takes_outer(p, encap_len))
			return false;
		encapsulate(p);
		ip -= encap_len;
		grow(m, encap_len);
	}
	write_macs(ip - L2_PLAIN, interface, nexthop);
	sink_add(sink, w, interface->port, m);
	return true;
}

static inline void
rewrite_one(struct worker *w, const struct burst *b, const struct burst_packet *p,
		struct sink *sink)
{
	const struct snapshot_member *member = p->member;
	uint64_t nexthop = nexthop_get(w->nexthops, member->nexthop);

	count_member(w, member, p->l3_len);
	if (unlikely(p->l3_len > member->room))
		drop(w, p->mbuf, DROP_TOO_BIG);
	else if (!rewrite_plain(w, p, nexthop, sink))
		rewrite_any(w, b, p, nexthop, sink);
}

void
burst_rewrite(struct worker *w, struct burst *b)
{
	const struct burst_packet *end = b->out + b->nb_out;
	struct sink sink;

	sink_open(&sink, w, b->in->port->index);
	for (const struct burst_packet *p = b->out; p < end; p++)
		rewrite_one(w, b, p, &sink);
	sink_close(&sink);
	b->nb_out = 0;
}
