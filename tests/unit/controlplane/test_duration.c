/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"

#include "controlplane/daemon/duration.h"

static void
test_durations_go_there_and_back(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} cases[] = { { "0s", 0 }, { "1s", 1 }, { "90s", 90 }, { "2m", 120 }, { "1h", 3600 },
		{ "36h", 129600 }, { "7d", 604800 }, { "4294967295s", UINT32_MAX } };
	char buf[DURATION_STRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t seconds;

		assert_int_equal(duration_parse(cases[i].text, &seconds), 0);
		assert_int_equal(seconds, cases[i].seconds);
		assert_string_equal(duration_format(seconds, buf), cases[i].text);
	}
}

static void
test_what_is_no_duration_is_refused(void **state)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = { { "", -EINVAL }, { "s", -EINVAL }, { "30", -EINVAL }, { "30 s", -EINVAL },
		{ "-1s", -EINVAL }, { "1.5s", -EINVAL }, { "1w", -EINVAL }, { "1ms", -EINVAL },
		{ "4294967296s", -ERANGE }, { "49711d", -ERANGE },
		{ "99999999999999999999999s", -ERANGE } };
	uint32_t seconds;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(duration_parse(cases[i].text, &seconds), cases[i].error);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations_go_there_and_back),
		cmocka_unit_test(test_what_is_no_duration_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
