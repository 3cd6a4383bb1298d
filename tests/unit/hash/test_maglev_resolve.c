/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "hash/maglev.h"
#include "maglev_naive.h"

#define M 65537U
#define N 100U

static uint16_t anchor[MAGLEV_MAX_SLOTS], before[MAGLEV_MAX_SLOTS], after[MAGLEV_MAX_SLOTS];
static struct maglev_backend backends[10000];
static uint32_t counts[1 + UINT16_MAX];

static void
make(uint32_t n, uint64_t set, uint32_t weight)
{
	naive_backends(backends, n, set, weight);
	assert_int_equal(maglev_build(anchor, M, backends, n), 0);
	maglev_resolve(before, anchor, M, backends, n);
}

static void
count(const uint16_t *slots)
{
	memset(counts, 0, sizeof(counts));
	for (uint32_t j = 0; j < M; j++)
		counts[slots[j]]++;
}

/* Between before and after only slots of @p index moved: away from it or to it. */
static void
assert_moved_only(uint32_t m, uint16_t index, int away)
{
	for (uint32_t j = 0; j < m; j++)
		if (before[j] != after[j])
			assert_int_equal((away ? before : after)[j], index);
}

static void
test_all_factors_one_give_the_anchor(void **state)
{
	(void)state;
	make(N, 1, 10);
	for (uint32_t j = 0; j < M; j++)
		assert_int_equal(before[j], backends[anchor[j]].index);
}

static void
test_agrees_with_naive_twin(void **state)
{
	static const uint32_t sizes[] = { 251, 1021, 4099 };
	/* Down or not; anything; tiny; very tiny, so that doublings and rendezvous decide. */
	static const uint32_t spans[] = { 2, 65537, 700, 3 };
	uint64_t seed = 20261125;

	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		uint64_t began = seed;
		uint32_t m = sizes[naive_random(&seed) % ARRAY_LEN(sizes)];
		uint32_t n = 1 + (uint32_t)(naive_random(&seed) % (round % 5 ? 30 : 400));
		uint32_t span = spans[naive_random(&seed) % ARRAY_LEN(spans)];
		uint32_t dead = (uint32_t)(naive_random(&seed) % 100);

		naive_backends(backends, n, round, 0);
		for (uint32_t i = 0; i < n; i++) {
			backends[i].weight =
					(uint32_t)(naive_random(&seed) % (round % 3 ? 4 : 60000));
			backends[i].factor = (uint32_t)(naive_random(&seed) % span);
			if (span == 2)
				backends[i].factor *= MAGLEV_FACTOR_ONE;
			if (naive_random(&seed) % 100 < dead)
				backends[i].factor = 0;
		}
		assert_int_equal(maglev_build(anchor, m, backends, n), 0);
		maglev_resolve(after, anchor, m, backends, n);
		naive_resolve(before, anchor, m, backends, n);
		if (memcmp(before, after, m * sizeof(*after)) != 0)
			fail_msg("M %u, %u backends, seed %#lx", m, n, began);
	}
}

/* Another factor for some of the backends; what they had is factor_before. */
static void
factors_change(uint32_t n, uint64_t *seed)
{
	/* Down or up; anything; tiny, so that doublings and rendezvous decide. */
	static const uint32_t steps[] = { MAGLEV_FACTOR_ONE, 1, 1, 700 };
	uint32_t step = steps[naive_random(seed) % ARRAY_LEN(steps)];
	uint32_t span = step == 700 ? 3 : MAGLEV_FACTOR_ONE / step + 1;
	uint32_t one_in = 1 + (uint32_t)(naive_random(seed) % n);
	bool all_down = naive_random(seed) % 10 == 0;

	for (uint32_t i = 0; i < n; i++) {
		backends[i].factor_before = backends[i].factor;
		if (all_down)
			backends[i].factor = 0;
		else if (naive_random(seed) % one_in == 0)
			backends[i].factor = (uint32_t)(naive_random(seed) % span) *
					(step == 700 ? 1 : step);
	}
}

static void
test_any_sequence_of_changes_gives_the_table_of_the_last_factors(void **state)
{
	static const uint32_t sizes[] = { 251, 1021, 4099 };
	uint64_t seed = 20261127;

	(void)state;
	for (unsigned int round = 0; round < 60; round++) {
		uint32_t m = sizes[naive_random(&seed) % ARRAY_LEN(sizes)];
		uint32_t n = 1 + (uint32_t)(naive_random(&seed) % (round % 5 ? 30 : 400));

		naive_backends(backends, n, round, 0);
		for (uint32_t i = 0; i < n; i++) {
			backends[i].weight = (uint32_t)(naive_random(&seed) % (round % 10 + 1));
			backends[i].factor = MAGLEV_FACTOR_ONE;
		}
		assert_int_equal(maglev_build(anchor, m, backends, n), 0);
		maglev_resolve(after, anchor, m, backends, n);
		for (unsigned int i = 0; i < 40; i++) {
			uint64_t began = seed;

			factors_change(n, &seed);
			maglev_resolve_change(after, anchor, m, backends, n);
			maglev_resolve(before, anchor, m, backends, n);
			if (memcmp(before, after, m * sizeof(*after)) != 0)
				fail_msg("M %u, %u backends, change %u, seed %#lx", m, n, i, began);
		}
	}
}

/* So light that they own next to nothing, and all others are down. */
static void
test_rendezvous_agrees_with_naive_twin(void **state)
{
	static const uint32_t sizes[] = { 3, 64, 65, 66, 300 };
	const uint32_t m = 4099;

	(void)state;
	for (unsigned int i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t n = sizes[i];

		naive_backends(backends, n, i, 1);
		backends[n / 2].weight = MAGLEV_MAX_WEIGHT;
		for (uint32_t k = 0; k < n; k += 3)
			backends[k].factor /= 1 + k;
		backends[n / 2].factor = 0;
		assert_int_equal(maglev_build(anchor, m, backends, n), 0);
		maglev_resolve(after, anchor, m, backends, n);
		naive_resolve(before, anchor, m, backends, n);
		assert_memory_equal(before, after, m * sizeof(*after));
	}
}

static uint64_t
digest_of(const uint16_t *slots, uint32_t m, const struct maglev_backend *b)
{
	uint64_t h = 0;

	for (uint32_t j = 0; j < m; j++)
		h = naive_mix(h ^ b[slots[j] - 1000].key) + 1;
	return h;
}

/* Digests of tables that a Python program made from doc/maglev.md alone. */
static void
test_tables_are_those_of_the_document(void **state)
{
	(void)state;
	naive_backends(backends, 300, 0, 0);
	for (uint32_t i = 0; i < 100; i++) {
		backends[i].weight = 1 + i * i % 17;
		backends[i].factor = i * 9973 % 65537;
	}
	assert_int_equal(maglev_build(anchor, M, backends, 100), 0);
	maglev_resolve(after, anchor, M, backends, 100);
	assert_true(digest_of(after, M, backends) == UINT64_C(0x9d00ae0bfcc56467));

	/* The one heavy backend is down, so most slots are left to the rendezvous. */
	for (uint32_t i = 0; i < 40; i++) {
		backends[i].weight = i == 0 ? 65535 : 1;
		backends[i].factor = i == 0 ? 0 : MAGLEV_FACTOR_ONE;
	}
	assert_int_equal(maglev_build(anchor, 4099, backends, 40), 0);
	maglev_resolve(after, anchor, 4099, backends, 40);
	assert_true(digest_of(after, 4099, backends) == UINT64_C(0x3ff14d2efc54992e));

	for (uint32_t i = 0; i < 300; i++) {
		backends[i].weight = i % 7 * 100;
		backends[i].factor = 1 + i % 5;
	}
	assert_int_equal(maglev_build(anchor, 1021, backends, 300), 0);
	maglev_resolve(after, anchor, 1021, backends, 300);
	assert_true(digest_of(after, 1021, backends) == UINT64_C(0x398ac116fe25f7c0));

	for (uint32_t i = 0; i < 50; i++) {
		backends[i].weight = 1 + i % 3;
		backends[i].factor = MAGLEV_FACTOR_ONE - i * 1000;
	}
	assert_int_equal(maglev_build(anchor, MAGLEV_MAX_SLOTS, backends, 50), 0);
	maglev_resolve(after, anchor, MAGLEV_MAX_SLOTS, backends, 50);
	assert_true(digest_of(after, MAGLEV_MAX_SLOTS, backends) == UINT64_C(0x3cbac2bef81b712d));
}

static void
test_backend_down_moves_no_slot_of_others_and_returns(void **state)
{
	(void)state;
	for (uint32_t set = 0; set < 10; set++) {
		uint32_t down = set * 7;

		make(N, set, 10);
		backends[down].factor = 0;
		maglev_resolve(after, anchor, M, backends, N);
		assert_moved_only(M, backends[down].index, 1);
		count(after);
		assert_int_equal(counts[backends[down].index], 0);

		backends[down].factor = MAGLEV_FACTOR_ONE;
		maglev_resolve(after, anchor, M, backends, N);
		assert_memory_equal(before, after, M * sizeof(*after));
	}
}

static void
test_fading_out_moves_only_its_slots_in_proportion(void **state)
{
	static const double factors[] = { 1, .75, .5, .1, 0 };

	(void)state;
	make(N, 4, 10);
	for (unsigned int i = 1; i < ARRAY_LEN(factors); i++) {
		double expected = factors[i] * M / (N - 1 + factors[i]);

		backends[42].factor = (uint32_t)(factors[i] * MAGLEV_FACTOR_ONE);
		maglev_resolve(after, anchor, M, backends, N);
		assert_moved_only(M, backends[42].index, 1);
		count(after);
		/* Within five standard deviations. */
		assert_true(counts[backends[42].index] <= expected + 5 * 26);
		assert_true(counts[backends[42].index] >= expected - 5 * 26);
		memcpy(before, after, sizeof(before));
	}
	/* And back. */
	for (unsigned int i = ARRAY_LEN(factors) - 1; i-- > 0;) {
		backends[42].factor = (uint32_t)(factors[i] * MAGLEV_FACTOR_ONE);
		maglev_resolve(after, anchor, M, backends, N);
		assert_moved_only(M, backends[42].index, 0);
		memcpy(before, after, sizeof(before));
	}
	for (uint32_t j = 0; j < M; j++)
		assert_int_equal(before[j], backends[anchor[j]].index);
}

/* Whatever the others' factors: also where doublings or the rendezvous decide. */
static void
test_any_factor_change_moves_only_slots_of_its_backend(void **state)
{
	static const uint32_t spans[] = { 65537, 1000, 50, 2 };
	const uint32_t m = 1021;
	uint64_t seed = 1;

	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		uint32_t n = 2 + (uint32_t)(naive_random(&seed) % 150);
		uint32_t span = spans[round % ARRAY_LEN(spans)];
		uint32_t i = (uint32_t)(naive_random(&seed) % n), was;

		naive_backends(backends, n, round, 0);
		for (uint32_t k = 0; k < n; k++) {
			backends[k].weight = 1 + (uint32_t)(naive_random(&seed) % 1000);
			backends[k].factor = (uint32_t)(naive_random(&seed) % span);
			if (round % 2 && k % 16 != 0)
				backends[k].factor = 0;
		}
		assert_int_equal(maglev_build(anchor, m, backends, n), 0);
		maglev_resolve(before, anchor, m, backends, n);
		was = backends[i].factor;
		backends[i].factor = (uint32_t)(naive_random(&seed) % 65537);
		if (naive_random(&seed) % 4 == 0)
			backends[i].factor = 0;
		maglev_resolve(after, anchor, m, backends, n);
		for (uint32_t j = 0; j < m; j++)
			if (before[j] != after[j] && before[j] != MAGLEV_NO_BACKEND &&
					after[j] != MAGLEV_NO_BACKEND)
				assert_int_equal(backends[i].factor < was ? before[j] : after[j],
						backends[i].index);
		backends[i].factor = was;
		maglev_resolve(after, anchor, m, backends, n);
		assert_memory_equal(before, after, m * sizeof(*after));
	}
}

static double
max_over_mean(uint32_t nb_down)
{
	uint32_t max = 0;

	make(N, 9, 10);
	for (uint32_t i = 0; i < nb_down; i++)
		backends[i * 4].factor = 0;
	maglev_resolve(after, anchor, M, backends, N);
	count(after);
	for (uint32_t i = 0; i < N; i++)
		if (counts[backends[i].index] > max)
			max = counts[backends[i].index];
	return max * (double)(N - nb_down) / M;
}

static void
test_load_of_those_down_spreads_evenly(void **state)
{
	double one = max_over_mean(1), twenty = max_over_mean(20);

	(void)state;
	print_message("max/mean: %.4f with one down, %.4f with twenty down\n", one, twenty);
	assert_true(one <= 1.016);
	assert_true(twenty <= 1.05);
}

/* Every backend's share is weight × factor / Σ, within five standard deviations. */
static void
assert_proportional(uint32_t n)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += (double)backends[i].weight * backends[i].factor;
	count(after);
	for (uint32_t i = 0; i < n; i++) {
		double expected = (double)backends[i].weight * backends[i].factor * M / sum;
		double off = counts[backends[i].index] - expected;

		if (off * off > 25 * (expected + 1))
			fail_msg("backend %u of %u: %u slots, not %.1f", i, n,
					counts[backends[i].index], expected);
	}
}

static void
test_shares_are_proportional_to_factors(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 10, 100, 1000 };

	(void)state;
	for (unsigned int i = 0; i < ARRAY_LEN(sizes); i++) {
		uint32_t n = sizes[i];

		naive_backends(backends, n, i, 0);
		for (uint32_t k = 0; k < n; k++) {
			backends[k].weight = 1 + k % 3;
			backends[k].factor = MAGLEV_FACTOR_ONE / (1 + k % 5);
		}
		assert_int_equal(maglev_build(anchor, M, backends, n), 0);
		maglev_resolve(after, anchor, M, backends, n);
		assert_proportional(n);

		/* All starting slowly: one in a hundred is accepted. */
		for (uint32_t k = 0; k < n; k++)
			backends[k].factor /= 100;
		maglev_resolve(after, anchor, M, backends, n);
		assert_proportional(n);
	}
}

static void
test_two_survivors_of_a_thousand_share_by_weight(void **state)
{
	(void)state;
	naive_backends(backends, 1000, 12, 10);
	backends[5].weight = 30;
	assert_int_equal(maglev_build(anchor, M, backends, 1000), 0);
	for (uint32_t i = 0; i < 1000; i++)
		backends[i].factor = i == 5 || i == 900 ? MAGLEV_FACTOR_ONE : 0;
	maglev_resolve(after, anchor, M, backends, 1000);
	count(after);
	assert_int_equal(counts[backends[5].index] + counts[backends[900].index], M);
	assert_true(counts[backends[5].index] > M * 0.73);
	assert_true(counts[backends[5].index] < M * 0.77);
}

static void
test_last_one_gets_everything(void **state)
{
	(void)state;
	make(N, 3, 10);
	for (uint32_t factor = 1; factor <= MAGLEV_FACTOR_ONE; factor *= 256) {
		for (uint32_t i = 0; i < N; i++)
			backends[i].factor = i == 17 ? factor : 0;
		maglev_resolve(after, anchor, M, backends, N);
		count(after);
		assert_int_equal(counts[backends[17].index], M);
	}
}

static void
test_all_factors_zero_mean_no_backend(void **state)
{
	(void)state;
	make(N, 3, 10);
	for (uint32_t i = 0; i < N; i++)
		backends[i].factor = 0;
	/* A factor without a weight is nothing. */
	backends[N].weight = 0;
	backends[N].factor = MAGLEV_FACTOR_ONE;
	backends[N].key = 1;
	maglev_resolve(after, anchor, M, backends, N + 1);
	count(after);
	assert_int_equal(counts[MAGLEV_NO_BACKEND], M);

	assert_int_equal(maglev_build(anchor, M, NULL, 0), 0);
	maglev_resolve(after, anchor, M, NULL, 0);
	count(after);
	assert_int_equal(counts[MAGLEV_NO_BACKEND], M);
}

static void
test_order_and_indexes_do_not_matter(void **state)
{
	static struct maglev_backend reversed[N];

	(void)state;
	naive_backends(backends, N, 6, 10);
	for (uint32_t i = 0; i < N; i++)
		backends[i].factor = i % 3 == 0 ? 0 : i * 400;
	assert_int_equal(maglev_build(anchor, M, backends, N), 0);
	maglev_resolve(before, anchor, M, backends, N);
	for (uint32_t i = 0; i < N; i++) {
		reversed[i] = backends[N - 1 - i];
		reversed[i].index = (uint16_t)i;
	}
	assert_int_equal(maglev_build(anchor, M, reversed, N), 0);
	maglev_resolve(after, anchor, M, reversed, N);
	for (uint32_t j = 0; j < M; j++)
		assert_true(backends[before[j] - 1000].key == reversed[after[j]].key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_factors_one_give_the_anchor),
		cmocka_unit_test(test_agrees_with_naive_twin),
		cmocka_unit_test(test_any_sequence_of_changes_gives_the_table_of_the_last_factors),
		cmocka_unit_test(test_rendezvous_agrees_with_naive_twin),
		cmocka_unit_test(test_tables_are_those_of_the_document),
		cmocka_unit_test(test_backend_down_moves_no_slot_of_others_and_returns),
		cmocka_unit_test(test_fading_out_moves_only_its_slots_in_proportion),
		cmocka_unit_test(test_any_factor_change_moves_only_slots_of_its_backend),
		cmocka_unit_test(test_load_of_those_down_spreads_evenly),
		cmocka_unit_test(test_shares_are_proportional_to_factors),
		cmocka_unit_test(test_two_survivors_of_a_thousand_share_by_weight),
		cmocka_unit_test(test_last_one_gets_everything),
		cmocka_unit_test(test_all_factors_zero_mean_no_backend),
		cmocka_unit_test(test_order_and_indexes_do_not_matter),
	};

	return cmocka_run_group_tests_name("hash/maglev_resolve", tests, NULL, NULL);
}
