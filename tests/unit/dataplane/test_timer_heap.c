/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/timer_heap.h"
#include "random.h"

#define CAPACITY 200

/* Naive twin: an array, searched whole. */
static uint64_t twin_at[CAPACITY];
static bool twin_runs[CAPACITY];

static bool
twin_first(uint64_t *at)
{
	bool found = false;

	for (unsigned int i = 0; i < CAPACITY; i++)
		if (twin_runs[i] && (!found || twin_at[i] < *at)) {
			*at = twin_at[i];
			found = true;
		}
	return found;
}

static void
test_the_first_timer_is_always_the_earliest(void **state)
{
	struct timer_heap *heap = timer_heap_create(CAPACITY);

	(void)state;
	assert_non_null(heap);
	seed_random("timer_heap");
	for (int step = 0; step < 200000; step++) {
		/* Phases of mostly starting and mostly stopping, so that it is full and empty too. */
		bool start = random_below(8) < (step / 2000 % 2 == 0 ? 6 : 2);
		uint32_t i = random_below(CAPACITY), index;
		uint64_t at, expected;

		if (start) {
			twin_at[i] = random_below(1000);
			timer_heap_set(heap, i, twin_at[i]);
		} else {
			timer_heap_clear(heap, i);
		}
		twin_runs[i] = start;
		assert_int_equal(timer_heap_first(heap, &index, &at), twin_first(&expected));
		if (!twin_first(&expected))
			continue;
		assert_int_equal(at, expected);
		assert_true(twin_runs[index]);
		assert_int_equal(twin_at[index], at);
	}
	timer_heap_destroy(heap);
	timer_heap_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_timer_is_always_the_earliest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
