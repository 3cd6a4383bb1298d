/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/wait_queue.h"
#include "random.h"

#define HOPS 16
#define PACKETS 40

static char packets[100000];

static void
test_the_ninth_packet_pushes_out_the_oldest(void **state)
{
	struct wait_queue *q = wait_queue_create(HOPS, PACKETS);

	(void)state;
	for (int i = 0; i < WAIT_QUEUE_DEPTH; i++)
		assert_null(wait_queue_put(q, 3, &packets[i]));
	assert_ptr_equal(wait_queue_put(q, 3, &packets[8]), &packets[0]);
	assert_ptr_equal(wait_queue_put(q, 3, &packets[9]), &packets[1]);
	for (int i = 2; i <= 9; i++)
		assert_ptr_equal(wait_queue_take(q, 3), &packets[i]);
	assert_null(wait_queue_take(q, 3));
	wait_queue_destroy(q);
}

static void
test_an_exhausted_pool_refuses_the_newcomer_and_keeps_the_others(void **state)
{
	struct wait_queue *q = wait_queue_create(HOPS, 4);

	(void)state;
	for (uint32_t i = 0; i < 4; i++)
		assert_null(wait_queue_put(q, i, &packets[i]));
	assert_ptr_equal(wait_queue_put(q, 9, &packets[9]), &packets[9]);
	assert_ptr_equal(wait_queue_put(q, 0, &packets[8]), &packets[8]);
	for (uint32_t i = 0; i < 4; i++)
		assert_ptr_equal(wait_queue_take(q, i), &packets[i]);
	assert_null(wait_queue_put(q, 9, &packets[9]));
	assert_ptr_equal(wait_queue_take(q, 9), &packets[9]);
	wait_queue_destroy(q);
}

/* Naive twin: an array a next hop, shifted at every take. */
static struct {
	unsigned int n;
	void *packets[WAIT_QUEUE_DEPTH];
} twin[HOPS];

static void *
twin_take(uint32_t hop)
{
	void *first = twin[hop].packets[0];

	if (twin[hop].n == 0)
		return NULL;
	twin[hop].n--;
	memmove(twin[hop].packets, twin[hop].packets + 1, twin[hop].n * sizeof(void *));
	return first;
}

static void *
twin_put(uint32_t hop, void *packet)
{
	void *oldest = NULL;
	unsigned int all = 0;

	if (twin[hop].n == WAIT_QUEUE_DEPTH)
		oldest = twin_take(hop);
	for (int i = 0; i < HOPS; i++)
		all += twin[i].n;
	if (all == PACKETS)
		return packet;
	twin[hop].packets[twin[hop].n++] = packet;
	return oldest;
}

static void
test_it_behaves_like_its_naive_twin(void **state)
{
	struct wait_queue *q = wait_queue_create(HOPS, PACKETS);

	(void)state;
	seed_random("wait_queue");
	for (size_t step = 0; step < sizeof(packets); step++) {
		uint32_t hop = random_below(HOPS);

		if (random_below(16) < (step / 500 % 2 == 0 ? 10U : 6U))
			assert_ptr_equal(wait_queue_put(q, hop, &packets[step]),
					twin_put(hop, &packets[step]));
		else
			assert_ptr_equal(wait_queue_take(q, hop), twin_take(hop));
	}
	wait_queue_destroy(q);
	wait_queue_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_ninth_packet_pushes_out_the_oldest),
		cmocka_unit_test(test_an_exhausted_pool_refuses_the_newcomer_and_keeps_the_others),
		cmocka_unit_test(test_it_behaves_like_its_naive_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
