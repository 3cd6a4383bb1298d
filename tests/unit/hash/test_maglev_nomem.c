/* SPDX-License-Identifier: BSD-3-Clause */
/* Linked with --wrap=malloc and so on: the library's allocations come here. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hash/maglev.h"

static int nb_calls, failing_call, nb_held;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *memory);

void *
__wrap_malloc(size_t size)
{
	void *memory;

	if (++nb_calls == failing_call)
		return NULL;
	memory = __real_malloc(size);
	nb_held += memory != NULL;
	return memory;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void *memory;

	if (++nb_calls == failing_call)
		return NULL;
	memory = __real_calloc(n, size);
	nb_held += memory != NULL;
	return memory;
}

void
__wrap_free(void *memory)
{
	nb_held -= memory != NULL;
	__real_free(memory);
}

static int
build(int fail_at)
{
	static uint16_t anchor[251];
	struct maglev_backend backends[] = {
		{ .key = 1, .weight = 1, .index = 0 },
		{ .key = 2, .weight = 2, .index = 1 },
	};

	nb_calls = 0;
	nb_held = 0;
	failing_call = fail_at;
	return maglev_build(anchor, 251, backends, 2);
}

static void
test_every_failing_allocation_is_an_error_without_a_leak(void **state)
{
	int nb_allocations;

	(void)state;
	assert_int_equal(build(0), 0);
	assert_int_equal(nb_held, 0);
	nb_allocations = nb_calls;
	assert_true(nb_allocations >= 7);
	for (int i = 1; i <= nb_allocations; i++) {
		assert_int_equal(build(i), -ENOMEM);
		assert_int_equal(nb_held, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_failing_allocation_is_an_error_without_a_leak),
	};

	return cmocka_run_group_tests_name("hash/maglev_nomem", tests, NULL, NULL);
}
