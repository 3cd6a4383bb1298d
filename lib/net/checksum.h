/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

/**
 * @file
 * Internet checksums (RFC 1071) and their incremental update (RFC 1624, equation 3).
 *
 * All sums are taken over 16-bit words as they lie in memory: one's complement sums
 * do not depend on byte order (RFC 1071 section 2), so nothing is swapped. What a
 * function returns is stored with store_u16().
 *
 * A sum has two zeros. A sum of anything but zeros folds to 0xffff, never to 0, so a
 * checksum made here is 0xffff only over zeros alone, and an update gives the very
 * value that a fresh computation would. Two things are the caller's: a UDP checksum
 * of 0 over IPv4 means "none" and must not be updated, and an updated UDP checksum
 * of 0 is sent as 0xffff (RFC 768).
 *
 * Thread safety: pure functions.
 */

#include <stddef.h>
#include <stdint.h>

/**
 * One's complement sum of @p len bytes, not folded; add sums, then checksum_fold().
 * Pieces of one sum must start at even offsets of the data that they are part of:
 * only the last piece may have an odd length.
 */
uint64_t checksum_add(const void *data, size_t len, uint64_t sum);

/** Fold to 16 bits, however large @p sum is. Adding a number to itself rotated by half its
 * width leaves the end-around-carry sum of the halves in the upper half. */
static inline uint16_t
checksum_fold(uint64_t sum)
{
	uint32_t half;

	sum += sum << 32 | sum >> 32;
	half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return (uint16_t)(half >> 16);
}

/** The checksum field for a header of @p len bytes whose own field is zero. */
uint16_t checksum_ip(const void *header, size_t len);

/** @p checksum after a 16-bit word went from @p before to @p after (as in memory). */
static inline uint16_t
checksum_update16(uint16_t checksum, uint16_t before, uint16_t after)
{
	uint32_t sum = (uint32_t)(uint16_t)~checksum + (uint16_t)~before + after;

	sum += sum << 16 | sum >> 16;
	return (uint16_t) ~(sum >> 16);
}

/** @p checksum after 32 bits, at an even offset, went from @p before to @p after. */
static inline uint16_t
checksum_update32(uint16_t checksum, uint32_t before, uint32_t after)
{
	return (uint16_t)~checksum_fold((uint64_t)(uint16_t)~checksum + (uint32_t)~before + after);
}

/**
 * TCP, UDP or ICMPv6 checksum with its pseudo-header (RFC 9293 3.1, RFC 768, RFC 8200
 * 8.1), for packets that we originate: a UDP checksum of 0 becomes 0xffff. The field
 * within @p l4 must be zero. With the field left in place, the result is 0 (UDP:
 * 0xffff) iff the checksum is right.
 * @param addr_len 4 or 16: of @p src and @p dst.
 */
uint16_t checksum_l4(const void *src, const void *dst, unsigned int addr_len, uint8_t protocol,
		const void *l4, size_t l4_len);

#endif
