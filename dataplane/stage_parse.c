/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first stage: frames to packets. It touches the mbufs and the packets' first line,
 * which is prefetched a few packets ahead.
 *
 * Nearly all packets are plain: untagged, IPv4 without options or IPv6 without extension
 * headers, TCP or UDP, whole in one segment. take_plain4() and take_plain6() know them by
 * a few compares at fixed offsets (about 45 instructions instead of 130 through
 * packet_parse()); everything else takes the whole parser. What they accept, the parser
 * accepts, with the same result; anything that they doubt, they leave to it.
 */
#include <immintrin.h>

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

#define L2_PLAIN 14
#define IP4_HEADER 20
#define IP6_HEADER 40
#define UDP_HEADER 8
#define TCP_HEADER 20

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

/*
 * A plain layer-4 header, of which at least 20 bytes can be read.
 * @param room Bytes of the IP packet behind its header.
 * @return false: let the parser look.
 */
static inline bool
plain_l4(const uint8_t *l4, uint32_t room, uint8_t protocol, uint8_t *tcp_flags)
{
	if (likely(protocol == PROTOCOL_TCP)) {
		uint16_t word = load_u16(l4 + 12);
		uint32_t header = (uint32_t)(word >> 4 & 0xf) * 4;

		*tcp_flags = (uint8_t)(word >> 8);
		return header >= TCP_HEADER && header <= room;
	}
	*tcp_flags = 0;
	return protocol == PROTOCOL_UDP && load_be16(l4 + 4) >= UDP_HEADER &&
			load_be16(l4 + 4) <= room;
}

static inline bool
take_plain4(struct burst *b, struct rte_mbuf *m, const uint8_t *frame)
{
	struct burst_packet4 *p = &b->packets4[b->nb4];
	uint32_t l3_len = load_be16(frame + L2_PLAIN + 2);
	uint8_t protocol = frame[L2_PLAIN + 9];
	uint8_t tcp_flags;

	/* Ethertype 0x0800, version 4, five words of header; no fragment. */
	if ((load_u32(frame + 12) & 0xffffff) != 0x450008 ||
			(load_u16(frame + L2_PLAIN + 6) & 0xff3f) != 0)
		return false;
	if (unlikely(L2_PLAIN + l3_len > m->data_len) || unlikely(l3_len < IP4_HEADER) ||
			unlikely(checksum_bad(m)))
		return false;
	if (unlikely(!plain_l4(frame + L2_PLAIN + IP4_HEADER, l3_len - IP4_HEADER, protocol,
			    &tcp_flags)))
		return false;

	p->mbuf = m;
	/* Both addresses, both ports, and four bytes over home, which is set later. */
	_mm_storeu_si128((__m128i *)(void *)&p->client_be,
			_mm_loadu_si128((const __m128i *)(const void *)(frame + L2_PLAIN + 12)));
	p->l3 = L2_PLAIN;
	p->l3_len = (uint16_t)l3_len;
	p->protocol = protocol;
	p->tcp_flags = tcp_flags;
	b->nb4++;
	return true;
}

static inline bool
take_plain6(struct burst *b, struct rte_mbuf *m, const uint8_t *frame)
{
	struct burst_packet6 *p = &b->packets6[b->nb6];
	uint32_t l3_len = IP6_HEADER + (uint32_t)load_be16(frame + L2_PLAIN + 4);
	uint8_t protocol = frame[L2_PLAIN + 6];
	uint8_t tcp_flags;

	/* Ethertype 0x86dd, version 6; 20 bytes of layer 4 can be read. */
	if ((load_u32(frame + 12) & 0xf0ffff) != 0x60dd86)
		return false;
	if (unlikely(L2_PLAIN + l3_len > m->data_len) ||
			unlikely(m->data_len < L2_PLAIN + IP6_HEADER + TCP_HEADER))
		return false;
	if (unlikely(!plain_l4(frame + L2_PLAIN + IP6_HEADER, l3_len - IP6_HEADER, protocol,
			    &tcp_flags)))
		return false;

	p->mbuf = m;
	_mm256_storeu_si256((__m256i *)(void *)p->client,
			_mm256_loadu_si256((const __m256i *)(const void *)(frame + L2_PLAIN + 8)));
	p->ports_be = load_u32(frame + L2_PLAIN + IP6_HEADER);
	p->l3 = L2_PLAIN;
	p->l3_len = (uint16_t)l3_len;
	p->protocol = protocol;
	p->tcp_flags = tcp_flags;
	b->nb6++;
	return true;
}

static inline bool
take_plain(struct burst *b, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	if (unlikely(m->data_len < L2_PLAIN + IP4_HEADER + TCP_HEADER) ||
			unlikely((load_u64(frame) & MAC_MASK) != b->in->plain_mac))
		return false;
	return take_plain4(b, m, frame) || take_plain6(b, m, frame);
}

static void
take4(struct burst *b, struct rte_mbuf *m, const uint8_t *frame, const struct packet *packet)
{
	const uint8_t *ip = frame + packet->l3;

	b->packets4[b->nb4++] = (struct burst_packet4){
		.mbuf = m,
		.client_be = load_u32(ip + 12),
		.vip_be = load_u32(ip + 16),
		.ports_be = load_u32(frame + packet->l4),
		.l3 = packet->l3,
		.l3_len = packet->l3_len,
		.protocol = packet->protocol,
		.tcp_flags = packet->tcp_flags,
	};
}

static void
take6(struct burst *b, struct rte_mbuf *m, const uint8_t *frame, const struct packet *packet)
{
	struct burst_packet6 *p = &b->packets6[b->nb6++];

	*p = (struct burst_packet6){
		.mbuf = m,
		.ports_be = load_u32(frame + packet->l4),
		.l3 = packet->l3,
		.l3_len = packet->l3_len,
		.protocol = packet->protocol,
		.tcp_flags = packet->tcp_flags,
	};
	memcpy(p->client, frame + packet->l3 + 8, sizeof(p->client));
	memcpy(p->vip, frame + packet->l3 + 24, sizeof(p->vip));
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
		take4(b, m, frame, &packet);
	else if (mac == b->in->mac_word && packet.kind == PACKET_FLOW6)
		take6(b, m, frame, &packet);
	else
		leave_other_kind(w, m, b->in->port, b->snapshot, &packet);
}

void
burst_parse(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t nb)
{
	for (uint16_t i = 0; i < RTE_MIN(nb, PREFETCH_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(frames[i], void *));

	for (uint16_t i = 0; i < nb; i++) {
		if (i + PREFETCH_AHEAD < nb)
			rte_prefetch0(rte_pktmbuf_mtod(frames[i + PREFETCH_AHEAD], void *));
		if (unlikely(!take_plain(b, frames[i])))
			take_any(w, b, frames[i]);
	}
}
