/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_UNREACHABLE_H
#define NET_UNREACHABLE_H

/**
 * @file
 * ICMP and ICMPv6 errors (RFC 792, RFC 4443) which say that a packet that we had
 * encapsulated (encap.h) did not arrive: a router has no way to the backend, or the backend
 * has no tunnel.
 *
 * Only mode ipip has such errors: they go to the source of the packet that they quote, and
 * that is the client where nothing is encapsulated.
 *
 * Thread safety: pure function on bytes.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "net/parse.h"

/** What such an error tells of the packet that it quotes. */
struct unreachable {
	struct ip_addr source;	/**< Of the outer header: ours, if it is true. */
	struct ip_addr backend; /**< Destination of the outer header. */
	struct ip_addr vip;	/**< Destination of the client's packet, */
	uint16_t l4_port;	/**< its port in host order, not 0, */
	uint8_t protocol;	/**< its IP protocol: TCP or UDP. */
	uint8_t reserved;	/**< Zero. */
};

/**
 * Parse an error. Anybody can send one, so all must fit that can be checked here: the
 * checksum; that it is for whom it names as the sender; an outer header as we write them; within
 * it the client's packet, up to its ports (RFC 1812 section 4.3.2.3 and RFC 4443 quote so
 * much), without extension headers.
 *
 * Taken are destination unreachable of every code but "fragmentation needed", and of ICMPv6
 * also "unrecognized next header", when it means the outer header's: so hosts without a tunnel say.
 * @param len    Bytes readable at @p frame; the whole packet must be among them.
 * @param packet From packet_parse() of the same frame.
 * @return false: it is none of that; @p out is undefined.
 */
bool unreachable_parse(const uint8_t *frame, uint32_t len, const struct packet *packet,
		struct unreachable *out);

#endif
