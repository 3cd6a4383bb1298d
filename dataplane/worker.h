/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_WORKER_H
#define DATAPLANE_WORKER_H

/**
 * @file
 * Workers: one polling lcore each, sharing nothing. A worker takes packets from its
 * rx queues, runs the pipeline (pipeline.h) over each burst, sends what comes out,
 * sweeps a few lines of its flow tables and reports a quiescent state.
 *
 * On a worker nothing blocks, allocates, logs, locks or makes a system call, but for
 * the sleep of an idle worker that is configured so (QSBR-offline meanwhile).
 *
 * Thread safety: worker_create() and worker_destroy() on the thread of main();
 * everything else on the worker's own lcore.
 */

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel/stats.h"
#include "dataplane/dataplane.h"
#include "flow/flow_table.h"

struct pipeline;
struct rte_mbuf;

/** Most packets taken from a queue at once. */
#define BURST_MAX 64
/**
 * Buckets of the flow tables that are looked at in a second, but each no more often than
 * once: flows are freed within a second after their lifetime in tables of up to 1.3 million
 * IPv4 flows, within fifteen at twenty million; at most one percent of a core.
 */
#define WORKER_SWEEP_BUCKETS_PER_SECOND 500000
/** IEEE 802.3ad ports are sent on so often, if only nothing. */
#define WORKER_TX_POLL_MS 50

/** Queues that one worker can poll. */
#define WORKER_MAX_RXQS 128

/** Bytes of a plain frame that are read before any length is looked at: Ethernet, IPv4, TCP. */
#define PACKET_PLAIN_MIN (14 + 20 + 20)

/** Frames that wait for the end of the burst, for one port. */
struct worker_tx {
	uint16_t nb;
	uint16_t queue; /**< Our tx queue of this port; WORKER_NO_QUEUE: hand over. */
	struct rte_mbuf *frames[BURST_MAX];
};
#define WORKER_NO_QUEUE UINT16_MAX

/** What the pipeline asks about the port that a packet came in on. */
struct worker_port {
	const struct port *port;
	/* How a plain frame begins, see stage_parse.h: destination, ethertype, version. */
	alignas(32) uint8_t head4[32];
	uint8_t head6[16];
	uint32_t plain_min; /**< Shortest plain frame; none is without an untagged interface. */
	uint64_t mac_word;  /**< The port's MAC address in the low 48 bits, in memory order. */
	bool has_untagged;  /**< An interface takes untagged frames. */
	uint64_t vlans[64]; /**< Bit v: an interface has VLAN v. */
};

/**
 * How frames begin that go out on an interface; so small that all of them fit the first
 * level of the cache.
 */
struct worker_interface {
	/** Turns a resolved next hop into the first 8 bytes: its MAC address, 2 bytes of ours. */
	uint64_t flip;
	uint32_t mac_rest; /**< The other 4 bytes of ours. */
	uint16_t port;
	uint16_t vlan; /**< PACKET_VLAN_NONE: untagged. */
};
_Static_assert(sizeof(struct worker_interface) == 16, "four a line");

struct worker_rxq {
	const struct worker_port *in;
	uint16_t queue;
	uint16_t reserved[3];
};

/** How far the sweep over both flow tables is. */
struct worker_sweep {
	uint64_t buckets_per_tsc; /**< Scaled by 2^32. */
	uint64_t due;		  /**< Buckets that are due, scaled by 2^32. */
	uint64_t passes;	  /**< Whole passes over both. */
	uint32_t nb_buckets;	  /**< Of both. */
	bool on6;		  /**< It is in flows6; else in flows4. */
};

/** State of one worker; owned by it except where a field says otherwise. */
struct worker {
	/* Line 0: read at every poll; written before the worker starts. */
	alignas(CACHE_LINE) struct dataplane *dp;
	struct worker_stats *stats;   /**< In the shared region. */
	struct member_stats *members; /**< In the shared region, by snapshot_member.stats. */
	const struct nexthop_table *nexthops;
	const struct pipeline *pipeline;
	uint16_t index;
	uint16_t nb_rxqs;
	uint16_t nb_outboxes;
	bool sleeps;   /**< May sleep when idle. */
	bool polls_tx; /**< A port needs rte_eth_tx_burst() even with nothing to send (LACP). */
	uint32_t idle_max_us;
	uint64_t tsc_per_tick;

	/* Line 1: the clock; written at every poll. */
	alignas(CACHE_LINE) uint64_t now_tsc;
	uint64_t tick_tsc; /**< When the next tick begins. */
	uint64_t lacp_tsc; /**< When worker_poll_tx() is next due. */
	uint32_t now;	   /**< Tick of the flow tables' clock. */
	uint32_t idle_polls;
	uint64_t start_tsc;
	uint64_t tsc_per_second;

	alignas(CACHE_LINE) struct flow_table flows4;
	alignas(CACHE_LINE) struct flow_table flows6;
	alignas(CACHE_LINE) struct worker_sweep sweep;
	struct member_evidence *evidence; /**< In the shared region, by snapshot_member.stats. */

	struct worker_rxq rxqs[WORKER_MAX_RXQS];
	struct worker_port ports[CONFIG_MAX_PORTS]; /**< By port index. */
	struct worker_interface interfaces[INTERFACE_MAX];
	const struct port *outboxes[CONFIG_MAX_PORTS]; /**< Those that we drain. */
	struct worker_tx tx[CONFIG_MAX_PORTS];	       /**< By port index. */
};
_Static_assert(offsetof(struct worker, now_tsc) == CACHE_LINE, "line 0 is full");
_Static_assert(offsetof(struct worker, flows4) == 2 * CACHE_LINE, "line 1 is full");

/** Memory for the flow tables that worker_create() will take, in bytes, for the start-up report. */
uint64_t worker_memory(const struct dataplane *dp);

/** @return NULL and errno. Needs ports, stats, nexthops, the pipeline and the first snapshot. */
struct worker *worker_create(struct dataplane *dp, uint16_t index);
void worker_destroy(struct worker *worker); /**< Legal with NULL. */

/** The lcore's function (rte_eal_remote_launch): runs until dp->stop. @return 0. */
int worker_run(void *worker);

/** One round over all queues: receive, forward, send, sweep. @return packets received. */
unsigned int worker_poll(struct worker *worker);

/** Look at the buckets of the flow tables that are due by now_tsc. */
void worker_sweep(struct worker *worker, uint64_t elapsed_tsc);

/** Send what the pipeline left in worker->tx. */
void worker_flush(struct worker *worker);

/** Let drivers send what is theirs (LACP); called every WORKER_TX_POLL_MS if polls_tx. */
void worker_poll_tx(struct worker *worker);

/** Send the frames that others put into the outboxes of this worker's ports. */
unsigned int worker_drain_outboxes(struct worker *worker);

#endif
