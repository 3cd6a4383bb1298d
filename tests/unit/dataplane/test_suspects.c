/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "channel/message.h"
#include "dataplane/suspects.h"
#include "random.h"

#define SYN SUSPECT_SYN_RETRANSMISSIONS
#define RST SUSPECT_RESETS
#define UNREACHABLE SUSPECT_UNREACHABLE

static struct suspects *suspects;
static struct suspects_verdict verdict;

static int
setup(void **state)
{
	(void)state;
	suspects = suspects_create();
	return suspects == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	suspects_destroy(suspects);
	return 0;
}

static bool
note(uint32_t member, uint32_t kind, uint32_t flow, uint64_t progress, uint64_t now_ms)
{
	const struct suspects_sign sign = {
		.member = member, .kind = kind, .flow = flow, .progress = progress
	};

	return suspects_note(suspects, &sign, now_ms, &verdict);
}

static void
test_syns_sent_again_are_enough_at_three_from_two_flows(void **state)
{
	(void)state;
	assert_false(note(7, SYN, 1, 0, 1000));
	assert_false(note(7, SYN, 2, 0, 1100));
	assert_false(note(8, SYN, 3, 0, 1150)); /* Another member. */
	assert_true(note(7, SYN, 1, 0, 1200));
	assert_int_equal(verdict.count, 3);
	assert_int_equal(verdict.window_ms, 201);
}

static void
test_one_flow_alone_is_never_enough(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		assert_false(note(7, SYN, 5, 0, 1000 + i / 10));
	assert_true(note(7, SYN, 6, 0, 1101));
	assert_int_equal(verdict.count, SUSPECTS_SIGNS);
}

static void
test_progress_clears_what_was(void **state)
{
	(void)state;
	assert_false(note(7, SYN, 1, 50, 1000));
	assert_false(note(7, SYN, 2, 50, 1000));
	for (uint32_t i = 0; i < 100; i++)
		assert_false(note(7, SYN, i, 51 + i, 1000 + i));
	assert_false(note(7, SYN, 100, 150, 1101));
	assert_true(note(7, SYN, 101, 150, 1102));
	assert_int_equal(verdict.count, 3);
}

static void
test_signs_that_are_too_old_do_not_count(void **state)
{
	(void)state;
	assert_false(note(7, SYN, 1, 0, 1000));
	assert_false(note(7, SYN, 2, 0, 1500));
	assert_false(note(7, SYN, 3, 0, 2000)); /* The first is a second old. */
	assert_true(note(7, SYN, 4, 0, 2499));
	assert_int_equal(verdict.count, 3);
	assert_int_equal(verdict.window_ms, 1000);
	for (uint32_t i = 0; i < 20; i++)
		assert_false(note(9, SYN, i, 0, 10000 + 500 * i));
}

static void
test_resets_are_weaker(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		assert_false(note(7, RST, i % 2, 0, 1000)); /* Two flows. */
	assert_true(note(7, RST, 2, 0, 1000));
	for (uint32_t i = 0; i < 4; i++)
		assert_false(note(8, RST, i, 0, 1000));
	assert_true(note(8, RST, 4, 0, 1000));
	assert_int_equal(verdict.count, 5);
	assert_int_equal(verdict.window_ms, 1);
}

static void
test_one_unreachable_is_enough_whatever_progress_there_is(void **state)
{
	(void)state;
	assert_true(note(7, UNREACHABLE, 0, 5, 1000));
	assert_int_equal(verdict.count, 1);
	assert_int_equal(verdict.window_ms, 1);
	assert_false(note(7, UNREACHABLE, 0, 6, 1099));
	assert_true(note(7, UNREACHABLE, 0, 7, 1100));
	assert_int_equal(verdict.count, 3);
}

static void
test_a_member_and_kind_is_reported_every_hundred_ms_at_most(void **state)
{
	uint32_t nb[4] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 10000; i++) {
		for (uint32_t kind = SYN; kind <= UNREACHABLE; kind++)
			nb[kind] += note(7, kind, i, 0, 1000 + i / 10);
	}
	/* A second's worth. */
	for (uint32_t kind = SYN; kind <= UNREACHABLE; kind++)
		assert_int_equal(nb[kind], 10);
}

static void
test_a_number_that_comes_back_starts_anew(void **state)
{
	(void)state;
	for (uint32_t kind = SYN; kind <= RST; kind++) {
		assert_false(note(7, kind, 1, 0, 1000));
		assert_false(note(7, kind, 2, 0, 1000));
	}
	assert_true(note(7, UNREACHABLE, 0, 0, 1000));
	suspects_forget(suspects, 7);
	suspects_forget(suspects, 8); /* Nothing is known. */
	assert_false(note(7, SYN, 3, 0, 1000));
	assert_false(note(7, RST, 3, 0, 1000));
	assert_true(note(7, UNREACHABLE, 0, 0, 1000)); /* Not quiet any more. */
}

static void
test_more_members_than_fit_displace_the_quietest_and_no_more(void **state)
{
	uint32_t nb_reported = 0;

	(void)state;
	for (uint32_t member = 0; member < 100 * SUSPECTS_MAX; member++) {
		assert_true(note(1000 + member, UNREACHABLE, 0, 0, 1000 + member));
		/* One that is heard of all the time keeps its place. */
		nb_reported += note(7, UNREACHABLE, 0, 0, 1000 + member);
	}
	assert_in_range(nb_reported, 1, 100 * SUSPECTS_MAX / SUSPECTS_QUIET_MS + 1);
}

/* Against a twin that remembers all. */
static void
test_verdicts_are_those_of_a_twin(void **state)
{
	enum {
		ROUNDS = 20000,
		MEMBERS = 3
	};
	static struct {
		uint32_t member, flow;
		uint64_t progress, at_ms;
	} all[ROUNDS];
	uint64_t quiet_ms[MEMBERS] = { 0 };
	uint64_t progress[MEMBERS] = { 0 };
	uint64_t now_ms = 5000;
	uint32_t nb_reported = 0;

	(void)state;
	seed_random("suspects");
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t member = random_below(MEMBERS);
		uint32_t flows[SUSPECTS_SIGNS];
		uint32_t count = 0, nb_flows = 0;
		bool expected;

		now_ms += random_below(200);
		progress[member] += random_below(5) == 0;
		all[i].member = member;
		all[i].flow = random_below(3);
		all[i].progress = progress[member];
		all[i].at_ms = now_ms;
		for (uint32_t k = i + 1; k-- > 0 && now_ms - all[k].at_ms < 1000;) {
			bool known = false;

			if (all[k].member != member)
				continue;
			if (all[k].progress != progress[member] || count == SUSPECTS_SIGNS)
				break;
			for (uint32_t f = 0; f < nb_flows; f++)
				known |= flows[f] == all[k].flow;
			if (!known)
				flows[nb_flows++] = all[k].flow;
			count++;
		}
		expected = count >= 3 && nb_flows >= 2 && now_ms >= quiet_ms[member];
		assert_int_equal(
				note(member, SYN, all[i].flow, progress[member], now_ms), expected);
		if (!expected)
			continue;
		assert_int_equal(verdict.count, count);
		quiet_ms[member] = now_ms + SUSPECTS_QUIET_MS;
		nb_reported++;
	}
	assert_true(nb_reported > 100);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_syns_sent_again_are_enough_at_three_from_two_flows),
		TEST(test_one_flow_alone_is_never_enough),
		TEST(test_progress_clears_what_was),
		TEST(test_signs_that_are_too_old_do_not_count),
		TEST(test_resets_are_weaker),
		TEST(test_one_unreachable_is_enough_whatever_progress_there_is),
		TEST(test_a_member_and_kind_is_reported_every_hundred_ms_at_most),
		TEST(test_a_number_that_comes_back_starts_anew),
		TEST(test_more_members_than_fit_displace_the_quietest_and_no_more),
		TEST(test_verdicts_are_those_of_a_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
