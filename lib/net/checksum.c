/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How: 32-bit words are added into 64-bit sums, so no carry is lost before 2^32
 * words; since 2^32 = 2^16 = 1 modulo 2^16 - 1, folding the wide sum gives the sum
 * of the 16-bit words. Two sums take alternate words, so that the additions of one
 * step do not wait for each other.
 */
#include "net/checksum.h"

#include "base/bytes.h"

#define PROTOCOL_UDP 17

uint64_t
checksum_add(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *at = data;
	uint64_t other = 0;

	/* Room for what the loop adds, whatever the caller's sum is. */
	sum = (sum & UINT32_MAX) + (sum >> 32);
	for (; len >= 8; len -= 8, at += 8) {
		sum += load_u32(at);
		other += load_u32(at + 4);
	}
	if (len >= 4) {
		sum += load_u32(at);
		len -= 4;
		at += 4;
	}
	if (len >= 2) {
		other += load_u16(at);
		len -= 2;
		at += 2;
	}
	if (len != 0)
		sum += *at; /* RFC 1071: padded with a zero byte, which lies above in memory. */
	return sum + other;
}

uint16_t
checksum_ip(const void *header, size_t len)
{
	return (uint16_t)~checksum_fold(checksum_add(header, len, 0));
}

uint16_t
checksum_l4(const void *src, const void *dst, unsigned int addr_len, uint8_t protocol,
		const void *l4, size_t l4_len)
{
	uint64_t sum = (uint64_t)protocol << 8; /* A zero byte, then the protocol. */
	uint16_t checksum;

	/* IPv4 has a 16-bit length here, IPv6 a 32-bit one: the sum is the same. */
	sum += __builtin_bswap32((uint32_t)l4_len);
	sum = checksum_add(src, addr_len, sum);
	sum = checksum_add(dst, addr_len, sum);
	checksum = (uint16_t)~checksum_fold(checksum_add(l4, l4_len, sum));
	if (protocol == PROTOCOL_UDP && checksum == 0)
		return 0xffff;
	return checksum;
}
