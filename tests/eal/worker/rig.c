/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>
#include <rte_ring.h>

#include "base/bytes.h"
#include "dataplane/pipeline.h"
#include "dataplane/suspects.h"
#include "net/parse.h"

#define NB_PACKETS 4095
#define OUTBOX 64

struct dataplane dp;
struct control control;
struct worker *worker;

static struct port_conf *confs;
static int routes_taken;

int
rig_start_eal(void)
{
	char *args[] = { (char[]){ "test" }, (char[]){ "--no-huge" }, (char[]){ "--no-shconf" },
		(char[]){ "--no-pci" }, (char[]){ "--no-telemetry" }, (char[]){ "-m" },
		(char[]){ "64" }, (char[]){ "-l" }, (char[]){ "0" },
		(char[]){ "--log-level=warning" }, NULL };

	if (rte_eal_init((int)ARRAY_LEN(args) - 1, args) < 0)
		return -1;
	dp.pool = rte_pktmbuf_pool_create(
			"packets", NB_PACKETS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	return dp.pool == NULL ? -1 : 0;
}

struct ip_addr
rig_addr(const char *text)
{
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(text, &addr), 0);
	return addr;
}

static uint8_t
last_byte(const struct ip_addr *addr)
{
	return addr->bytes[ip_family_size(addr->family) - 1];
}

bool
rig_is_routed(const struct ip_addr *addr)
{
	return last_byte(addr) % 16 != 15;
}

uint32_t
rig_nexthop(const struct ip_addr *addr)
{
	uint32_t low = load_be16(addr->bytes + ip_family_size(addr->family) - 2) & 0x7fff;

	return addr->family == IP_V4 ? low : 0x8000 + low;
}

struct ip_addr
rig_own(uint8_t family)
{
	return rig_addr(family == IP_V4 ? "10.0.0.1" : "2001:db8::1");
}

static bool
route_get(void *context, const struct ip_addr *addr, bool on_link, struct backend_route *out)
{
	(void)context;
	(void)on_link;
	if (!rig_is_routed(addr))
		return false;
	out->nexthop = rig_nexthop(addr);
	out->source = rig_own(addr->family);
	out->mtu = dp.interfaces.interfaces[last_byte(addr) % 3].mtu;
	routes_taken++;
	return true;
}

static void
route_put(void *context, uint32_t nexthop)
{
	(void)context;
	(void)nexthop;
	routes_taken--;
}

static void
interface_add(uint16_t port, uint16_t vlan, uint16_t mtu, const char *own4, const char *own6)
{
	struct interface_conf *conf = &confs[port].interfaces[confs[port].nb_interfaces++];
	uint8_t index = (uint8_t)dp.interfaces.nb++;

	conf->vlan = vlan;
	if (own4 != NULL)
		conf->addresses[conf->nb_addresses++].addr = rig_addr(own4);
	if (own6 != NULL)
		conf->addresses[conf->nb_addresses++].addr = rig_addr(own6);
	dp.interfaces.interfaces[index] = (struct interface){
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(0x10 + port) },
		.port = port,
		.vlan = vlan,
		.mtu = mtu,
		.l2_len = vlan == PACKET_VLAN_NONE ? 14 : 18,
		.index = index,
		.conf = conf,
	};
}

static void
port_make(uint16_t i)
{
	char name[16];

	snprintf(name, sizeof(name), "outbox%u", i);
	dp.ports[i] = (struct port){ .conf = &confs[i],
		.id = UINT16_MAX,
		.index = i,
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(0x10 + i) },
		.outbox_worker = UINT16_MAX,
		.tap_id = UINT16_MAX,
		.outbox = rte_ring_create(name, OUTBOX, 0, RING_F_SC_DEQ) };
	assert_non_null(dp.ports[i].outbox);
}

static void
nexthops_make(void)
{
	dp.nexthops = calloc(1, sizeof(*dp.nexthops));
	assert_non_null(dp.nexthops);
	for (uint32_t i = 0; i < NEXTHOP_MAX; i++) {
		uint8_t word[8] = { 2, 1, 0, 0, (uint8_t)(i >> 8), (uint8_t)i };

		word[6] = (uint8_t)((i & 0xff) % 3);
		if (i % 16 != 7)
			atomic_store(&dp.nexthops->entries[i], load_u64(word) | NEXTHOP_RESOLVED);
	}
}

static void
state_make(void)
{
	const struct state_limits limits = { .max_services = RIG_MAX_SERVICES,
		.max_members = RIG_MAX_MEMBERS,
		.tick_ms = FLOW_TICK_MS };
	const struct state_hooks hooks = {
		.context = &control,
		.route_get = route_get,
		.route_put = route_put,
		.service_changed = control_service_changed,
		.member_changed = control_member_changed,
		.slots_changed = control_slots_changed,
		.service_freed = control_service_freed,
		.member_freed = control_member_freed,
	};

	memset(&control, 0, sizeof(control));
	control.dp = &dp;
	control.suspects = suspects_create();
	assert_non_null(control.suspects);
	control.state = state_create(&limits, &hooks);
	assert_non_null(control.state);
	atomic_store(&dp.snapshot, state_snapshot(control.state));
}

/* The one that GUIDEWAY_PIPELINE names; without it the best. */
static const struct pipeline *
pipeline_wanted(void)
{
	const char *name = getenv("GUIDEWAY_PIPELINE");

	if (name == NULL)
		return pipeline_choose();
	for (const struct pipeline *const *p = pipelines; *p != NULL; p++)
		if (strcmp((*p)->name, name) == 0 && pipeline_runs_here(*p))
			return *p;
	fail_msg("GUIDEWAY_PIPELINE: this CPU has no pipeline '%s'", name);
	return NULL;
}

void
rig_setup(const struct rig_conf *conf)
{
	struct rte_mempool *pool = dp.pool;
	size_t qsbr_size = rte_rcu_qsbr_get_memsize(RIG_MAX_WORKERS + 1);

	memset(&dp, 0, sizeof(dp));
	dp.pool = pool;
	dp.conf.flows4 = conf->flows4;
	dp.conf.flows6 = conf->flows6;
	dp.pipeline = pipeline_wanted();
	dp.nb_ports = 2;
	dp.nb_workers = conf->nb_workers == 0 ? 1 : conf->nb_workers;
	confs = calloc(2, sizeof(*confs));
	dp.stats_size = stats_region_size(dp.nb_workers, RIG_MAX_SERVICES, RIG_MAX_MEMBERS);
	dp.stats = aligned_alloc(4096, dp.stats_size);
	dp.qsbr = aligned_alloc(CACHE_LINE, qsbr_size);
	assert_true(confs != NULL && dp.stats != NULL && dp.qsbr != NULL);
	rte_rcu_qsbr_init(dp.qsbr, RIG_MAX_WORKERS + 1);
	memset(dp.stats, 0, dp.stats_size);
	stats_region_init(dp.stats, dp.nb_workers, RIG_MAX_SERVICES, RIG_MAX_MEMBERS);
	confs[0].punt = PUNT_TAP;
	confs[1].punt = PUNT_DROP;
	port_make(0);
	port_make(1);
	interface_add(0, PACKET_VLAN_NONE, 1500, "10.0.0.1", "2001:db8::1");
	interface_add(0, 100, 1500, NULL, NULL);
	interface_add(1, PACKET_VLAN_NONE, 1400, "10.1.0.1", NULL);
	nexthops_make();
	assert_int_equal(exceptions_create(&dp.exceptions), 0);
	assert_int_equal(evidence_create(&dp.evidence, dp.nb_workers), 0);
	state_make();
	for (uint16_t i = 0; i < dp.nb_workers; i++) {
		dp.workers[i] = worker_create(&dp, i);
		assert_non_null(dp.workers[i]);
	}
	worker = dp.workers[0];
}

void
rig_teardown(void)
{
	struct exception x;
	struct rte_mbuf *m;

	for (uint16_t i = 0; i < dp.nb_workers; i++)
		worker_destroy(dp.workers[i]);
	state_destroy(control.state);
	suspects_destroy(control.suspects);
	evidence_destroy(&dp.evidence);
	assert_int_equal(routes_taken, 0);
	for (unsigned int class = 0; class < NB_EXCEPTION_CLASSES; class ++)
		while (exception_take(&dp.exceptions, (enum exception_class) class, &x, 1) == 1)
			rte_pktmbuf_free(x.mbuf);
	for (uint16_t i = 0; i < 2; i++)
		while ((m = rig_sent(i)) != NULL)
			rte_pktmbuf_free(m);
	assert_int_equal(rig_in_use(), 0);
	exceptions_destroy(&dp.exceptions);
	for (uint16_t i = 0; i < 2; i++)
		rte_ring_free(dp.ports[i].outbox);
	free(dp.nexthops);
	free(dp.stats);
	free(dp.qsbr);
	free(confs);
}

struct txn *
rig_begin(bool replace_all)
{
	const struct siphash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	struct txn *txn = txn_begin(control.state, replace_all);

	assert_non_null(txn);
	assert_int_equal(txn_hash_key_set(txn, &key), CONF_OK);
	return txn;
}

void
rig_commit(struct txn *txn)
{
	const struct snapshot *snapshot;

	assert_int_equal(txn_prepare(txn, control.generation + 1, &snapshot), CONF_OK);
	control_publish(&control, snapshot);
	control.generation++;
	if (txn_finish(txn))
		control_quarantine_begin(&control);
}

struct service_conf
rig_service(const char *vip, uint8_t protocol, uint8_t mode)
{
	return (struct service_conf){
		.key = { .vip = rig_addr(vip), .l4_port = 80, .protocol = protocol },
		.nb_slots = 251,
		.mode = mode,
	};
}

struct backend_conf
rig_backend(const char *addr)
{
	return (struct backend_conf){ .addr = rig_addr(addr),
		.weight = 100,
		.factor = BACKEND_FACTOR_ONE,
		.admin = ADMIN_ENABLED,
		.health = HEALTH_UP };
}

void
rig_sweep(void)
{
	uint64_t passes = stat_get(&worker->stats->sweeps);

	while (stat_get(&worker->stats->sweeps) == passes)
		worker_sweep(worker, worker->tsc_per_second / 1000);
}

uint64_t
rig_active_flows(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < RIG_MAX_MEMBERS; i++)
		sum += stat_get(&worker->members[i].active_flows);
	return sum;
}

uint64_t
rig_member_flows(const struct service_key *service, const struct ip_addr *backend)
{
	for (uint32_t i = 0; i < RIG_MAX_MEMBERS; i++) {
		const struct stats_member *m = stats_member(dp.stats, i);

		if (m->used && ip_addr_equal(&m->conf.addr, backend) &&
				memcmp(&stats_service(dp.stats, m->service_id)->key, service,
						sizeof(*service)) == 0)
			return stat_get(&worker->members[i].active_flows);
	}
	fail_msg("no such member");
	return 0;
}

uint64_t
rig_drops(enum drop_reason reason)
{
	return stat_get(&worker->stats->drops[reason]);
}

struct rte_mbuf *
rig_mbuf(const void *bytes, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp.pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	return m;
}

void
rig_run(uint16_t port, struct rte_mbuf **frames, uint16_t nb)
{
	worker->pipeline->run(worker, &worker->ports[port], frames, nb);
	worker_flush(worker);
}

struct rte_mbuf *
rig_sent(uint16_t port)
{
	void *frame;

	return rte_ring_dequeue(dp.ports[port].outbox, &frame) == 0 ? frame : NULL;
}

unsigned int
rig_in_use(void)
{
	return rte_mempool_in_use_count(dp.pool);
}
