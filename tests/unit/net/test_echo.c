/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "frames.h"
#include "net/checksum.h"
#include "net/echo.h"

#define US "020000000005"
#define THEM "020000000009"
#define ADDR_US "20010db8000000000000000000000001"
#define ADDR_THEM "20010db8000000000000000000abcdef"
#define PAYLOAD "0077 0003 6775696465776179"

/* Written out from RFC 792 and RFC 4443 sections 4.1 and 4.2; checksums from Scapy. */
#define REQUEST4 US THEM "0800 4528 0024 1234 0000 39 01 eb72 c0000209 c0000201 0800 5fbb" PAYLOAD
#define REPLY4 THEM US "0800 4528 0024 1234 0000 40 01 e472 c0000201 c0000209 0000 67bb" PAYLOAD
#define REQUEST6 US THEM "86dd 60000000 0010 3a 39" ADDR_THEM ADDR_US "8000 bd62" PAYLOAD
#define REPLY6 THEM US "86dd 60000000 0010 3a 40" ADDR_US ADDR_THEM "8100 bc62" PAYLOAD
#define TAGGED4 \
	US THEM "8100 0064 0800 4528 0024 1234 0000 39 01 eb72 c0000209 c0000201 0800 5fbb" PAYLOAD
#define TAGGED_REPLY4 \
	THEM US "8100 0064 0800 4528 0024 1234 0000 40 01 e472 c0000201 c0000209 0000 67bb" PAYLOAD

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
test_a_request_becomes_its_reply(void **state)
{
	static const char *const cases[][2] = { { REQUEST4, REPLY4 }, { REQUEST6, REPLY6 },
		{ TAGGED4, TAGGED_REPLY4 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes b = from_hex(cases[i][0]);
		struct bytes expected = from_hex(cases[i][1]);
		struct packet packet = parse(&b);

		assert_true(echo_is_request(b.at, &packet));
		assert_int_equal(echo_reply_in_place(b.at, &packet), 0);
		assert_memory_equal(b.at, expected.at, expected.len);
	}
}

/* Two balancers that answer each other's answers would never end. */
static void
test_a_reply_is_not_answered(void **state)
{
	static const char *const cases[] = { REPLY4, REPLY6, TAGGED_REPLY4 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes b = from_hex(cases[i]), before = b;
		struct packet packet = parse(&b);

		assert_false(echo_is_request(b.at, &packet));
		assert_int_equal(echo_reply_in_place(b.at, &packet), -EINVAL);
		assert_memory_equal(&b, &before, sizeof(b));
	}
}

static void
test_the_reply_has_fresh_checksums(void **state)
{
	const struct bytes requests[2] = { from_hex(REQUEST4), from_hex(REQUEST6) };
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned int i = 0; i < 1000000; i++) {
		bool ip6 = i % 2 != 0;
		struct bytes b = requests[ip6];
		uint8_t *ip = b.at + 14, *icmp = ip + (ip6 ? 40 : 20);
		uint32_t len = b.len - (uint32_t)(icmp - b.at);
		struct packet packet;
		uint16_t fresh;

		/* Identifier, sequence, payload; what surrounds the TTL and the addresses. */
		for (uint32_t j = 4; j < len; j += 2)
			store_u16(icmp + j,
					random_next(&rng) % 4 ? (uint16_t)random_next(&rng)
							      : 0xffff);
		ip[1] = (uint8_t)random_next(&rng) & 0x0f;
		ip[ip6 ? 7 : 8] = (uint8_t)random_next(&rng);
		store_u16(ip + (ip6 ? 22 : 14), (uint16_t)random_next(&rng));
		ip[13] |= 7; /* Never our own address. */
		memset(icmp + 2, 0, 2);
		if (ip6) {
			store_u16(icmp + 2, checksum_l4(ip + 8, ip + 24, 16, 58, icmp, len));
		} else {
			store_u16(icmp + 2, checksum_ip(icmp, len));
			memset(ip + 10, 0, 2);
			store_u16(ip + 10, checksum_ip(ip, 20));
		}
		packet = parse(&b);
		assert_int_equal(echo_reply_in_place(b.at, &packet), 0);

		fresh = load_u16(icmp + 2);
		memset(icmp + 2, 0, 2);
		if (ip6) {
			assert_int_equal(fresh, checksum_l4(ip + 8, ip + 24, 16, 58, icmp, len));
			continue;
		}
		assert_int_equal(fresh, checksum_ip(icmp, len));
		fresh = load_u16(ip + 10);
		memset(ip + 10, 0, 2);
		assert_int_equal(fresh, checksum_ip(ip, 20));
	}
}

static void
test_a_wrong_checksum_is_not_made_right(void **state)
{
	struct bytes b = from_hex(REQUEST4);
	struct packet packet = parse(&b);

	(void)state;
	b.at[40] ^= 0x55;
	assert_int_equal(echo_reply_in_place(b.at, &packet), 0);
	assert_int_not_equal(checksum_ip(b.at + 34, b.len - 34), 0);
}

static void
test_what_would_be_an_amplifier_or_a_loop_is_not_answered(void **state)
{
	static const struct {
		const char *hex;
		uint32_t at;
		const char *bytes;
	} cases[] = {
		{ REQUEST4, 0, "ffffffffffff" }, /* Link-layer broadcast, multicast. */
		{ REQUEST4, 0, "01005e000001" },
		{ REQUEST4, 6, "010000000009" }, /* Its source no less. */
		{ REQUEST4, 26, "00000000" },	 /* IPv4 source. */
		{ REQUEST4, 26, "00000001" },
		{ REQUEST4, 26, "7f000001" },
		{ REQUEST4, 26, "e0000001" },
		{ REQUEST4, 26, "ffffffff" },
		{ REQUEST4, 26, "f0000001" },
		{ REQUEST4, 26, "c0000201" }, /* Us. */
		{ REQUEST4, 30, "e0000001" }, /* IPv4 destination. */
		{ REQUEST4, 30, "ffffffff" },
		{ REQUEST4, 30, "7f000001" },
		{ REQUEST4, 30, "00000000" },
		{ REQUEST4, 34, "03" }, /* Another type, another code. */
		{ REQUEST4, 34, "00" },
		{ REQUEST4, 35, "01" },
		{ REQUEST4, 23, "3a" },	  /* ICMPv6 in IPv4. */
		{ REQUEST4, 20, "2000" }, /* A fragment. */
		{ REQUEST6, 0, "3333ff000001" },
		{ REQUEST6, 6, "333300000009" },
		{ REQUEST6, 22, "ff" },
		{ REQUEST6, 22, "00000000000000000000000000000000" },
		{ REQUEST6, 22, "00000000000000000000000000000001" },
		{ REQUEST6, 22, ADDR_US },
		{ REQUEST6, 38, "ff020000000000000000000000000001" },
		{ REQUEST6, 38, "00000000000000000000000000000001" },
		{ REQUEST6, 54, "81" },
		{ REQUEST6, 54, "08" },
		{ REQUEST6, 55, "01" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes b = from_hex(cases[i].hex), before;
		struct packet packet;

		(void)bytes_from_hex(b.at + cases[i].at, cases[i].bytes);
		before = b;
		packet = parse(&b);
		if (echo_is_request(b.at, &packet))
			fail_msg("%s at %u of %s", cases[i].bytes, cases[i].at, cases[i].hex);
		assert_int_equal(echo_reply_in_place(b.at, &packet), -EINVAL);
		assert_memory_equal(&b, &before, sizeof(b));
	}
}

static void
test_options_and_extension_headers_are_not_sent_back(void **state)
{
	static const struct layer with_options[] = { { LAYER_ETHER, 0x0800, 0, 0 },
		{ LAYER_IP4, 1, 2, 0 }, { LAYER_ICMP, 8, 0, 0 }, { LAYER_END, 0, 0, 0 } };
	static const struct layer with_routing[] = { { LAYER_ETHER, 0x86dd, 0, 0 },
		{ LAYER_IP6, 43, 0, 0 }, { LAYER_EXT, 58, 2, 0 }, { LAYER_ICMP, 128, 0, 0 },
		{ LAYER_END, 0, 0, 0 } };
	const struct layer *const cases[] = { with_options, with_routing };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct frame f, before;
		struct packet packet;

		frame_build(&f, cases[i]);
		f.bytes[0] = f.bytes[6] = 2; /* Unicast, as the pattern of the addresses is. */
		before = f;
		packet_parse(f.bytes, f.len, f.len, &packet);
		assert_true(echo_is_request(f.bytes, &packet));
		assert_int_equal(echo_reply_in_place(f.bytes, &packet), -EINVAL);
		assert_memory_equal(&f, &before, sizeof(f));
	}
}

/* Eight bytes of ICMP may be all that the first segment has. */
static void
test_no_byte_behind_the_icmp_header_is_touched(void **state)
{
	static const char *const cases[] = { REQUEST4, REQUEST6 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct bytes b = from_hex(cases[i]);
		uint32_t len = b.len - 8;
		uint8_t *frame = guarded_copy(b.at, len);
		struct packet packet;

		packet_parse(frame, len, b.len, &packet);
		assert_int_equal(echo_reply_in_place(frame, &packet), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_becomes_its_reply),
		cmocka_unit_test(test_a_reply_is_not_answered),
		cmocka_unit_test(test_the_reply_has_fresh_checksums),
		cmocka_unit_test(test_a_wrong_checksum_is_not_made_right),
		cmocka_unit_test(test_what_would_be_an_amplifier_or_a_loop_is_not_answered),
		cmocka_unit_test(test_options_and_extension_headers_are_not_sent_back),
		cmocka_unit_test(test_no_byte_behind_the_icmp_header_is_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
