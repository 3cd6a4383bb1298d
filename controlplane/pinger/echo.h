/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PINGER_ECHO_H
#define PINGER_ECHO_H

/**
 * @file
 * ICMP echo requests and what comes back, as bytes (RFC 792, RFC 4443). A request carries a
 * cookie, so that only who has seen it can answer it, or say that it did not arrive: of an error that
 * quotes less than that (RFC 792 asks for eight bytes only; RFC 1812, 4.3.2.3 for all) nothing follows.
 *
 * Thread safety: pure functions.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/** Header and cookie. */
#define ECHO_SIZE 16

/** What an echo request is known by. */
struct echo {
	uint32_t number; /**< Identifier and sequence number. */
	uint64_t cookie; /**< Random. */
};

/** What came. */
enum echo_kind {
	ECHO_NOTHING, /**< Of ours; also what is too short, or makes no sense. */
	ECHO_REPLY,
	ECHO_UNREACHABLE, /**< A destination is unreachable: the quoted request's. */
};

struct echo_heard {
	uint32_t number;
	uint64_t cookie;
	struct ip_addr addr; /**< Who replied, or who could not be reached. */
};

/** Write an echo request of ECHO_SIZE bytes. ICMPv6's checksum is left to the kernel. */
void echo_write(const struct echo *echo, enum ip_family family, uint8_t *out);
/**
 * Look at what a raw socket has received.
 * @param data ICMP: with its IPv4 header; ICMPv6: without.
 * @param from Whom the kernel says that it is from.
 */
enum echo_kind echo_read(enum ip_family family, const uint8_t *data, size_t len,
		const struct ip_addr *from, struct echo_heard *out);

#endif
