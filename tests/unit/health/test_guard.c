/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controlplane/health/guard.h"

#define NB 10

static struct guard guard;
static struct guard_conf conf;
static struct guard_member members[NB];

static int
setup(void **state)
{
	(void)state;
	guard_init(&guard);
	conf = (struct guard_conf){ .min_healthy = { .value = 1 },
		.max_leave = { .value = 100, .percent = true },
		.leave_interval_ms = 10000,
		.hold_down_ms = 1000,
		.max_hold_down_ms = 8000 };
	for (unsigned int i = 0; i < NB; i++) {
		guard_member_init(&members[i]);
		members[i].observed = HEALTH_UP;
	}
	guard_update(&guard, &conf, members, NB, 1);
	return 0;
}

static unsigned int
nb_effective(uint8_t health)
{
	unsigned int nb = 0;

	for (unsigned int i = 0; i < NB; i++)
		nb += members[i].effective == health;
	return nb;
}

static void
observe(unsigned int first, unsigned int nb, uint8_t health)
{
	for (unsigned int i = first; i < first + nb; i++)
		members[i].observed = health;
}

static void
test_shares_are_rounded_up(void **state)
{
	struct guard_limit half = { .value = 50, .percent = true }, three = { .value = 3 };

	(void)state;
	assert_int_equal(guard_limit_of(&half, 0), 0);
	assert_int_equal(guard_limit_of(&half, 1), 1);
	assert_int_equal(guard_limit_of(&half, 9), 5);
	assert_int_equal(guard_limit_of(&half, 10), 5);
	assert_int_equal(guard_limit_of(&three, 1), 3);
}

static void
test_who_is_drained_is_not_healthy_but_not_down(void **state)
{
	(void)state;
	conf.min_healthy = (struct guard_limit){ .value = 50, .percent = true };
	for (unsigned int i = 0; i < 5; i++)
		members[i].drained = true;
	assert_false(guard_update(&guard, &conf, members, NB, 100));
	assert_int_equal(guard.nb_up, 5);
	assert_int_equal(nb_effective(HEALTH_UP), NB);
	members[5].drained = true;
	assert_true(guard_update(&guard, &conf, members, NB, 200));
	assert_true(guard.fail_open);
	assert_int_equal(nb_effective(HEALTH_UP), NB);
	members[5].drained = false;
	assert_true(guard_update(&guard, &conf, members, NB, 300));
	assert_false(guard.fail_open);
}

static void
test_too_few_healthy_fail_open_and_close_again(void **state)
{
	(void)state;
	conf.min_healthy = (struct guard_limit){ .value = 50, .percent = true };
	observe(0, 5, HEALTH_DOWN);
	assert_true(guard_update(&guard, &conf, members, NB, 100));
	assert_false(guard.fail_open);
	assert_int_equal(nb_effective(HEALTH_DOWN), 5);

	observe(5, 1, HEALTH_DOWN);
	assert_true(guard_update(&guard, &conf, members, NB, 200));
	assert_true(guard.fail_open);
	assert_int_equal(nb_effective(HEALTH_DOWN), 0);
	assert_false(guard_update(&guard, &conf, members, NB, 201));

	observe(5, 1, HEALTH_UP);
	assert_true(guard_update(&guard, &conf, members, NB, 300));
	assert_false(guard.fail_open);
	assert_int_equal(nb_effective(HEALTH_DOWN), 5);
	assert_int_equal(members[5].effective, HEALTH_UP);
}

static void
test_fail_open_ends_when_the_others_had_their_chance_too(void **state)
{
	(void)state;
	conf.settle_ms = 500;
	observe(0, NB, HEALTH_DOWN);
	assert_true(guard_update(&guard, &conf, members, NB, 100));
	assert_true(guard.fail_open);
	assert_int_equal(guard.again_ms, 0);

	observe(0, 1, HEALTH_UP);
	guard_update(&guard, &conf, members, NB, 1000);
	assert_true(guard.fail_open);
	assert_int_equal(guard.again_ms, 1500);
	observe(1, 3, HEALTH_UP);
	guard_update(&guard, &conf, members, NB, 1499);
	assert_true(guard.fail_open);
	assert_int_equal(guard.again_ms, 1500);
	assert_int_equal(nb_effective(HEALTH_DOWN), 0);
	assert_true(guard_update(&guard, &conf, members, NB, 1500));
	assert_false(guard.fail_open);
	assert_int_equal(guard.again_ms, 0);
	assert_int_equal(nb_effective(HEALTH_DOWN), NB - 4);
	observe(4, 1, HEALTH_UP);
	observe(0, 1, HEALTH_DOWN);
	guard_update(&guard, &conf, members, NB, 1501); /* It has closed for good. */
	assert_false(guard.fail_open);
}

static void
test_fail_open_ends_at_once_when_none_is_down(void **state)
{
	(void)state;
	conf.settle_ms = 500;
	observe(0, NB, HEALTH_DOWN);
	guard_update(&guard, &conf, members, NB, 100);
	observe(0, NB - 1, HEALTH_UP);
	guard_update(&guard, &conf, members, NB, 200);
	assert_true(guard.fail_open);
	observe(NB - 1, 1, HEALTH_UP);
	assert_true(guard_update(&guard, &conf, members, NB, 201));
	assert_false(guard.fail_open);
	assert_int_equal(nb_effective(HEALTH_UP), NB);
}

static void
test_too_few_again_begin_the_wait_anew(void **state)
{
	(void)state;
	conf.settle_ms = 500;
	observe(0, NB, HEALTH_DOWN);
	guard_update(&guard, &conf, members, NB, 100);
	observe(0, 1, HEALTH_UP);
	guard_update(&guard, &conf, members, NB, 1000);
	observe(0, 1, HEALTH_DOWN);
	guard_update(&guard, &conf, members, NB, 1400);
	assert_true(guard.fail_open);
	assert_int_equal(guard.again_ms, 0);
	observe(0, 1, HEALTH_UP);
	guard_update(&guard, &conf, members, NB, 1450);
	guard_update(&guard, &conf, members, NB, 1949);
	assert_true(guard.fail_open);
	guard_update(&guard, &conf, members, NB, 1950);
	assert_false(guard.fail_open);
}

static void
test_all_down_at_once_fails_open_with_the_default(void **state)
{
	(void)state;
	observe(0, NB, HEALTH_DOWN);
	assert_true(guard_update(&guard, &conf, members, NB, 100));
	assert_true(guard.fail_open);
	assert_int_equal(nb_effective(HEALTH_DOWN), 0);
	/* Without a guard they are down. */
	conf.min_healthy.value = 0;
	assert_true(guard_update(&guard, &conf, members, NB, 101));
	assert_int_equal(nb_effective(HEALTH_DOWN), NB);
}

static void
test_disabled_backends_do_not_count_for_the_minimum(void **state)
{
	(void)state;
	for (unsigned int i = 1; i < NB; i++)
		members[i].counts = false;
	observe(0, 1, HEALTH_DOWN);
	guard_update(&guard, &conf, members, NB, 100);
	assert_int_equal(guard.nb_members, 1);
	assert_true(guard.fail_open);
}

static void
test_at_most_so_many_leave_in_an_interval(void **state)
{
	uint64_t now = 100000;

	(void)state;
	conf.max_leave = (struct guard_limit){ .value = 2 };
	conf.min_healthy.value = 0;
	observe(0, 5, HEALTH_DOWN);
	assert_true(guard_update(&guard, &conf, members, NB, now));
	assert_int_equal(nb_effective(HEALTH_DOWN), 2);
	assert_int_equal(guard.nb_waiting, 3);
	assert_int_equal(guard.again_ms, now + conf.leave_interval_ms);
	assert_false(guard_update(&guard, &conf, members, NB, now + 5000));
	assert_true(guard_update(&guard, &conf, members, NB, guard.again_ms));
	assert_int_equal(nb_effective(HEALTH_DOWN), 4);
	observe(4, 1, HEALTH_UP); /* It has recovered before its turn came. */
	guard_update(&guard, &conf, members, NB, guard.again_ms);
	assert_int_equal(nb_effective(HEALTH_DOWN), 4);
	assert_int_equal(guard.nb_waiting, 0);
	assert_int_equal(guard.again_ms, 0);
}

static void
test_a_lone_backend_may_leave_as_often_as_it_likes(void **state)
{
	uint64_t now = 1000;

	(void)state;
	conf.min_healthy.value = 0;
	conf.hold_down_ms = 0;
	for (int i = 0; i < 10; i++) {
		members[0].observed = HEALTH_DOWN;
		guard_update(&guard, &conf, members, 1, now++);
		assert_int_equal(members[0].effective, HEALTH_DOWN);
		members[0].observed = HEALTH_UP;
		guard_update(&guard, &conf, members, 1, now++);
		assert_int_equal(members[0].effective, HEALTH_UP);
	}
}

/** Down, then up as soon as it may. @return how long it was held. */
static uint64_t
flap(uint64_t *now)
{
	uint64_t from;

	observe(0, 1, HEALTH_DOWN);
	guard_update(&guard, &conf, members, NB, *now);
	assert_int_equal(members[0].effective, HEALTH_DOWN);
	from = *now;
	observe(0, 1, HEALTH_UP);
	guard_update(&guard, &conf, members, NB, *now);
	while (members[0].effective == HEALTH_DOWN) {
		assert_true(guard.again_ms > *now);
		*now = guard.again_ms;
		guard_update(&guard, &conf, members, NB, *now);
	}
	*now += 10;
	return *now - 10 - from;
}

static void
test_flapping_is_held_down_longer_and_longer(void **state)
{
	static const uint64_t wanted[] = { 0, 0, 1000, 2000, 4000, 8000, 8000 };
	uint64_t now = 1000;

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_int_equal(flap(&now), wanted[i]);
	assert_int_equal(members[0].nb_downs, 7);
	now += GUARD_FLAP_WINDOW_MS;
	assert_int_equal(flap(&now), 0);
	conf.hold_down_ms = 0;
	for (int i = 0; i < 5; i++)
		assert_int_equal(flap(&now), 0);
}

/** Whatever happens: with enough backends up, the limits hold; else nothing is down. */
static void
test_limits_hold_in_any_order_of_events(void **state)
{
	uint64_t now = 1000;

	srand(3);
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int down, up = 0;

		if (i % 200 == 0) {
			setup(state);
			conf.min_healthy = (struct guard_limit){ .value = (uint32_t)rand() % 101,
				.percent = true };
		}
		observe((unsigned int)rand() % NB, 1, rand() % 2 ? HEALTH_UP : HEALTH_DOWN);
		now += (uint64_t)rand() % 500;
		guard_update(&guard, &conf, members, NB, now);
		down = nb_effective(HEALTH_DOWN);
		for (unsigned int j = 0; j < NB; j++)
			up += members[j].judged != HEALTH_DOWN;
		assert_int_equal(guard.fail_open, up < guard_limit_of(&conf.min_healthy, NB));
		assert_int_equal(down, guard.fail_open ? 0 : NB - up);
		assert_true(NB - down >= guard_limit_of(&conf.min_healthy, NB));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_shares_are_rounded_up, setup),
		cmocka_unit_test_setup(test_who_is_drained_is_not_healthy_but_not_down, setup),
		cmocka_unit_test_setup(test_too_few_healthy_fail_open_and_close_again, setup),
		cmocka_unit_test_setup(
				test_fail_open_ends_when_the_others_had_their_chance_too, setup),
		cmocka_unit_test_setup(test_fail_open_ends_at_once_when_none_is_down, setup),
		cmocka_unit_test_setup(test_too_few_again_begin_the_wait_anew, setup),
		cmocka_unit_test_setup(test_all_down_at_once_fails_open_with_the_default, setup),
		cmocka_unit_test_setup(test_disabled_backends_do_not_count_for_the_minimum, setup),
		cmocka_unit_test_setup(test_at_most_so_many_leave_in_an_interval, setup),
		cmocka_unit_test_setup(test_a_lone_backend_may_leave_as_often_as_it_likes, setup),
		cmocka_unit_test_setup(test_flapping_is_held_down_longer_and_longer, setup),
		cmocka_unit_test_setup(test_limits_hold_in_any_order_of_events, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
