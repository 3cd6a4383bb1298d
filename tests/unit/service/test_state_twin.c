/* SPDX-License-Identifier: BSD-3-Clause */
#include "twin.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NB_STEPS 4000

static struct twin twin;
static uint32_t nb_finished, nb_refused;

static uint32_t
seed_choose(void)
{
	const char *text = getenv("TEST_SEED");
	uint32_t seed = text != NULL ? (uint32_t)strtoul(text, NULL, 0) : (uint32_t)time(NULL);

	printf("TEST_SEED=%u\n", seed);
	return seed;
}

static void
quarantine_or_routes(struct twin *t)
{
	switch (twin_random(t, 3)) {
	case 0:
		twin_quarantine_begin(t);
		break;
	case 1:
		assert_int_equal(
				twin_quarantine_end(t,
						t->open_batch - 1 -
								twin_random(t,
										t->open_batch < 3
												? (uint32_t)t->open_batch
												: 3)),
				CONF_OK);
		twin_check(t);
		break;
	default:
		twin_routes_change(t);
		assert_int_equal(twin_reroute(t), CONF_OK);
		twin_check(t);
		break;
	}
}

static void
random_transaction(struct twin *t)
{
	bool replace_all = twin_random(t, 6) == 0;
	uint32_t nb_changes = twin_random(t, 8);

	assert_true(twin_begin(t, replace_all));
	if (replace_all)
		assert_int_equal(twin_mention(t, twin_random(t, 3) == 0 ? 100 : 90), CONF_OK);
	for (uint32_t i = 0; i < nb_changes; i++) {
		twin_random_change(t);
		/* The end of a quarantine may come at any time before the commit. */
		if (twin_random(t, 40) == 0)
			quarantine_or_routes(t);
	}
	if (twin_random(t, 10) == 0) {
		twin_abort(t);
	} else if (twin_prepare(t) != CONF_OK) {
		nb_refused++;
		twin_abort(t);
	} else if (twin_random(t, 10) == 0) {
		twin_abort(t);
	} else {
		nb_finished++;
		twin_finish(t);
	}
	twin_check(t);
}

static void
test_random_transactions_give_what_a_naive_twin_gives(void **state)
{
	(void)state;
	twin_init(&twin, seed_choose());
	assert_true(twin_create(&twin));
	twin_check(&twin);
	for (uint32_t i = 0; i < NB_STEPS; i++) {
		if (twin_random(&twin, 4) == 0)
			quarantine_or_routes(&twin);
		else
			random_transaction(&twin);
	}
	twin_fini(&twin);
	printf("%u transactions finished, %u refused\n", nb_finished, nb_refused);
	assert_true(nb_finished > NB_STEPS / 4);
	assert_true(nb_refused > NB_STEPS / 100);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_transactions_give_what_a_naive_twin_gives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
