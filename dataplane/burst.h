/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_BURST_H
#define DATAPLANE_BURST_H

/**
 * @file
 * A burst on its way through the pipeline, and the stages that it passes. Each stage
 * touches one kind of memory and prefetches what the next one needs. A packet leaves
 * the burst in exactly one way: sent, raised to the main lcore, or dropped (leave.h).
 *
 * Packets of one flow stay in order: whatever decides to which list a packet goes, decides
 * alike for all packets of its flow.
 */

#include <immintrin.h>
#include <stdint.h>

#include "dataplane/pipeline.h"
#include "dataplane/worker.h"
#include "service/snapshot.h"

/*
 * This file and all that includes it is compiled once for each instruction set, so the names
 * that the linker sees end in it: PIPELINE_ISA is avx2 or portable.
 */
#define PIPELINE_JOIN(name, isa) name##_##isa
#define PIPELINE_EXPAND(name, isa) PIPELINE_JOIN(name, isa)
#define PIPELINE_NAME(name) PIPELINE_EXPAND(name, PIPELINE_ISA)
#define PIPELINE_QUOTE(isa) #isa
#define PIPELINE_TEXT(isa) PIPELINE_QUOTE(isa)

#define burst_classify PIPELINE_NAME(burst_classify)
#define burst_classify_timed PIPELINE_NAME(burst_classify_timed)
#define burst_find_flows PIPELINE_NAME(burst_find_flows)
#define burst_find_flows_beyond PIPELINE_NAME(burst_find_flows_beyond)
#define burst_choose PIPELINE_NAME(burst_choose)
#define burst_rewrite PIPELINE_NAME(burst_rewrite)

/**
 * A TCP or UDP packet of a service. What only rare packets need (VLAN, payload) is not here:
 * they are parsed once more.
 */
struct burst_packet {
	struct rte_mbuf *mbuf;
	uint8_t *ip; /**< Its IP header. */
	union {
		uint64_t key; /**< flow_key4(), or flow_port6() | mark of flow_hash6(), */
		const struct snapshot_member *member; /**< and in burst.out its member. */
	};
	uint32_t home; /**< Bucket of the flow. */
	uint16_t l3_len;
	uint8_t l3; /**< Offset of the IP header. */
	uint8_t tcp_flags;
};
_Static_assert(sizeof(struct burst_packet) == 32, "copied as one vector");

static inline void
burst_packet_copy(struct burst_packet *to, const struct burst_packet *from)
{
#ifdef __AVX2__
	_mm256_storeu_si256((__m256i *)(void *)to,
			_mm256_loadu_si256((const __m256i *)(const void *)from));
#else
	*to = *from;
#endif
}

struct burst {
	const struct snapshot *snapshot; /**< One for the whole burst. */
	const struct worker_port *in;	 /**< Where it came in. */
	uint16_t nb4;
	uint16_t nb6;
	uint16_t nb_out;
	uint16_t fetched4; /**< Of packets4: so many have had their bucket prefetched. */
	uint16_t fetched6; /**< Of packets6. */
	/** IPv4 packets whose flow is not known; a stage takes out of it what it finds. */
	struct burst_packet packets4[BURST_MAX];
	struct burst_packet packets6[BURST_MAX]; /**< The same in IPv6. */
	struct burst_packet out[BURST_MAX];	 /**< Packets that know their member. */
};

/** @p p goes to @p member; @p out is in burst.out. @return behind it. */
static inline struct burst_packet *
burst_put(struct burst_packet *out, const struct burst_packet *p,
		const struct snapshot_member *member)
{
	burst_packet_copy(out, p);
	out->member = member;
	return out + 1;
}

/* Stages, in their order. */

/**
 * Headers, service, flow key: fills packets4 and packets6. The buckets of their flows are
 * prefetched. Packets of other kinds and for no service leave the burst here.
 */
void burst_classify(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t nb);

/**
 * The same in two passes, the clock read after each: PIPELINE_PARSE and PIPELINE_SERVICE.
 * @return the clock at its end.
 */
uint64_t burst_classify_timed(struct worker *w, struct burst *b, struct rte_mbuf **frames,
		uint16_t nb, struct pipeline_times *times);

/** The members of flows that lie in their home buckets: to out. */
void burst_find_flows(struct worker *w, struct burst *b);

/** Of flows that lie elsewhere; what remains is unknown. */
void burst_find_flows_beyond(struct worker *w, struct burst *b);

/** Members for unknown flows, by the Maglev table; they are entered. Nothing remains. */
void burst_choose(struct worker *w, struct burst *b);

/** Next hop, encapsulation, Ethernet header; empties out into worker->tx. */
void burst_rewrite(struct worker *w, struct burst *b);

#endif
