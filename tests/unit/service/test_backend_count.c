/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "service/backend_count.h"

#define NB_ADDRS 24
#define MAX_DISTINCT 16

static struct ip_addr
addr(uint32_t i)
{
	uint8_t bytes[4] = { 10, 0, 0, (uint8_t)i };

	return ip_addr_from_bytes(IP_V4, bytes);
}

static uint32_t
nb_distinct(const uint32_t *refs)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i < NB_ADDRS; i++)
		nb += refs[i] != 0;
	return nb;
}

/* Every address that has references can be reached, and nothing else is there. */
static void
check(const struct backend_count *count, const uint32_t *refs)
{
	uint32_t nb = 0;

	assert_int_equal(count->nb, nb_distinct(refs));
	for (uint32_t at = 0; at <= count->mask; at++) {
		const struct backend_count_entry *e = &count->entries[at];

		if (e->nb_refs == 0)
			continue;
		nb++;
		assert_int_equal(e->nb_refs, refs[e->addr.bytes[3]]);
		/* No gap between its home and it. */
		for (uint32_t k = (uint32_t)siphash13(&count->key, &e->addr, sizeof(e->addr)) &
						count->mask;
				k != at; k = (k + 1) & count->mask)
			assert_int_not_equal(count->entries[k].nb_refs, 0);
	}
	assert_int_equal(nb, count->nb);
}

static void
test_counts_are_those_of_a_naive_twin(void **state)
{
	uint32_t refs[NB_ADDRS] = { 0 };
	struct siphash_key key = { (uint64_t)random(), (uint64_t)random() };
	struct backend_count count;

	(void)state;
	assert_int_equal(backend_count_init(&count, MAX_DISTINCT, &key), 0);
	for (uint32_t step = 0; step < 20000; step++) {
		uint32_t i = (uint32_t)random() % NB_ADDRS;
		struct ip_addr a = addr(i);

		if (random() % 2 == 0) {
			bool room = refs[i] != 0 || nb_distinct(refs) < MAX_DISTINCT;

			assert_int_equal(backend_count_add(&count, &a), room);
			refs[i] += room;
		} else if (refs[i] != 0) {
			backend_count_remove(&count, &a);
			refs[i]--;
		}
		check(&count, refs);
	}
	backend_count_fini(&count);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_are_those_of_a_naive_twin),
	};
	unsigned int seed = (unsigned int)time(NULL);

	if (getenv("TEST_SEED") != NULL)
		seed = (unsigned int)strtoul(getenv("TEST_SEED"), NULL, 0);
	printf("TEST_SEED=%u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
