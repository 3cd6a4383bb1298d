/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "dataplane/hop_ledger.h"
#include "random.h"

#define CAPACITY 64

static struct hop_key
key(uint32_t number)
{
	struct hop_key k = { .interface = (uint8_t)(number % 3) };
	uint8_t bytes[4] = { 10, 0, (uint8_t)(number >> 8), (uint8_t)number };

	k.addr = ip_addr_from_bytes(IP_V4, bytes);
	return k;
}

/* What a test's main lcore does with requests: knows who is where, confirms at once or not. */
static struct {
	bool used[CAPACITY];
	struct hop_key keys[CAPACITY];
} lcore;

static void
lcore_serve(struct hop_ledger *l)
{
	struct hop_request r;

	while (hop_ledger_next_request(l, &r)) {
		assert_int_equal(lcore.used[r.index], r.remove);
		lcore.used[r.index] = !r.remove;
		lcore.keys[r.index] = r.key;
		if (r.remove)
			hop_ledger_confirm_removed(l, r.index);
	}
}

static struct hop_ledger *
fresh(void)
{
	struct hop_ledger *l = hop_ledger_create(CAPACITY);

	memset(&lcore, 0, sizeof(lcore));
	assert_non_null(l);
	return l;
}

static uint32_t
acquire(struct hop_ledger *l, uint32_t number)
{
	struct hop_key k = key(number);

	return hop_ledger_acquire(l, &k);
}

static void
changes_read(struct hop_ledger *l)
{
	struct hop_key k;
	uint32_t index;

	while (hop_ledger_next_change(l, &index, &k))
		continue;
}

static void
test_an_address_has_one_index_until_its_last_release(void **state)
{
	struct hop_ledger *l = fresh();
	struct hop_request r;
	uint32_t a = acquire(l, 1);

	(void)state;
	assert_int_equal(acquire(l, 1), a);
	assert_int_not_equal(acquire(l, 2), a);
	hop_ledger_release(l, a);
	assert_int_equal(acquire(l, 1), a);
	for (int i = 0; i < 2; i++) {
		assert_true(hop_ledger_next_request(l, &r));
		assert_false(r.remove);
	}
	assert_false(hop_ledger_next_request(l, &r));
	hop_ledger_release(l, a);
	assert_false(hop_ledger_next_request(l, &r));
	hop_ledger_release(l, a);
	assert_true(hop_ledger_next_request(l, &r));
	assert_true(r.remove);
	assert_int_equal(r.index, a);
	hop_ledger_destroy(l);
}

static void
test_an_index_is_not_reused_before_its_removal_is_confirmed(void **state)
{
	struct hop_ledger *l = fresh();
	struct hop_request r;
	uint32_t first, again;

	(void)state;
	first = acquire(l, 0);
	for (uint32_t i = 1; i < CAPACITY; i++)
		assert_int_not_equal(acquire(l, i), HOP_NONE);
	assert_int_equal(acquire(l, CAPACITY), HOP_NONE);
	hop_ledger_release(l, first);
	changes_read(l);
	assert_int_equal(acquire(l, CAPACITY), HOP_NONE);
	/* Not even its own address gets it back. */
	assert_int_equal(acquire(l, 0), HOP_NONE);
	while (hop_ledger_next_request(l, &r))
		continue;
	changes_read(l);
	assert_int_equal(acquire(l, CAPACITY), HOP_NONE);
	hop_ledger_confirm_removed(l, first);
	changes_read(l);
	again = acquire(l, CAPACITY);
	assert_int_equal(again, first);
	assert_true(hop_ledger_next_request(l, &r));
	assert_false(r.remove);
	hop_ledger_destroy(l);
}

static void
test_a_free_index_after_a_refusal_is_told_once(void **state)
{
	struct hop_ledger *l = fresh();
	uint32_t first = acquire(l, 0);

	(void)state;
	for (uint32_t i = 1; i < CAPACITY; i++)
		acquire(l, i);
	assert_false(hop_ledger_take_relief(l));
	assert_int_equal(acquire(l, CAPACITY), HOP_NONE);
	assert_false(hop_ledger_take_relief(l));
	hop_ledger_release(l, first);
	assert_false(hop_ledger_take_relief(l));
	lcore_serve(l);
	changes_read(l);
	assert_true(hop_ledger_take_relief(l));
	assert_false(hop_ledger_take_relief(l));
	hop_ledger_release(l, acquire(l, CAPACITY)); /* Without a refusal. */
	lcore_serve(l);
	changes_read(l);
	assert_false(hop_ledger_take_relief(l));
	hop_ledger_destroy(l);
}

static void
test_changes_coalesce_and_those_of_removed_hops_are_not_told(void **state)
{
	struct hop_ledger *l = fresh();
	uint32_t a = acquire(l, 1), b = acquire(l, 2), index;
	struct hop_key k, expected = key(1);

	(void)state;
	lcore_serve(l);
	for (int i = 0; i < 1000; i++) {
		hop_ledger_report_change(l, a);
		hop_ledger_report_change(l, b);
	}
	hop_ledger_release(l, b);
	assert_true(hop_ledger_next_change(l, &index, &k));
	assert_int_equal(index, a);
	assert_memory_equal(&k, &expected, sizeof(k));
	assert_false(hop_ledger_next_change(l, &index, &k));
	hop_ledger_report_change(l, a);
	assert_true(hop_ledger_next_change(l, &index, &k));
	hop_ledger_destroy(l);
}

static void
test_static_hops_stay_and_are_found(void **state)
{
	struct hop_ledger *l = fresh();
	struct hop_key k = key(5);
	struct hop_request r;
	uint32_t index = hop_ledger_add_static(l, &k);

	(void)state;
	assert_int_not_equal(index, HOP_NONE);
	assert_int_equal(hop_ledger_add_static(l, &k), HOP_NONE);
	assert_int_equal(acquire(l, 5), index);
	hop_ledger_release(l, index);
	assert_int_equal(acquire(l, 5), index);
	assert_false(hop_ledger_next_request(l, &r));
	hop_ledger_destroy(l);
}

/* Twin: references by address; the lcore's table must agree whenever all is served. */
static void
test_random_use_keeps_both_sides_in_agreement(void **state)
{
	enum {
		ADDRESSES = 90
	};
	struct hop_ledger *l = fresh();
	uint32_t refs[ADDRESSES] = { 0 }, index[ADDRESSES] = { 0 }, in_use = 0;

	(void)state;
	seed_random("hop_ledger");
	for (int step = 0; step < 300000; step++) {
		uint32_t n = random_below(ADDRESSES);

		switch (random_below(8)) {
		case 0:
			lcore_serve(l);
			break;
		case 1:
			changes_read(l);
			break;
		case 2:
		case 3:
		case 4: {
			uint32_t got = acquire(l, n);

			if (refs[n] > 0)
				assert_int_equal(got, index[n]);
			if (got == HOP_NONE) {
				lcore_serve(l);
				changes_read(l);
				got = acquire(l, n);
				assert_int_equal(got == HOP_NONE, in_use == CAPACITY);
			}
			if (got == HOP_NONE)
				break;
			in_use += refs[n]++ == 0;
			index[n] = got;
			break;
		}
		default:
			if (refs[n] == 0)
				break;
			hop_ledger_release(l, index[n]);
			in_use -= --refs[n] == 0;
			break;
		}
		if (step % 100 != 0)
			continue;
		lcore_serve(l);
		for (uint32_t i = 0; i < ADDRESSES; i++) {
			struct hop_key k = key(i);

			if (refs[i] == 0)
				continue;
			assert_true(lcore.used[index[i]]);
			assert_memory_equal(&lcore.keys[index[i]], &k, sizeof(k));
		}
	}
	hop_ledger_destroy(l);
}

static atomic_bool stop;
static _Atomic uint32_t published[CAPACITY];

static void *
lcore_thread(void *arg)
{
	struct hop_ledger *l = arg;
	bool used[CAPACITY] = { false };
	struct hop_request r;
	uint32_t version = 0;

	while (!atomic_load(&stop)) {
		while (hop_ledger_next_request(l, &r)) {
			if (used[r.index] != r.remove)
				abort();
			used[r.index] = !r.remove;
			if (r.remove)
				hop_ledger_confirm_removed(l, r.index);
		}
		for (uint32_t i = 0; i < CAPACITY; i++) {
			if (!used[i])
				continue;
			atomic_store_explicit(&published[i], ++version, memory_order_relaxed);
			hop_ledger_report_change(l, i);
		}
		sched_yield();
	}
	return NULL;
}

/* The last change that the lcore published is never missed. */
static void
test_two_threads_lose_neither_requests_nor_changes(void **state)
{
	struct hop_ledger *l = fresh();
	uint32_t held[CAPACITY], seen[CAPACITY] = { 0 }, index;
	struct hop_key k;
	pthread_t thread;

	(void)state;
	seed_random("hop_ledger threads");
	atomic_store(&stop, false);
	for (uint32_t i = 0; i < CAPACITY / 2; i++)
		held[i] = acquire(l, i);
	assert_int_equal(pthread_create(&thread, NULL, lcore_thread, l), 0);
	for (int step = 0; step < 20000; step++) {
		uint32_t i = random_below(CAPACITY / 2);
		uint32_t other = acquire(l, 100 + i);

		while (hop_ledger_next_change(l, &index, &k))
			seen[index] = atomic_load_explicit(&published[index], memory_order_relaxed);
		if (other != HOP_NONE)
			hop_ledger_release(l, other);
		if (step % 64 == 0)
			sched_yield();
	}
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	while (hop_ledger_next_change(l, &index, &k))
		seen[index] = atomic_load_explicit(&published[index], memory_order_relaxed);
	for (uint32_t i = 0; i < CAPACITY / 2; i++)
		assert_int_equal(seen[held[i]], atomic_load(&published[held[i]]));
	hop_ledger_destroy(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_address_has_one_index_until_its_last_release),
		cmocka_unit_test(test_an_index_is_not_reused_before_its_removal_is_confirmed),
		cmocka_unit_test(test_a_free_index_after_a_refusal_is_told_once),
		cmocka_unit_test(test_changes_coalesce_and_those_of_removed_hops_are_not_told),
		cmocka_unit_test(test_static_hops_stay_and_are_found),
		cmocka_unit_test(test_random_use_keeps_both_sides_in_agreement),
		cmocka_unit_test(test_two_threads_lose_neither_requests_nor_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
