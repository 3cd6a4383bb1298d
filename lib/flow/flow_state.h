/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef FLOW_FLOW_STATE_H
#define FLOW_FLOW_STATE_H

/**
 * @file
 * The life of a flow as the client's packets tell it; the answers may go past us
 * (direct server return), so only one direction is seen.
 *
 *     SYN ──→ HALF_OPEN ──anything but SYN──→ OPEN ──FIN, RST──→ CLOSING
 *                                               ↑                   │
 *                                               └──a later segment──┘
 *
 * One packet proves nothing: anybody can forge it. So FIN and RST only shorten a flow's
 * lifetime, and a segment that denies them restores it: one with payload at once, a
 * bare ACK only FLOW_CLOSING_GRACE_MS after the FIN or RST, because the ACK of the
 * other side's FIN follows every regular close. A bare ACK before that does not count
 * as activity, so that a flow that really closes is gone one closing lifetime after its FIN.
 *
 * A SYN never changes an open flow. On a closing one, or on one that has been idle for
 * long enough, it is a new connection on the same ports, and chooses its backend anew.
 *
 * Thread safety: pure functions on the caller's value.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "flow/flow_table.h"

/** States of a flow; each has a lifetime. The odd ones are those that a plain packet leaves alone. */
enum flow_state {
	FLOW_HALF_OPEN = 0, /**< TCP: only SYNs of the client seen. */
	FLOW_OPEN = 1,	    /**< TCP: the client went on. */
	FLOW_CLOSING = 2,   /**< TCP: FIN or RST seen, nothing after it that denies it. */
	FLOW_UDP = 3,
	NB_FLOW_STATES = 4,
};

/* Bits of a TCP header's flags (RFC 9293 section 3.1) that say something about a flow. */
#define FLOW_TCP_FIN 0x01
#define FLOW_TCP_SYN 0x02
#define FLOW_TCP_RST 0x04
#define FLOW_TCP_ACK 0x10

/** So long after a FIN or RST a bare ACK says that the flow lives. */
#define FLOW_CLOSING_GRACE_MS 3000

/** What a packet of a known flow asks for. */
enum flow_verdict {
	FLOW_KEEP,     /**< Goes where its flow goes. */
	FLOW_RESELECT, /**< A new connection: choose a backend anew. State and time are set. */
};

/** Does a packet with these flags (0: UDP) leave a flow in this state alone, but for the time? */
static inline bool
flow_is_plain(uint8_t state, uint8_t tcp_flags)
{
	return (state & 1) != 0 && (tcp_flags & (FLOW_TCP_FIN | FLOW_TCP_SYN | FLOW_TCP_RST)) == 0;
}

/**
 * A TCP packet of a known flow.
 * @param payload   Bytes behind the TCP header.
 * @param now       Tick of the table's clock.
 * @param syn_ticks A SYN on a flow idle for longer chooses anew.
 */
enum flow_verdict flow_track(struct flow_value *value, uint8_t tcp_flags, uint16_t payload,
		uint32_t now, uint32_t syn_ticks);

/** What a packet without a flow is. */
enum flow_birth {
	FLOW_BIRTH_NEW,	   /**< SYN, or any UDP packet. */
	FLOW_BIRTH_MIDWAY, /**< TCP in mid-connection: its flow was lost, or is another balancer's. */
	FLOW_BIRTH_UNTRACKED, /**< RST, FIN, SYN with ACK: forwarded, but not worth an entry. */
};

/** @param state The state that the new entry gets; untouched if untracked. */
static inline enum flow_birth
flow_begin(uint8_t protocol, uint8_t tcp_flags, uint8_t *state)
{
	if (protocol == 17 /* UDP */) {
		*state = FLOW_UDP;
		return FLOW_BIRTH_NEW;
	}
	if (tcp_flags & (FLOW_TCP_FIN | FLOW_TCP_RST) ||
			(tcp_flags & (FLOW_TCP_SYN | FLOW_TCP_ACK)) ==
					(FLOW_TCP_SYN | FLOW_TCP_ACK))
		return FLOW_BIRTH_UNTRACKED;
	if (tcp_flags & FLOW_TCP_SYN) {
		*state = FLOW_HALF_OPEN;
		return FLOW_BIRTH_NEW;
	}
	*state = FLOW_OPEN;
	return FLOW_BIRTH_MIDWAY;
}

#endif
