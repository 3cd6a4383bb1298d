/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "channel/message.h"

/* clang-format off */
static const struct {
	enum message_type type;
	const char *name;
	size_t length;
	bool command;
} all[] = {
#define COMMAND_ROW(symbol, number, payload_type) { MSG_##symbol, #symbol, sizeof(payload_type), true },
#define REPORT_ROW(symbol, number, payload_type) { MSG_##symbol, #symbol, sizeof(payload_type), false },
	COMMANDS(COMMAND_ROW)
	REPORTS(REPORT_ROW)
#undef COMMAND_ROW
#undef REPORT_ROW
};
/* clang-format on */

/* A message of the type that message_check() accepts. */
static struct message
valid(enum message_type type)
{
	struct message m;

	message_init(&m, type);
	if (type == MSG_NEIGHBOUR_EVENT)
		assert_int_equal(ip_addr_parse("10.0.0.1", &m.NEIGHBOUR_EVENT.addr), 0);
	if (type == MSG_SUSPECT_EVENT) {
		struct msg_suspect_event *e = &m.SUSPECT_EVENT;

		assert_int_equal(ip_addr_parse("192.0.2.1", &e->service.vip), 0);
		e->service.l4_port = 443;
		e->service.protocol = PROTOCOL_TCP;
		assert_int_equal(ip_addr_parse("2001:db8::1", &e->backend), 0);
		e->kind = SUSPECT_UNREACHABLE;
		e->count = 1;
	}
	return m;
}

static void
test_fresh_messages_pass_in_their_direction_only(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		struct message m = valid(all[i].type);

		assert_int_equal(m.length, all[i].length);
		assert_int_equal(message_check(&m, 1), all[i].command ? 0 : -EPROTO);
		assert_int_equal(message_check(&m, 0), all[i].command ? -EPROTO : 0);
		assert_string_equal(message_type_name(m.type), all[i].name);
	}
}

static void
test_every_other_type_is_refused(void **state)
{
	(void)state;
	for (unsigned int type = 0; type <= UINT16_MAX; type++) {
		struct message m = valid(MSG_TXN_ABORT);
		bool known = false;

		for (size_t i = 0; i < ARRAY_LEN(all); i++)
			known |= all[i].type == type;
		if (known)
			continue;
		m.type = (uint16_t)type;
		for (m.length = 0; m.length <= MESSAGE_PAYLOAD; m.length++) {
			assert_int_equal(message_check(&m, 1), -EPROTO);
			assert_int_equal(message_check(&m, 0), -EPROTO);
		}
		assert_string_equal(message_type_name(m.type), "?");
	}
}

static void
test_every_wrong_length_and_header_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (unsigned int length = 0; length <= UINT16_MAX; length++) {
			struct message m = valid(all[i].type);

			m.length = (uint16_t)length;
			assert_int_equal(message_check(&m, all[i].command),
					length == all[i].length ? 0 : -EPROTO);
		}
		for (unsigned int bit = 0; bit < 16; bit++) {
			struct message m = valid(all[i].type);

			m.magic ^= (uint16_t)(1U << bit);
			assert_int_equal(message_check(&m, all[i].command), -EPROTO);
			m = valid(all[i].type);
			m.reserved = (uint16_t)(1U << bit);
			assert_int_equal(message_check(&m, all[i].command), -EPROTO);
		}
	}
}

static void
test_any_byte_behind_the_payload_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		for (size_t at = all[i].length; at < MESSAGE_PAYLOAD; at++) {
			struct message m = valid(all[i].type);

			m.payload[at] = 1;
			assert_int_equal(message_check(&m, all[i].command), -EPROTO);
		}
	}
}

/* Counts the bytes of a payload in which a lone bit is refused. */
static size_t
nb_guarded_bytes(enum message_type type, bool command)
{
	size_t nb = 0;

	for (size_t at = 0; at < valid(type).length; at++) {
		struct message m = valid(type);

		m.payload[at] ^= 0x80;
		nb += message_check(&m, command) != 0;
	}
	return nb;
}

static void
test_reserved_fields_of_payloads_are_refused(void **state)
{
	(void)state;
	assert_int_equal(nb_guarded_bytes(MSG_TXN_BEGIN, true), 4);
	assert_int_equal(nb_guarded_bytes(MSG_TXN_COMMIT, true), 4);
	assert_int_equal(nb_guarded_bytes(MSG_TXN_ABORT, true), 0);
	assert_int_equal(nb_guarded_bytes(MSG_HASH_KEY_SET, true), 0);
	assert_int_equal(nb_guarded_bytes(MSG_SERVICE_SET, true), 4);
	assert_int_equal(nb_guarded_bytes(MSG_BACKEND_REMOVE, true), 4);
	assert_int_equal(nb_guarded_bytes(MSG_TXN_ANSWER, false), 0);
	/* Unused and reserved bytes of an IPv4 address, family, reachable, reserved. */
	assert_int_equal(nb_guarded_bytes(MSG_NEIGHBOUR_EVENT, false), 12 + 1 + 3 + 1 + 5);
	assert_int_equal(nb_guarded_bytes(MSG_LINK_EVENT, false), 1 + 7);
	assert_int_equal(nb_guarded_bytes(MSG_EVENTS_LOST, false), 0);
	/* VIP as above, protocol, reserved; family, reserved of the backend; kind, reserved. */
	assert_int_equal(nb_guarded_bytes(MSG_SUSPECT_EVENT, false),
			12 + 1 + 3 + 1 + 1 + 1 + 3 + 4 + 4);
}

static void
test_each_wrong_field_of_a_suspicion_is_refused(void **state)
{
	struct message m;

	(void)state;
#define WRONG(change)                                            \
	do {                                                     \
		m = valid(MSG_SUSPECT_EVENT);                    \
		m.SUSPECT_EVENT.change;                          \
		assert_int_equal(message_check(&m, 0), -EPROTO); \
	} while (0)
	WRONG(kind = 0);
	WRONG(kind = SUSPECT_UNREACHABLE + 1);
	WRONG(kind = UINT32_MAX);
	WRONG(count = 0);
	WRONG(service.l4_port = 0);
	WRONG(service.protocol = 1);
	WRONG(service.vip.family = 0);
	WRONG(backend.family = 0);
	WRONG(backend.family = 4);
#undef WRONG
	for (uint32_t kind = SUSPECT_SYN_RETRANSMISSIONS; kind <= SUSPECT_UNREACHABLE; kind++) {
		m = valid(MSG_SUSPECT_EVENT);
		m.SUSPECT_EVENT.kind = kind;
		assert_int_equal(message_check(&m, 0), 0);
		assert_string_not_equal(suspicion_name(kind), "?");
	}
	assert_string_equal(suspicion_name(0), "?");
	assert_string_equal(suspicion_name(4), "?");
}

static void
test_a_port_name_without_an_end_is_refused(void **state)
{
	struct message m = valid(MSG_LINK_EVENT);

	(void)state;
	memset(m.LINK_EVENT.port, 'x', sizeof(m.LINK_EVENT.port) - 1);
	assert_int_equal(message_check(&m, 0), 0);
	m.LINK_EVENT.port[sizeof(m.LINK_EVENT.port) - 1] = 'x';
	assert_int_equal(message_check(&m, 0), -EPROTO);
}

static void
test_random_bytes_are_refused_or_have_a_right_envelope(void **state)
{
	unsigned int seed = 20260101;

	(void)state;
	for (int round = 0; round < 300000; round++) {
		struct message m;
		uint8_t *bytes = (uint8_t *)&m;
		bool command = round % 2;

		for (size_t i = 0; i < sizeof(m); i++)
			bytes[i] = (uint8_t)rand_r(&seed);
		if (round % 4 < 2) {
			m.magic = MESSAGE_MAGIC;
			m.type = (uint16_t)(rand_r(&seed) % 70);
			m.length = (uint16_t)(rand_r(&seed) % 113);
			m.reserved = 0;
			memset(m.payload + m.length, 0, sizeof(m.payload) - m.length);
		}
		if (message_check(&m, command) == 0)
			assert_string_not_equal(message_type_name(m.type), "?");
	}
}

static void
test_every_error_has_a_text(void **state)
{
	(void)state;
	for (int e = 0; e < NB_CHANNEL_ERRORS; e++) {
		assert_true(strlen(channel_error_text((enum channel_error)e)) > 3);
		for (int other = 0; other < e; other++)
			assert_string_not_equal(channel_error_text((enum channel_error)e),
					channel_error_text((enum channel_error)other));
	}
	assert_string_equal(
			channel_error_text((enum channel_error)NB_CHANNEL_ERRORS), "unknown error");
	assert_string_equal(channel_error_text((enum channel_error) - 1), "unknown error");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_messages_pass_in_their_direction_only),
		cmocka_unit_test(test_every_other_type_is_refused),
		cmocka_unit_test(test_every_wrong_length_and_header_is_refused),
		cmocka_unit_test(test_any_byte_behind_the_payload_is_refused),
		cmocka_unit_test(test_reserved_fields_of_payloads_are_refused),
		cmocka_unit_test(test_each_wrong_field_of_a_suspicion_is_refused),
		cmocka_unit_test(test_a_port_name_without_an_end_is_refused),
		cmocka_unit_test(test_random_bytes_are_refused_or_have_a_right_envelope),
		cmocka_unit_test(test_every_error_has_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
