/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controlplane/health/verdict.h"

static void
test_what_was_never_judged_is_up_by_one_and_down_by_fall(void **state)
{
	struct verdict v;

	(void)state;
	verdict_init(&v);
	assert_true(verdict_in_doubt(&v));
	assert_true(verdict_note(&v, 5, 3, true));
	assert_int_equal(v.health, HEALTH_UP);

	verdict_init(&v);
	assert_false(verdict_note(&v, 5, 3, false));
	assert_false(verdict_note(&v, 5, 3, false));
	assert_int_equal(v.health, HEALTH_UNKNOWN);
	assert_true(verdict_note(&v, 5, 3, false));
	assert_int_equal(v.health, HEALTH_DOWN);
}

/** Against a twin that keeps the whole history and looks at its end. */
static void
test_against_the_history(void **state)
{
	enum {
		NB = 4000
	};
	static bool history[NB];

	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 50; round++) {
		uint16_t rise = (uint16_t)(1 + rand() % 5), fall = (uint16_t)(1 + rand() % 5);
		uint8_t health = HEALTH_UNKNOWN;
		struct verdict v;

		verdict_init(&v);
		for (int i = 0; i < NB; i++) {
			int run = 0;
			uint8_t before = health;

			history[i] = rand() % 3 != 0;
			for (int j = i; j >= 0 && history[j] == history[i]; j--)
				run++;
			if (history[i] && (run >= rise || health == HEALTH_UNKNOWN))
				health = HEALTH_UP;
			if (!history[i] && run >= fall)
				health = HEALTH_DOWN;
			assert_int_equal(
					verdict_note(&v, rise, fall, history[i]), before != health);
			assert_int_equal(v.health, health);
			assert_int_equal(verdict_in_doubt(&v),
					health == HEALTH_UNKNOWN ||
							history[i] != (health == HEALTH_UP));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_never_judged_is_up_by_one_and_down_by_fall),
		cmocka_unit_test(test_against_the_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
