/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "frames.h"
#include "net/reset.h"

/* From 192.0.2.9 or 2001:db8::9 port 40000 to ::1 port 80; packets and answers made by Scapy. */
#define DATA4                                                                          \
	"02000000000502000000000908004528002c000700003c06fa92c0000209c00002019c400050" \
	"1122334455667788501820008515000064617461"
#define RST4                                                                           \
	"020000000009020000000005080045000028000040004006b6c5c0000201c000020900509c40" \
	"556677880000000050040000c2560000"
#define FIN4                                                                           \
	"02000000000502000000000908004500002c000700003c06fabac0000209c00002019c400050" \
	"fffffffe5566778850012000c993000064617461"
#define RST_OF_FIN4                                                                    \
	"020000000009020000000005080045000028000040004006b6c5c0000201c000020900509c40" \
	"0000000000000003501400008f320000"
#define SYN4                                                                           \
	"020000000005020000000009080045000028000700003c06fabec0000209c00002019c400050" \
	"0000000900000000500220006f3e0000"
#define RST_OF_SYN4                                                                    \
	"020000000009020000000005080045000028000040004006b6c5c0000201c000020900509c40" \
	"000000000000000a501400008f2b0000"
#define OPTIONS4                                                                       \
	"02000000000502000000000981000064080046000030000700003c06f7b4c0000209c0000201" \
	"010101019c4000500000000155667788601020009043000001010101"
#define RST_OF_OPTIONS4                                                                \
	"02000000000902000000000581000064080045000028000040004006b6c5c0000201c0000209" \
	"00509c40556677880000000050040000c2560000"
#define DATA6                                                                          \
	"02000000000502000000000986dd628123450018063c20010db8000000000000000000000009" \
	"20010db80000000000000000000000019c400050112233445566778850182000ada400006461" \
	"7461"
#define RST6                                                                           \
	"02000000000902000000000586dd600000000014064020010db8000000000000000000000001" \
	"20010db800000000000000000000000900509c40556677880000000050040000eae50000"
#define EXTENDED6                                                                      \
	"02000000000502000000000986dd60000000001c3c3c20010db8000000000000000000000009" \
	"20010db800000000000000000000000106000104000000009c40005011223344556677885010" \
	"200086730000"
#define UDP4                                                                           \
	"020000000005020000000009080045000020000700003c11fabbc0000209c00002019c400050" \
	"000c067864617461"

struct bytes {
	uint8_t at[256];
	uint32_t len;
};

static struct bytes
from_hex(const char *text)
{
	struct bytes b = { .len = 0 };

	b.len = bytes_from_hex(b.at, text);
	return b;
}

static struct packet
parse(const struct bytes *b)
{
	struct packet packet;

	packet_parse(b->at, b->len, b->len, &packet);
	return packet;
}

static void
test_a_packet_becomes_the_rst_that_answers_it(void **state)
{
	static const char *const cases[][2] = { { DATA4, RST4 }, { DATA6, RST6 },
		{ FIN4, RST_OF_FIN4 }, { SYN4, RST_OF_SYN4 }, { OPTIONS4, RST_OF_OPTIONS4 },
		{ EXTENDED6, RST6 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes in = from_hex(cases[i][0]);
		struct bytes expected = from_hex(cases[i][1]);
		struct packet packet = parse(&in);
		uint8_t *copy = guarded_copy(in.at, in.len);

		assert_int_equal(reset_in_place(copy, &packet), expected.len);
		assert_memory_equal(copy, expected.at, expected.len);
	}
}

/* Nothing comes of it, and it is as it was. */
static void
assert_refused(const struct bytes *b)
{
	struct bytes copy = *b;
	struct packet packet = parse(b);

	assert_int_equal(reset_in_place(copy.at, &packet), 0);
	assert_memory_equal(copy.at, b->at, b->len);
}

static void
test_a_rst_and_what_is_no_tcp_are_not_answered(void **state)
{
	static const char *const rsts[] = { RST4, RST6, RST_OF_FIN4, UDP4 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rsts); i++)
		assert_refused(&(struct bytes[]){ from_hex(rsts[i]) }[0]);
}

static void
test_nobody_is_answered_who_is_many_or_ourselves(void **state)
{
	static const struct {
		const char *frame;
		uint32_t at, len;
		uint8_t bytes[16];
	} changes[] = {
		{ DATA4, 0, 1, { 0x03 } },		  /* To a group. */
		{ DATA4, 6, 1, { 0x03 } },		  /* From a group. */
		{ DATA4, 26, 1, { 224 } },		  /* From multicast, */
		{ DATA4, 26, 4, { 255, 255, 255, 255 } }, /* all, */
		{ DATA4, 26, 1, { 0 } },		  /* nobody, */
		{ DATA4, 26, 1, { 127 } },		  /* loopback, */
		{ DATA4, 26, 4, { 192, 0, 2, 1 } },	  /* the VIP itself. */
		{ DATA4, 30, 1, { 224 } },
		{ DATA6, 22, 1, { 0xff } },
		{ DATA6, 22, 16, { 0 } },
		{ DATA6, 37, 1, { 1 } },
		{ DATA6, 38, 1, { 0xff } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct bytes b = from_hex(changes[i].frame);

		memcpy(b.at + changes[i].at, changes[i].bytes, changes[i].len);
		assert_refused(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_packet_becomes_the_rst_that_answers_it),
		cmocka_unit_test(test_a_rst_and_what_is_no_tcp_are_not_answered),
		cmocka_unit_test(test_nobody_is_answered_who_is_many_or_ourselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
