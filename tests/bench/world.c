/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "base/bytes.h"
#include "dataplane/pipeline.h"
#include "net/parse.h"
#include "service/state.h"

#define MEGABYTE (1024 * 1024)
/* Capacity of the table that no packet goes to. */
#define OTHER_FLOWS 1024
/* For each worker. */
#define WORKER_MBUFS 4096
#define MBUFS_MEGABYTES 16

static unsigned int
megabytes_needed(const struct world_conf *conf)
{
	bool v4 = conf->family == IP_V4;
	uint64_t bytes = flow_table_size(FLOW_NARROW4, v4 ? conf->capacity : OTHER_FLOWS) +
			flow_table_size(FLOW_NARROW6, v4 ? OTHER_FLOWS : conf->capacity);

	return (unsigned int)(bytes / MEGABYTE + MBUFS_MEGABYTES) * conf->nb_workers + 48;
}

struct ip_addr
world_own(enum ip_family family)
{
	static const uint8_t own6[16] = { 0x20, 1, 0xd, 0xb8, 0, 1, [15] = 1 };
	static const uint8_t own4[4] = { 10, 1, 0, 1 };

	return ip_addr_from_bytes(family, family == IP_V4 ? own4 : own6);
}

struct ip_addr
world_backend(const struct world *world, enum ip_family family, uint32_t i)
{
	struct ip_addr addr = world_own(family);
	unsigned int size = ip_family_size(addr.family);

	(void)world;
	store_be32(addr.bytes + size - 4, load_be32(addr.bytes + size - 4) + 0x100 + i);
	return addr;
}

void
world_backend_mac(enum ip_family family, uint32_t i, uint8_t *mac)
{
	mac[0] = 0x02;
	mac[1] = (uint8_t)family;
	store_be32(mac + 2, i);
}

/* Next hops are numbered by backend, IPv6 behind IPv4. */
static bool
route_get(void *context, const struct ip_addr *addr, bool on_link, struct backend_route *out)
{
	const struct world *world = context;
	unsigned int size = ip_family_size(addr->family);
	struct ip_addr first = world_backend(world, addr->family, 0);
	uint32_t i = load_be32(addr->bytes + size - 4) - load_be32(first.bytes + size - 4);

	(void)on_link;
	out->nexthop = addr->family == IP_V4 ? i : world->conf.nb_backends + i;
	out->source = world_own(addr->family);
	out->mtu = 1500;
	return true;
}

static void
route_put(void *context, uint32_t nexthop)
{
	(void)context;
	(void)nexthop;
}

static int
add_service(struct world *world, struct txn *txn, const struct ip_addr *vip)
{
	struct service_conf service = { .mode = (uint8_t)world->conf.mode };

	service.key.vip = *vip;
	service.key.protocol = PROTOCOL_TCP;
	service.key.l4_port = WORLD_SERVICE_PORT;
	if (txn_service_set(txn, &service) != CONF_OK)
		return -1;
	for (uint32_t i = 0; i < world->conf.nb_backends; i++) {
		const struct backend_conf backend = { .addr = world_backend(world, vip->family, i),
			.weight = 100,
			.factor = BACKEND_FACTOR_ONE,
			.admin = ADMIN_ENABLED,
			.health = HEALTH_UP };

		if (txn_backend_set(txn, &service.key, &backend) != CONF_OK)
			return -1;
	}
	return 0;
}

static int
create_services(struct world *world)
{
	const struct state_limits limits = {
		.max_services = 16, .max_members = 1 << 17, .tick_ms = FLOW_TICK_MS
	};
	const struct state_hooks hooks = {
		.context = world, .route_get = route_get, .route_put = route_put
	};
	const struct siphash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	const struct snapshot *snapshot;
	struct txn *txn;

	world->state = state_create(&limits, &hooks);
	if (world->state == NULL)
		return -1;
	txn = txn_begin(world->state, true);
	if (txn == NULL || txn_hash_key_set(txn, &key) != CONF_OK ||
			add_service(world, txn, &world->vip4) < 0 ||
			add_service(world, txn, &world->vip6) < 0 ||
			txn_prepare(txn, 1, &snapshot) != CONF_OK)
		return -1;
	atomic_store(&world->dp.snapshot, snapshot);
	txn_finish(txn);
	return 0;
}

static void
resolve_nexthops(struct world *world)
{
	for (uint32_t i = 0; i < 2 * world->conf.nb_backends; i++) {
		bool v6 = i >= world->conf.nb_backends;
		uint8_t mac[8] = { 0 };

		world_backend_mac(v6 ? IP_V6 : IP_V4, v6 ? i - world->conf.nb_backends : i, mac);
		atomic_store(&world->dp.nexthops->entries[i], load_u64(mac) | NEXTHOP_RESOLVED);
	}
}

static int
create_dataplane(struct world *world)
{
	static const uint8_t mac[6] = { 0x02, 0, 0, 0, 0, 1 };
	struct dataplane *dp = &world->dp;

	dp->conf.flows4 =
			world->conf.family == IP_V4 ? (uint32_t)world->conf.capacity : OTHER_FLOWS;
	dp->conf.flows6 =
			world->conf.family == IP_V6 ? (uint32_t)world->conf.capacity : OTHER_FLOWS;
	dp->nb_workers = world->conf.nb_workers;
	dp->nb_ports = 1;
	dp->pipeline = world->conf.pipeline != NULL ? world->conf.pipeline : pipeline_choose();
	world->port_conf.punt = PUNT_DROP;
	world->interface_conf.vlan = PACKET_VLAN_NONE;
	dp->ports[0] = (struct port){ .conf = &world->port_conf,
		.nb_rxq = 1,
		.nb_txq = 1,
		.mtu = 1500,
		.outbox_worker = UINT16_MAX };
	memcpy(dp->ports[0].mac, mac, sizeof(mac));
	dp->interfaces.nb = 1;
	dp->interfaces.interfaces[0] = (struct interface){
		.vlan = PACKET_VLAN_NONE, .mtu = 1500, .l2_len = 14, .conf = &world->interface_conf
	};
	memcpy(dp->interfaces.interfaces[0].mac, mac, sizeof(mac));
	dp->nexthops = calloc(1, sizeof(*dp->nexthops));
	dp->stats_size = stats_region_size(dp->nb_workers, 16, 1 << 17);
	dp->stats = aligned_alloc(4096, dp->stats_size);
	dp->pool = rte_pktmbuf_pool_create("bench", WORKER_MBUFS * dp->nb_workers - 1, 0, 0,
			RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (dp->nexthops == NULL || dp->stats == NULL || dp->pool == NULL ||
			evidence_create(&dp->evidence, dp->nb_workers) < 0)
		return -1;
	memset(dp->stats, 0, dp->stats_size);
	stats_region_init(dp->stats, dp->nb_workers, 16, 1 << 17);
	resolve_nexthops(world);
	return 0;
}

int
world_create(struct world *world, const struct world_conf *conf)
{
	static const uint8_t vip4[4] = { 192, 0, 2, 1 };
	static const uint8_t vip6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 0x99 };

	memset(world, 0, sizeof(*world));
	world->conf = *conf;
	world->vip4 = ip_addr_from_bytes(IP_V4, vip4);
	world->vip6 = ip_addr_from_bytes(IP_V6, vip6);
	if (bench_eal_start(&world->eal, megabytes_needed(conf), conf->hugepages) < 0)
		return -1;
	if (create_dataplane(world) < 0 || create_services(world) < 0) {
		fprintf(stderr, "guideway-bench: the service could not be made\n");
		return -1;
	}
	for (uint16_t i = 0; i < conf->nb_workers; i++) {
		world->workers[i] = worker_create(&world->dp, i);
		if (world->workers[i] == NULL) {
			perror("guideway-bench: worker");
			return -1;
		}
	}
	return 0;
}

void
world_destroy(struct world *world)
{
	for (uint16_t i = 0; i < world->conf.nb_workers; i++)
		worker_destroy(world->workers[i]);
	state_destroy(world->state);
	evidence_destroy(&world->dp.evidence);
	rte_mempool_free(world->dp.pool);
	free(world->dp.nexthops);
	free(world->dp.stats);
	bench_eal_stop(&world->eal);
}
