/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_STAGE_PARSE_H
#define DATAPLANE_STAGE_PARSE_H

/**
 * @file
 * From a frame to its headers, as the first half of burst_classify(). Nearly all frames are
 * plain: to us, untagged, TCP or UDP, without options, whole in one segment. One vector
 * compare tells; everything else goes through packet_parse() out of line.
 */

#include <immintrin.h>

#include <rte_mbuf.h>

#include "base/bytes.h"
#include "dataplane/burst.h"
#include "net/parse.h"

/**
 * A TCP or UDP packet whose service is not known. Fields are wide: gcc spills what is narrow
 * with a narrow store and reads it with a wide load, which waits for the store.
 */
struct parsed {
	struct rte_mbuf *mbuf;
	uint8_t *ip;
	uint64_t service; /**< snapshot_key4() or snapshot_port6(). */
	uint32_t client_port_be;
	uint32_t l3_len;
	uint32_t l3;
	uint32_t tcp_flags;
};

/** Where the next stage finds a frame. */
enum parse_result {
	PARSE_LEFT,  /**< Nowhere: it left the burst. */
	PARSE_FLOW4, /**< In struct parsed. */
	PARSE_FLOW6,
};

#define PARSE_L3 14 /* Of an untagged frame. */

/*
 * Of a plain frame's first bytes those that are the same in all: destination, ethertype,
 * version and header length, and for IPv4 no M flag and no fragment offset (RFC 791 section 3.1).
 */
static inline bool
parse_head_is4(const uint8_t *frame, const struct worker_port *in)
{
#ifdef __AVX2__
	__m256i differ = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)(const void *)frame),
			_mm256_load_si256((const __m256i *)(const void *)in->head4));

	return _mm256_testz_si256(differ,
			_mm256_setr_epi64x(0x0000ffffffffffff, 0x00ffffff00000000,
					0x0000ff3f00000000, 0));
#else
	uint64_t differ = (load_u64(frame) ^ load_u64(in->head4)) << 16;

	differ |= (load_u64(frame + 8) ^ load_u64(in->head4 + 8)) & UINT64_C(0x00ffffff00000000);
	return (differ | (load_u16(frame + 20) & 0xff3f)) == 0;
#endif
}

static inline bool
parse_head_is6(const uint8_t *frame, const struct worker_port *in)
{
	uint64_t differ = (load_u64(frame) ^ load_u64(in->head6)) << 16;

	differ |= (load_u64(frame + 8) ^ load_u64(in->head6 + 8)) & UINT64_C(0x00f0ffff00000000);
	return differ == 0;
}

/** A whole TCP or UDP header at the start of @p room bytes, 20 of which can be read? */
static inline bool
parse_l4_is_plain(const uint8_t *l4, int32_t room, uint32_t protocol, uint32_t *tcp_flags)
{
	int32_t len;

	if (likely(protocol == PARSE_PROTOCOL_TCP)) {
		uint32_t offset_flags = load_u16(l4 + 12);

		len = (int32_t)(offset_flags & 0xf0) >>
				2; /* In words, in the upper half of the byte. */
		*tcp_flags = offset_flags >> 8;
		return likely(len >= 20) && likely(len <= room);
	}
	len = load_be16(l4 + 4);
	*tcp_flags = 0;
	return likely(protocol == PARSE_PROTOCOL_UDP) && likely(len >= 8) && likely(len <= room);
}

/** @return false: not plain IPv4, @p out is undefined. */
static inline bool
parse_plain4(struct rte_mbuf *m, const struct worker_port *in, struct parsed *out)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t l3_len, protocol;
	uint64_t vip_ports;

	if (unlikely(!parse_head_is4(frame, in)))
		return false;
	l3_len = load_be16(frame + PARSE_L3 + 2);
	protocol = frame[PARSE_L3 + 9];
	if (unlikely(PARSE_L3 + l3_len > m->data_len) ||
			unlikely(!parse_l4_is_plain(frame + PARSE_L3 + 20, (int32_t)l3_len - 20,
					protocol, &out->tcp_flags)))
		return false;
	vip_ports = load_u64(frame + PARSE_L3 + 16); /* VIP, client's port, service's port. */
	out->mbuf = m;
	out->ip = frame + PARSE_L3;
	out->service = (vip_ports & UINT64_C(0xffff0000ffffffff)) | (uint64_t)protocol << 32;
	out->client_port_be = (uint16_t)(vip_ports >> 32);
	out->l3_len = l3_len;
	out->l3 = PARSE_L3;
	return true;
}

/** @return false: not plain IPv6, @p out is undefined. */
static inline bool
parse_plain6(struct rte_mbuf *m, const struct worker_port *in, struct parsed *out)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t payload, protocol;

	if (unlikely(!parse_head_is6(frame, in)))
		return false;
	payload = load_be16(frame + PARSE_L3 + 4);
	protocol = frame[PARSE_L3 + 6];
	if (unlikely(PARSE_L3 + 40 + payload > m->data_len) ||
			unlikely(m->data_len < PARSE_L3 + 40 + 20) ||
			unlikely(payload + 40 > UINT16_MAX) ||
			unlikely(!parse_l4_is_plain(frame + PARSE_L3 + 40, (int32_t)payload,
					protocol, &out->tcp_flags)))
		return false;
	out->mbuf = m;
	out->ip = frame + PARSE_L3;
	out->service = snapshot_port6(load_u16(frame + PARSE_L3 + 42), (uint8_t)protocol);
	out->client_port_be = load_u16(frame + PARSE_L3 + 40);
	out->l3_len = 40 + payload;
	out->l3 = PARSE_L3;
	return true;
}

/** Only a checksum that the driver found bad or could not judge is looked at again. */
static inline bool
parse_may_be_plain(const struct rte_mbuf *m, const struct worker_port *in)
{
	return likely((m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_BAD) == 0) &&
			likely(m->data_len >= in->plain_min);
}

#endif
