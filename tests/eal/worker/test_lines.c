/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No two workers write to one cache line. Each worker forwards traffic of many kinds, in turn;
 * all of the process's writable memory is compared before and after; a line that both have
 * changed fails the test. A store that changes nothing is not seen, so every run counts,
 * enters flows and moves them.
 *
 * Left out: this test's own stack and notes. Not driven: what is shared on purpose, and only on
 * rare packets' way: the rings of exceptions and of ports whose queue another worker owns, and
 * the caches of a pool that all mbufs come from (each worker has one of its own here).
 */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_mbuf.h>

#include "base/bytes.h"
#include "dataplane/pipeline.h"
#include "net/parse.h"

#define NB_WORKERS 2
#define NB_BURSTS 64
#define MAX_REGIONS 512
#define MAX_LINES (1 << 17)
#define COPY_BYTES (UINT64_C(1) << 30) /* Address space; only what is used takes memory. */

struct region {
	uint8_t *start;
	uint8_t *end;
	uint8_t *copy;
};

/* Notes: a mapping of their own, which is not compared. */
static struct notes {
	struct region regions[MAX_REGIONS];
	size_t nb_regions;
	uintptr_t lines[NB_WORKERS][MAX_LINES]; /* Addresses, in order. */
	size_t nb_lines[NB_WORKERS];
	alignas(CACHE_LINE) uint8_t copies[];
} * notes;

/* Two counters of one line, as a mistake would have them. */
static struct {
	alignas(CACHE_LINE) volatile uint64_t counters[NB_WORKERS];
} mistake;

static void
note_region(uint8_t *start, uint8_t *end, uint8_t **copy)
{
	uint8_t here;

	if (&here >= start && &here < end)
		return; /* The stack. */
	if ((uint8_t *)notes >= start && (uint8_t *)notes < end)
		return;
	assert_true(notes->nb_regions < MAX_REGIONS);
	assert_true(*copy + (end - start) <= (uint8_t *)notes + COPY_BYTES);
	notes->regions[notes->nb_regions++] = (struct region){ start, end, *copy };
	*copy += end - start;
}

/* Once everything that a run may write to is mapped. */
static void
note_regions(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	uint8_t *copy = notes->copies;
	char line[512];

	assert_non_null(maps);
	notes->nb_regions = 0;
	while (fgets(line, sizeof(line), maps) != NULL) {
		void *start, *end;
		char mode[5];

		if (sscanf(line, "%p-%p %4s", &start, &end, mode) == 3 && mode[0] == 'r' &&
				mode[1] == 'w' && strstr(line, "[v") == NULL)
			note_region(start, end, &copy);
	}
	fclose(maps);
	assert_true(notes->nb_regions > 4);
}

static void
copy_memory(void)
{
	for (size_t i = 0; i < notes->nb_regions; i++) {
		const struct region *r = &notes->regions[i];

		memcpy(r->copy, r->start, (size_t)(r->end - r->start));
	}
}

static void
note_changed_lines(unsigned int who)
{
	notes->nb_lines[who] = 0;
	for (size_t i = 0; i < notes->nb_regions; i++) {
		const struct region *r = &notes->regions[i];

		for (size_t at = 0; at < (size_t)(r->end - r->start); at += CACHE_LINE) {
			if (memcmp(r->start + at, r->copy + at, CACHE_LINE) == 0)
				continue;
			assert_true(notes->nb_lines[who] < MAX_LINES);
			notes->lines[who][notes->nb_lines[who]++] = (uintptr_t)(r->start + at);
		}
	}
}

/* Both lists are in the order of the same regions. @return how many lines both have. */
static size_t
common_lines(uintptr_t *first)
{
	size_t common = 0;
	size_t j = 0;

	for (size_t i = 0; i < notes->nb_lines[0]; i++) {
		while (j < notes->nb_lines[1] && notes->lines[1][j] < notes->lines[0][i])
			j++;
		if (j == notes->nb_lines[1] || notes->lines[1][j] != notes->lines[0][i])
			continue;
		if (common++ == 0)
			*first = notes->lines[0][i];
	}
	return common;
}

static bool
has_changed(unsigned int who, const void *address)
{
	uintptr_t line = (uintptr_t)address & ~(uintptr_t)(CACHE_LINE - 1);

	for (size_t i = 0; i < notes->nb_lines[who]; i++)
		if (notes->lines[who][i] == line)
			return true;
	return false;
}

/* A frame that came in on port 1: by number of either family and service, sometimes bad. */
static void
fill(struct rte_mbuf *m, uint32_t number)
{
	static const uint8_t flags[4] = { TCP_SYN, TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK };
	bool v6 = number % 2 != 0;
	uint32_t l4 = v6 ? 54 : 34;
	uint8_t *f;

	rte_pktmbuf_reset(m);
	f = (uint8_t *)rte_pktmbuf_append(m, 90);
	memset(f, 0, 90);
	memcpy(f, dp.ports[1].mac, 6);
	store_be16(f + 12, v6 ? 0x86dd : 0x0800);
	f[14] = v6 ? 0x60 : 0x45;
	if (v6) {
		store_be16(f + 18, 90 - 54);
		f[20] = PROTOCOL_TCP;
		store_be32(f + 22, number / 16);
		memcpy(f + 38, rig_addr("2001:db8:f::1").bytes, 16);
	} else {
		store_be16(f + 16, 90 - 14);
		f[23] = PROTOCOL_TCP;
		store_be32(f + 26, 0xc6120000 + number / 16);
		store_be32(f + 30, 0xc0000201 + number / 2 % 2); /* 192.0.2.1: direct, .2: ipip. */
	}
	store_be16(f + l4, 1000);
	store_be16(f + l4 + 2, number % 31 == 0 ? 81 : 80); /* 81: no service. */
	f[l4 + 12] = number % 29 == 0 ? 0x10 : 0x50;	    /* 0x10: no TCP header. */
	f[l4 + 13] = flags[number / 4 % 4];
}

static void
forward(unsigned int who, struct rte_mempool *pool)
{
	struct worker *w = dp.workers[who];

	for (uint32_t burst = 0; burst < NB_BURSTS; burst++) {
		struct rte_mbuf *frames[BURST_MAX];

		assert_int_equal(rte_pktmbuf_alloc_bulk(pool, frames, BURST_MAX), 0);
		for (uint32_t i = 0; i < BURST_MAX; i++)
			fill(frames[i], burst % 16 * BURST_MAX + i);
		w->pipeline->run(w, &w->ports[1], frames, BURST_MAX);
		for (uint16_t port = 0; port < 2; port++) {
			rte_pktmbuf_free_bulk(w->tx[port].frames, w->tx[port].nb);
			w->tx[port].nb = 0;
		}
		w->now += 5; /* Ten seconds. */
		worker_sweep(w, w->tsc_per_second / 2);
	}
}

static void
setup(struct rte_mempool **pools)
{
	const struct rig_conf conf = { .flows4 = 2000, .flows6 = 2000, .nb_workers = NB_WORKERS };
	const struct service_conf services[] = {
		rig_service("192.0.2.1", PROTOCOL_TCP, MODE_DIRECT),
		rig_service("192.0.2.2", PROTOCOL_TCP, MODE_IPIP),
		rig_service("2001:db8:f::1", PROTOCOL_TCP, MODE_DIRECT),
	};
	struct txn *txn;

	rig_setup(&conf);
	txn = rig_begin(true);
	for (size_t i = 0; i < ARRAY_LEN(services); i++) {
		bool v6 = services[i].key.vip.family == IP_V6;

		assert_int_equal(txn_service_set(txn, &services[i]), CONF_OK);
		for (uint8_t j = 0; j < 6; j++) {
			struct backend_conf b = rig_backend(v6 ? "2001:db8::20" : "10.0.0.32");

			b.addr.bytes[ip_family_size(b.addr.family) - 1] += j;
			assert_int_equal(txn_backend_set(txn, &services[i].key, &b), CONF_OK);
		}
	}
	rig_commit(txn);
	for (unsigned int i = 0; i < NB_WORKERS; i++) {
		char name[] = { 'l', (char)('0' + i), 0 };

		pools[i] = rte_pktmbuf_pool_create(name, 127, 32, 0, 512, 0);
		assert_non_null(pools[i]);
		forward(i, pools[i]); /* What happens once only has happened. */
	}
	note_regions();
}

static void
teardown(struct rte_mempool **pools)
{
	for (unsigned int i = 0; i < NB_WORKERS; i++)
		rte_mempool_free(pools[i]);
	rig_teardown();
}

static void
run_both(struct rte_mempool **pools, bool with_mistake)
{
	for (unsigned int i = 0; i < NB_WORKERS; i++) {
		copy_memory();
		forward(i, pools[i]);
		if (with_mistake)
			mistake.counters[i]++;
		note_changed_lines(i);
	}
}

static void
test_no_two_workers_write_to_one_line(void **state)
{
	struct rte_mempool *pools[NB_WORKERS];
	uintptr_t first = 0;
	size_t common;

	(void)state;
	setup(pools);
	run_both(pools, false);
	for (unsigned int i = 0; i < NB_WORKERS; i++) {
		struct worker *w = dp.workers[i];

		assert_true(has_changed(i, &w->stats->flow_hits));
		assert_true(has_changed(i, &w->now));
		assert_true(has_changed(i, &w->flows4.sweep_next));
		assert_false(has_changed(i, &dp.workers[1 - i]->stats->flow_hits));
		assert_true(stat_get(&w->stats->flow_hits) > 0);
		assert_true(stat_get(&w->stats->flows_expired) > 0);
		assert_true(stat_get(&w->stats->drops[DROP_NO_SERVICE]) > 0);
		assert_true(stat_get(&w->stats->drops[DROP_BAD_L4_HEADER]) > 0);
	}
	common = common_lines(&first);
	if (common != 0)
		fail_msg("both workers write to %zu lines, the first at %#lx", common, first);
	teardown(pools);
}

static void
test_a_line_that_both_write_to_is_seen(void **state)
{
	struct rte_mempool *pools[NB_WORKERS];
	uintptr_t first = 0;

	(void)state;
	setup(pools);
	run_both(pools, true);
	assert_int_equal(common_lines(&first), 1);
	assert_int_equal(first, (uintptr_t)&mistake);
	teardown(pools);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_two_workers_write_to_one_line),
		cmocka_unit_test(test_a_line_that_both_write_to_is_seen),
	};

	notes = mmap(NULL, COPY_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (notes == MAP_FAILED || rig_start_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
