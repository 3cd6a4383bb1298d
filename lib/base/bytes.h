/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

/**
 * @file
 * Unaligned loads and stores of integers in packets and on the wire.
 *
 * load_X() and store_X() keep the byte order of memory; the _be variants turn
 * network order into host order and back. gcc and clang make one move (and one
 * bswap) of each.
 */

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "x86-64 only, so far");

static inline uint16_t
load_u16(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t
load_u32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t
load_u64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
store_u16(void *p, uint16_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void
store_u32(void *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline void
store_u64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline uint16_t
load_be16(const void *p)
{
	return __builtin_bswap16(load_u16(p));
}

static inline uint32_t
load_be32(const void *p)
{
	return __builtin_bswap32(load_u32(p));
}

static inline void
store_be16(void *p, uint16_t v)
{
	store_u16(p, __builtin_bswap16(v));
}

static inline void
store_be32(void *p, uint32_t v)
{
	store_u32(p, __builtin_bswap32(v));
}

#endif
