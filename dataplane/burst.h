/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_BURST_H
#define DATAPLANE_BURST_H

/**
 * @file
 * A burst on its way through the pipeline, and the stages that it passes. Each stage
 * touches one kind of memory and prefetches what the next one needs. A packet leaves
 * the burst in exactly one way: sent, raised to the main lcore, or dropped (leave.h).
 */

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

#define burst_parse PIPELINE_NAME(burst_parse)
#define burst_find_service4 PIPELINE_NAME(burst_find_service4)
#define burst_find_service6 PIPELINE_NAME(burst_find_service6)
#define burst_find_member4 PIPELINE_NAME(burst_find_member4)
#define burst_find_member6 PIPELINE_NAME(burst_find_member6)
#define burst_rewrite PIPELINE_NAME(burst_rewrite)

/**
 * A TCP or UDP packet in IPv4, as the flow stages see it. What only rare packets need
 * (VLAN, payload) is not here: they are parsed once more.
 */
struct burst_packet4 {
	struct rte_mbuf *mbuf;
	uint64_t key; /**< flow_key4(). */
	/* As they follow each other in the packet: copied at once. */
	uint32_t client_be;
	uint32_t vip_be;
	uint32_t ports_be; /**< Client's in the low half. */
	uint32_t home;	   /**< Bucket of the flow. */
	uint16_t l3;	   /**< Offset of the IP header. */
	uint16_t l3_len;
	uint16_t service;
	uint8_t protocol;
	uint8_t tcp_flags;
};
_Static_assert(sizeof(struct burst_packet4) == 40, "no hole");
_Static_assert(offsetof(struct burst_packet4, ports_be) ==
				offsetof(struct burst_packet4, client_be) + 8,
		"as in the packet");

/** The same in IPv6. */
struct burst_packet6 {
	struct rte_mbuf *mbuf;
	/* Client and VIP as they follow each other in the packet: copied at once. */
	uint8_t client[16];
	uint8_t vip[16];
	uint32_t ports_be;
	uint32_t home;
	uint16_t l3;
	uint16_t l3_len;
	uint16_t service;
	uint8_t protocol;
	uint8_t tcp_flags;
};
_Static_assert(sizeof(struct burst_packet6) == 56, "no hole");

/** A packet that knows its backend. */
struct burst_out {
	struct rte_mbuf *mbuf;
	const struct snapshot_member *member;
	uint16_t l3;
	uint16_t l3_len;
	uint32_t reserved;
};

struct burst {
	const struct snapshot *snapshot; /**< One for the whole burst. */
	const struct worker_port *in;	 /**< Where it came in. */
	uint16_t nb4;
	uint16_t nb6;
	uint16_t nb_out;
	struct burst_packet4 packets4[BURST_MAX];
	struct burst_packet6 packets6[BURST_MAX];
	struct burst_out out[BURST_MAX];
};

/* Stages, in their order. */

/** Headers to packets4 and packets6. Packets of other kinds leave the burst here. */
void burst_parse(struct worker *w, struct burst *b, struct rte_mbuf **frames, uint16_t nb);

/** Which service; its flow key; the bucket is prefetched. Packets for no service leave here. */
void burst_find_service4(struct worker *w, struct burst *b);
void burst_find_service6(struct worker *w, struct burst *b);

/** Which member: by the flow, else by the Maglev table. Fills out. */
void burst_find_member4(struct worker *w, struct burst *b);
void burst_find_member6(struct worker *w, struct burst *b);

/** Next hop, encapsulation, Ethernet header; into worker->tx. */
void burst_rewrite(struct worker *w, struct burst *b);

#endif
