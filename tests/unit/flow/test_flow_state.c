/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "flow/flow_state.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10
#define TCP 6
#define UDP 17

/* Rounded up. */
#define SECONDS(s) (((s)*1000U + FLOW_TICK_MS - 1) / FLOW_TICK_MS)
#define SYN_TICKS SECONDS(3)

static struct flow_value
flow(enum flow_state state, uint32_t seen)
{
	return (struct flow_value){
		.member = 7, .state = (uint16_t)state, .seen = flow_stamp(seen)
	};
}

static enum flow_verdict
see(struct flow_value *value, uint8_t flags, uint16_t payload, uint32_t now)
{
	return flow_track(value, flags, payload, now, SYN_TICKS);
}

static void
test_a_handshake_opens_a_flow(void **state)
{
	struct flow_value v = { 0 };
	uint8_t begun = 99;

	(void)state;
	assert_int_equal(flow_begin(TCP, SYN, &begun), FLOW_BIRTH_NEW);
	assert_int_equal(begun, FLOW_HALF_OPEN);
	v.state = begun;
	assert_int_equal(see(&v, ACK, 0, 5), FLOW_KEEP);
	assert_int_equal(v.state, FLOW_OPEN);
	assert_int_equal(v.seen, 5);
}

static void
test_a_retransmitted_syn_stays_with_its_backend(void **state)
{
	struct flow_value v = flow(FLOW_HALF_OPEN, 0);

	(void)state;
	assert_int_equal(see(&v, SYN, 0, SECONDS(8)), FLOW_KEEP);
	assert_int_equal(v.state, FLOW_HALF_OPEN);
	assert_int_equal(v.seen, SECONDS(8));
}

static void
test_a_forged_rst_or_fin_is_denied_by_the_next_payload(void **state)
{
	static const uint8_t flags[] = { RST, RST | ACK, FIN, FIN | ACK };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		struct flow_value v = flow(FLOW_OPEN, 100);

		assert_int_equal(see(&v, flags[i], 0, 101), FLOW_KEEP);
		assert_int_equal(v.state, FLOW_CLOSING);
		assert_int_equal(see(&v, ACK | PSH, 1, 101), FLOW_KEEP);
		assert_int_equal(v.state, FLOW_OPEN);
		assert_int_equal(v.member, 7);
	}
}

static void
test_a_forged_rst_is_denied_by_bare_acks_of_a_long_download(void **state)
{
	struct flow_value v = flow(FLOW_OPEN, 100);

	(void)state;
	see(&v, RST, 0, 100);
	for (uint32_t now = 100; now <= 100 + SECONDS(3); now++) {
		see(&v, ACK, 0, now);
		assert_int_equal(v.state, FLOW_CLOSING);
		assert_int_equal(v.seen, 100);
	}
	see(&v, ACK, 0, 100 + SECONDS(3) + 1);
	assert_int_equal(v.state, FLOW_OPEN);
	assert_int_equal(v.seen, 100 + SECONDS(3) + 1);
}

static void
test_the_last_ack_of_a_regular_close_restores_nothing(void **state)
{
	struct flow_value v = flow(FLOW_OPEN, 100);

	(void)state;
	see(&v, FIN | ACK, 0, 100);
	see(&v, ACK, 0, 102);
	assert_int_equal(v.state, FLOW_CLOSING);
	assert_int_equal(v.seen, 100);
}

static void
test_repeated_fins_do_not_keep_a_closing_flow_alive(void **state)
{
	struct flow_value v = flow(FLOW_OPEN, 100);

	(void)state;
	for (uint32_t now = 100; now < 200; now++)
		see(&v, FIN | ACK, 0, now);
	assert_int_equal(v.seen, 100);
}

static void
test_a_syn_never_moves_a_live_flow(void **state)
{
	struct flow_value v = flow(FLOW_OPEN, 100);

	(void)state;
	assert_int_equal(see(&v, SYN, 0, 100 + SYN_TICKS), FLOW_KEEP);
	assert_int_equal(v.state, FLOW_OPEN);
	assert_int_equal(v.seen, 100); /* Nor keeps it alive. */
}

static void
test_a_syn_chooses_anew_on_a_closing_or_idle_flow(void **state)
{
	struct flow_value closing = flow(FLOW_CLOSING, 100);
	struct flow_value idle = flow(FLOW_OPEN, 100);

	(void)state;
	assert_int_equal(see(&closing, SYN, 0, 100), FLOW_RESELECT);
	assert_int_equal(closing.state, FLOW_HALF_OPEN);
	assert_int_equal(see(&idle, SYN, 0, 101 + SYN_TICKS), FLOW_RESELECT);
	assert_int_equal(idle.state, FLOW_HALF_OPEN);
	assert_int_equal(idle.seen, 101 + SYN_TICKS);
}

static void
test_time_may_wrap_around(void **state)
{
	/* The clock's 32 bits, and the 14 that an entry has. */
	static const uint32_t lasts[] = { UINT32_MAX, FLOW_TICKS - 1, 5 * FLOW_TICKS - 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lasts); i++) {
		struct flow_value v = flow(FLOW_OPEN, lasts[i]);

		assert_int_equal(see(&v, SYN, 0, lasts[i] + SYN_TICKS), FLOW_KEEP);
		assert_int_equal(flow_idle(&v, lasts[i] + FLOW_TICKS - 1), FLOW_TICKS - 1);
		assert_int_equal(see(&v, SYN, 0, lasts[i] + SYN_TICKS + 1), FLOW_RESELECT);
	}
}

static void
test_only_what_begins_or_goes_on_gets_an_entry(void **state)
{
	uint8_t s = 99;

	(void)state;
	assert_int_equal(flow_begin(TCP, RST, &s), FLOW_BIRTH_UNTRACKED);
	assert_int_equal(flow_begin(TCP, FIN | ACK, &s), FLOW_BIRTH_UNTRACKED);
	assert_int_equal(flow_begin(TCP, SYN | ACK, &s), FLOW_BIRTH_UNTRACKED);
	assert_int_equal(flow_begin(TCP, SYN | RST, &s), FLOW_BIRTH_UNTRACKED);
	assert_int_equal(s, 99);
	assert_int_equal(flow_begin(TCP, ACK, &s), FLOW_BIRTH_MIDWAY);
	assert_int_equal(s, FLOW_OPEN);
	assert_int_equal(flow_begin(UDP, 0, &s), FLOW_BIRTH_NEW);
	assert_int_equal(s, FLOW_UDP);
}

static void
test_plain_means_that_tracking_would_change_the_time_alone(void **state)
{
	(void)state;
	for (uint8_t s = 0; s < NB_FLOW_STATES; s++) {
		for (unsigned int flags = 0; flags < 256; flags++) {
			struct flow_value v = flow((enum flow_state)s, 10);

			if (!flow_is_plain(s, (uint8_t)flags))
				continue;
			assert_int_equal(see(&v, (uint8_t)flags, 0, 11), FLOW_KEEP);
			assert_int_equal(v.state, s);
			assert_int_equal(v.seen, 11);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_handshake_opens_a_flow),
		cmocka_unit_test(test_a_retransmitted_syn_stays_with_its_backend),
		cmocka_unit_test(test_a_forged_rst_or_fin_is_denied_by_the_next_payload),
		cmocka_unit_test(test_a_forged_rst_is_denied_by_bare_acks_of_a_long_download),
		cmocka_unit_test(test_the_last_ack_of_a_regular_close_restores_nothing),
		cmocka_unit_test(test_repeated_fins_do_not_keep_a_closing_flow_alive),
		cmocka_unit_test(test_a_syn_never_moves_a_live_flow),
		cmocka_unit_test(test_a_syn_chooses_anew_on_a_closing_or_idle_flow),
		cmocka_unit_test(test_time_may_wrap_around),
		cmocka_unit_test(test_only_what_begins_or_goes_on_gets_an_entry),
		cmocka_unit_test(test_plain_means_that_tracking_would_change_the_time_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
