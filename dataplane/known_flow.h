/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_KNOWN_FLOW_H
#define DATAPLANE_KNOWN_FLOW_H

/**
 * @file
 * A packet whose flow was found: to its member. Shared by the stages that find flows.
 */

#include "dataplane/burst.h"
#include "flow/flow_state.h"

#define known_flow_track PIPELINE_NAME(known_flow_track)

/**
 * What is not plain: SYN, FIN, RST, a flow half open or closing, a member that no longer
 * keeps flows. @return the member, another one perhaps; NULL: the packet has left the burst:
 * nobody takes the flow, or its client is told by a RST.
 */
const struct snapshot_member *known_flow_track(struct worker *w, const struct burst *b,
		const struct burst_packet *p, struct flow_value *value, bool v6);

/**
 * Nothing about a plain packet's flow changes but, once a tick, its time.
 * @param members snapshot.members.
 * @param now     flow_stamp() of worker.now.
 * @return as known_flow_track().
 */
static inline const struct snapshot_member *
known_flow(struct worker *w, const struct burst *b, const struct snapshot_members *members,
		const struct burst_packet *p, struct flow_value *value, uint16_t now, bool v6)
{
	const struct snapshot_members *service = &members[flow_service(p->key)];
	const struct snapshot_member *member = &service->at[value->member];

	if (unlikely(!flow_is_plain(value->state, p->tcp_flags)) ||
			(unlikely(!service->keep_flows) && !(member->flags & MEMBER_KEEPS_FLOWS)))
		return known_flow_track(w, b, p, value, v6);
	if (value->seen != now)
		value->seen = now;
	return member;
}

#endif
