/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/announce.h"

#define MAX 5000

static struct ip_addr addrs[MAX];
static unsigned int announced[MAX];

static void
addrs_make(void)
{
	for (uint32_t i = 0; i < MAX; i++) {
		uint8_t bytes[4] = { 10, 1, (uint8_t)(i >> 8), (uint8_t)i };

		addrs[i] = ip_addr_from_bytes(IP_V4, bytes);
	}
	memset(announced, 0, sizeof(announced));
}

/* Milliseconds first..last, each asked ten times as a fast loop would. */
static unsigned int
run(struct announce *a, uint64_t first, uint64_t last)
{
	unsigned int n = 0;

	for (uint64_t ms = first; ms <= last; ms++)
		for (int i = 0; i < 10; i++) {
			const struct ip_addr *addr = announce_next(a, ms);

			if (addr == NULL)
				continue;
			announced[addr->bytes[2] << 8 | addr->bytes[3]]++;
			n++;
		}
	return n;
}

static void
test_a_new_address_is_announced_twice_two_seconds_apart(void **state)
{
	struct announce a;

	(void)state;
	addrs_make();
	announce_init(&a);
	assert_int_equal(run(&a, 0, 1000), 0);
	assert_int_equal(announce_set(&a, addrs, 1, 1000), 0);
	assert_int_equal(run(&a, 1000, 1001), 1);
	assert_int_equal(run(&a, 1002, 2999), 0);
	assert_int_equal(run(&a, 3000, 3005), 1);
	assert_int_equal(run(&a, 3006, 60000), 0);
	announce_fini(&a);
}

static void
test_thousands_are_paced_and_each_comes_twice(void **state)
{
	struct announce a;

	(void)state;
	addrs_make();
	announce_init(&a);
	assert_int_equal(announce_set(&a, addrs, MAX, 0), 0);
	assert_in_range(run(&a, 0, 999), 900, 1000);
	run(&a, 1000, 30000);
	for (int i = 0; i < MAX; i++)
		assert_int_equal(announced[i], 2);
	announce_fini(&a);
}

static void
test_only_what_is_new_is_announced(void **state)
{
	struct announce a;

	(void)state;
	addrs_make();
	announce_init(&a);
	assert_int_equal(announce_set(&a, addrs, 3, 0), 0);
	run(&a, 0, 5000);
	assert_int_equal(announce_set(&a, addrs, 3, 5000), 0);
	assert_int_equal(run(&a, 5000, 9000), 0);
	assert_int_equal(announce_set(&a, addrs + 1, 3, 9000), 0);
	assert_int_equal(run(&a, 9000, 20000), 2);
	assert_int_equal(announced[3], 2);
	assert_int_equal(announce_set(&a, NULL, 0, 20000), 0);
	assert_int_equal(run(&a, 20000, 25000), 0);
	announce_fini(&a);
}

static void
test_what_comes_back_and_a_link_that_comes_back_are_announced_again(void **state)
{
	struct announce a;

	(void)state;
	addrs_make();
	announce_init(&a);
	assert_int_equal(announce_set(&a, addrs, 2, 0), 0);
	run(&a, 0, 5000);
	assert_int_equal(announce_set(&a, addrs, 1, 5000), 0);
	run(&a, 5000, 9000);
	assert_int_equal(announce_set(&a, addrs, 2, 9000), 0);
	assert_int_equal(run(&a, 9000, 15000), 2);
	announce_restart(&a, 15000);
	assert_int_equal(run(&a, 15000, 20000), 4);
	announce_fini(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_address_is_announced_twice_two_seconds_apart),
		cmocka_unit_test(test_thousands_are_paced_and_each_comes_twice),
		cmocka_unit_test(test_only_what_is_new_is_announced),
		cmocka_unit_test(
				test_what_comes_back_and_a_link_that_comes_back_are_announced_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
