/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/health/status_set.h"

static void
test_a_set_has_what_was_added_and_nothing_else(void **state)
{
	bool has[STATUS_MAX + 2] = { false };
	struct status_set set = { .bits = { 0 } };

	(void)state;
	srand(7);
	for (unsigned int round = 0; round < 40; round++) {
		unsigned int min = STATUS_MIN + (unsigned int)rand() % 500,
			     max = min + (unsigned int)rand() % 8;

		max = max < STATUS_MAX ? max : STATUS_MAX;
		status_set_add(&set, min, max);
		for (unsigned int i = min; i <= max; i++)
			has[i] = true;
		for (long i = 0; i <= STATUS_MAX + 1; i++)
			assert_int_equal(status_set_has(&set, i), has[i]);
	}
	assert_false(status_set_has(&set, -1));
	assert_false(status_set_has(&set, 0));
	assert_false(status_set_has(&set, 100000));
}

static void
test_a_set_reads_as_its_ranges(void **state)
{
	struct status_set set = { .bits = { 0 } };
	char text[STATUS_SET_STRLEN];

	(void)state;
	assert_string_equal(status_set_format(&set, text), "");
	status_set_add(&set, 301, 302);
	status_set_add(&set, 200, 200);
	status_set_add(&set, 204, 204);
	assert_string_equal(status_set_format(&set, text), "200,204,301-302");
	status_set_add(&set, 201, 203);
	assert_string_equal(status_set_format(&set, text), "200-204,301-302");
	status_set_add(&set, STATUS_MIN, STATUS_MAX);
	assert_string_equal(status_set_format(&set, text), "100-599");
}

static void
test_the_longest_text_fits(void **state)
{
	struct status_set set = { .bits = { 0 } };
	char text[STATUS_SET_STRLEN];

	(void)state;
	for (unsigned int i = STATUS_MIN; i < STATUS_MAX; i += 3)
		status_set_add(&set, i, i + 1);
	status_set_format(&set, text);
	assert_true(strlen(text) < sizeof(text));
	assert_string_equal(text + strlen(text) - 7, "598-599");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_set_has_what_was_added_and_nothing_else),
		cmocka_unit_test(test_a_set_reads_as_its_ranges),
		cmocka_unit_test(test_the_longest_text_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
