/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The third stage: members for flows that are not known, by the service's Maglev table. All
 * slots' hashes first, so that the slots' lines are on their way before the first is read.
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "dataplane/evidence.h"
#include "dataplane/known_flow.h"
#include "dataplane/leave.h"
#include "hash/maglev.h"
#include "hash/siphash_lanes.h"
#include "net/parse.h"

static inline const struct snapshot_service *
service_of(const struct burst *b, const struct burst_packet *p)
{
	return b->snapshot->services[flow_service(p->key)];
}

/* The words of a flow's slot hash; what its packet does not have here its service has. */
static inline void
slot_words(uint64_t *words, const struct snapshot_service *service, const struct burst_packet *p,
		bool v6)
{
	const struct service_key *key = &service->key;
	uint32_t ports = (uint16_t)(p->key >> (v6 ? 48 : 16)) |
			(uint32_t)__builtin_bswap16(key->l4_port) << 16;

	if (v6)
		slot_hash_words_v6(words, p->ip + 8, key->vip.bytes, ports, key->protocol);
	else
		slot_hash_words_v4(words, (uint32_t)(p->key >> 32), load_u32(key->vip.bytes), ports,
				key->protocol);
}

/* The slot of one flow. */
static const uint16_t *
slot_of(const struct burst *b, const struct snapshot_service *service, const struct burst_packet *p,
		bool v6)
{
	uint64_t words[SLOT_HASH_WORDS6];
	uint64_t hash;

	slot_words(words, service, p, v6);
	hash = v6 ? siphash13_40(&b->snapshot->hash_key, words)
		  : siphash13_16(&b->snapshot->hash_key, words[0], words[1]);
	return &service->slots[maglev_slot(hash, service->nb_slots)];
}

/* The slots of four flows. */
static inline __attribute__((always_inline)) void
slots_of_four(const struct burst *b, const struct burst_packet *const packets[4],
		const uint16_t **slots, bool v6)
{
	const unsigned int nb_words = v6 ? SLOT_HASH_WORDS6 : SLOT_HASH_WORDS4;
	siphash_lanes lanes[SLOT_HASH_WORDS6];
	uint64_t words[4][SLOT_HASH_WORDS6];
	siphash_lanes hashes;

	for (unsigned int i = 0; i < 4; i++)
		slot_words(words[i], service_of(b, packets[i]), packets[i], v6);
	for (unsigned int i = 0; i < nb_words; i++)
		lanes[i] = (siphash_lanes){ words[0][i], words[1][i], words[2][i], words[3][i] };
	siphash13_lanes(&b->snapshot->hash_key, lanes, nb_words, &hashes);
	for (unsigned int i = 0; i < 4; i++) {
		const struct snapshot_service *service = service_of(b, packets[i]);

		slots[i] = &service->slots[maglev_slot(hashes[i], service->nb_slots)];
		rte_prefetch0(slots[i]);
	}
}

/* A known flow goes to another member, or stays where it is. @return the member, NULL: nobody takes it. */
static const struct snapshot_member *
move_flow(struct worker *w, const struct snapshot_service *service, struct flow_value *value,
		uint16_t chosen, stat_counter *why)
{
	const struct snapshot_member *from = &service->members[value->member];
	const struct snapshot_member *to;

	if (chosen == MAGLEV_NO_BACKEND)
		return (from->flags & MEMBER_KEEPS_FLOWS) ? from : NULL;
	to = &service->members[chosen];
	stat_add(why, 1);
	if (to != from) {
		stat_add(&w->members[from->stats].active_flows, -UINT64_C(1));
		stat_add(&w->members[to->stats].active_flows, 1);
		value->member = chosen;
	}
	stat_add(&w->members[to->stats].new_flows, 1);
	return to;
}

/*
 * The flow's backend is down, and its service wants clients to know at once. The flow moves as
 * any other does, but what is left of it is that of a connection that was reset; a SYN
 * begins a new one, and a RST ends it by itself.
 */
static bool
must_reset(const struct snapshot_member *member, uint8_t tcp_flags)
{
	return (member->flags & MEMBER_RESETS_FLOWS) != 0 &&
			(tcp_flags & (FLOW_TCP_SYN | FLOW_TCP_RST)) == 0;
}

static void
leave_reset(struct worker *w, const struct burst *b, const struct burst_packet *p,
		struct flow_value *value, uint16_t vlan)
{
	const struct exception x = { .mbuf = p->mbuf, .port = b->in->port->index, .vlan = vlan };

	value->state = FLOW_CLOSING;
	leave_raise(w, EXCEPTION_RESET, &x);
}

const struct snapshot_member *
known_flow_track(struct worker *w, const struct burst *b, const struct burst_packet *p,
		struct flow_value *value, bool v6)
{
	const struct snapshot_service *service = b->snapshot->services[flow_service(p->key)];
	const struct snapshot_member *member = &service->members[value->member];
	bool half_open = value->state == FLOW_HALF_OPEN;
	stat_counter *why = NULL;
	struct packet packet;
	bool reset;

	packet_parse(rte_pktmbuf_mtod(p->mbuf, const uint8_t *), p->mbuf->data_len,
			p->mbuf->pkt_len, &packet);
	if (flow_track(value, packet.tcp_flags, packet.l4_payload, w->now,
			    service->syn_reselect_ticks) == FLOW_RESELECT)
		why = &w->stats->flows_reselected;
	if (half_open)
		evidence_of_half_open(w, member, p->home ^ (uint32_t)(p->key >> 16),
				packet.tcp_flags, value->state);
	if (!(member->flags & MEMBER_KEEPS_FLOWS))
		why = &w->stats->flows_moved;
	reset = must_reset(member, packet.tcp_flags);
	if (why != NULL)
		member = move_flow(w, service, value, *slot_of(b, service, p, v6), why);
	if (reset) {
		leave_reset(w, b, p, value, packet.vlan);
		return NULL;
	}
	if (member == NULL)
		drop(w, p->mbuf, DROP_NO_BACKEND);
	return member;
}

/* New flows of a burst, counted once. */
struct births {
	uint64_t new, other, full, inserted;
};

static inline void
count_births(struct worker *w, const struct births *births)
{
	stat_add(&w->stats->flow_misses_syn, births->new);
	stat_add(&w->stats->flow_misses_other, births->other);
	stat_add(&w->stats->flow_table_full, births->full);
	stat_add(&w->stats->flows_inserted, births->inserted);
}

/* Give an entry, if the table has room, to a flow that @p member gets. */
static inline void
enter(struct worker *w, const struct burst_packet *p, uint16_t chosen,
		const struct snapshot_member *member, uint8_t state, bool v6, struct births *births)
{
	struct member_stats *stats = &w->members[member->stats];
	struct flow_value *value = v6
			? flow_insert6(&w->flows6, p->home, p->ip + 8, (uint32_t)p->key)
			: flow_insert4(&w->flows4, p->home, p->key);

	stat_add(&stats->new_flows, 1);
	if (unlikely(value == NULL)) {
		births->full++;
		return;
	}
	value->member = chosen;
	value->state = state;
	value->seen = flow_stamp(w->now);
	stat_add(&stats->active_flows, 1);
	births->inserted++;
}

/* @return its member; NULL: there is none, the packet has been dropped. */
static inline const struct snapshot_member *
begin_flow(struct worker *w, const struct burst *b, const struct burst_packet *p, uint16_t chosen,
		bool v6, struct births *births)
{
	const struct snapshot_service *service = service_of(b, p);
	const struct snapshot_member *member;
	enum flow_birth birth;
	uint8_t state = 0;

	if (unlikely(chosen == MAGLEV_NO_BACKEND)) {
		drop(w, p->mbuf, DROP_NO_BACKEND);
		return NULL;
	}
	member = &service->members[chosen];
	birth = flow_begin(service->key.protocol, p->tcp_flags, &state);
	if (likely(birth == FLOW_BIRTH_NEW))
		births->new ++;
	else
		births->other++;
	if (likely(birth != FLOW_BIRTH_UNTRACKED))
		enter(w, p, chosen, member, state, v6, births);
	return member;
}

/* An earlier packet of the burst may have entered the flow. */
static inline struct flow_value *
find_again(const struct worker *w, const struct burst_packet *p, bool v6)
{
	struct flow_value *value = v6 ? flow_find6(&w->flows6, p->home, p->ip + 8, (uint32_t)p->key)
				      : flow_find4(&w->flows4, p->home, p->key);

	if (value != NULL)
		return value;
	if (v6)
		return flow_overflowed6(&w->flows6, p->home)
				? flow_find6_beyond(
						  &w->flows6, p->home, p->ip + 8, (uint32_t)p->key)
				: NULL;
	return flow_overflowed4(&w->flows4, p->home)
			? flow_find4_beyond(&w->flows4, p->home, p->key)
			: NULL;
}

static inline __attribute__((always_inline)) void
find_slots(const struct burst *b, const struct burst_packet *packets, uint16_t nb,
		const uint16_t **slots, bool v6)
{
	uint16_t i = 0;

	for (; i + 4 <= nb; i = (uint16_t)(i + 4)) {
		const struct burst_packet *const four[4] = { &packets[i], &packets[i + 1],
			&packets[i + 2], &packets[i + 3] };

		slots_of_four(b, four, slots + i, v6);
	}
	for (; i < nb; i++) {
		slots[i] = slot_of(b, service_of(b, &packets[i]), &packets[i], v6);
		rte_prefetch0(slots[i]);
	}
}

static inline __attribute__((always_inline)) void
choose(struct worker *w, struct burst *b, const struct burst_packet *packets, uint16_t nb, bool v6)
{
	struct burst_packet *out = b->out + b->nb_out;
	const uint16_t *slots[BURST_MAX];
	struct births births = { 0 };
	uint64_t hits = 0;

	find_slots(b, packets, nb, slots, v6);
	for (uint16_t i = 0; i < nb; i++) {
		const struct burst_packet *p = &packets[i];
		struct flow_value *value = i == 0 ? NULL : find_again(w, p, v6);
		const struct snapshot_member *member;

		if (unlikely(value != NULL))
			member = known_flow(w, b, b->snapshot->members, p, value,
					flow_stamp(w->now), v6);
		else
			member = begin_flow(w, b, p, *slots[i], v6, &births);
		hits += value != NULL;
		if (likely(member != NULL))
			out = burst_put(out, p, member);
	}
	b->nb_out = (uint16_t)(out - b->out);
	stat_add(&w->stats->flow_hits, hits);
	count_births(w, &births);
}

void
burst_choose(struct worker *w, struct burst *b)
{
	if (b->nb4 != 0)
		choose(w, b, b->packets4, b->nb4, false);
	if (b->nb6 != 0)
		choose(w, b, b->packets6, b->nb6, true);
	b->nb4 = 0;
	b->nb6 = 0;
}
