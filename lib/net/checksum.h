/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

/**
 * @file
 * Internet checksums (RFC 1071) and their incremental update (RFC 1624, equation 3).
 *
 * All sums are taken over 16-bit words as they lie in memory: one's complement sums
 * do not depend on byte order (RFC 1071 section 2), so nothing is swapped.
 *
 * Thread safety: pure functions.
 */

#include <stddef.h>
#include <stdint.h>

/** One's complement sum of @p len bytes, not folded; add sums, then checksum_fold(). */
uint64_t checksum_add(const void *data, size_t len, uint64_t sum);

/** Fold to 16 bits, however large @p sum is. */
static inline uint16_t
checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/** The checksum field for a header of @p len bytes whose own field is zero. */
uint16_t checksum_ip(const void *header, size_t len);

/** @p checksum after a 16-bit word went from @p before to @p after (as in memory). */
uint16_t checksum_update16(uint16_t checksum, uint16_t before, uint16_t after);
uint16_t checksum_update32(uint16_t checksum, uint32_t before, uint32_t after);

/**
 * TCP, UDP or ICMPv6 checksum with its pseudo-header (RFC 9293 3.1, RFC 8200 8.1), for
 * packets that we originate. The field within @p l4 must be zero.
 * @param addr_len 4 or 16: of @p src and @p dst.
 */
uint16_t checksum_l4(const void *src, const void *dst, unsigned int addr_len, uint8_t protocol,
		const void *l4, size_t l4_len);

#endif
