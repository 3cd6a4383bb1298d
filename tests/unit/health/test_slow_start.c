/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "controlplane/health/slow_start.h"

static void
test_it_grows_evenly_from_the_first_share_to_all(void **state)
{
	static const uint32_t lengths[] = { SLOW_START_MIN_MS, 7777, 60000, SLOW_START_MAX_MS };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		uint64_t begin = 123456789, now = begin;
		uint32_t length = lengths[i], last = 0, nb_steps = 0;

		while (now < begin + length) {
			uint32_t factor = slow_start_factor(length, begin, now);
			uint64_t ideal = SLOW_START_FIRST +
					(uint64_t)(BACKEND_FACTOR_ONE - SLOW_START_FIRST) *
							(now - begin) / length;

			assert_true(factor >= SLOW_START_FIRST && factor < BACKEND_FACTOR_ONE);
			assert_true(factor >= last && factor <= ideal);
			/* Never more than two steps behind. */
			assert_true(ideal - factor <= 2 * SLOW_START_FIRST);
			last = factor;
			now = slow_start_next_ms(length, now);
			nb_steps++;
		}
		assert_int_equal(slow_start_factor(length, begin, begin), SLOW_START_FIRST);
		assert_int_equal(slow_start_factor(length, begin, begin + length),
				BACKEND_FACTOR_ONE);
		assert_in_range(nb_steps, SLOW_START_STEPS, SLOW_START_STEPS + 2);
	}
}

static void
test_between_steps_nothing_changes_and_all_step_at_once(void **state)
{
	uint64_t begin = 10007, other = 10031, step, next = 0;

	(void)state;
	for (uint64_t now = 10050; now < 11000; now = next) {
		next = slow_start_next_ms(SLOW_START_MIN_MS, now);
		step = next - now;
		assert_in_range(step, 1, SLOW_START_MIN_MS / SLOW_START_STEPS);
		assert_int_equal(slow_start_factor(SLOW_START_MIN_MS, begin, now),
				slow_start_factor(SLOW_START_MIN_MS, begin, next - 1));
		assert_int_equal(slow_start_factor(SLOW_START_MIN_MS, other, now),
				slow_start_factor(SLOW_START_MIN_MS, other, next - 1));
	}
}

static void
test_without_length_there_is_none(void **state)
{
	(void)state;
	assert_int_equal(slow_start_factor(0, 5, 5), BACKEND_FACTOR_ONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_grows_evenly_from_the_first_share_to_all),
		cmocka_unit_test(test_between_steps_nothing_changes_and_all_step_at_once),
		cmocka_unit_test(test_without_length_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
