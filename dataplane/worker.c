/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "base/bytes.h"
#include "dataplane/eal.h"
#include "dataplane/pipeline.h"
#include "net/parse.h"

/* So many empty polls in a row before the first sleep: gaps within a burst of traffic are shorter. */
#define IDLE_POLLS_BEFORE_SLEEP 64
/* The first sleep; each further one is twice as long, up to the configured latency. */
#define IDLE_FIRST_SLEEP_US 5

uint64_t
worker_memory(const struct dataplane *dp)
{
	return sizeof(struct worker) + flow_table_size(FLOW_NARROW4, dp->conf.flows4) +
			flow_table_size(FLOW_NARROW6, dp->conf.flows6);
}

static int
create_table(struct flow_table *table, enum flow_layout layout, uint64_t capacity, int socket)
{
	size_t size = flow_table_size(layout, capacity);
	uint64_t key[4];
	void *memory;

	if (size == 0)
		return -EINVAL;
	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -errno;
	memory = rte_zmalloc_socket("flows", size, 2 * CACHE_LINE, socket);
	if (memory == NULL)
		return -ENOMEM;
	flow_table_init(table, memory, layout, capacity, key);
	return 0;
}

static void
init_sweep(struct worker *w)
{
	uint64_t buckets_per_second;

	w->sweep.nb_buckets = w->flows4.nb_buckets + w->flows6.nb_buckets;
	buckets_per_second =
			RTE_MIN(w->sweep.nb_buckets, (uint32_t)WORKER_SWEEP_BUCKETS_PER_SECOND);
	w->sweep.buckets_per_tsc = (buckets_per_second << 32) / w->tsc_per_second;
	if (w->sweep.buckets_per_tsc == 0)
		w->sweep.buckets_per_tsc = 1;
}

static void
init_clock(struct worker *w)
{
	struct timespec boot;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	w->tsc_per_second = rte_get_tsc_hz();
	w->tsc_per_tick = w->tsc_per_second * FLOW_TICK_MS / 1000;
	w->now_tsc = rte_rdtsc();
	w->start_tsc = w->now_tsc;
	w->tick_tsc = w->now_tsc + w->tsc_per_tick;
	w->now = (uint32_t)(((uint64_t)boot.tv_sec * 1000 + (uint64_t)boot.tv_nsec / 1000000) /
			FLOW_TICK_MS);
}

/* How plain frames begin that come in on a port with this MAC address. */
static void
init_head(uint8_t *head, const uint8_t *mac, uint16_t ethertype, uint8_t version)
{
	memcpy(head, mac, 6);
	store_be16(head + 12, ethertype);
	head[14] = version;
}

static void
init_ports(struct worker *w)
{
	struct dataplane *dp = w->dp;

	for (uint16_t i = 0; i < dp->nb_ports; i++) {
		const struct port *port = &dp->ports[i];

		w->ports[i].port = port;
		w->ports[i].mac_word =
				load_u32(port->mac) | (uint64_t)load_u16(port->mac + 4) << 32;
		init_head(w->ports[i].head4, port->mac, RTE_ETHER_TYPE_IPV4, 0x45);
		init_head(w->ports[i].head6, port->mac, RTE_ETHER_TYPE_IPV6, 0x60);
		w->ports[i].plain_min = UINT32_MAX;
		w->tx[i].queue = w->index < port->nb_txq ? w->index : WORKER_NO_QUEUE;
		w->polls_tx |= port->needs_tx_poll;
		if (port->outbox_worker == w->index)
			w->outboxes[w->nb_outboxes++] = port;
	}
}

static void
init_interfaces(struct worker *w)
{
	const struct interface_table *table = &w->dp->interfaces;

	for (uint16_t i = 0; i < table->nb; i++) {
		const struct interface *interface = &table->interfaces[i];
		struct worker_port *in = &w->ports[interface->port];
		uint64_t high = load_u16(interface->mac);

		w->interfaces[i] = (struct worker_interface){
			.flip = high << 48 ^ (uint64_t)i << 48 ^ NEXTHOP_RESOLVED,
			.mac_rest = load_u32(interface->mac + 2),
			.port = interface->port,
			.vlan = interface->vlan,
		};
		if (interface->vlan == PACKET_VLAN_NONE) {
			in->has_untagged = true;
			in->plain_min = PACKET_PLAIN_MIN;
		} else {
			in->vlans[interface->vlan / 64] |= UINT64_C(1) << interface->vlan % 64;
		}
	}
}

/* Queue q of port p is polled by worker (p + q) mod workers: even, and the same at every start. */
static int
init_rxqs(struct worker *w)
{
	for (uint16_t i = 0; i < w->dp->nb_ports; i++) {
		for (uint16_t q = 0; q < w->dp->ports[i].nb_rxq; q++) {
			if ((i + q) % w->dp->nb_workers != w->index)
				continue;
			if (w->nb_rxqs == WORKER_MAX_RXQS)
				return -E2BIG;
			w->rxqs[w->nb_rxqs++] =
					(struct worker_rxq){ .in = &w->ports[i], .queue = q };
		}
	}
	return 0;
}

struct worker *
worker_create(struct dataplane *dp, uint16_t index)
{
	/* Memory of the CPU that will poll; the benchmark's only lcore is none of a worker's. */
	unsigned int lcore = eal_worker_lcore(index);
	int socket = rte_lcore_is_enabled(lcore) ? (int)rte_lcore_to_socket_id(lcore)
						 : SOCKET_ID_ANY;
	struct worker *w = rte_zmalloc_socket("worker", sizeof(*w), CACHE_LINE, socket);
	int ret = -ENOMEM;

	if (w == NULL)
		goto err;
	w->dp = dp;
	w->index = index;
	w->stats = stats_worker(dp->stats, index);
	w->members = stats_worker_members(dp->stats, index);
	w->evidence = stats_worker_evidence(dp->stats, index);
	w->nexthops = dp->nexthops;
	w->pipeline = dp->pipeline;
	w->sleeps = dp->conf.idle == IDLE_SLEEP;
	w->idle_max_us = dp->conf.idle_max_us;
	init_clock(w);
	init_ports(w);
	init_interfaces(w);
	ret = init_rxqs(w);
	if (ret < 0)
		goto err_free;
	ret = create_table(&w->flows4, FLOW_NARROW4, dp->conf.flows4, socket);
	if (ret < 0)
		goto err_free;
	ret = create_table(&w->flows6, FLOW_NARROW6, dp->conf.flows6, socket);
	if (ret < 0)
		goto err_free_flows4;
	init_sweep(w);
	stat_set(&w->stats->flows4_capacity, dp->conf.flows4);
	stat_set(&w->stats->flows6_capacity, dp->conf.flows6);
	return w;

err_free_flows4:
	rte_free(w->flows4.region);
err_free:
	rte_free(w);
err:
	errno = -ret;
	return NULL;
}

void
worker_destroy(struct worker *w)
{
	if (w == NULL)
		return;
	rte_free(w->flows4.region);
	rte_free(w->flows6.region);
	rte_free(w);
}

/* @return TSC cycles since the last poll began. */
static uint64_t
advance_clock(struct worker *w)
{
	uint64_t now = rte_rdtsc();
	uint64_t elapsed = now - w->now_tsc;

	w->now_tsc = now;
	while (unlikely(now >= w->tick_tsc)) {
		w->now++;
		w->tick_tsc += w->tsc_per_tick;
	}
	return elapsed;
}

static unsigned int
poll_queue(struct worker *w, const struct worker_rxq *rxq)
{
	struct rte_mbuf *frames[BURST_MAX];
	uint16_t nb = rte_eth_rx_burst(rxq->in->port->id, rxq->queue, frames, BURST_MAX);
	uint64_t bytes = 0;

	if (nb == 0)
		return 0;
	for (uint16_t i = 0; i < nb; i++)
		bytes += frames[i]->pkt_len;
	stat_add(&w->stats->rx_packets, nb);
	stat_add(&w->stats->rx_bytes, bytes);
	w->pipeline->run(w, rxq->in, frames, nb);
	worker_flush(w);
	return nb;
}

unsigned int
worker_poll(struct worker *w)
{
	uint64_t elapsed = advance_clock(w);
	unsigned int nb = 0;

	for (uint16_t i = 0; i < w->nb_rxqs; i++)
		nb += poll_queue(w, &w->rxqs[i]);
	nb += worker_drain_outboxes(w);
	worker_sweep(w, elapsed);
	if (unlikely(w->polls_tx) && w->now_tsc >= w->lacp_tsc) {
		worker_poll_tx(w);
		w->lacp_tsc = w->now_tsc + w->tsc_per_second * WORKER_TX_POLL_MS / 1000;
	}

	stat_add(&w->stats->polls, 1);
	stat_add(&w->stats->total_cycles, elapsed);
	if (nb != 0) {
		stat_add(&w->stats->busy_polls, 1);
		stat_add(&w->stats->busy_cycles, rte_rdtsc() - w->now_tsc);
	}
	return nb;
}

/* Sleep, longer each time in a row, without holding up who waits for quiescent states. */
static void
rest(struct worker *w)
{
	uint32_t doublings = w->idle_polls - IDLE_POLLS_BEFORE_SLEEP;
	uint32_t us = IDLE_FIRST_SLEEP_US << (doublings < 10 ? doublings : 10);
	struct timespec duration = { 0 };

	if (us > w->idle_max_us)
		us = w->idle_max_us;
	duration.tv_nsec = (long)us * 1000;
	rte_rcu_qsbr_thread_offline(w->dp->qsbr, w->index);
	nanosleep(&duration, NULL);
	rte_rcu_qsbr_thread_online(w->dp->qsbr, w->index);
}

int
worker_run(void *worker)
{
	struct worker *w = worker;
	struct rte_rcu_qsbr *qsbr = w->dp->qsbr;

	prctl(PR_SET_TIMERSLACK, 1UL); /* Sleeps end when they should. */
	rte_rcu_qsbr_thread_register(qsbr, w->index);
	rte_rcu_qsbr_thread_online(qsbr, w->index);
	while (!atomic_load_explicit(&w->dp->stop, memory_order_relaxed)) {
		unsigned int nb = worker_poll(w);

		rte_rcu_qsbr_quiescent(qsbr, w->index);
		if (nb != 0)
			w->idle_polls = 0;
		else if (w->sleeps && ++w->idle_polls >= IDLE_POLLS_BEFORE_SLEEP)
			rest(w);
	}
	rte_rcu_qsbr_thread_offline(qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(qsbr, w->index);
	return 0;
}
