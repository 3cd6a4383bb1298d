/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "frames.h"
#include "net/checksum.h"
#include "net/unreachable.h"

/* Made by Scapy: what a client sent to 192.0.2.10 or 2001:db8::10, in which outer header. */
#define ERROR_4IN4                                                                     \
	"0200000000050200000000090800450000580001000040015d920a0909090a0000010301e95e" \
	"000000004500003c000040003c0429b30a0000010a00010b450000280001000040068e8ac633" \
	"6407c000020a9c4001bb00000001000000005002200005a10000"
#define ERROR_6IN4                                                                     \
	"0200000000050200000000090800450000610001000040015d890a0909090a00000103028bce" \
	"0000000045000045000040003c2929850a0000010a00010b600000000009114020010db8000c" \
	"0000000000000000000720010db80000000000000000000000109c40003500098fd178"
#define ERROR_6IN6                                                                     \
	"02000000000502000000000986dd6000000000613a40fd990000000000000000000000000009" \
	"fd00000000000000000000000000000101030f1200000000600000000031293cfd0000000000" \
	"00000000000000000001fd00000000000000000000000000000b600000000009114020010db8" \
	"000c0000000000000000000720010db80000000000000000000000109c40003500098fd178"
#define ERROR_4IN6                                                                     \
	"02000000000502000000000986dd6000000000583a40fd00000000000000000000000000000b" \
	"fd00000000000000000000000000000104018f4600000006600000000028043cfd0000000000" \
	"00000000000000000001fd00000000000000000000000000000b450000280001000040068e8a" \
	"c6336407c000020a9c4001bb00000001000000005002200005a10000"
#define ERROR_OPTIONS                                                                  \
	"02000000000502000000000908004500005c0001000040015d8e0a0909090a0000010301e95e" \
	"0000000045000040000040003c0429af0a0000010a00010b4600002c0001000040068b84c633" \
	"6407c000020a010101019c4001bb00000001000000005002200005a10000"

#define ICMP4 34
#define ICMP6 54
#define OUTER4 (ICMP4 + 8)
#define OUTER6 (ICMP6 + 8)
#define INNER_IN4 (OUTER4 + 20)
#define INNER_IN6 (OUTER6 + 40)

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

static bool
parse(const struct bytes *b, struct unreachable *out)
{
	const uint8_t *frame = guarded_copy(b->at, b->len);
	struct packet packet;

	packet_parse(frame, b->len, b->len, &packet);
	return unreachable_parse(frame, b->len, &packet, out);
}

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static void
test_errors_of_every_way_are_understood(void **state)
{
	static const struct {
		const char *frame, *source, *backend, *vip;
		uint16_t port;
		uint8_t protocol;
	} cases[] = {
		{ ERROR_4IN4, "10.0.0.1", "10.0.1.11", "192.0.2.10", 443, 6 },
		{ ERROR_6IN4, "10.0.0.1", "10.0.1.11", "2001:db8::10", 53, 17 },
		{ ERROR_6IN6, "fd00::1", "fd00::b", "2001:db8::10", 53, 17 },
		{ ERROR_4IN6, "fd00::1", "fd00::b", "192.0.2.10", 443, 6 },
		{ ERROR_OPTIONS, "10.0.0.1", "10.0.1.11", "192.0.2.10", 443, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes b = from_hex(cases[i].frame);
		struct ip_addr source = addr(cases[i].source);
		struct ip_addr backend = addr(cases[i].backend);
		struct ip_addr vip = addr(cases[i].vip);
		struct unreachable u;

		assert_true(parse(&b, &u));
		assert_memory_equal(&u.source, &source, sizeof(source));
		assert_memory_equal(&u.backend, &backend, sizeof(backend));
		assert_memory_equal(&u.vip, &vip, sizeof(vip));
		assert_int_equal(u.l4_port, cases[i].port);
		assert_int_equal(u.protocol, cases[i].protocol);
		assert_int_equal(u.reserved, 0);
	}
}

/* Its checksum made right. */
static void
seal(struct bytes *b)
{
	bool ip6 = b->at[12] == 0x86;
	uint32_t icmp = ip6 ? ICMP6 : ICMP4;

	store_u16(b->at + icmp + 2, 0);
	store_u16(b->at + icmp + 2,
			ip6 ? checksum_l4(b->at + 22, b->at + 38, 16, 58, b->at + icmp,
					      b->len - icmp)
			    : checksum_ip(b->at + icmp, b->len - icmp));
}

static void
test_any_wrong_bit_of_the_message_is_seen(void **state)
{
	static const char *const frames[] = { ERROR_4IN4, ERROR_6IN6 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct bytes right = from_hex(frames[i]);

		for (uint32_t bit = 8 * (i == 0 ? ICMP4 : ICMP6); bit < 8 * right.len; bit++) {
			struct bytes b = right;
			struct unreachable u;

			b.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_false(parse(&b, &u));
		}
	}
}

/* A byte of an error, and whether the error, sealed anew, is still one. */
static const struct change {
	const char *frame;
	uint32_t at;
	uint8_t value;
	bool taken;
} changes[] = {
	/* Types and codes. */
	{ ERROR_4IN4, ICMP4, 11, false }, { ERROR_4IN4, ICMP4, 5, false },
	{ ERROR_4IN4, ICMP4 + 1, 4, false }, /* Fragmentation needed: it exists. */
	{ ERROR_4IN4, ICMP4 + 1, 0, true }, { ERROR_4IN4, ICMP4 + 1, 2, true },
	{ ERROR_4IN4, ICMP4 + 1, 3, true }, { ERROR_4IN4, ICMP4 + 1, 13, true },
	{ ERROR_6IN6, ICMP6, 2, false }, { ERROR_6IN6, ICMP6, 3, false },
	{ ERROR_6IN6, ICMP6 + 1, 0, true }, { ERROR_4IN6, ICMP6 + 1, 0, false },
	{ ERROR_4IN6, ICMP6 + 1, 2, false },
	{ ERROR_4IN6, ICMP6 + 7, 46, false }, /* The client's own next header. */
	{ ERROR_4IN6, ICMP6 + 4, 1, false },
	/* The outer header. */
	{ ERROR_4IN4, OUTER4, 0x46, false }, { ERROR_4IN4, OUTER4, 0x65, false },
	{ ERROR_4IN4, OUTER4 + 5, 9, true }, { ERROR_4IN4, OUTER4 + 6, 0x60, false },
	{ ERROR_4IN4, OUTER4 + 7, 1, false }, { ERROR_4IN4, OUTER4 + 8, 1, true },
	{ ERROR_4IN4, OUTER4 + 9, 41, false }, { ERROR_4IN4, OUTER4 + 9, 6, false },
	{ ERROR_4IN4, OUTER4 + 15, 2, false }, /* Another has sent it. */
	{ ERROR_6IN6, OUTER6, 0x45, false }, { ERROR_6IN6, OUTER6 + 6, 4, false },
	{ ERROR_6IN6, OUTER6 + 6, 17, false }, { ERROR_6IN6, OUTER6 + 7, 1, true },
	{ ERROR_6IN6, OUTER6 + 23, 2, false },
	/* The client's packet. */
	{ ERROR_4IN4, INNER_IN4, 0x44, false },
	{ ERROR_4IN4, INNER_IN4, 0x4f, false }, /* Longer than what is quoted. */
	{ ERROR_4IN4, INNER_IN4, 0x65, false }, { ERROR_4IN4, INNER_IN4 + 6, 0x20, false },
	{ ERROR_4IN4, INNER_IN4 + 7, 1, false }, { ERROR_4IN4, INNER_IN4 + 9, 1, false },
	{ ERROR_4IN4, INNER_IN4 + 9, 17, true }, { ERROR_6IN6, INNER_IN6, 0x50, false },
	{ ERROR_6IN6, INNER_IN6 + 6, 60, false },
	{ ERROR_6IN6, INNER_IN6 + 43, 0, false }, /* Port 0. */
	/* The frame. */
	{ ERROR_4IN4, 0, 0x03, false },
	{ ERROR_4IN4, 33, 2, false }, /* For another than who sent what it quotes. */
};

static void
test_what_is_not_as_we_send_it_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		struct bytes b = from_hex(changes[i].frame);
		struct unreachable u;

		b.at[changes[i].at] = changes[i].value;
		seal(&b);
		if (parse(&b, &u) != changes[i].taken)
			fail_msg("change %zu: %s", i, changes[i].taken ? "refused" : "taken");
	}
}

/* Cut to @p len bytes, lengths and checksum right. */
static struct bytes
cut(const char *frame, uint32_t len)
{
	struct bytes b = from_hex(frame);

	b.len = len;
	if (b.at[12] == 0x86)
		store_be16(b.at + 18, (uint16_t)(len - 54));
	else
		store_be16(b.at + 16, (uint16_t)(len - 14));
	seal(&b);
	return b;
}

static void
test_a_quote_must_reach_the_ports(void **state)
{
	static const struct {
		const char *frame;
		uint32_t icmp, ports;
	} cases[] = { { ERROR_4IN4, ICMP4, INNER_IN4 + 20 }, { ERROR_6IN4, ICMP4, INNER_IN4 + 40 },
		{ ERROR_6IN6, ICMP6, INNER_IN6 + 40 }, { ERROR_4IN6, ICMP6, INNER_IN6 + 20 },
		{ ERROR_OPTIONS, ICMP4, INNER_IN4 + 24 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (uint32_t len = cases[i].icmp + 8; len < from_hex(cases[i].frame).len; len++) {
			struct bytes b = cut(cases[i].frame, len);
			struct unreachable u;

			assert_int_equal(parse(&b, &u), len >= cases[i].ports + 4);
		}
	}
}

static void
test_a_packet_that_is_not_whole_in_one_piece_is_refused(void **state)
{
	struct bytes b = from_hex(ERROR_4IN4);
	struct unreachable u;
	struct packet packet;

	(void)state;
	packet_parse(b.at, b.len - 1, b.len, &packet);
	assert_int_equal(packet.kind, PACKET_ICMP4);
	assert_false(unreachable_parse(b.at, b.len - 1, &packet, &u));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors_of_every_way_are_understood),
		cmocka_unit_test(test_any_wrong_bit_of_the_message_is_seen),
		cmocka_unit_test(test_what_is_not_as_we_send_it_is_refused),
		cmocka_unit_test(test_a_quote_must_reach_the_ports),
		cmocka_unit_test(test_a_packet_that_is_not_whole_in_one_piece_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
