/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first stage: frames to packets. It touches the mbufs and the packets' first line,
 * which is prefetched a few packets ahead.
 *
 * Nearly all packets are plain: TCP or UDP, whole in one segment, without options. For them
 * packet_parse_fast() is inlined here; everything else goes through take_any().
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "base/bytes.h"
#include "dataplane/burst.h"
#include "dataplane/leave.h"
#include "net/parse.h"

/* Enough to cover the latency of a line from L3 at about ten cycles a packet here. */
#define PREFETCH_AHEAD 6

#define MAC_MASK UINT64_C(0xffffffffffff)
/* The group bit of a destination MAC address, as load_u64() has it. */
#define MAC_GROUP_BIT UINT64_C(1)

/* Is this frame on an interface of ours? */
static inline bool
interface_known(const struct worker_port *in, uint16_t vlan)
{
	if (likely(vlan == PACKET_VLAN_NONE))
		return in->has_untagged;
	return (in->vlans[vlan / 64] >> vlan % 64 & 1) != 0;
}

static inline bool
checksum_bad(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD;
}

static inline void
take4(struct burst_packet4 *p, struct rte_mbuf *m, const uint8_t *frame,
		const struct packet *packet)
{
	p->mbuf = m;
	/* Both addresses and, unless there are options, both ports. */
	memcpy(&p->client_be, frame + packet->l3 + 12, 12);
	if (unlikely(packet->l4 != packet->l3 + 20))
		p->ports_be = load_u32(frame + packet->l4);
	p->l3 = packet->l3;
	p->l3_len = packet->l3_len;
	p->protocol = packet->protocol;
	p->tcp_flags = packet->tcp_flags;
}

static inline void
take6(struct burst_packet6 *p, struct rte_mbuf *m, const uint8_t *frame,
		const struct packet *packet)
{
	p->mbuf = m;
	/* Both addresses. */
	memcpy(p->client, frame + packet->l3 + 8, sizeof(p->client) + sizeof(p->vip));
	p->ports_be = load_u32(frame + packet->l4);
	p->l3 = packet->l3;
	p->l3_len = packet->l3_len;
	p->protocol = packet->protocol;
	p->tcp_flags = packet->tcp_flags;
}

/* Not plain. Out of line: rare, and it may take its time. */
static __attribute__((noinline)) void
take_any(struct worker *w, struct burst *b, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct packet packet;
	uint64_t mac;

	packet_parse(frame, m->data_len, m->pkt_len, &packet);
	if (packet.kind == PACKET_DROP) {
		drop(w, m, packet.drop);
		return;
	}
	mac = load_u64(frame) & MAC_MASK; /* A frame that parses has 14 bytes. */
	if ((mac & MAC_GROUP_BIT) == 0 && mac != b->in->mac_word)
		drop(w, m, DROP_NOT_FOR_US);
	else if (!interface_known(b->in, packet.vlan))
		leave_unknown_vlan(w, m, b->in->port, packet.vlan);
	else if (checksum_bad(m))
		drop(w, m, DROP_BAD_CHECKSUM);
	else if (mac == b->in->mac_word && packet.kind == PACKET_FLOW4)
		take4(&b->packets4[b->nb4++], m, frame, &packet);
	else if (mac == b->in->mac_word && packet.kind == PACKET_FLOW6)
		take6(&b->packets6[b->nb6++], m, frame, &packet);
	else
		leave_other_kind(w, m, b->in->port, b->snapshot, &packet);
}

/* A whole TCP or UDP packet to us on an interface of ours? */
static inline bool
is_plain(const struct worker_port *in, const struct rte_mbuf *m, struct packet *packet)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	return likely(packet_parse_fast(frame, m->data_len, packet)) &&
			likely((load_u64(frame) & MAC_MASK) == in->mac_word) &&
			likely(interface_known(in, packet->vlan)) && likely(!checksum_bad(m));
}

void
burst_parse(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t nb)
{
	const struct worker_port *in = b->in;
	/* In registers: what is stored through them could be b->nb4 for all that a compiler knows. */
	struct burst_packet4 *next4 = b->packets4;
	struct burst_packet6 *next6 = b->packets6;

	for (uint16_t i = 0; i < RTE_MIN(nb, PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(frames[i], void *));

	for (uint16_t i = 0; i < nb; i++) {
		struct rte_mbuf *m = frames[i];
		struct packet packet;

		if (i + PREFETCH_AHEAD < nb)
			rte_prefetch0(rte_pktmbuf_mtod(frames[i + PREFETCH_AHEAD], void *));
		if (unlikely(!is_plain(in, m, &packet))) {
			b->nb4 = (uint16_t)(next4 - b->packets4);
			b->nb6 = (uint16_t)(next6 - b->packets6);
			take_any(w, b, m);
			next4 = b->packets4 + b->nb4;
			next6 = b->packets6 + b->nb6;
		} else if (likely(packet.kind == PACKET_FLOW4)) {
			take4(next4++, m, rte_pktmbuf_mtod(m, const uint8_t *), &packet);
		} else {
			take6(next6++, m, rte_pktmbuf_mtod(m, const uint8_t *), &packet);
		}
	}
	b->nb4 = (uint16_t)(next4 - b->packets4);
	b->nb6 = (uint16_t)(next6 - b->packets6);
}
