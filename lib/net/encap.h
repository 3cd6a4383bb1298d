/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_ENCAP_H
#define NET_ENCAP_H

/**
 * @file
 * Outer IP headers of mode ipip: IPv4 in IPv4 (RFC 2003), IPv6 in IPv6 and IPv4 in
 * IPv6 (RFC 2473), IPv6 in IPv4 (RFC 4213). ECN and DSCP by RFC 6040 (normal
 * mode: both are copied to the outer header). TTL / hop limit of the outer header
 * is 64; DF is set in an outer IPv4 header (RFC 2003 section 3.1, Katran likewise),
 * its identification is 0 (RFC 6864: an atomic datagram needs none). The flow label
 * of an outer IPv6 header is 0.
 *
 * A template is made once a backend; a packet costs a copy of it in whole words,
 * into which the fields that differ are merged on the way: length, traffic class,
 * and for IPv4 the checksum, which is derived from the template's partial sum.
 *
 * Thread safety: pure functions on the caller's memory.
 */

#include <stdint.h>

#include "base/addr.h"
#include "base/bytes.h"
#include "base/compiler.h"

/** Bytes of an outer header. */
#define ENCAP_V4_LEN 20
#define ENCAP_V6_LEN 40

/** Ethertypes of the outer headers, as store_u16() takes them. */
#define ENCAP_ETHERTYPE_IP4 0x0008
#define ENCAP_ETHERTYPE_IP6 0xdd86

/** Outer header bytes with the variable fields zero; 20 (IPv4) or 40 (IPv6) are used. */
struct encap_template {
	uint8_t header[40];
	uint16_t partial_sum; /**< IPv4: folded one's complement sum of header, in memory order. */
	uint16_t reserved;
};
_Static_assert(sizeof(struct encap_template) == 44, "must fit a snapshot member's line");

/**
 * Make the outer header from @p src to @p dst (same family) around packets of
 * family @p inner. Unused bytes of @p t are zero.
 * @return bytes of the outer header: 20 or 40. 0: families differ or are unknown; @p t
 * is zero then.
 */
uint8_t encap_template_init(struct encap_template *t, const struct ip_addr *src,
		const struct ip_addr *dst, enum ip_family inner);

/**
 * Write the outer IPv4 header, and the ethertype in front of it. No store crosses a cache line
 * if the inner packet begins 14 bytes behind one, as it does in a received frame.
 * @param t             From encap_template_init(), which returned 20.
 * @param out           20 writable bytes just in front of the inner packet, with two more
 *                      in front of them.
 * @param inner_len     Bytes of the inner IP packet, its header included; at most
 *                      65,515, which the caller's MTU check guarantees.
 * @param traffic_class The inner packet's TOS / traffic class byte.
 */
static inline void
encap_write_v4(const struct encap_template *t, uint8_t *out, uint16_t inner_len,
		uint8_t traffic_class)
{
	uint16_t total_be = __builtin_bswap16((uint16_t)(inner_len + ENCAP_V4_LEN));
	uint32_t tos = (uint32_t)traffic_class << 8; /* Byte 1, as it lies in memory. */
	uint32_t sum = t->partial_sum + tos + total_be;

	/* See checksum_fold(); three 16-bit numbers need no more than one step. */
	sum += sum << 16 | sum >> 16;
	store_u64(out - 2,
			(load_u64(t->header) | (uint64_t)total_be << 16 | tos) << 16 |
					ENCAP_ETHERTYPE_IP4);
	store_u64(out + 6, load_u64(t->header + 6) | (uint64_t)(~sum & UINT32_C(0xffff0000)) << 16);
	store_u64(out + 12, load_u64(t->header + 12));
}

/**
 * The same for an outer IPv6 header: 40 bytes behind its ethertype; @p t from an
 * encap_template_init() that returned 40.
 */
static inline void
encap_write_v6(const struct encap_template *t, uint8_t *out, uint16_t inner_len,
		uint8_t traffic_class)
{
	/* The traffic class straddles bytes 0 and 1, behind the version. */
	uint64_t class = (uint32_t)(traffic_class & 0x0f) << 12 | traffic_class >> 4;
	uint64_t len = __builtin_bswap16(inner_len);

	store_u16(out - 2, ENCAP_ETHERTYPE_IP6);
	store_u64(out, load_u64(t->header) | len << 32 | class);
	memcpy(out + 8, t->header + 8, 32);
}

#endif
