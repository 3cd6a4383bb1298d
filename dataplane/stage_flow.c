/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The middle of the pipeline: service, flow, member. burst_find_service*() looks every
 * packet's service up, makes its flow key and prefetches the bucket, so that the lines of
 * the whole burst are on their way before burst_find_member*() looks at the first.
 */
#include <rte_mbuf.h>

#include "dataplane/burst.h"
#include "dataplane/leave.h"
#include "flow/flow_state.h"
#include "hash/maglev.h"
#include "net/parse.h"

void
burst_find_service4(struct worker *w, struct burst *b)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->nb4; i++) {
		struct burst_packet4 *p = &b->packets4[i];
		uint16_t service = snapshot_find4(
				b->snapshot, p->vip_be, (uint16_t)(p->ports_be >> 16), p->protocol);

		if (unlikely(service == SERVICE_ID_NONE)) {
			leave_no_service(w, p->mbuf, b->in->port);
			continue;
		}
		p->service = service;
		p->key = flow_key4(p->client_be, (uint16_t)p->ports_be, service);
		p->home = flow_hash4(&w->flows4, p->key);
		flow_prefetch(&w->flows4, p->home);
		if (unlikely(kept != i))
			b->packets4[kept] = *p;
		kept++;
	}
	b->nb4 = kept;
}

static inline struct flow_key6
key6(const struct burst_packet6 *p)
{
	struct flow_key6 key = { .port_service = flow_key6_port_service(
						 (uint16_t)p->ports_be, p->service) };

	memcpy(key.client, p->client, sizeof(key.client));
	return key;
}

void
burst_find_service6(struct worker *w, struct burst *b)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < b->nb6; i++) {
		struct burst_packet6 *p = &b->packets6[i];
		uint16_t service = snapshot_find6(
				b->snapshot, p->vip, (uint16_t)(p->ports_be >> 16), p->protocol);
		struct flow_key6 key;

		if (unlikely(service == SERVICE_ID_NONE)) {
			leave_no_service(w, p->mbuf, b->in->port);
			continue;
		}
		p->service = service;
		key = key6(p);
		p->home = flow_hash6(&w->flows6, &key);
		flow_prefetch(&w->flows6, p->home);
		if (unlikely(kept != i))
			b->packets6[kept] = *p;
		kept++;
	}
	b->nb6 = kept;
}

static inline void
count_member(struct worker *w, const struct snapshot_member *member, uint16_t bytes)
{
	struct member_stats *stats = &w->members[member->stats];

	stat_add(&stats->packets, 1);
	stat_add(&stats->bytes, bytes);
}

static inline void
put_out(struct burst *b, struct rte_mbuf *m, const struct snapshot_member *member, uint16_t l3,
		uint16_t l3_len)
{
	struct burst_out *out = &b->out[b->nb_out++];

	out->mbuf = m;
	out->member = member;
	out->l3 = l3;
	out->l3_len = l3_len;
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

/* What a packet of a known flow needs beyond the fast path, alike for both families. */
struct flow_event {
	const struct snapshot_service *service;
	struct flow_value *value;
	const struct rte_mbuf *mbuf;
};

/* @return why its flow must choose anew, or NULL. */
static stat_counter *
track(struct worker *w, const struct flow_event *e)
{
	const struct snapshot_member *member = &e->service->members[e->value->member];
	enum flow_verdict verdict;
	struct packet packet;

	packet_parse(rte_pktmbuf_mtod(e->mbuf, const uint8_t *), e->mbuf->data_len,
			e->mbuf->pkt_len, &packet);
	verdict = flow_track(e->value, packet.tcp_flags, packet.l4_payload, w->now,
			e->service->syn_reselect_ticks);
	if (!(member->flags & MEMBER_KEEPS_FLOWS))
		return &w->stats->flows_moved;
	return verdict == FLOW_RESELECT ? &w->stats->flows_reselected : NULL;
}

/* What an unknown flow's packet needs besides its key, alike for both families. */
static const struct snapshot_member *
begin_flow(struct worker *w, const struct snapshot_service *service, uint16_t chosen,
		struct flow_value *value, uint8_t state)
{
	const struct snapshot_member *member = &service->members[chosen];

	stat_add(&w->members[member->stats].new_flows, 1);
	if (unlikely(value == NULL)) {
		stat_add(&w->stats->flow_table_full, 1);
		return member;
	}
	value->member = chosen;
	value->state = state;
	value->last_seen = w->now;
	stat_add(&w->members[member->stats].active_flows, 1);
	stat_add(&w->stats->flows_inserted, 1);
	return member;
}

static enum flow_birth
count_birth(struct worker *w, uint8_t protocol, uint8_t tcp_flags, uint8_t *state)
{
	enum flow_birth birth = flow_begin(protocol, tcp_flags, state);

	stat_add(birth == FLOW_BIRTH_NEW ? &w->stats->flow_misses_syn
					 : &w->stats->flow_misses_other,
			1);
	return birth;
}

static uint16_t
choose4(const struct burst *b, const struct snapshot_service *service,
		const struct burst_packet4 *p)
{
	return snapshot_choose4(
			b->snapshot, service, p->client_be, p->vip_be, p->ports_be, p->protocol);
}

static uint16_t
choose6(const struct burst *b, const struct snapshot_service *service,
		const struct burst_packet6 *p)
{
	return snapshot_choose6(b->snapshot, service, p->client, p->vip, p->ports_be, p->protocol);
}

static __attribute__((noinline)) const struct snapshot_member *
hit_slow4(struct worker *w, struct burst *b, const struct burst_packet4 *p,
		struct flow_value *value)
{
	const struct flow_event e = { b->snapshot->services[p->service], value, p->mbuf };
	stat_counter *why = track(w, &e);

	if (why == NULL)
		return &e.service->members[value->member];
	return move_flow(w, e.service, value, choose4(b, e.service, p), why);
}

static __attribute__((noinline)) const struct snapshot_member *
hit_slow6(struct worker *w, struct burst *b, const struct burst_packet6 *p,
		struct flow_value *value)
{
	const struct flow_event e = { b->snapshot->services[p->service], value, p->mbuf };
	stat_counter *why = track(w, &e);

	if (why == NULL)
		return &e.service->members[value->member];
	return move_flow(w, e.service, value, choose6(b, e.service, p), why);
}

static __attribute__((noinline)) const struct snapshot_member *
miss4(struct worker *w, struct burst *b, const struct burst_packet4 *p)
{
	const struct snapshot_service *service = b->snapshot->services[p->service];
	uint16_t chosen = choose4(b, service, p);
	uint8_t state = 0;

	if (unlikely(chosen == MAGLEV_NO_BACKEND))
		return NULL;
	if (count_birth(w, p->protocol, p->tcp_flags, &state) == FLOW_BIRTH_UNTRACKED)
		return &service->members[chosen];
	return begin_flow(w, service, chosen, flow_insert4(&w->flows4, p->home, p->key), state);
}

static __attribute__((noinline)) const struct snapshot_member *
miss6(struct worker *w, struct burst *b, const struct burst_packet6 *p)
{
	const struct snapshot_service *service = b->snapshot->services[p->service];
	const struct flow_key6 key = key6(p);
	uint16_t chosen = choose6(b, service, p);
	uint8_t state = 0;

	if (unlikely(chosen == MAGLEV_NO_BACKEND))
		return NULL;
	if (count_birth(w, p->protocol, p->tcp_flags, &state) == FLOW_BIRTH_UNTRACKED)
		return &service->members[chosen];
	return begin_flow(w, service, chosen, flow_insert6(&w->flows6, p->home, &key), state);
}

/*
 * The fast path of a hit: nothing about the flow changes but, once a tick, its time.
 * @return its member, or NULL: the slow path must look.
 */
static inline const struct snapshot_member *
hit_fast(const struct worker *w, const struct snapshot_service *service, uint8_t tcp_flags,
		struct flow_value *value)
{
	const struct snapshot_member *member = &service->members[value->member];

	if (unlikely(!flow_is_plain(value->state, tcp_flags)) ||
			unlikely(!(member->flags & MEMBER_KEEPS_FLOWS)))
		return NULL;
	if (value->last_seen != w->now)
		value->last_seen = w->now;
	return member;
}

/* The first packet of a flow may have entered it since, at home even. */
static struct flow_value *
find_again4(const struct flow_table *t, const struct burst_packet4 *p)
{
	struct flow_value *value = flow_find4(t, p->home, p->key);

	return value != NULL ? value : flow_find4_beyond(t, p->home, p->key);
}

static struct flow_value *
find_again6(const struct flow_table *t, const struct burst_packet6 *p)
{
	const struct flow_key6 key = key6(p);
	struct flow_value *value = flow_find6(t, p->home, &key);

	return value != NULL ? value : flow_find6_beyond(t, p->home, &key);
}

/*
 * Packets whose home bucket has flows elsewhere, and theirs may be among them, wait until
 * the end of the burst, so that the other bucket is there by then. Packets of one flow wait
 * alike, so they stay in order.
 */

/* A packet whose flow is @p value; NULL: it has none. @return whether it had one. */
static inline bool
resolve4(struct worker *w, struct burst *b, const struct burst_packet4 *p, struct flow_value *value)
{
	const struct snapshot_member *member;

	if (likely(value != NULL)) {
		member = hit_fast(w, b->snapshot->services[p->service], p->tcp_flags, value);
		if (unlikely(member == NULL))
			member = hit_slow4(w, b, p, value);
	} else {
		member = miss4(w, b, p);
	}
	if (unlikely(member == NULL)) {
		drop(w, p->mbuf, DROP_NO_BACKEND);
	} else {
		count_member(w, member, p->l3_len);
		put_out(b, p->mbuf, member, p->l3, p->l3_len);
	}
	return value != NULL;
}

void
burst_find_member4(struct worker *w, struct burst *b)
{
	uint16_t waiting[BURST_MAX];
	uint16_t nb_waiting = 0;
	uint64_t hits = 0;

	for (uint16_t i = 0; i < b->nb4; i++) {
		const struct burst_packet4 *p = &b->packets4[i];
		struct flow_value *value = flow_find4(&w->flows4, p->home, p->key);

		if (unlikely(value == NULL) && flow_overflowed4(&w->flows4, p->home)) {
			flow_prefetch_beyond(&w->flows4, p->home);
			waiting[nb_waiting++] = i;
		} else {
			hits += resolve4(w, b, p, value);
		}
	}
	for (uint16_t i = 0; i < nb_waiting; i++) {
		const struct burst_packet4 *p = &b->packets4[waiting[i]];

		hits += resolve4(w, b, p, find_again4(&w->flows4, p));
	}
	stat_add(&w->stats->flow_hits, hits);
}

/* A packet whose flow is @p value; NULL: it has none. @return whether it had one. */
static inline bool
resolve6(struct worker *w, struct burst *b, const struct burst_packet6 *p, struct flow_value *value)
{
	const struct snapshot_member *member;

	if (likely(value != NULL)) {
		member = hit_fast(w, b->snapshot->services[p->service], p->tcp_flags, value);
		if (unlikely(member == NULL))
			member = hit_slow6(w, b, p, value);
	} else {
		member = miss6(w, b, p);
	}
	if (unlikely(member == NULL)) {
		drop(w, p->mbuf, DROP_NO_BACKEND);
	} else {
		count_member(w, member, p->l3_len);
		put_out(b, p->mbuf, member, p->l3, p->l3_len);
	}
	return value != NULL;
}

void
burst_find_member6(struct worker *w, struct burst *b)
{
	uint16_t waiting[BURST_MAX];
	uint16_t nb_waiting = 0;
	uint64_t hits = 0;

	for (uint16_t i = 0; i < b->nb6; i++) {
		const struct burst_packet6 *p = &b->packets6[i];
		const struct flow_key6 key = key6(p);
		struct flow_value *value = flow_find6(&w->flows6, p->home, &key);

		if (unlikely(value == NULL) && flow_overflowed6(&w->flows6, p->home)) {
			flow_prefetch_beyond(&w->flows6, p->home);
			waiting[nb_waiting++] = i;
		} else {
			hits += resolve6(w, b, p, value);
		}
	}
	for (uint16_t i = 0; i < nb_waiting; i++) {
		const struct burst_packet6 *p = &b->packets6[waiting[i]];

		hits += resolve6(w, b, p, find_again6(&w->flows6, p));
	}
	stat_add(&w->stats->flow_hits, hits);
}
