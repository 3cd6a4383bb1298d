/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_ECHO_H
#define NET_ECHO_H

/**
 * @file
 * ICMP (RFC 792) and ICMPv6 (RFC 4443 section 4) echo, answered in place.
 *
 * Thread safety: pure functions on the caller's memory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "net/parse.h"

/**
 * Is this an echo request (PACKET_ICMP4/6) that may be answered (answer.h)? Whether the
 * destination is one of ours is the caller's question.
 * @param packet From packet_parse() of the same frame.
 */
bool echo_is_request(const uint8_t *frame, const struct packet *packet);

/**
 * Turn an echo request into its reply, in place: MACs and addresses swapped (source
 * becomes the address that was asked), TTL 64, type, checksums by increment: the
 * payload is neither read nor trusted, and a wrong checksum stays wrong.
 * @return 0; -EINVAL: not echo_is_request(), or options in the IPv4 header, or IPv6
 * extension headers: the frame is untouched.
 */
int echo_reply_in_place(uint8_t *frame, const struct packet *packet);

#endif
