/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_ENCAP_H
#define NET_ENCAP_H

/**
 * @file
 * Outer IP headers of mode ipip: IPv4 in IPv4 (RFC 2003), IPv6 in IPv6 and IPv4 in
 * IPv6 (RFC 2473), IPv6 in IPv4 (RFC 4213). ECN and DSCP by RFC 6040 (normal
 * mode: both are copied to the outer header). TTL / hop limit of the outer header
 * is 64; DF is set in an outer IPv4 header (RFC 2003 section 3.1, Katran likewise),
 * its identification is 0 (RFC 6864: an atomic datagram needs none).
 *
 * A template is made once a backend; a packet costs one whole-vector copy and the
 * fields that differ: length, traffic class, and for IPv4 the checksum, which is
 * derived from the template's partial sum.
 *
 * Thread safety: pure functions on the caller's memory.
 */

#include <stdint.h>

#include "base/addr.h"
#include "base/compiler.h"

/** Outer header bytes with the variable fields zero; 20 (IPv4) or 40 (IPv6) are used. */
struct encap_template {
	uint8_t header[40];
	uint16_t partial_sum; /**< IPv4: folded one's complement sum of header, in memory order. */
	uint16_t reserved;
};
_Static_assert(sizeof(struct encap_template) == 44, "must fit a snapshot member's line");

/**
 * Make the outer header from @p src to @p dst (same family) around packets of
 * family @p inner.
 * @return bytes of the outer header: 20 or 40. 0: families differ or are unknown.
 */
uint8_t encap_template_init(struct encap_template *t, const struct ip_addr *src,
		const struct ip_addr *dst, enum ip_family inner);

/**
 * Write the outer IPv4 header.
 * @param out           20 writable bytes, just in front of the inner packet.
 * @param inner_len     Bytes of the inner IP packet, its header included.
 * @param traffic_class The inner packet's TOS / traffic class byte.
 */
void encap_write_v4(const struct encap_template *t, void *out, uint16_t inner_len,
		uint8_t traffic_class);

/** The same for an outer IPv6 header, 40 bytes. */
void encap_write_v6(const struct encap_template *t, void *out, uint16_t inner_len,
		uint8_t traffic_class);

#endif
