/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "net/parse.h"

#define NB_PACKETS 4095
#define OUTBOX 4096

struct dataplane dp;
struct main_stats *stats;

static struct rte_mempool *pool;
static uint16_t tap_id;
static struct port_conf *confs;
static struct ip_addr vips[16];
static struct snapshot snapshots[2];
static unsigned int nb_snapshots;

int
fixture_start_eal(void)
{
	char *args[] = { (char[]){ "test" }, (char[]){ "--no-huge" }, (char[]){ "--no-shconf" },
		(char[]){ "--no-pci" }, (char[]){ "--no-telemetry" }, (char[]){ "-m" },
		(char[]){ "64" }, (char[]){ "-l" }, (char[]){ "0" },
		(char[]){ "--log-level=warning" }, (char[]){ "--vdev=net_ring0" }, NULL };
	struct rte_eth_conf conf = { 0 };

	if (rte_eal_init((int)ARRAY_LEN(args) - 1, args) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("packets", NB_PACKETS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (pool == NULL || rte_eth_dev_get_port_by_name("net_ring0", &tap_id) != 0 ||
			rte_eth_dev_configure(tap_id, 1, 1, &conf) != 0 ||
			rte_eth_rx_queue_setup(tap_id, 0, 256, 0, NULL, pool) != 0 ||
			rte_eth_tx_queue_setup(tap_id, 0, 256, 0, NULL) != 0 ||
			rte_eth_dev_start(tap_id) != 0)
		return -1;
	return 0;
}

struct ip_addr
addr_of(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static struct interface_conf *
interface_add(uint16_t port, uint16_t vlan)
{
	struct interface_conf *conf = &confs[port].interfaces[confs[port].nb_interfaces++];
	struct interface *interface = &dp.interfaces.interfaces[dp.interfaces.nb];

	conf->vlan = vlan;
	*interface = (struct interface){ .mac = { 2, 0, 0, 0, 0, (uint8_t)(0x10 + port) },
		.port = port,
		.vlan = vlan,
		.mtu = (uint16_t)(1500 - port),
		.l2_len = vlan == PACKET_VLAN_NONE ? 14 : 18,
		.index = (uint8_t)dp.interfaces.nb++,
		.conf = conf };
	return conf;
}

static void
address_add(struct interface_conf *conf, const char *text)
{
	assert_int_equal(ip_prefix_parse(text, &conf->addresses[conf->nb_addresses++]), 0);
}

static void
interfaces_make(void)
{
	static const uint8_t static_mac[6] = { 2, 0, 0, 0, 0, 0x99 };
	struct interface_conf *conf = interface_add(0, PACKET_VLAN_NONE);

	address_add(conf, "10.0.0.1/24");
	address_add(conf, "2001:db8::1/64");
	conf->gateway4 = addr_of("10.0.0.254");
	address_add(interface_add(0, 100), "10.100.0.1/24");
	conf = interface_add(1, PACKET_VLAN_NONE);
	address_add(conf, "10.1.0.1/24");
	conf->nb_neighbours = 1;
	conf->neighbours[0].addr = addr_of("10.1.0.9");
	memcpy(conf->neighbours[0].mac, static_mac, sizeof(static_mac));
}

static void
port_make(uint16_t i)
{
	struct port *port = &dp.ports[i];
	char name[16];

	snprintf(name, sizeof(name), "out%u", i);
	snprintf(confs[i].name, sizeof(confs[i].name), "port%u", i);
	*port = (struct port){ .conf = &confs[i],
		.id = tap_id,
		.index = i,
		.mtu = 1500,
		.tap_id = i == 0 ? tap_id : UINT16_MAX };
	port->outbox = rte_ring_create(name, OUTBOX, 0, RING_F_SC_DEQ);
	assert_non_null(port->outbox);
}

void
fixture_vips(const char *const *texts)
{
	/* Alternate, so that the pointer changes as it does in real life. */
	struct snapshot *s = &snapshots[nb_snapshots % 2];

	s->vips = vips;
	s->nb_vips = 0;
	for (; texts[s->nb_vips] != NULL; s->nb_vips++)
		vips[s->nb_vips] = addr_of(texts[s->nb_vips]);
	s->generation = ++nb_snapshots;
	atomic_store(&dp.snapshot, s);
}

int
fixture_setup(void **state)
{
	static const char *const texts[] = { "10.0.0.80", "192.0.2.80", "2001:db8::80", NULL };
	size_t qsbr_size = rte_rcu_qsbr_get_memsize(2);

	(void)state;
	memset(&dp, 0, sizeof(dp));
	confs = calloc(2, sizeof(*confs));
	dp.pool = pool;
	dp.nb_ports = 2;
	dp.nb_workers = 1;
	dp.stats_size = stats_region_size(1, 1, 1);
	dp.stats = aligned_alloc(4096, dp.stats_size);
	dp.nexthops = calloc(1, sizeof(*dp.nexthops));
	dp.qsbr = aligned_alloc(CACHE_LINE, qsbr_size);
	if (confs == NULL || dp.stats == NULL || dp.nexthops == NULL || dp.qsbr == NULL)
		return -1;
	rte_rcu_qsbr_init(dp.qsbr, 2);
	memset(dp.stats, 0, dp.stats_size);
	stats_region_init(dp.stats, 1, 1, 1);
	stats = &((struct stats_header *)dp.stats)->main;
	port_make(0);
	port_make(1);
	interfaces_make();
	fixture_vips(texts);
	if (exceptions_create(&dp.exceptions) != 0 || evidence_create(&dp.evidence, 1) != 0)
		return -1;
	dp.neighbours = neighbours_create(&dp);
	return dp.neighbours == NULL ? -1 : 0;
}

int
fixture_teardown(void **state)
{
	struct rte_mempool *frames = rte_mempool_lookup("neighbour");

	(void)state;
	neighbours_stop(dp.neighbours);
	neighbours_destroy(dp.neighbours);
	exceptions_destroy(&dp.exceptions);
	evidence_destroy(&dp.evidence);
	for (unsigned int i = 0; i < 2; i++) {
		sent_drop(i);
		rte_ring_free(dp.ports[i].outbox);
	}
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	assert_int_equal(rte_mempool_in_use_count(frames), 0);
	rte_mempool_free(frames);
	free(dp.qsbr);
	free(dp.nexthops);
	free(dp.stats);
	free(confs);
	return 0;
}

struct rte_mbuf *
mbuf_of(const void *bytes, unsigned int len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	return m;
}

struct rte_mbuf *
sent(unsigned int port)
{
	void *frame;

	return rte_ring_dequeue(dp.ports[port].outbox, &frame) == 0 ? frame : NULL;
}

unsigned int
sent_drop(unsigned int port)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	for (; (m = sent(port)) != NULL; n++)
		rte_pktmbuf_free(m);
	return n;
}

void
assert_sent(unsigned int port, const void *bytes, unsigned int len)
{
	struct rte_mbuf *m = sent(port);

	assert_non_null(m);
	assert_int_equal(rte_pktmbuf_pkt_len(m), len);
	assert_int_equal(rte_pktmbuf_data_len(m), len);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), bytes, len);
	rte_pktmbuf_free(m);
}

void
assert_nothing_sent(unsigned int port)
{
	assert_null(sent(port));
}

uint64_t
drops(enum drop_reason reason)
{
	return stat_get(&stats->drops[reason]);
}
