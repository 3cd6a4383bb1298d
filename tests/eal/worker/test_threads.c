/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers on threads of their own, forwarding without pause, while this thread changes the
 * configuration as fast as it can, ends quarantines and lets next hops come and go. Meant
 * for ThreadSanitizer and AddressSanitizer builds: what they find is the result. Besides,
 * no packet may be lost and no flow may move to a backend of another service.
 *
 * Each worker has a pool of its own and nothing is raised, since ThreadSanitizer does not
 * see the barriers within DPDK's rings.
 */
#include "rig.h"

#include <pthread.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "base/bytes.h"
#include "dataplane/pipeline.h"
#include "net/parse.h"
#include "random.h"

#define NB_WORKERS 3
#define NB_CHANGES 500
#define NB_SERVICES 4
#define NB_BACKENDS 8

static struct service_conf services[NB_SERVICES];
static atomic_bool ready[NB_WORKERS];
static atomic_bool failed;

static struct rte_mbuf *
packet(struct rte_mempool *pool, uint64_t random)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	bool v6 = random & 1;
	uint32_t l4 = v6 ? 54 : 34;
	const struct ip_addr *vip = &services[(v6 ? 2 : 0) + (random >> 1 & 1)].key.vip;
	static const uint8_t flags[4] = { TCP_SYN, TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK };
	uint8_t *f;

	f = (uint8_t *)rte_pktmbuf_append(m, 90);
	memset(f, 0, 90);
	memcpy(f, dp.ports[0].mac, 6);
	store_be16(f + 12, v6 ? 0x86dd : 0x0800);
	f[14] = v6 ? 0x60 : 0x45;
	if (v6) {
		store_be16(f + 18, 90 - 54);
		f[20] = PROTOCOL_TCP;
		memcpy(f + 22, vip->bytes, 15);
		f[37] = (uint8_t)(random >> 8 & 63);
		memcpy(f + 38, vip->bytes, 16);
	} else {
		store_be16(f + 16, 90 - 14);
		f[23] = PROTOCOL_TCP;
		f[26] = 198;
		f[29] = (uint8_t)(random >> 8 & 63);
		memcpy(f + 30, vip->bytes, 4);
	}
	store_be16(f + l4, (uint16_t)(1000 + (random >> 16 & 15)));
	store_be16(f + l4 + 2, 80);
	f[l4 + 12] = 0x50;
	f[l4 + 13] = flags[random >> 20 & 3];
	return m;
}

/* What was sent must lead to a backend of its service: services have different ones. */
static void
check_sent(const struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *ip = f + (f[12] == 0x81 ? 18 : 14);
	uint8_t vip = ip[ip[0] >> 4 == 4 ? 19 : 39];

	if ((f[4] & 0x7f) != vip) /* By rig_nexthop(). */
		atomic_store(&failed, true);
}

static void
take_sent(struct worker *w)
{
	for (uint16_t port = 0; port < 2; port++) {
		struct worker_tx *tx = &w->tx[port];

		for (uint16_t i = 0; i < tx->nb; i++) {
			check_sent(tx->frames[i]);
			rte_pktmbuf_free(tx->frames[i]);
		}
		tx->nb = 0;
	}
}

/* The loop of worker_run(), without devices. */
static void *
work(void *context)
{
	struct worker *w = context;
	char name[] = { 'w', (char)('0' + w->index), 0 };
	struct rte_mempool *pool = rte_mempool_lookup(name);
	uint64_t x = w->index;

	rte_rcu_qsbr_thread_register(dp.qsbr, w->index);
	rte_rcu_qsbr_thread_online(dp.qsbr, w->index);
	while (!atomic_load_explicit(&dp.stop, memory_order_relaxed)) {
		struct rte_mbuf *frames[BURST_MAX];

		for (uint16_t i = 0; i < BURST_MAX; i++) {
			x = x * 6364136223846793005 + 1442695040888963407;
			frames[i] = packet(pool, x >> 32);
		}
		w->pipeline->run(w, &w->ports[0], frames, BURST_MAX);
		take_sent(w);
		w->now++;
		worker_sweep(w, w->tsc_per_second / 50);
		rte_rcu_qsbr_quiescent(dp.qsbr, w->index);
		atomic_store_explicit(&ready[w->index], true, memory_order_relaxed);
	}
	rte_rcu_qsbr_thread_offline(dp.qsbr, w->index);
	rte_rcu_qsbr_thread_unregister(dp.qsbr, w->index);
	return NULL;
}

/* Backend j of service i: the byte before the last is the VIP's last; no hop is unresolved. */
static struct backend_conf
backend(int i, int j)
{
	bool v6 = services[i].key.vip.family == IP_V6;
	struct backend_conf b = rig_backend(v6 ? "2001:db8::" : "10.0.0.0");
	unsigned int size = ip_family_size(b.addr.family);

	b.addr.bytes[size - 2] = services[i].key.vip.bytes[size - 1];
	b.addr.bytes[size - 1] = (uint8_t)(16 * (j / 4) + j % 4);
	return b;
}

static void
change(void)
{
	int i = (int)random_below(NB_SERVICES);
	struct backend_conf b = backend(i, (int)random_below(NB_BACKENDS));
	struct txn *txn = rig_begin(false);
	enum conf_error error;

	b.health = random_below(4) == 0 ? HEALTH_DOWN : HEALTH_UP;
	b.admin = (uint8_t)(1 + random_below(3));
	b.weight = 1 + random_below(100);
	switch (random_below(8)) {
	case 0:
		error = txn_service_remove(txn, &services[i].key);
		break;
	case 1:
		error = txn_service_set(txn, &services[i]);
		break;
	case 2:
		error = txn_backend_remove(txn, &services[i].key, &b.addr);
		break;
	default:
		error = txn_service_set(txn, &services[i]);
		if (error == CONF_OK)
			error = txn_backend_set(txn, &services[i].key, &b);
		break;
	}
	if (error == CONF_OK)
		rig_commit(txn);
	else
		txn_abort(txn);
}

/* A next hop changes its MAC address, as the main lcore would write it. */
static void
change_nexthop(void)
{
	nexthop_entry *entry = &dp.nexthops->entries[random_below(NEXTHOP_MAX)];
	uint64_t value = atomic_load_explicit(entry, memory_order_relaxed);

	atomic_store_explicit(entry, value ^ UINT64_C(0x0100), memory_order_relaxed);
}

/* What the control thread does with the workers' signs. */
static uint32_t
suspicions(void)
{
	uint32_t budget = EVIDENCE_RING;
	struct message m;
	uint32_t nb = 0;

	for (; control_next_suspicion(&control, &budget, &m); nb++)
		assert_int_equal(message_check(&m, 0), 0);
	return nb;
}

static uint64_t
sum_of(const struct worker *w, bool drops)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; drops && i < NB_DROP_REASONS; i++)
		sum += stat_get(&w->stats->drops[i]);
	for (uint32_t i = 0; !drops && i < RIG_MAX_MEMBERS; i++)
		sum += stat_get(&w->members[i].active_flows);
	return sum;
}

static void
assert_worker_is_exact(const struct worker *w)
{
	uint64_t no_backend = stat_get(&w->stats->drops[DROP_NO_BACKEND]);
	uint64_t no_service = stat_get(&w->stats->drops[DROP_NO_SERVICE]);

	assert_int_equal(sum_of(w, true), no_backend + no_service);
	assert_int_equal(sum_of(w, false), w->flows4.nb_flows + w->flows6.nb_flows);
	assert_true(stat_get(&w->stats->flow_hits) > 0);
}

static void
test_changes_at_full_speed_disturb_no_worker(void **state)
{
	const struct rig_conf conf = { .flows4 = 500, .flows6 = 500, .nb_workers = NB_WORKERS };
	static const char *const vips[] = { "192.0.2.1", "192.0.2.2", "2001:db8:f::3",
		"2001:db8:f::4" };
	pthread_t threads[NB_WORKERS];
	uint32_t nb_suspicions = 0;

	(void)state;
	seed_random("threads");
	rig_setup(&conf);
	for (int i = 0; i < NB_SERVICES; i++) {
		services[i] = rig_service(vips[i], PROTOCOL_TCP, MODE_DIRECT);
		for (int s = 0; s < NB_FLOW_STATES; s++)
			services[i].lifetime_s[s] = 5;
	}
	((struct port_conf *)(uintptr_t)dp.ports[0].conf)->punt = PUNT_DROP;
	for (uint16_t i = 0; i < NB_WORKERS; i++) {
		char name[] = { 'w', (char)('0' + i), 0 };

		assert_non_null(rte_pktmbuf_pool_create(name, 127, 0, 0, 512, 0));
		assert_int_equal(pthread_create(&threads[i], NULL, work, dp.workers[i]), 0);
	}
	for (uint16_t i = 0; i < NB_WORKERS; i++)
		while (!atomic_load_explicit(&ready[i], memory_order_relaxed))
			sched_yield();
	for (int i = 0; i < NB_CHANGES; i++) {
		change();
		change_nexthop();
		nb_suspicions += suspicions();
		control_quarantine_check(&control);
	}
	atomic_store(&dp.stop, true);
	for (uint16_t i = 0; i < NB_WORKERS; i++) {
		char name[] = { 'w', (char)('0' + i), 0 };

		pthread_join(threads[i], NULL);
		assert_worker_is_exact(dp.workers[i]);
		assert_int_equal(rte_mempool_in_use_count(rte_mempool_lookup(name)), 0);
		rte_mempool_free(rte_mempool_lookup(name));
	}
	assert_false(atomic_load(&failed));
	assert_true(control.generation > NB_CHANGES / 4);
	print_message("%u suspicions\n", nb_suspicions);
	rig_teardown();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_at_full_speed_disturb_no_worker),
	};

	if (rig_start_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
