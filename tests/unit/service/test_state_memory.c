/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linked with --wrap of every function that allocates: the n-th allocation of a
 * step fails, for n = 0, 1, 2… until the step needs no more. After each failure
 * everything must be as before; leaks are the sanitizer's to find.
 */
#include "twin.h"

#include <stdlib.h>

static struct twin twin;
/* Allocations until one fails; negative: none does. */
static int fail_after = -1;

void *__real_malloc(size_t size);
void *__real_calloc(size_t nb, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t nb, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool
fails(void)
{
	return fail_after >= 0 && fail_after-- == 0;
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t nb, size_t size)
{
	return fails() ? NULL : __real_calloc(nb, size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

void *
__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

/* One whole transaction; @return CONF_NO_MEMORY if it was aborted for lack of memory. */
static enum conf_error
transaction(struct twin *t, bool replace_all)
{
	enum conf_error error = CONF_OK;

	if (!twin_begin(t, replace_all))
		return CONF_NO_MEMORY;
	if (!t->has_hash_key)
		twin_hash_key_set(t);
	if (replace_all)
		error = twin_mention(t, 80);
	for (uint32_t i = 0; i < 12 && error != CONF_NO_MEMORY; i++)
		error = twin_random_change(t);
	if (error != CONF_NO_MEMORY)
		error = twin_prepare(t);
	if (error == CONF_OK)
		twin_finish(t);
	else
		twin_abort(t);
	return error;
}

static void
test_a_transaction_that_lacks_memory_changes_nothing(void **state)
{
	uint32_t nb_failures = 0;

	(void)state;
	twin_init(&twin, 1);
	assert_true(twin_create(&twin));
	for (uint32_t round = 0; round < 60; round++) {
		bool replace_all = round % 5 == 4;

		for (int n = 0;; n++) {
			uint32_t lcg = twin.lcg;
			enum conf_error error;

			fail_after = n;
			error = transaction(&twin, replace_all);
			if (fail_after >= 0) { /* It needed no more than n. */
				fail_after = -1;
				break;
			}
			assert_int_equal(error, CONF_NO_MEMORY);
			nb_failures++;
			twin_check(&twin);
			twin.lcg = lcg; /* The same changes once more. */
		}
		twin_check(&twin);
	}
	assert_true(nb_failures > 1000);
	twin_fini(&twin);
}

static void
test_the_end_of_a_quarantine_that_lacks_memory_changes_nothing(void **state)
{
	(void)state;
	twin_init(&twin, 2);
	assert_true(twin_create(&twin));
	for (uint32_t round = 0; round < 30; round++) {
		enum conf_error error = CONF_NO_MEMORY;

		for (uint32_t i = 0; i < 4; i++) {
			assert_int_not_equal(transaction(&twin, round % 3 == 2), CONF_NO_MEMORY);
			twin_check(&twin);
		}
		twin_quarantine_begin(&twin);
		for (int n = 0; error == CONF_NO_MEMORY; n++) {
			fail_after = n;
			error = twin_quarantine_end(&twin, twin.open_batch - 1);
			fail_after = -1;
			twin_check(&twin);
		}
		assert_int_equal(error, CONF_OK);
	}
	twin_fini(&twin);
}

static void
test_new_routes_that_lack_memory_change_nothing(void **state)
{
	(void)state;
	twin_init(&twin, 3);
	assert_true(twin_create(&twin));
	for (uint32_t round = 0; round < 30; round++) {
		enum conf_error error = CONF_NO_MEMORY;

		assert_int_not_equal(transaction(&twin, false), CONF_NO_MEMORY);
		twin_check(&twin);
		twin_routes_change(&twin);
		for (int n = 0; error == CONF_NO_MEMORY; n++) {
			fail_after = n;
			error = twin_reroute(&twin);
			fail_after = -1;
			twin_check(&twin);
		}
		assert_int_equal(error, CONF_OK);
	}
	twin_fini(&twin);
}

static void
test_a_state_that_lacks_memory_is_not_made(void **state)
{
	bool made = false;

	(void)state;
	twin_init(&twin, 4);
	for (int n = 0; !made; n++) {
		fail_after = n;
		made = twin_create(&twin);
		fail_after = -1;
		assert_true(made || n < 50);
		if (n < 5)
			assert_false(made);
	}
	twin_fini(&twin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_transaction_that_lacks_memory_changes_nothing),
		cmocka_unit_test(test_the_end_of_a_quarantine_that_lacks_memory_changes_nothing),
		cmocka_unit_test(test_new_routes_that_lack_memory_change_nothing),
		cmocka_unit_test(test_a_state_that_lacks_memory_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
