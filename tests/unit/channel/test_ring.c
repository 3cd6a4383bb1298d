/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "channel/ring.h"

#define NB_SLOTS 16U
#define GUARD 0x5a
/* So close to 2^32 that every test wraps. */
#define NEAR_WRAP (UINT32_MAX - 1000U)

#define NB_MESSAGES 2000000U
/* At least; then until enough was taken and refused, however the threads are scheduled. */
#define NB_SCRIBBLES 1000000U

/* Both ends and the shared memory, guarded on both sides. */
struct pair {
	struct message before;
	struct message slots[NB_SLOTS];
	struct message after;
	struct ring_index head;
	struct ring_index tail;
	struct ring_producer producer;
	struct ring_consumer consumer;
	atomic_uint nb_scribbles;
	atomic_bool stop;
};

static struct pair pair;

static void
pair_init(uint32_t start)
{
	memset(&pair, 0, sizeof(pair));
	memset(&pair.before, GUARD, sizeof(pair.before));
	memset(&pair.after, GUARD, sizeof(pair.after));
	ring_producer_init(
			&pair.producer, pair.slots, &pair.head.value, &pair.tail.value, NB_SLOTS);
	ring_consumer_init(
			&pair.consumer, pair.slots, &pair.head.value, &pair.tail.value, NB_SLOTS);
	pair.producer.next = start;
	pair.consumer.next = start;
	atomic_store(&pair.head.value, start);
	atomic_store(&pair.tail.value, start);
}

static void
assert_guards_are_whole(void)
{
	struct message guard;

	memset(&guard, GUARD, sizeof(guard));
	assert_memory_equal(&pair.before, &guard, sizeof(guard));
	assert_memory_equal(&pair.after, &guard, sizeof(guard));
}

/* The message number @p n of a stream: every byte depends on n. */
static struct message
numbered(uint64_t n)
{
	struct message m;

	message_init(&m, MSG_TXN_ABORT);
	for (size_t i = 0; i < sizeof(m.payload); i++)
		m.payload[i] = (uint8_t)(n * 31 + i * 7 + (n >> 8));
	return m;
}

static void
assert_is_number(const struct message *m, uint64_t n)
{
	struct message expected = numbered(n);

	expected.sequence = n;
	assert_memory_equal(m, &expected, sizeof(expected));
}

static void
test_a_ring_holds_exactly_its_slots(void **state)
{
	struct message m;

	(void)state;
	pair_init(0);
	assert_int_equal(ring_get(&pair.consumer, &m), 0);
	for (unsigned int round = 0; round < 5; round++) {
		for (unsigned int i = 0; i < NB_SLOTS; i++) {
			m = numbered(round * NB_SLOTS + i);
			assert_int_equal(ring_put(&pair.producer, &m), 0);
		}
		m = numbered(999);
		assert_int_equal(ring_put(&pair.producer, &m), -EAGAIN);
		assert_int_equal(ring_put(&pair.producer, &m), -EAGAIN);
		for (unsigned int i = 0; i < NB_SLOTS; i++) {
			assert_int_equal(ring_get(&pair.consumer, &m), 1);
			assert_is_number(&m, round * NB_SLOTS + i);
		}
		assert_int_equal(ring_get(&pair.consumer, &m), 0);
	}
	assert_guards_are_whole();
}

static void
test_random_puts_and_gets_agree_with_counting_across_the_wrap(void **state)
{
	unsigned int seed = 42;
	uint64_t nb_put = 0, nb_got = 0;

	(void)state;
	pair_init(NEAR_WRAP);
	for (int round = 0; round < 200000; round++) {
		struct message m = numbered(nb_put);

		if (rand_r(&seed) % 64 < 32 + (round / 1000) % 3 - 1) {
			int ret = ring_put(&pair.producer, &m);

			assert_int_equal(ret, nb_put - nb_got == NB_SLOTS ? -EAGAIN : 0);
			nb_put += ret == 0;
		} else {
			int ret = ring_get(&pair.consumer, &m);

			assert_int_equal(ret, nb_put != nb_got);
			if (ret == 1)
				assert_is_number(&m, nb_got++);
		}
	}
	assert_true(nb_got > 2000);
	assert_guards_are_whole();
}

static void *
produce(void *arg)
{
	(void)arg;
	for (uint64_t n = 0; n < NB_MESSAGES;) {
		struct message m = numbered(n);

		if (ring_put(&pair.producer, &m) == 0)
			n++;
		else
			sched_yield();
	}
	return NULL;
}

static void
test_two_threads_lose_nothing_and_tear_nothing_across_the_wrap(void **state)
{
	pthread_t thread;

	(void)state;
	pair_init(NEAR_WRAP);
	assert_int_equal(pthread_create(&thread, NULL, produce, NULL), 0);
	for (uint64_t n = 0; n < NB_MESSAGES;) {
		struct message m;
		int ret = ring_get(&pair.consumer, &m);

		assert_in_range(ret, 0, 1);
		if (ret == 1)
			assert_is_number(&m, n++);
		else
			sched_yield();
	}
	pthread_join(thread, NULL);
	assert_guards_are_whole();
}

static void
test_a_head_beyond_the_ring_is_refused(void **state)
{
	static const uint32_t starts[] = { 0, 5, UINT32_MAX, UINT32_MAX - 7 };
	struct message m;

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(starts); s++) {
		pair_init(starts[s]);
		for (uint64_t distance = NB_SLOTS + 1; distance <= UINT32_MAX;
				distance += 1 + distance / 3) {
			atomic_store(&pair.head.value, starts[s] + (uint32_t)distance);
			assert_int_equal(ring_get(&pair.consumer, &m), -EPROTO);
		}
		atomic_store(&pair.head.value, starts[s] - 1);
		assert_int_equal(ring_get(&pair.consumer, &m), -EPROTO);
		assert_int_equal(atomic_load(&pair.tail.value), starts[s]);
		/* The furthest that is possible. */
		atomic_store(&pair.head.value, starts[s] + NB_SLOTS);
		assert_int_equal(ring_get(&pair.consumer, &m), 1);
	}
}

static void
test_a_tail_beyond_the_ring_is_refused(void **state)
{
	static const uint32_t starts[] = { 0, 5, UINT32_MAX, UINT32_MAX - 7 };
	struct message m = numbered(0);

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(starts); s++) {
		pair_init(starts[s]);
		for (uint64_t distance = NB_SLOTS + 1; distance <= UINT32_MAX;
				distance += 1 + distance / 3) {
			atomic_store(&pair.tail.value, starts[s] - (uint32_t)distance);
			assert_int_equal(ring_put(&pair.producer, &m), -EPROTO);
		}
		atomic_store(&pair.tail.value, starts[s] + 1);
		assert_int_equal(ring_put(&pair.producer, &m), -EPROTO);
		assert_int_equal(atomic_load(&pair.head.value), starts[s]);
		atomic_store(&pair.tail.value, starts[s] - NB_SLOTS);
		assert_int_equal(ring_put(&pair.producer, &m), -EAGAIN);
	}
}

/* Where a word was written: slot and place within it; the rest is random. */
#define TAG(slot, word) ((uint64_t)(slot) << 8 | (word))
#define TAG_MASK UINT64_C(0xffff)

/* The peer as producer: random words over all slots and the head. */
static void *
scribble_slots_and_head(void *arg)
{
	uint64_t random = 88172645463325252U;

	(void)arg;
	for (unsigned int i = 0; !atomic_load(&pair.stop); i++) {
		unsigned int slot, word;
		uint64_t *target;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		slot = (random >> 20) % NB_SLOTS;
		word = (random >> 40) % (MESSAGE_SIZE / 8);
		target = (uint64_t *)&pair.slots[slot] + word;
		__atomic_store_n(target, (random & ~TAG_MASK) | TAG(slot, word), __ATOMIC_RELAXED);
		/* Mostly plausible, so that the consumer takes something. */
		if (i % 4 == 0)
			atomic_store(&pair.head.value, (uint32_t)random);
		else
			atomic_store(&pair.head.value,
					atomic_load(&pair.tail.value) + (random >> 50) % 20);
		atomic_store(&pair.nb_scribbles, i);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void
assert_was_in_slot(const struct message *m, unsigned int slot)
{
	uint64_t words[MESSAGE_SIZE / 8];

	memcpy(words, m, sizeof(words));
	for (unsigned int i = 0; i < ARRAY_LEN(words); i++)
		assert_int_equal(words[i] & TAG_MASK, TAG(slot, i));
}

static void
test_a_scribbling_producer_gets_only_its_own_slots_read(void **state)
{
	unsigned int nb_got = 0, nb_refused = 0;
	pthread_t thread;

	(void)state;
	pair_init(NEAR_WRAP);
	for (unsigned int slot = 0; slot < NB_SLOTS; slot++) {
		for (unsigned int word = 0; word < MESSAGE_SIZE / 8; word++) {
			uint64_t tag = TAG(slot, word);

			memcpy((uint8_t *)&pair.slots[slot] + word * 8, &tag, sizeof(tag));
		}
	}
	assert_int_equal(pthread_create(&thread, NULL, scribble_slots_and_head, NULL), 0);
	while (atomic_load(&pair.nb_scribbles) < NB_SCRIBBLES || nb_got < 1000 ||
			nb_refused < 1000) {
		uint32_t next = pair.consumer.next;
		struct message m;
		int ret = ring_get(&pair.consumer, &m);

		if (ret == 1) {
			nb_got++;
			assert_was_in_slot(&m, next % NB_SLOTS);
			assert_int_equal(pair.consumer.next, next + 1);
		} else {
			nb_refused += ret == -EPROTO;
			assert_true(ret == 0 || ret == -EPROTO);
			assert_int_equal(pair.consumer.next, next);
		}
	}
	atomic_store(&pair.stop, true);
	pthread_join(thread, NULL);
	assert_guards_are_whole();
}

/* The peer as consumer: all that it can write is the tail. */
static void *
scribble_tail(void *arg)
{
	unsigned int seed = 7;

	(void)arg;
	for (unsigned int i = 0; !atomic_load(&pair.stop); i++) {
		uint32_t random = (uint32_t)rand_r(&seed) * 2654435761U;

		if (i % 4 == 0)
			atomic_store(&pair.tail.value, random);
		else
			atomic_store(&pair.tail.value, atomic_load(&pair.head.value) - random % 20);
		atomic_store(&pair.nb_scribbles, i);
		if (i % 64 == 0)
			sched_yield();
	}
	return NULL;
}

static void
test_a_scribbling_consumer_cannot_make_the_producer_leave_the_ring(void **state)
{
	unsigned int nb_put = 0, nb_refused = 0;
	pthread_t thread;

	(void)state;
	pair_init(NEAR_WRAP);
	assert_int_equal(pthread_create(&thread, NULL, scribble_tail, NULL), 0);
	while (atomic_load(&pair.nb_scribbles) < NB_SCRIBBLES || nb_put < 1000 ||
			nb_refused < 1000) {
		struct message m = numbered(nb_put);
		int ret = ring_put(&pair.producer, &m);

		assert_true(ret == 0 || ret == -EAGAIN || ret == -EPROTO);
		nb_put += ret == 0;
		nb_refused += ret == -EPROTO;
		assert_int_equal(atomic_load(&pair.head.value), NEAR_WRAP + nb_put);
	}
	atomic_store(&pair.stop, true);
	pthread_join(thread, NULL);
	assert_guards_are_whole();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_ring_holds_exactly_its_slots),
		cmocka_unit_test(test_random_puts_and_gets_agree_with_counting_across_the_wrap),
		cmocka_unit_test(test_two_threads_lose_nothing_and_tear_nothing_across_the_wrap),
		cmocka_unit_test(test_a_head_beyond_the_ring_is_refused),
		cmocka_unit_test(test_a_tail_beyond_the_ring_is_refused),
		cmocka_unit_test(test_a_scribbling_producer_gets_only_its_own_slots_read),
		cmocka_unit_test(
				test_a_scribbling_consumer_cannot_make_the_producer_leave_the_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
