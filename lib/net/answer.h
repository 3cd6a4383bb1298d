/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_ANSWER_H
#define NET_ANSWER_H

/**
 * @file
 * What all answers have in common that are made of the packet which they answer: whether it
 * may be answered at all, and its way back.
 *
 * Thread safety: pure functions on the caller's memory.
 */

#include <stdbool.h>
#include <stdint.h>

/** The TTL and hop limit of answers. */
#define ANSWER_TTL 64

/**
 * May an IP packet be answered to its source in the name of its destination? Both addresses and
 * both MACs must be unicast and the two addresses must differ, so that nobody can make us
 * answer to many, for many, or to ourselves (RFC 1122 sections 3.2.2.6 and 4.2.3.10, RFC 4443
 * section 2.4). Class E, 0/8 and loopback addresses are no unicast addresses here.
 * @param l3 Offset of its whole IP header, which is of IPv6 if @p ip6.
 */
bool answer_is_allowed(const uint8_t *frame, uint16_t l3, bool ip6);

/** Let a frame go back: swap its MACs and its IP addresses. */
void answer_turn(uint8_t *frame, uint16_t l3, bool ip6);

#endif
