/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow/flow_state.h"

#define FIN FLOW_TCP_FIN
#define SYN FLOW_TCP_SYN
#define RST FLOW_TCP_RST
#define ACK FLOW_TCP_ACK

#define GRACE_TICKS ((FLOW_CLOSING_GRACE_MS + FLOW_TICK_MS - 1) / FLOW_TICK_MS)

static enum flow_verdict
track_syn(struct flow_value *value, uint32_t now, uint32_t syn_ticks)
{
	if (value->state == FLOW_HALF_OPEN) {
		value->seen = flow_stamp(now); /* Retransmitted: the same connection. */
		return FLOW_KEEP;
	}
	if (value->state != FLOW_CLOSING && flow_idle(value, now) <= syn_ticks)
		return FLOW_KEEP;
	value->state = FLOW_HALF_OPEN;
	value->seen = flow_stamp(now);
	return FLOW_RESELECT;
}

enum flow_verdict
flow_track(struct flow_value *value, uint8_t tcp_flags, uint16_t payload, uint32_t now,
		uint32_t syn_ticks)
{
	if (value->state == FLOW_UDP) {
		value->seen = flow_stamp(now);
		return FLOW_KEEP;
	}
	if (tcp_flags & (FIN | RST)) {
		if (value->state != FLOW_CLOSING) {
			value->state = FLOW_CLOSING;
			value->seen = flow_stamp(now);
		}
		return FLOW_KEEP;
	}
	if (tcp_flags & SYN)
		return tcp_flags & ACK ? FLOW_KEEP : track_syn(value, now, syn_ticks);
	if (value->state == FLOW_CLOSING && payload == 0 && flow_idle(value, now) <= GRACE_TICKS)
		return FLOW_KEEP;
	value->state = FLOW_OPEN;
	value->seen = flow_stamp(now);
	return FLOW_KEEP;
}
