/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/drop.h"

static void
test_every_reason_has_a_distinct_metric_name_and_a_meaning(void **state)
{
	(void)state;
	for (int i = 0; i < NB_DROP_REASONS; i++) {
		const char *name = drop_reason_name((enum drop_reason)i);

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
				strlen(name));
		assert_true(strlen(drop_reason_meaning((enum drop_reason)i)) > 5);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(name, drop_reason_name((enum drop_reason)j));
	}
}

static void
test_an_unknown_number_has_a_name_too(void **state)
{
	(void)state;
	assert_string_equal(drop_reason_name((enum drop_reason)NB_DROP_REASONS), "none");
	assert_string_equal(drop_reason_name((enum drop_reason) - 1), "none");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason_has_a_distinct_metric_name_and_a_meaning),
		cmocka_unit_test(test_an_unknown_number_has_a_name_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
