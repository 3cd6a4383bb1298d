/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "frames.h"
#include "net/encap.h"

static const struct ip_addr addr4[2] = { { { 192, 0, 2, 1 }, IP_V4, { 0 } },
	{ { 198, 51, 100, 255 }, IP_V4, { 0 } } };
static const struct ip_addr addr6[2] = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, IP_V6, { 0 } },
	{ { 0x20, 0x01, 0x0d, 0xb8, 0xff, 0xff, 0xff, 0xff, [15] = 0xfe }, IP_V6, { 0 } } };

/* The naive twin: RFC 791's header a byte at a time, RFC 1071's sum a word at a time. */
static void
naive_v4(uint8_t *out, const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
		uint32_t inner_len, uint8_t tos)
{
	uint32_t total = inner_len + 20;
	uint8_t header[20] = { 0x45, tos, (uint8_t)(total >> 8), (uint8_t)total, 0, 0, 0x40, 0, 64,
		protocol };
	uint32_t sum = 0;

	memcpy(header + 12, src->bytes, 4);
	memcpy(header + 16, dst->bytes, 4);
	for (int i = 0; i < 20; i += 2) {
		sum += (uint32_t)header[i] << 8 | header[i + 1];
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	header[10] = (uint8_t)(~sum >> 8);
	header[11] = (uint8_t)~sum;
	memcpy(out, header, 20);
}

static void
naive_v6(uint8_t *out, const struct ip_addr *src, const struct ip_addr *dst, uint8_t protocol,
		uint32_t inner_len, uint8_t tos)
{
	uint8_t header[40] = { (uint8_t)(0x60 | tos >> 4), (uint8_t)(tos << 4), 0, 0,
		(uint8_t)(inner_len >> 8), (uint8_t)inner_len, protocol, 64 };

	memcpy(header + 8, src->bytes, 16);
	memcpy(header + 24, dst->bytes, 16);
	memcpy(out, header, 40);
}

/* Write into a buffer with sentinels on both sides. */
static void
expect_header(const struct encap_template *t, uint8_t size, const uint8_t *expected,
		uint16_t inner_len, uint8_t tos)
{
	uint8_t buf[8 + 40 + 8];

	memset(buf, 0x5a, sizeof(buf));
	if (size == 20)
		encap_write_v4(t, buf + 8, inner_len, tos);
	else
		encap_write_v6(t, buf + 8, inner_len, tos);
	assert_memory_equal(buf + 8, expected, size);
	assert_int_equal(load_be16(buf + 6), size == 20 ? 0x0800 : 0x86dd);
	for (unsigned int i = 0; i < 8; i++) {
		assert_true(i >= 6 || buf[i] == 0x5a);
		assert_int_equal(buf[8 + size + i], 0x5a);
	}
}

static void
test_v4_header_is_the_naive_one_for_every_length_and_tos(void **state)
{
	struct encap_template t;
	uint8_t expected[20];

	(void)state;
	for (int inner = 4; inner <= 6; inner += 2) {
		assert_int_equal(encap_template_init(
						 &t, &addr4[0], &addr4[1], (enum ip_family)inner),
				20);
		for (uint32_t len = 0; len <= 65515; len++) {
			for (uint32_t tos = len % 7; tos <= 0xff; tos += 7) {
				naive_v4(expected, &addr4[0], &addr4[1], inner == 4 ? 4 : 41, len,
						(uint8_t)tos);
				expect_header(&t, 20, expected, (uint16_t)len, (uint8_t)tos);
			}
		}
	}
}

static void
test_v4_checksum_is_right_for_any_addresses(void **state)
{
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned int i = 0; i < 4000000; i++) {
		struct ip_addr src = { .family = IP_V4 }, dst = { .family = IP_V4 };
		uint16_t len = (uint16_t)(random_next(&rng) % 65516);
		uint8_t tos = (uint8_t)random_next(&rng);
		struct encap_template t;
		uint8_t expected[20];

		store_u32(src.bytes, (uint32_t)random_next(&rng));
		store_u32(dst.bytes, (uint32_t)random_next(&rng));
		assert_int_equal(encap_template_init(&t, &src, &dst, IP_V4), 20);
		naive_v4(expected, &src, &dst, 4, len, tos);
		expect_header(&t, 20, expected, len, tos);
	}
}

static void
test_v6_header_is_the_naive_one_for_every_length_and_traffic_class(void **state)
{
	struct encap_template t;
	uint8_t expected[40];

	(void)state;
	for (int inner = 4; inner <= 6; inner += 2) {
		assert_int_equal(encap_template_init(
						 &t, &addr6[0], &addr6[1], (enum ip_family)inner),
				40);
		for (uint32_t len = 0; len <= UINT16_MAX; len++) {
			for (uint32_t tos = len % 17; tos <= 0xff; tos += 17) {
				naive_v6(expected, &addr6[0], &addr6[1], inner == 4 ? 4 : 41, len,
						(uint8_t)tos);
				expect_header(&t, 40, expected, (uint16_t)len, (uint8_t)tos);
			}
		}
	}
}

static void
test_ecn_and_dscp_reach_the_outer_header(void **state)
{
	struct encap_template t4, t6;
	uint8_t buf[2 + 40];
	uint8_t *out = buf + 2;

	(void)state;
	assert_int_equal(encap_template_init(&t4, &addr4[0], &addr4[1], IP_V6), 20);
	assert_int_equal(encap_template_init(&t6, &addr6[0], &addr6[1], IP_V4), 40);
	for (uint32_t tos = 0; tos <= 0xff; tos++) {
		encap_write_v4(&t4, out, 100, (uint8_t)tos);
		assert_int_equal(out[1], tos);
		encap_write_v6(&t6, out, 100, (uint8_t)tos);
		assert_int_equal(load_be16(out) >> 4, 0x600 | tos);
	}
}

static void
test_families_that_do_not_match_are_refused(void **state)
{
	static const struct ip_addr none = { .family = IP_NONE };
	static const struct encap_template zero;
	struct encap_template t;

	(void)state;
	memset(&t, 0xff, sizeof(t));
	assert_int_equal(encap_template_init(&t, &addr4[0], &addr6[0], IP_V4), 0);
	assert_memory_equal(&t, &zero, sizeof(t));
	assert_int_equal(encap_template_init(&t, &addr6[0], &addr4[0], IP_V4), 0);
	assert_int_equal(encap_template_init(&t, &none, &none, IP_V4), 0);
	assert_int_equal(encap_template_init(&t, &addr4[0], &addr4[1], IP_NONE), 0);
	assert_int_equal(encap_template_init(&t, &addr4[0], &addr4[1], (enum ip_family)5), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4_header_is_the_naive_one_for_every_length_and_tos),
		cmocka_unit_test(test_v4_checksum_is_right_for_any_addresses),
		cmocka_unit_test(
				test_v6_header_is_the_naive_one_for_every_length_and_traffic_class),
		cmocka_unit_test(test_ecn_and_dscp_reach_the_outer_header),
		cmocka_unit_test(test_families_that_do_not_match_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
