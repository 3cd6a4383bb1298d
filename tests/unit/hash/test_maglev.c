/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "hash/maglev.h"
#include "maglev_naive.h"

#define NB_KEY_SETS 40

static uint16_t table[MAGLEV_MAX_SLOTS], other[MAGLEV_MAX_SLOTS];
static struct maglev_backend backends[MAGLEV_MAX_BACKENDS + 1];
static uint32_t counts[MAGLEV_MAX_BACKENDS];

/* Every backend within one slot of its share, and every slot owned. */
static void
assert_shares(const uint16_t *anchor, uint32_t m, const struct maglev_backend *b, uint32_t n)
{
	uint64_t sum = 0;

	memset(counts, 0, sizeof(counts));
	for (uint32_t j = 0; j < m; j++) {
		assert_true(anchor[j] < n);
		counts[anchor[j]]++;
	}
	for (uint32_t i = 0; i < n; i++)
		sum += b[i].weight;
	for (uint32_t i = 0; i < n; i++) {
		int64_t off = (int64_t)(counts[i] * sum) - (int64_t)((uint64_t)m * b[i].weight);

		if (llabs(off) > (int64_t)sum)
			fail_msg("backend %u of weight %u has %u slots", i, b[i].weight, counts[i]);
	}
}

static void
build_and_assert_shares(uint32_t m, uint32_t n)
{
	assert_int_equal(maglev_build(table, m, backends, n), 0);
	assert_shares(table, m, backends, n);
}

static void
test_shares_of_equal_weights(void **state)
{
	(void)state;
	for (uint32_t n = 1; n <= 1000; n = n * 3 + 1) {
		naive_backends(backends, n, n, 7);
		build_and_assert_shares(65537, n);
	}
	naive_backends(backends, 1000, 1, 1);
	build_and_assert_shares(655373, 1000);
	naive_backends(backends, 10000, 1, 1);
	build_and_assert_shares(MAGLEV_MAX_SLOTS, 10000);
}

static void
test_shares_of_uneven_weights(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 10, 100, 999 };
	uint64_t seed = 20261125;

	(void)state;
	for (unsigned int round = 0; round < 20; round++) {
		uint32_t n = sizes[round % ARRAY_LEN(sizes)];
		uint32_t span = round % 2 ? MAGLEV_MAX_WEIGHT : 100;

		naive_backends(backends, n, round, 0);
		for (uint32_t i = 0; i < n; i++)
			backends[i].weight = 1 + (uint32_t)(naive_random(&seed) % span);
		build_and_assert_shares(65537, n);
	}
}

static void
test_shares_of_one_heavy_among_10000(void **state)
{
	(void)state;
	naive_backends(backends, 10000, 5, 1);
	backends[1234].weight = MAGLEV_MAX_WEIGHT;
	build_and_assert_shares(65537, 10000);
	build_and_assert_shares(MAGLEV_MAX_SLOTS, 10000);

	/* And of one light one. */
	for (uint32_t i = 0; i < 10000; i++)
		backends[i].weight = i == 77 ? 1 : MAGLEV_MAX_WEIGHT;
	build_and_assert_shares(MAGLEV_MAX_SLOTS, 10000);

	/* Light ones that are many enough to be looked for long after the heavy one is done. */
	naive_backends(backends, 1001, 6, 1);
	backends[0].weight = MAGLEV_MAX_WEIGHT;
	build_and_assert_shares(MAGLEV_MAX_SLOTS, 1001);
}

static void
test_more_backends_than_slots(void **state)
{
	(void)state;
	naive_backends(backends, MAGLEV_MAX_BACKENDS, 8, 1);
	build_and_assert_shares(MAGLEV_MIN_SLOTS, MAGLEV_MAX_BACKENDS);
	build_and_assert_shares(65537, MAGLEV_MAX_BACKENDS);
	backends[5].weight = MAGLEV_MAX_WEIGHT;
	build_and_assert_shares(MAGLEV_MIN_SLOTS, MAGLEV_MAX_BACKENDS);
	build_and_assert_shares(65537, MAGLEV_MAX_BACKENDS);
}

static void
test_agrees_with_naive_twin(void **state)
{
	static const uint32_t sizes[] = { 251, 257, 509, 1021, 4099, 16381 };
	static const uint32_t spans[] = { 1, 2, 10, 1000, MAGLEV_MAX_WEIGHT };
	uint64_t seed = 0x6d61676c6576;

	(void)state;
	for (unsigned int round = 0; round < 600; round++) {
		uint64_t began = seed;
		uint32_t m = sizes[naive_random(&seed) % (round % 50 ? 5 : 6)];
		uint32_t n = 1 + (uint32_t)(naive_random(&seed) % (round % 7 ? 60 : 500));
		uint32_t span = spans[naive_random(&seed) % ARRAY_LEN(spans)];

		naive_backends(backends, n, round, 0);
		for (uint32_t i = 0; i < n; i++) {
			uint64_t r = naive_random(&seed);

			/* Mostly light ones among few heavy ones: rounds change their length. */
			backends[i].weight = (uint32_t)(r % 3 == 0 ? r / 8 % span : r / 8 % 3);
		}
		assert_int_equal(maglev_build(table, m, backends, n), 0);
		naive_build(other, m, backends, n);
		if (memcmp(table, other, m * sizeof(*table)) != 0)
			fail_msg("M %u, %u backends, seed %#lx", m, n, began);
	}
}

static uint64_t
digest_of(const uint16_t *anchor, uint32_t m, const struct maglev_backend *b)
{
	uint64_t h = 0;

	for (uint32_t j = 0; j < m; j++)
		h = naive_mix(h ^ b[anchor[j]].key) + 1;
	return h;
}

/* Digests of tables that a Python program made from doc/maglev.md alone. */
static void
test_tables_are_those_of_the_document(void **state)
{
	(void)state;
	naive_backends(backends, 300, 0, 10);
	assert_int_equal(maglev_build(table, 65537, backends, 100), 0);
	assert_true(digest_of(table, 65537, backends) == UINT64_C(0x722835c9521801d1));

	for (uint32_t i = 0; i < 100; i++)
		backends[i].weight = 1 + i * i % 17;
	assert_int_equal(maglev_build(table, 65537, backends, 100), 0);
	assert_true(digest_of(table, 65537, backends) == UINT64_C(0x18d1adf36e788cbb));

	for (uint32_t i = 0; i < 40; i++)
		backends[i].weight = i == 0 ? 65535 : 1;
	assert_int_equal(maglev_build(table, 4099, backends, 40), 0);
	assert_true(digest_of(table, 4099, backends) == UINT64_C(0xea77b851ac50eb70));

	for (uint32_t i = 0; i < 300; i++)
		backends[i].weight = i % 7 * 100;
	assert_int_equal(maglev_build(table, 1021, backends, 300), 0);
	assert_true(digest_of(table, 1021, backends) == UINT64_C(0x8be328b351d8ec27));

	for (uint32_t i = 0; i < 50; i++)
		backends[i].weight = 1 + i % 3;
	assert_int_equal(maglev_build(table, MAGLEV_MAX_SLOTS, backends, 50), 0);
	assert_true(digest_of(table, MAGLEV_MAX_SLOTS, backends) == UINT64_C(0x3422413d03dc124e));
}

/*
 * Products of 20-bit numbers, which wrap in 32 bits. Light backends among heavy ones look so
 * rarely that they want slots of low rank to the end.
 */
static void
test_large_tables_use_64_bit_arithmetic(void **state)
{
	static const uint32_t sizes[] = { 655373, 786433, 786433, MAGLEV_MAX_SLOTS };

	(void)state;
	for (unsigned int set = 0; set < 8; set++) {
		const uint32_t m = sizes[set % ARRAY_LEN(sizes)];

		naive_backends(backends, 31, set, 1);
		backends[1].weight = set < 7 ? MAGLEV_MAX_WEIGHT : 1000;
		assert_int_equal(maglev_build(table, m, backends, 31), 0);
		naive_build(other, m, backends, 31);
		assert_memory_equal(table, other, m * sizeof(*table));
	}
}

static void
test_order_and_indexes_do_not_matter(void **state)
{
	static struct maglev_backend shuffled[100];
	uint64_t seed = 99;

	(void)state;
	naive_backends(backends, 100, 3, 0);
	for (uint32_t i = 0; i < 100; i++)
		backends[i].weight = i % 5;
	assert_int_equal(maglev_build(table, 65537, backends, 100), 0);
	for (unsigned int round = 0; round < 10; round++) {
		memcpy(shuffled, backends, sizeof(shuffled));
		for (uint32_t i = 99; i > 0; i--) {
			uint32_t k = (uint32_t)(naive_random(&seed) % (i + 1));
			struct maglev_backend swap = shuffled[i];

			shuffled[i] = shuffled[k];
			shuffled[k] = swap;
			shuffled[i].index = (uint16_t)naive_random(&seed);
			shuffled[i].factor = (uint32_t)naive_random(&seed);
		}
		assert_int_equal(maglev_build(other, 65537, shuffled, 100), 0);
		for (uint32_t j = 0; j < 65537; j++)
			assert_true(backends[table[j]].key == shuffled[other[j]].key);
	}
}

static int
double_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Slots whose owner is another backend; positions in both tables name the same backend. */
static uint32_t
moved_slots(uint32_t m)
{
	uint32_t moved = 0;

	for (uint32_t j = 0; j < m; j++)
		moved += table[j] != other[j];
	return moved;
}

static void
test_removal_moves_few_slots_of_others(void **state)
{
	const uint32_t m = 65537, n = 100;
	double shares[NB_KEY_SETS], ratios[NB_KEY_SETS];

	(void)state;
	for (uint32_t set = 0; set < NB_KEY_SETS; set++) {
		uint32_t gone = set % n, had = 0, moved;

		naive_backends(backends, n, set, 10);
		assert_int_equal(maglev_build(table, m, backends, n), 0);
		for (uint32_t j = 0; j < m; j++)
			had += table[j] == gone;
		/* Absent and of weight 0 are the same, as the next test shows. */
		backends[gone].weight = 0;
		assert_int_equal(maglev_build(other, m, backends, n), 0);
		moved = moved_slots(m);
		shares[set] = (double)(moved - had) / (m - had);
		ratios[set] = (double)moved / had;
	}
	qsort(shares, NB_KEY_SETS, sizeof(*shares), double_compare);
	qsort(ratios, NB_KEY_SETS, sizeof(*ratios), double_compare);
	print_message("removal: %.3f %% of the others' slots (max %.3f %%), %.2f x minimum\n",
			100 * shares[NB_KEY_SETS / 2], 100 * shares[NB_KEY_SETS - 1],
			ratios[NB_KEY_SETS / 2]);
	assert_true(shares[NB_KEY_SETS / 2] <= 0.0040);
	assert_true(shares[NB_KEY_SETS - 1] <= 0.0050);
	assert_true(ratios[NB_KEY_SETS / 2] <= 1.4);
}

static void
test_weight_change_moves_few_slots(void **state)
{
	const uint32_t m = 65537, n = 100;
	/* Its share shrinks from 10/1000 to 9/999. */
	const double minimum = m * (10.0 / 1000 - 9.0 / 999);
	double ratios[NB_KEY_SETS];

	(void)state;
	for (uint32_t set = 0; set < NB_KEY_SETS; set++) {
		naive_backends(backends, n, set, 10);
		assert_int_equal(maglev_build(table, m, backends, n), 0);
		backends[set % n].weight = 9;
		assert_int_equal(maglev_build(other, m, backends, n), 0);
		ratios[set] = moved_slots(m) / minimum;
	}
	qsort(ratios, NB_KEY_SETS, sizeof(*ratios), double_compare);
	print_message("weight 10 -> 9: %.2f x minimum\n", ratios[NB_KEY_SETS / 2]);
	assert_true(ratios[NB_KEY_SETS / 2] <= 3.0);
}

static void
test_weight_zero_is_as_good_as_absent(void **state)
{
	(void)state;
	naive_backends(backends, 50, 2, 3);
	backends[49].weight = 0;
	assert_int_equal(maglev_build(table, 65537, backends, 50), 0);
	assert_int_equal(maglev_build(other, 65537, backends, 49), 0);
	assert_memory_equal(table, other, 65537 * sizeof(*table));
}

static void
test_only_ratios_of_weights_matter(void **state)
{
	(void)state;
	naive_backends(backends, 50, 2, 0);
	for (uint32_t i = 0; i < 50; i++)
		backends[i].weight = 1 + i % 4;
	assert_int_equal(maglev_build(table, 65537, backends, 50), 0);
	for (uint32_t i = 0; i < 50; i++)
		backends[i].weight *= 999;
	assert_int_equal(maglev_build(other, 65537, backends, 50), 0);
	assert_memory_equal(table, other, 65537 * sizeof(*table));
}

static void
test_nobody_with_weight_means_no_backend(void **state)
{
	(void)state;
	naive_backends(backends, 3, 1, 0);
	for (uint32_t n = 0; n <= 3; n += 3) {
		memset(table, 0, sizeof(table));
		assert_int_equal(maglev_build(table, 251, backends, n), 0);
		for (uint32_t j = 0; j < 251; j++)
			assert_int_equal(table[j], MAGLEV_NO_BACKEND);
	}
	assert_int_equal(maglev_build(table, 251, NULL, 0), 0);
}

static void
test_bad_arguments_are_refused(void **state)
{
	(void)state;
	naive_backends(backends, MAGLEV_MAX_BACKENDS, 1, 1);
	assert_int_equal(maglev_build(table, 250, backends, 3), -EINVAL);
	assert_int_equal(maglev_build(table, 241, backends, 3), -EINVAL);
	assert_int_equal(maglev_build(table, 65536, backends, 3), -EINVAL);
	assert_int_equal(maglev_build(table, 1048583, backends, 3), -EINVAL);
	assert_int_equal(maglev_build(table, 0, backends, 3), -EINVAL);
	assert_int_equal(maglev_build(table, 251, backends, MAGLEV_MAX_BACKENDS + 1), -EINVAL);
	backends[1].weight = MAGLEV_MAX_WEIGHT + 1;
	assert_int_equal(maglev_build(table, 251, backends, 3), -EINVAL);
	backends[1].weight = UINT32_MAX;
	assert_int_equal(maglev_build(table, 251, backends, 3), -EINVAL);
	backends[1].weight = 0;
	backends[1].key = backends[2].key;
	assert_int_equal(maglev_build(table, 251, backends, 3), -EEXIST);
	backends[1].key = 0;
	assert_int_equal(maglev_build(table, 251, backends, 3), 0);
}

static void
test_slots_valid_are_primes_in_range(void **state)
{
	(void)state;
	for (uint32_t m = 0; m < 70000; m++) {
		int prime = m >= MAGLEV_MIN_SLOTS;

		for (uint32_t d = 2; prime && d < m && d <= 300; d++)
			prime = m % d != 0;
		assert_int_equal(maglev_slots_valid(m) != 0, prime);
	}
	assert_true(maglev_slots_valid(655373));
	assert_true(maglev_slots_valid(MAGLEV_MAX_SLOTS));
	assert_false(maglev_slots_valid(1022117)); /* 1009 × 1013 */
	for (uint32_t m = MAGLEV_MAX_SLOTS + 1; m < MAGLEV_MAX_SLOTS + 100; m++)
		assert_false(maglev_slots_valid(m));
	assert_false(maglev_slots_valid(UINT32_MAX));
	assert_false(maglev_slots_valid(4294967291U));
}

static void
test_default_slots_follow_the_list(void **state)
{
	static const uint32_t list[] = { 1021, 1543, 2053, 3079, 4099, 6151, 8209, 12289, 16411,
		24593, 32771, 49157, 65537, 98317, 131101, 196613, 262147, 393241, 524309, 786433,
		1048573 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_LEN(list); i++)
		assert_true(maglev_slots_valid(list[i]));
	assert_int_equal(maglev_default_slots(NULL, 0), 1021);
	naive_backends(backends, MAGLEV_MAX_BACKENDS, 1, 10);
	for (unsigned int i = 0; i + 1 < ARRAY_LEN(list); i++) {
		uint32_t most = list[i] / 100;

		assert_int_equal(maglev_default_slots(backends, most), list[i]);
		assert_int_equal(maglev_default_slots(backends, most + 1), list[i + 1]);
	}
	assert_int_equal(maglev_default_slots(backends, 1), 1021);
	assert_int_equal(maglev_default_slots(backends, 655), 65537);
	assert_int_equal(maglev_default_slots(backends, 656), 98317);
	assert_int_equal(maglev_default_slots(backends, 5243), 524309);
	assert_int_equal(maglev_default_slots(backends, 10000), MAGLEV_MAX_SLOTS);
	assert_int_equal(maglev_default_slots(backends, MAGLEV_MAX_BACKENDS), MAGLEV_MAX_SLOTS);

	/* 50 × ΣW / W_min: 50 × 1310.74 = 65537; a backend of weight 0 counts for nothing. */
	backends[0].weight = 100;
	backends[1].weight = 65535;
	backends[2].weight = 65439;
	backends[3].weight = 0;
	assert_int_equal(maglev_default_slots(backends, 4), 65537);
	backends[2].weight++;
	assert_int_equal(maglev_default_slots(backends, 4), 98317);
	backends[0].weight = 1;
	assert_int_equal(maglev_default_slots(backends, 4), MAGLEV_MAX_SLOTS);
}

static void
test_slot_scales_the_upper_half(void **state)
{
	(void)state;
	assert_int_equal(maglev_slot(0, 65537), 0);
	assert_int_equal(maglev_slot(UINT32_MAX, 65537), 0);
	assert_int_equal(maglev_slot(UINT64_MAX, 65537), 65536);
	assert_int_equal(maglev_slot(UINT64_C(1) << 63, 65537), 32768);
	assert_int_equal(maglev_slot(UINT64_MAX, MAGLEV_MAX_SLOTS), MAGLEV_MAX_SLOTS - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_of_equal_weights),
		cmocka_unit_test(test_shares_of_uneven_weights),
		cmocka_unit_test(test_shares_of_one_heavy_among_10000),
		cmocka_unit_test(test_more_backends_than_slots),
		cmocka_unit_test(test_agrees_with_naive_twin),
		cmocka_unit_test(test_tables_are_those_of_the_document),
		cmocka_unit_test(test_large_tables_use_64_bit_arithmetic),
		cmocka_unit_test(test_order_and_indexes_do_not_matter),
		cmocka_unit_test(test_removal_moves_few_slots_of_others),
		cmocka_unit_test(test_weight_change_moves_few_slots),
		cmocka_unit_test(test_weight_zero_is_as_good_as_absent),
		cmocka_unit_test(test_only_ratios_of_weights_matter),
		cmocka_unit_test(test_nobody_with_weight_means_no_backend),
		cmocka_unit_test(test_bad_arguments_are_refused),
		cmocka_unit_test(test_slots_valid_are_primes_in_range),
		cmocka_unit_test(test_default_slots_follow_the_list),
		cmocka_unit_test(test_slot_scales_the_upper_half),
	};

	return cmocka_run_group_tests_name("hash/maglev", tests, NULL, NULL);
}
