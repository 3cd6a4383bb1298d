/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

/**
 * @file
 * IP addresses of either family as plain values.
 *
 * Thread safety: all functions are pure; they may run on any thread.
 */

#include <stdbool.h>
#include <stdint.h>

/** Address family, also the IP version number. */
enum ip_family {
	IP_NONE = 0, /**< No address. */
	IP_V4 = 4,
	IP_V6 = 6,
};

/**
 * An IPv4 or IPv6 address, in network byte order.
 *
 * Every byte that the family does not use is zero, so that memcmp() is equality
 * and the struct can be hashed and sent as bytes.
 */
struct ip_addr {
	uint8_t bytes[16];   /**< IPv4: the first four; the others are zero. */
	uint8_t family;	     /**< enum ip_family. */
	uint8_t reserved[3]; /**< Zero. */
};
_Static_assert(sizeof(struct ip_addr) == 20, "wire format");

/** An address and the length of its network's prefix in bits. */
struct ip_prefix {
	struct ip_addr addr; /**< Host bits are kept as given. */
	uint8_t len;	     /**< 0..32 or 0..128. */
};

/** Longest text of an address, with its NUL. */
#define IP_ADDR_STRLEN 46
/** Longest text of a prefix ("addr/128"), with its NUL. */
#define IP_PREFIX_STRLEN (IP_ADDR_STRLEN + 4)

/**
 * Parse the text of an address (RFC 4291 section 2.2 or dotted quad); nothing
 * may stand before or behind it.
 * @return 0, or -EINVAL: @p out is untouched.
 */
int ip_addr_parse(const char *text, struct ip_addr *out);

/**
 * Parse "address/len".
 * @return 0, or -EINVAL: @p out is untouched.
 */
int ip_prefix_parse(const char *text, struct ip_prefix *out);

/**
 * Write the text of @p addr (RFC 5952 for IPv6; "none" for IP_NONE).
 * @param buf At least IP_ADDR_STRLEN bytes.
 * @return @p buf.
 */
const char *ip_addr_format(const struct ip_addr *addr, char *buf);

/** From four or sixteen bytes in network order. @p family must be IP_V4 or IP_V6. */
struct ip_addr ip_addr_from_bytes(enum ip_family family, const void *bytes);

/** Number of bytes of an address of @p family: 4, 16, or 0. */
unsigned int ip_family_size(uint8_t family);

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);

/** Total order (family, then bytes), for sorting: <0, 0, >0. */
int ip_addr_compare(const struct ip_addr *a, const struct ip_addr *b);

/** Does @p prefix contain @p addr? False for another family. */
bool ip_prefix_contains(const struct ip_prefix *prefix, const struct ip_addr *addr);

/**
 * A known family, unused bytes and reserved bytes zero: what a message must
 * show before its address may be used.
 */
bool ip_addr_valid(const struct ip_addr *addr);

/** A unicast address that a backend or a VIP may have: not unspecified, multicast, broadcast. */
bool ip_addr_is_unicast(const struct ip_addr *addr);

#endif
