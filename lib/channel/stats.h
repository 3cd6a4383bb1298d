/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CHANNEL_STATS_H
#define CHANNEL_STATS_H

/**
 * @file
 * The statistics region: what the dataplane counts, readable by the daemon at any
 * time without asking.
 *
 * The region is a memfd of its own (sealed like the region P of region.h, kept for
 * the life of the dataplane, so that counters outlive sessions): a header, the
 * directory of services and members, and for each worker its counters, then its
 * arrays of member counters and of member evidence. All offsets stand in the header; the reader checks
 * them against the size of its mapping (stats_region_check()).
 *
 * Thread safety: one writer per field. A worker writes its own counters, the
 * control thread the directory, the main lcore the main counters. Readers read
 * relaxed and may see two counters of different moments, never a torn one. A
 * directory entry is guarded by a sequence (odd while it is written).
 */

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/drop.h"
#include "service/service.h"

#define STATS_MAGIC UINT64_C(0x3174617453776447) /* "GdwStat1" */
#define STATS_MAX_WORKERS 64
/** A header has so much room at least, whatever the version: a reader of a later one finds zeros. */
#define STATS_HEADER_ROOM 8192
/** Room for drop reasons, so that adding one does not move what follows. */
#define STATS_NB_DROPS 64
_Static_assert(NB_DROP_REASONS <= STATS_NB_DROPS, "grow STATS_NB_DROPS and STATS_MAGIC");

typedef _Atomic uint64_t stat_counter;

/** Add to a counter of which this thread is the only writer: no locked instruction. */
static inline void
stat_add(stat_counter *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			memory_order_relaxed);
}

static inline void
stat_set(stat_counter *counter, uint64_t n)
{
	atomic_store_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t
stat_get(const stat_counter *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* clang-format off */
/* STAT(field, metric name, kind, meaning): one worker's counters besides its drops. */
#define WORKER_STATS(STAT) \
	STAT(rx_packets, "rx_packets", COUNTER, "packets taken from ports") \
	STAT(rx_bytes, "rx_bytes", COUNTER, "bytes taken from ports") \
	STAT(tx_packets, "tx_packets", COUNTER, "packets given to ports") \
	STAT(tx_bytes, "tx_bytes", COUNTER, "bytes given to ports") \
	STAT(forwarded, "forwarded", COUNTER, "packets of services sent towards a backend, or given to the worker that sends them") \
	STAT(punted, "punted", COUNTER, "packets handed to the main lcore for the kernel") \
	STAT(exceptions, "exceptions", COUNTER, "packets handed to the main lcore: neighbours, echo, unresolved, to be answered with RST") \
	STAT(polls, "polls", COUNTER, "polls of all queues") \
	STAT(busy_polls, "busy_polls", COUNTER, "polls that found a packet") \
	STAT(busy_cycles, "busy_cycles", COUNTER, "TSC cycles of polls that found a packet") \
	STAT(total_cycles, "total_cycles", COUNTER, "TSC cycles since start, sleep included") \
	STAT(flow_hits, "flow_hits", COUNTER, "packets whose flow was known") \
	STAT(flow_misses_syn, "flow_misses_syn", COUNTER, "SYNs and UDP packets without a flow: new flows") \
	STAT(flow_misses_other, "flow_misses_other", COUNTER, "TCP packets without a flow that are no SYN: the canary of broken connections") \
	STAT(flows_inserted, "flows_inserted", COUNTER, "flows entered") \
	STAT(flows_expired, "flows_expired", COUNTER, "flows removed: idle") \
	STAT(flows_moved, "flows_moved", COUNTER, "flows that went to another backend: theirs is down, disabled or removed") \
	STAT(flows_reselected, "flows_reselected", COUNTER, "flows that a SYN let choose anew: closing or idle") \
	STAT(flow_table_full, "flow_table_full", COUNTER, "new flows forwarded by Maglev alone: the table has no room") \
	STAT(flows4, "flows4", GAUGE, "IPv4 flows in the table") \
	STAT(flows6, "flows6", GAUGE, "IPv6 flows in the table") \
	STAT(flows4_capacity, "flows4_capacity", GAUGE, "IPv4 flows that fit") \
	STAT(flows6_capacity, "flows6_capacity", GAUGE, "IPv6 flows that fit") \
	STAT(sweeps, "sweeps", COUNTER, "passes over the whole flow table") \
	STAT(generation, "generation", GAUGE, "generation of the snapshot in use")
/* clang-format on */

/** Counters of one worker; it is their only writer. */
struct worker_stats {
#define STAT_FIELD(field, name, kind, meaning) alignas(8) stat_counter field;
	WORKER_STATS(STAT_FIELD)
#undef STAT_FIELD
	stat_counter drops[STATS_NB_DROPS]; /**< By enum drop_reason. */
};

/** Counters of one member (backend of a service) on one worker. */
struct member_stats {
	stat_counter packets;
	stat_counter bytes; /**< Of the IP packets received from clients. */
	stat_counter new_flows;
	stat_counter active_flows; /**< A gauge. */
};
_Static_assert(sizeof(struct member_stats) == 32, "two a line");

/**
 * Evidence about one member's health on one worker: of TCP, from the client's packets alone.
 * Clients can provoke it. Written when a flow is half open, so never for an established one.
 */
struct member_evidence {
	stat_counter syn_retransmissions; /**< SYNs of flows that had sent one and nothing else. */
	stat_counter resets;		  /**< RSTs of clients on such flows. */
	stat_counter opened;		  /**< Such flows that went on: progress. */
	stat_counter reserved;		  /**< Zero. */
};
_Static_assert(sizeof(struct member_evidence) == 32, "two a line");

/** Directory entry of a service id. */
struct stats_service {
	_Atomic uint32_t sequence; /**< Odd while it is written. */
	uint8_t used;
	uint8_t mode;
	uint16_t nb_members;
	uint32_t nb_slots;
	struct service_key key;
	uint8_t reserved[28];
};
_Static_assert(sizeof(struct stats_service) == CACHE_LINE, "shared layout");

/** Directory entry of a statistics index. */
struct stats_member {
	_Atomic uint32_t sequence; /**< Odd while it is written. */
	uint8_t used;
	uint8_t routed; /**< An interface or gateway leads to it. */
	uint16_t service_id;
	struct backend_conf conf;
	uint32_t slots;	 /**< Slots of the resolved table that it owns. */
	uint16_t member; /**< Index within the service. */
	uint8_t reserved[2];
	uint64_t unreachables; /**< ICMP errors that say that packets to it did not arrive. */
	uint8_t reserved2[8];
};
_Static_assert(sizeof(struct stats_member) == CACHE_LINE, "shared layout");

/** Counters of the main lcore. */
struct main_stats {
	stat_counter neighbour_requests_answered;
	stat_counter neighbour_probes_sent;
	stat_counter neighbours_resolved;
	stat_counter neighbours_failed;
	stat_counter echo_answered;
	stat_counter punted_to_kernel;
	stat_counter from_kernel;
	stat_counter drops[STATS_NB_DROPS];
};

#define STATS_MAX_PORTS 32

/** One port, refreshed by the main lcore about once a second. */
struct port_stats {
	char name[32]; /**< NUL-terminated. */
	stat_counter rx_packets, tx_packets, rx_bytes, tx_bytes;
	stat_counter rx_missed, rx_errors, tx_errors, rx_nombuf;
	stat_counter link_up; /**< 0 or 1. */
	stat_counter mtu;
	uint8_t reserved[16];
};

/** At offset 0, followed by zeros up to STATS_HEADER_ROOM. Written once, before the region is shared, except where said. */
struct stats_header {
	uint64_t magic;
	uint64_t size; /**< Of the whole region. */
	uint32_t nb_workers;
	uint32_t nb_ports;
	uint32_t max_services;
	uint32_t max_members;
	uint64_t services_offset; /**< struct stats_service[max_services]. */
	uint64_t members_offset;  /**< struct stats_member[max_members]. */
	uint64_t workers_offset;  /**< nb_workers blocks of worker_stride bytes. */
	uint64_t worker_stride; /**< struct worker_stats, padding, struct member_stats[max_members], … */
	uint64_t worker_members_offset; /**< Of the member counters within a block. */
	uint64_t tsc_hz;
	uint64_t start_time_s; /**< Unix time. */
	char version[32];      /**< Of the dataplane. */
	/* Written by the control thread: */
	stat_counter generation;    /**< In force on every worker. */
	stat_counter last_apply_us; /**< From commit read to every worker having moved on. */
	stat_counter session_active;
	struct main_stats main;
	struct port_stats ports[STATS_MAX_PORTS];
	/*
	 * Later than protocol version 1: behind all that its readers know, and zero in the region
	 * of a dataplane that speaks no other.
	 */
	uint64_t worker_evidence_offset; /**< Of struct member_evidence[max_members] in a block; 0: none. */
	stat_counter resets_sent;  /**< RSTs to clients of backends that are down; main lcore. */
	stat_counter unreachables; /**< ICMP errors about what we encapsulated; main lcore. */
	stat_counter unreachables_lost; /**< The same, more than the control thread could take. */
	stat_counter advertises; /**< 1: VIPs are on interfaces, for a routing daemon. Written once. */
	stat_counter packet_buffers; /**< That there are; 0: an older dataplane. Main lcore. */
	stat_counter packet_buffers_used; /**< Those in receive queues, too; main lcore, once a second. */
};
_Static_assert(sizeof(struct stats_header) <= STATS_HEADER_ROOM, "what follows stays in place");

/** Size of a region; a multiple of the page size. */
size_t stats_region_size(uint32_t nb_workers, uint32_t max_services, uint32_t max_members);

/**
 * Lay out a fresh, zeroed region of stats_region_size() bytes.
 * The caller fills tsc_hz, start_time_s, version, nb_ports and ports afterwards.
 */
void stats_region_init(
		void *region, uint32_t nb_workers, uint32_t max_services, uint32_t max_members);

/** Check a region mapped from the other process. @return 0, or -EPROTO: do not use it. */
int stats_region_check(const void *region, size_t size);

/*
 * Addresses within a region that was laid out or checked; indexes must be below the
 * header's counts. As with strchr(), const goes in and not out: write only where the
 * mapping is yours.
 */
struct worker_stats *stats_worker(const void *region, uint32_t worker);
struct member_stats *stats_worker_members(const void *region, uint32_t worker);
/** @return NULL: the dataplane is older than evidence. */
struct member_evidence *stats_worker_evidence(const void *region, uint32_t worker);
struct stats_service *stats_service(const void *region, uint32_t id);
struct stats_member *stats_member(const void *region, uint32_t index);

/** Read a directory entry consistently. @return 0, or -EAGAIN: it kept changing. */
int stats_service_read(const struct stats_service *entry, struct stats_service *out);
int stats_member_read(const struct stats_member *entry, struct stats_member *out);

/* Write a directory entry (control thread). @p entry's fields besides sequence are copied. */
void stats_service_write(struct stats_service *entry, const struct stats_service *value);
void stats_member_write(struct stats_member *entry, const struct stats_member *value);

#endif
