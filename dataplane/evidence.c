/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Only the client's packets are seen. One that sends its SYN again has had no answer; one that
 * goes on has had one. A RST in between says that it did not like the answer, or gave up.
 */
#include "dataplane/evidence.h"

#include "dataplane/worker.h"
#include "flow/flow_state.h"
#include "service/snapshot.h"

void
evidence_of_half_open(struct worker *w, const struct snapshot_member *member, uint8_t tcp_flags,
		uint8_t state)
{
	struct member_evidence *evidence = &w->evidence[member->stats];

	if (state == FLOW_OPEN)
		stat_add(&evidence->opened, 1);
	else if ((tcp_flags & FLOW_TCP_RST) != 0)
		stat_add(&evidence->resets, 1);
	else if ((tcp_flags & (FLOW_TCP_SYN | FLOW_TCP_ACK | FLOW_TCP_FIN)) == FLOW_TCP_SYN)
		stat_add(&evidence->syn_retransmissions, 1);
}
