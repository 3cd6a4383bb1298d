/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "flow/flow_table.h"

static const uint64_t hash_key[4] = { 0x9ddfea08eb382d69, 0xc3a5c85c97cb3127, 0xb492b66fbe98f273,
	0x9ae16a3b2f90404f };

static uint64_t random_state;

static uint64_t
random_u64(void)
{
	uint64_t x = (random_state += 0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void
seed_random(const char *test)
{
	const char *given = getenv("SEED");
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	random_state = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)now.tv_nsec;
	printf("%s: SEED=%llu\n", test, (unsigned long long)random_state);
}

static struct flow_table
table_with(enum flow_layout layout, uint64_t capacity)
{
	size_t size = flow_table_size(layout, capacity);
	struct flow_table table;
	void *memory = aligned_alloc(2 * CACHE_LINE,
			(size + 2 * CACHE_LINE - 1) / (2 * CACHE_LINE) * (2 * CACHE_LINE));

	assert_non_null(memory);
	memset(memory, 0, size);
	flow_table_init(&table, memory, layout, capacity, hash_key);
	return table;
}

/* A flow of either family by one number, so that both layouts run the same tests. */
struct key6 {
	uint8_t client[16];
	uint32_t port;
};

static struct key6
key6_of(uint32_t number)
{
	struct key6 key = { .port = flow_port6((uint16_t)number,
					    (uint16_t)(number >> 16) % FLOW_MAX_SERVICES) };

	/* Addresses of one /64 that differ in few bits: what real clients look like. */
	store_u32(key.client, 0xb80d0120);
	store_u32(key.client + 12, number);
	return key;
}

static uint64_t
key4_of(uint32_t number)
{
	return flow_key4(0x0a000000 + number, (uint16_t)(number * 7), number % FLOW_MAX_SERVICES);
}

static struct flow_value *
find(const struct flow_table *t, uint32_t number)
{
	struct key6 key6 = key6_of(number);
	uint64_t key4 = key4_of(number);
	uint32_t home4 = flow_hash4(t, key4);
	struct flow_hash6 hash6 = flow_hash6(t, key6.client, key6.port);
	struct flow_value *value;

	if (t->layout == FLOW_NARROW4) {
		value = flow_find4(t, home4, key4);
		if (value == NULL && flow_overflowed4(t, home4))
			value = flow_find4_beyond(t, home4, key4);
	} else {
		value = flow_find6(t, hash6.home, key6.client, hash6.mark);
		if (value == NULL && flow_overflowed6(t, hash6.home))
			value = flow_find6_beyond(t, hash6.home, key6.client, hash6.mark);
	}
	return value;
}

static struct flow_value *
insert(struct flow_table *t, uint32_t number)
{
	struct key6 key6 = key6_of(number);
	struct flow_hash6 hash6 = flow_hash6(t, key6.client, key6.port);
	uint64_t key4 = key4_of(number);

	if (t->layout == FLOW_NARROW4)
		return flow_insert4(t, flow_hash4(t, key4), key4);
	return flow_insert6(t, hash6.home, key6.client, hash6.mark);
}

/* The naive twin: one slot for each number. */
#define NB_NUMBERS 4096
struct twin {
	bool present[NB_NUMBERS];
	uint16_t member[NB_NUMBERS];
	uint32_t nb;
};

static bool
judge_marked(void *context, uint16_t service, struct flow_value *value)
{
	(void)context;
	(void)service;
	return value->state == 1;
}

static void
sweep_both(struct flow_table *t, struct twin *twin, uint32_t permille)
{
	uint64_t removed = 0;
	uint64_t expected = 0;

	for (uint32_t i = 0; i < NB_NUMBERS; i++) {
		if (!twin->present[i])
			continue;
		find(t, i)->state = random_u64() % 1000 < permille;
		if (find(t, i)->state == 1) {
			twin->present[i] = false;
			twin->nb--;
			expected++;
		}
	}
	/* In uneven steps, from wherever the last one ended, once around. */
	for (uint32_t left = t->nb_buckets; left != 0;) {
		uint32_t step = (uint32_t)(1 + random_u64() % left);

		flow_table_sweep(t, step, judge_marked, NULL, &removed);
		left -= step;
	}
	assert_int_equal(removed, expected);
}

static void
check_against_twin(const struct flow_table *t, const struct twin *twin)
{
	for (uint32_t i = 0; i < NB_NUMBERS; i++) {
		struct flow_value *value = find(t, i);

		assert_int_equal(value != NULL, twin->present[i]);
		if (value != NULL)
			assert_int_equal(value->member, twin->member[i]);
	}
	assert_int_equal(t->nb_flows, twin->nb);
}

static void
run_against_twin(enum flow_layout layout, uint64_t capacity)
{
	struct flow_table t = table_with(layout, capacity);
	struct twin *twin = calloc(1, sizeof(*twin));

	assert_non_null(twin);
	for (int round = 0; round < 300; round++) {
		for (int i = 0; i < 200; i++) {
			uint32_t number = random_u64() % NB_NUMBERS;
			struct flow_value *value = find(&t, number);

			assert_int_equal(value != NULL, twin->present[number]);
			if (value != NULL)
				continue;
			value = insert(&t, number);
			if (value == NULL) /* Only a full neighbourhood or table may refuse. */
				continue;
			value->member = (uint16_t)random_u64();
			value->state = 0;
			twin->present[number] = true;
			twin->member[number] = value->member;
			twin->nb++;
		}
		check_against_twin(&t, twin);
		sweep_both(&t, twin, (uint32_t)(random_u64() % 1000));
		check_against_twin(&t, twin);
	}
	sweep_both(&t, twin, 1000);
	assert_int_equal(t.nb_flows, 0);
	/* An empty table has no trace of flows that lay elsewhere. */
	for (uint32_t line = 0; line < t.nb_buckets; line++) {
		if (layout == FLOW_NARROW4) {
			assert_int_equal(flow_bucket4(&t, line)->beyond.count, 0);
			assert_int_equal(flow_bucket4(&t, line)->beyond.reach, 0);
		} else {
			assert_int_equal(flow_bucket6(&t, line)->beyond.count, 0);
			assert_int_equal(flow_bucket6(&t, line)->beyond.reach, 0);
		}
	}
	free(twin);
	free(t.region);
}

static void
test_random_operations_agree_with_a_naive_twin(void **state)
{
	static const uint64_t capacities[] = { 1, 3, 20, 600, 2500, 6000 };

	(void)state;
	seed_random(__func__);
	for (size_t i = 0; i < ARRAY_LEN(capacities); i++) {
		run_against_twin(FLOW_NARROW4, capacities[i]);
		run_against_twin(FLOW_NARROW6, capacities[i]);
	}
}

static void
fill_to_capacity(enum flow_layout layout)
{
	const uint32_t capacity = 100000;
	struct flow_table t = table_with(layout, capacity);

	for (uint32_t i = 0; i < capacity; i++)
		assert_non_null(insert(&t, i));
	assert_int_equal(t.nb_flows, capacity);
	assert_null(insert(&t, capacity));
	for (uint32_t i = 0; i < capacity; i++)
		assert_non_null(find(&t, i));
	free(t.region);
}

static void
test_as_many_flows_fit_as_were_asked_for_and_no_more(void **state)
{
	(void)state;
	fill_to_capacity(FLOW_NARROW4);
	fill_to_capacity(FLOW_NARROW6);
}

static bool
is_at_home(const struct flow_table *t, uint32_t number)
{
	struct key6 key6 = key6_of(number);
	struct flow_hash6 hash6 = flow_hash6(t, key6.client, key6.port);
	uint64_t key4 = key4_of(number);

	if (t->layout == FLOW_NARROW4)
		return flow_find4(t, flow_hash4(t, key4), key4) != NULL;
	return flow_find6(t, hash6.home, key6.client, hash6.mark) != NULL;
}

static void
count_at_home(enum flow_layout layout)
{
	const uint32_t capacity = 200000;
	struct flow_table t = table_with(layout, capacity);
	uint32_t at_home = 0;

	for (uint32_t i = 0; i < capacity; i++)
		assert_non_null(insert(&t, i));
	for (uint32_t i = 0; i < capacity; i++)
		at_home += is_at_home(&t, i);
	assert_in_range(at_home, capacity / 100 * 96, capacity);
	free(t.region);
}

static void
test_32_of_33_flows_of_a_full_table_lie_at_home(void **state)
{
	(void)state;
	count_at_home(FLOW_NARROW4);
	count_at_home(FLOW_NARROW6);
}

static void
test_keys_that_differ_in_anything_are_different_flows(void **state)
{
	struct flow_table t = table_with(FLOW_NARROW4, 100);
	uint64_t keys[] = { flow_key4(1, 2, 3), flow_key4(2, 2, 3), flow_key4(1, 3, 3),
		flow_key4(1, 2, 4), flow_key4(0, 0, 0) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		assert_int_not_equal(keys[i], 0);
		assert_null(flow_find4(&t, flow_hash4(&t, keys[i]), keys[i]));
		flow_insert4(&t, flow_hash4(&t, keys[i]), keys[i])->member = (uint16_t)i;
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_int_equal(flow_find4(&t, flow_hash4(&t, keys[i]), keys[i])->member, i);
	free(t.region);
}

static void
test_ipv6_flows_with_one_mark_are_told_apart_by_their_addresses(void **state)
{
	/* Alike but for one bit each; as many as a bucket has, and one that is not there. */
	static const uint8_t bit_of[FLOW_LANES + 1] = { 0, 7, 63, 64, 127, 31 };
	struct flow_table t = table_with(FLOW_NARROW6, 100);
	uint8_t clients[FLOW_LANES + 1][16] = { 0 };
	uint32_t mark = flow_port6(443, 7);

	(void)state;
	for (unsigned int i = 0; i <= FLOW_LANES; i++)
		clients[i][bit_of[i] / 8] = (uint8_t)(1 << bit_of[i] % 8);
	for (unsigned int i = 0; i < FLOW_LANES; i++)
		flow_insert6(&t, 0, clients[i], mark)->member = (uint16_t)i;
	for (unsigned int i = 0; i < FLOW_LANES; i++)
		assert_int_equal(flow_find6(&t, 0, clients[i], mark)->member, i);
	assert_null(flow_find6(&t, 0, clients[FLOW_LANES], mark));
	assert_null(flow_find6(&t, 0, clients[0], mark + 1));
	assert_false(flow_overflowed6(&t, 0));
	free(t.region);
}

static void
test_a_mark_tells_the_exact_port_and_service(void **state)
{
	struct flow_table t = table_with(FLOW_NARROW6, 100);
	uint8_t client[16] = { 0x20, 1, 0xd, 0xb8, [15] = 9 };
	uint32_t mark = flow_hash6(&t, client, flow_port6(0, 3)).mark;
	uint32_t alike = 0;

	(void)state;
	for (uint32_t port = 0; port <= UINT16_MAX; port++) {
		struct flow_hash6 hash = flow_hash6(&t, client, flow_port6((uint16_t)port, 3));

		assert_int_equal(hash.mark >> 16, port ^ mark >> 16);
		assert_int_equal(flow_service(hash.mark), 3);
		assert_int_not_equal(hash.mark, 0);
	}
	/* One port and many addresses: marks differ as chance has it, here in one of 2^16 not. */
	for (uint32_t i = 0; i < 6553600; i++) {
		store_u32(client + 12, i);
		alike += flow_hash6(&t, client, flow_port6(443, 3)).mark == mark;
	}
	assert_in_range(alike, 50, 200);
	free(t.region);
}

static bool
count_services(void *context, uint16_t service, struct flow_value *value)
{
	(void)value;
	((uint32_t *)context)[service]++;
	return false;
}

static void
count_each_once(enum flow_layout layout)
{
	struct flow_table t = table_with(layout, 1000);
	uint32_t *seen = calloc(FLOW_MAX_SERVICES, sizeof(*seen));
	uint64_t removed = 0;
	uint32_t total = 0;
	bool passed;

	assert_non_null(seen);
	for (uint32_t i = 0; i < 1000; i++)
		assert_non_null(insert(&t, layout == FLOW_NARROW4 ? i : i << 16));
	passed = flow_table_sweep(&t, t.nb_buckets - 1, count_services, seen, &removed);
	assert_false(passed);
	passed = flow_table_sweep(&t, 1, count_services, seen, &removed);
	assert_true(passed);
	for (uint32_t i = 0; i < FLOW_MAX_SERVICES; i++) {
		assert_int_equal(seen[i], i < 1000);
		total += seen[i];
	}
	assert_int_equal(total, 1000);
	assert_int_equal(removed, 0);
	free(seen);
	free(t.region);
}

static void
test_a_pass_shows_every_flow_once_with_its_service(void **state)
{
	(void)state;
	count_each_once(FLOW_NARROW4);
	count_each_once(FLOW_NARROW6);
}

static void
test_memory_stays_within_the_promised_bytes_a_flow(void **state)
{
	(void)state;
	assert_in_range(flow_table_size(FLOW_NARROW4, 1000000), 1, 24000000);
	assert_in_range(flow_table_size(FLOW_NARROW6, 1000000), 1, 48000000);
	assert_in_range(flow_table_size(FLOW_NARROW4, 10000000), 1, 256ULL << 20);
	assert_int_equal(flow_table_size(FLOW_NARROW4, 0), 0);
	assert_int_equal(flow_table_size(FLOW_NARROW6, UINT64_MAX), 0);
	assert_int_equal(flow_table_size(FLOW_NARROW4, 1ULL << 61), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations_agree_with_a_naive_twin),
		cmocka_unit_test(test_as_many_flows_fit_as_were_asked_for_and_no_more),
		cmocka_unit_test(test_32_of_33_flows_of_a_full_table_lie_at_home),
		cmocka_unit_test(test_keys_that_differ_in_anything_are_different_flows),
		cmocka_unit_test(test_ipv6_flows_with_one_mark_are_told_apart_by_their_addresses),
		cmocka_unit_test(test_a_mark_tells_the_exact_port_and_service),
		cmocka_unit_test(test_a_pass_shows_every_flow_once_with_its_service),
		cmocka_unit_test(test_memory_stays_within_the_promised_bytes_a_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
