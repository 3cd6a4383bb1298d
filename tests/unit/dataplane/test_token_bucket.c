/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/token_bucket.h"
#include "random.h"

static unsigned int
take_all(struct token_bucket *b, uint64_t now_us)
{
	unsigned int n = 0;

	while (token_bucket_take(b, now_us))
		n++;
	return n;
}

static void
test_a_rested_bucket_gives_its_burst_and_no_more(void **state)
{
	struct token_bucket b;

	(void)state;
	token_bucket_init(&b, 1000, 50, 77);
	assert_int_equal(take_all(&b, 77), 50);
	assert_int_equal(take_all(&b, 77 + 1000), 1);
	assert_int_equal(take_all(&b, 77 + 3600 * UINT64_C(1000000)), 50);
	assert_int_equal(take_all(&b, UINT64_MAX), 50);
}

static void
test_time_that_goes_back_gives_nothing(void **state)
{
	struct token_bucket b;

	(void)state;
	token_bucket_init(&b, 1000000, 1, 5000);
	assert_true(token_bucket_take(&b, 5000));
	assert_false(token_bucket_take(&b, 0));
	assert_false(token_bucket_take(&b, 5000));
	assert_true(token_bucket_take(&b, 5001));
}

static void
test_extreme_rates_do_not_overflow(void **state)
{
	struct token_bucket b;

	(void)state;
	token_bucket_init(&b, UINT32_MAX, 3, 0);
	assert_int_equal(take_all(&b, 0), 3);
	assert_int_equal(take_all(&b, UINT64_MAX / 2), 3);
	token_bucket_init(&b, 1, UINT32_MAX, 0);
	for (int i = 0; i < 10; i++)
		assert_true(token_bucket_take(&b, 0));
	assert_true(token_bucket_take(&b, UINT64_MAX));
}

/* Naive twin: the level in millionths, filled microsecond by microsecond. */
static void
test_no_token_is_lost_or_invented_however_often_it_is_asked(void **state)
{
	(void)state;
	seed_random("token_bucket");
	for (int round = 0; round < 50; round++) {
		uint32_t rate = 1 + random_below(2000000), burst = 1 + random_below(100);
		uint64_t now = random_u64() >> 20, level = burst * UINT64_C(1000000);
		struct token_bucket b;

		token_bucket_init(&b, rate, burst, now);
		for (int step = 0; step < 2000; step++) {
			uint32_t rest = random_below(40);

			for (uint32_t us = 0; us < rest; us++) {
				level += rate;
				if (level > burst * UINT64_C(1000000))
					level = burst * UINT64_C(1000000);
			}
			now += rest;
			/* Mostly rest, seldom take, and now and then drain it. */
			if (random_below(3) != 0)
				continue;
			for (uint32_t takes = random_below(4) == 0 ? burst + 1 : 1; takes > 0;
					takes--) {
				assert_int_equal(token_bucket_take(&b, now), level >= 1000000);
				if (level >= 1000000)
					level -= 1000000;
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_rested_bucket_gives_its_burst_and_no_more),
		cmocka_unit_test(test_time_that_goes_back_gives_nothing),
		cmocka_unit_test(test_extreme_rates_do_not_overflow),
		cmocka_unit_test(test_no_token_is_lost_or_invented_however_often_it_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
