/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The second stage: flows. It touches the buckets, whose lines burst_classify() has
 * prefetched for the whole burst, and prefetches members.
 *
 * Packets whose home bucket has flows elsewhere, and theirs may be among them, wait until
 * the others have been rewritten, so that the other bucket is there by then.
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "dataplane/known_flow.h"

static inline struct flow_value *
find_at_home(const struct flow_table *t, const struct burst_packet *p, bool v6)
{
	return v6 ? flow_find6(t, p->home, p->ip + 8, (uint32_t)p->key)
		  : flow_find4(t, p->home, p->key);
}

static inline bool
overflowed(const struct flow_table *t, uint32_t home, bool v6)
{
	return v6 ? flow_overflowed6(t, home) : flow_overflowed4(t, home);
}

static inline void
prefetch_beyond(const struct flow_table *t, uint32_t home, bool v6)
{
	if (v6)
		flow_prefetch6_beyond(t, home);
	else
		flow_prefetch4_beyond(t, home);
}

/*
 * Handles and counts are copied: what is stored through pointers could be them, for all that
 * a compiler knows.
 */

/* @return how many of the @p nb @p packets remain, at the front. */
static inline __attribute__((always_inline)) uint16_t
find_flows(struct worker *w, struct burst *b, struct burst_packet *packets, uint16_t nb, bool v6)
{
	const struct snapshot_members *members = b->snapshot->members;
	const struct flow_table t = v6 ? w->flows6 : w->flows4;
	struct burst_packet *out = b->out + b->nb_out;
	struct burst_packet *left = packets;
	uint16_t now = flow_stamp(w->now);

	for (const struct burst_packet *p = packets; p < packets + nb; p++) {
		struct flow_value *value = find_at_home(&t, p, v6);
		const struct snapshot_member *member;

		if (unlikely(value == NULL)) {
			if (overflowed(&t, p->home, v6))
				prefetch_beyond(&t, p->home, v6);
			burst_packet_copy(left++, p);
			continue;
		}
		member = known_flow(w, b, members, p, value, now, v6);
		if (unlikely(member == NULL))
			continue;
		rte_prefetch0(member);
		out = burst_put(out, p, member);
	}
	b->nb_out = (uint16_t)(out - b->out);
	return (uint16_t)(left - packets);
}

void
burst_find_flows(struct worker *w, struct burst *b)
{
	uint32_t nb = (uint32_t)b->nb4 + b->nb6;

	if (b->nb4 != 0)
		b->nb4 = find_flows(w, b, b->packets4, b->nb4, false);
	if (b->nb6 != 0)
		b->nb6 = find_flows(w, b, b->packets6, b->nb6, true);
	stat_add(&w->stats->flow_hits, nb - b->nb4 - b->nb6);
}

static inline struct flow_value *
find_beyond(const struct flow_table *t, const struct burst_packet *p, bool v6)
{
	if (!overflowed(t, p->home, v6))
		return NULL;
	return v6 ? flow_find6_beyond(t, p->home, p->ip + 8, (uint32_t)p->key)
		  : flow_find4_beyond(t, p->home, p->key);
}

static inline __attribute__((always_inline)) uint16_t
find_flows_beyond(struct worker *w, struct burst *b, struct burst_packet *packets, uint16_t nb,
		bool v6)
{
	const struct flow_table *t = v6 ? &w->flows6 : &w->flows4;
	struct burst_packet *out = b->out + b->nb_out;
	struct burst_packet *left = packets;
	uint16_t now = flow_stamp(w->now);

	for (const struct burst_packet *p = packets; p < packets + nb; p++) {
		struct flow_value *value = find_beyond(t, p, v6);
		const struct snapshot_member *member;

		if (value == NULL) {
			burst_packet_copy(left++, p);
			continue;
		}
		member = known_flow(w, b, b->snapshot->members, p, value, now, v6);
		if (likely(member != NULL))
			out = burst_put(out, p, member);
	}
	b->nb_out = (uint16_t)(out - b->out);
	return (uint16_t)(left - packets);
}

void
burst_find_flows_beyond(struct worker *w, struct burst *b)
{
	uint32_t nb = (uint32_t)b->nb4 + b->nb6;

	if (b->nb4 != 0)
		b->nb4 = find_flows_beyond(w, b, b->packets4, b->nb4, false);
	if (b->nb6 != 0)
		b->nb6 = find_flows_beyond(w, b, b->packets6, b->nb6, true);
	stat_add(&w->stats->flow_hits, nb - b->nb4 - b->nb6);
}
