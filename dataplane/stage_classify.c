/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first stage: frames to packets of services. It touches the mbufs and the packets'
 * first line, prefetched a few packets ahead, and the small look-up table of services; it
 * leaves with the prefetches of all buckets under way.
 *
 * Parsing and finding the service are one loop: what one finds out the other uses while it is
 * in registers (doc/decisions/0007).
 */
#include <rte_cycles.h>
#include <rte_prefetch.h>

#include "dataplane/leave.h"
#include "dataplane/stage_parse.h"

/* Enough to cover the latency of a line from L3. */
#define FRAME_AHEAD 4
#define MBUF_AHEAD 8

/*
 * Buckets are prefetched in groups: what a prefetch waits for is the walk through the page
 * tables, and behind one that waits the CPU looks ahead two or three packets only, so walks run
 * side by side only if the prefetches stand side by side. The second lines of IPv6 buckets follow
 * when their pages are known. More lines at once than the first level of the cache can wait for
 * stop the CPU, too (doc/decisions/0010).
 */
#define GROUP4 8
#define GROUP6 6

#define MAC_MASK UINT64_C(0xffffffffffff)
/* The group bit of a destination MAC address, as load_u64() has it. */
#define MAC_GROUP_BIT UINT64_C(1)

/* Is this frame on an interface of ours? */
static bool
interface_known(const struct worker_port *in, uint16_t vlan)
{
	if (vlan == PACKET_VLAN_NONE)
		return in->has_untagged;
	return (in->vlans[vlan / 64] >> vlan % 64 & 1) != 0;
}

static bool
checksum_bad(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD;
}

static enum parse_result
take(struct rte_mbuf *m, uint8_t *frame, const struct packet *packet, struct parsed *out)
{
	uint16_t port_be = load_u16(frame + packet->l4 + 2);
	bool v4 = packet->kind == PACKET_FLOW4;

	out->mbuf = m;
	out->ip = frame + packet->l3;
	out->service = v4 ? snapshot_key4(load_u32(frame + packet->l3 + 16), port_be,
					    packet->protocol)
			  : snapshot_port6(port_be, packet->protocol);
	out->client_port_be = load_u16(frame + packet->l4);
	out->l3_len = packet->l3_len;
	out->l3 = packet->l3;
	out->tcp_flags = packet->tcp_flags;
	return v4 ? PARSE_FLOW4 : PARSE_FLOW6;
}

/* Not plain. Out of line: rare, and it may take its time. */
static __attribute__((noinline)) enum parse_result
parse_any(struct worker *w, struct burst *b, struct rte_mbuf *m, struct parsed *out)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	struct packet packet;
	uint64_t mac;

	packet_parse(frame, m->data_len, m->pkt_len, &packet);
	if (packet.kind == PACKET_DROP) {
		drop(w, m, packet.drop);
		return PARSE_LEFT;
	}
	mac = load_u64(frame) & MAC_MASK; /* A frame that parses has 14 bytes. */
	if ((mac & MAC_GROUP_BIT) == 0 && mac != b->in->mac_word)
		drop(w, m, DROP_NOT_FOR_US);
	else if (!interface_known(b->in, packet.vlan))
		leave_unknown_vlan(w, m, b->in->port, packet.vlan);
	else if (checksum_bad(m))
		drop(w, m, DROP_BAD_CHECKSUM);
	else if (mac == b->in->mac_word &&
			(packet.kind == PACKET_FLOW4 || packet.kind == PACKET_FLOW6))
		return take(m, frame, &packet, out);
	else
		leave_other_kind(w, m, b->in->port, b->snapshot, &packet);
	return PARSE_LEFT;
}

static inline enum parse_result
parse(struct worker *w, struct burst *b, struct rte_mbuf *m, struct parsed *out)
{
	if (likely(parse_may_be_plain(m, b->in))) {
		if (likely(parse_plain4(m, b->in, out)))
			return PARSE_FLOW4;
		if (likely(parse_plain6(m, b->in, out)))
			return PARSE_FLOW6;
	}
	return parse_any(w, b, m, out);
}

static inline void
prefetch_ahead(struct rte_mbuf **frames, uint16_t i, uint16_t nb)
{
	if (likely(i + MBUF_AHEAD < nb)) {
		rte_prefetch0(frames[i + MBUF_AHEAD]);
		rte_prefetch0(rte_pktmbuf_mtod(frames[i + FRAME_AHEAD], void *));
	} else if (i + FRAME_AHEAD < nb) {
		rte_prefetch0(rte_pktmbuf_mtod(frames[i + FRAME_AHEAD], void *));
	}
}

static inline void
prefetch_first(struct rte_mbuf **frames, uint16_t nb)
{
	for (uint16_t i = 0; i < RTE_MIN(nb, MBUF_AHEAD); i++)
		rte_prefetch0(frames[i]);
	for (uint16_t i = 0; i < RTE_MIN(nb, FRAME_AHEAD); i++)
		rte_prefetch0(rte_pktmbuf_mtod(frames[i], void *));
}

/* What both families have in common. */
static inline struct burst_packet
packet_of(const struct parsed *p, uint64_t key, uint32_t home)
{
	return (struct burst_packet){ .mbuf = p->mbuf,
		.ip = p->ip,
		.key = key,
		.home = home,
		.l3_len = (uint16_t)p->l3_len,
		.l3 = (uint8_t)p->l3,
		.tcp_flags = (uint8_t)p->tcp_flags };
}

/* Where the rewritten packet will begin: an outer header lies on a line that nobody has read. */
static inline void
prefetch_front(const struct parsed *p, uint32_t grows)
{
	__builtin_prefetch(p->ip - PARSE_L3 - grows, 1, 3);
}

/* @return how many packets that are: 1, or 0: it has left. */
static inline uint16_t
find_service4(struct worker *w, const struct burst *b, const struct parsed *p,
		struct burst_packet *out)
{
	const struct snapshot_lookup4 *service = snapshot_find4(b->snapshot, p->service);
	uint64_t key;
	uint32_t home;

	if (unlikely(service == NULL)) {
		leave_no_service(w, p->mbuf, b->in->port);
		return 0;
	}
	key = flow_key4(load_u32(p->ip + 12), (uint16_t)p->client_port_be, service->id);
	prefetch_front(p, service->grows);
	home = flow_hash4(&w->flows4, key);
	*out = packet_of(p, key, home);
	return 1;
}

static inline uint16_t
find_service6(struct worker *w, const struct burst *b, const struct parsed *p,
		struct burst_packet *out)
{
	const struct snapshot_lookup6 *service =
			snapshot_find6(b->snapshot, p->ip + 24, (uint32_t)p->service);
	struct flow_hash6 hash;
	uint32_t port;

	if (unlikely(service == NULL)) {
		leave_no_service(w, p->mbuf, b->in->port);
		return 0;
	}
	port = flow_port6((uint16_t)p->client_port_be, service->id);
	prefetch_front(p, service->grows);
	hash = flow_hash6(&w->flows6, p->ip + 8, port);
	*out = packet_of(p, (uint64_t)port << 32 | hash.mark, hash.home);
	return 1;
}

static inline __attribute__((always_inline)) void
prefetch_buckets4(const struct flow_table *t, const struct burst_packet *packets, uint16_t nb)
{
	for (uint16_t i = 0; i < nb; i++)
		flow_prefetch4(t, packets[i].home);
}

static inline __attribute__((always_inline)) void
prefetch_buckets6(const struct flow_table *t, const struct burst_packet *packets, uint16_t nb)
{
	for (uint16_t i = 0; i < nb; i++)
		flow_prefetch6_first(t, packets[i].home);
	for (uint16_t i = 0; i < nb; i++)
		flow_prefetch6_second(t, packets[i].home);
}

/*
 * Runs of plain frames of one family have a loop of their own each, in which all that it needs
 * stays in registers. @return the number of the first frame that is none of the run.
 */

static inline __attribute__((always_inline)) uint16_t
run4(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t i, uint16_t nb)
{
	const struct worker_port *in = b->in;
	struct burst_packet *next = b->packets4 + b->nb4;
	const struct burst_packet *waiting = b->packets4 + b->fetched4;

	for (; i < nb; i++) {
		struct parsed parsed;

		prefetch_ahead(frames, i, nb);
		if (unlikely(!parse_may_be_plain(frames[i], in)) ||
				unlikely(!parse_plain4(frames[i], in, &parsed)))
			break;
		next += find_service4(w, b, &parsed, next);
		if (unlikely(next - waiting == GROUP4)) {
			prefetch_buckets4(&w->flows4, waiting, GROUP4);
			waiting = next;
		}
	}
	b->fetched4 = (uint16_t)(waiting - b->packets4);
	b->nb4 = (uint16_t)(next - b->packets4);
	return i;
}

static inline __attribute__((always_inline)) uint16_t
run6(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t i, uint16_t nb)
{
	const struct worker_port *in = b->in;
	struct burst_packet *next = b->packets6 + b->nb6;
	const struct burst_packet *waiting = b->packets6 + b->fetched6;

	for (; i < nb; i++) {
		struct parsed parsed;

		prefetch_ahead(frames, i, nb);
		if (unlikely(!parse_may_be_plain(frames[i], in)) ||
				unlikely(!parse_plain6(frames[i], in, &parsed)))
			break;
		next += find_service6(w, b, &parsed, next);
		if (unlikely(next - waiting == GROUP6)) {
			prefetch_buckets6(&w->flows6, waiting, GROUP6);
			waiting = next;
		}
	}
	b->fetched6 = (uint16_t)(waiting - b->packets6);
	b->nb6 = (uint16_t)(next - b->packets6);
	return i;
}

/* The buckets that are still due. */
static void
prefetch_rest(struct worker *w, struct burst *b)
{
	prefetch_buckets4(&w->flows4, b->packets4 + b->fetched4, b->nb4 - b->fetched4);
	prefetch_buckets6(&w->flows6, b->packets6 + b->fetched6, b->nb6 - b->fetched6);
	b->fetched4 = b->nb4;
	b->fetched6 = b->nb6;
}

static inline void
find_service(struct worker *w, struct burst *b, enum parse_result result,
		const struct parsed *parsed)
{
	if (result == PARSE_FLOW4)
		b->nb4 += find_service4(w, b, parsed, &b->packets4[b->nb4]);
	else if (result == PARSE_FLOW6)
		b->nb6 += find_service6(w, b, parsed, &b->packets6[b->nb6]);
	if (b->nb4 - b->fetched4 == GROUP4 || b->nb6 - b->fetched6 == GROUP6)
		prefetch_rest(w, b);
}

static __attribute__((noinline)) void
classify_any(struct worker *w, struct burst *b, struct rte_mbuf *m)
{
	struct parsed parsed;

	find_service(w, b, parse_any(w, b, m, &parsed), &parsed);
}

static inline void
begin(struct burst *b, struct rte_mbuf **frames, uint16_t nb)
{
	b->nb4 = 0;
	b->nb6 = 0;
	b->fetched4 = 0;
	b->fetched6 = 0;
	prefetch_first(frames, nb);
}

void
burst_classify(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t nb)
{
	uint16_t i = 0;

	begin(b, frames, nb);
	for (;;) {
		uint16_t first = i;

		i = run4(w, b, frames, i, nb);
		if (likely(i == nb))
			break;
		i = run6(w, b, frames, i, nb);
		if (i == nb)
			break;
		if (i == first)
			classify_any(w, b, frames[i++]);
	}
	prefetch_rest(w, b);
}

uint64_t
burst_classify_timed(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t nb,
		struct pipeline_times *times)
{
	struct parsed parsed[BURST_MAX];
	enum parse_result results[BURST_MAX];
	uint64_t since = rte_rdtsc_precise();
	uint64_t middle, end;

	begin(b, frames, nb);
	for (uint16_t i = 0; i < nb; i++) {
		prefetch_ahead(frames, i, nb);
		results[i] = parse(w, b, frames[i], &parsed[i]);
	}
	middle = rte_rdtsc_precise();
	times->cycles[PIPELINE_PARSE] += middle - since;
	for (uint16_t i = 0; i < nb; i++)
		find_service(w, b, results[i], &parsed[i]);
	prefetch_rest(w, b);
	end = rte_rdtsc_precise();
	times->cycles[PIPELINE_SERVICE] += end - middle;
	return end;
}
