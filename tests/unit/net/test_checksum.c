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

/*
 * The naive twin: RFC 1071 to the letter, big-endian words, a carry added at once.
 * @return as store_u16() writes it.
 */
static uint16_t
naive_checksum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return __builtin_bswap16((uint16_t)(0xffff - sum));
}

static void
random_bytes(uint64_t *rng, uint8_t *bytes, size_t len)
{
	/* Corner words are frequent: long runs of carries and of zeros. */
	static const uint16_t corners[] = { 0x0000, 0xffff, 0x0001, 0xfffe, 0x0100, 0x00ff };
	bool plain = random_next(rng) % 2 == 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		uint64_t r = random_next(rng);

		store_u16(bytes + i,
				plain || r % 4 == 0 ? (uint16_t)(r >> 32)
						    : corners[(r >> 32) % ARRAY_LEN(corners)]);
	}
	if (len % 2 != 0)
		bytes[len - 1] = (uint8_t)random_next(rng);
}

static void
test_a_known_header_has_its_known_checksum(void **state)
{
	/* RFC 1071 section 3's words, and an IPv4 header from the field. */
	static const uint8_t rfc[8] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	static const uint8_t ip[20] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
		0x00, 0x00, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };

	(void)state;
	assert_int_equal(__builtin_bswap16(checksum_fold(checksum_add(rfc, 8, 0))), 0xddf2);
	assert_int_equal(__builtin_bswap16(checksum_ip(ip, 20)), 0xb861);
}

static void
test_any_bytes_have_the_naive_checksum(void **state)
{
	uint64_t rng = random_seed();
	uint8_t bytes[80];

	(void)state;
	for (unsigned int i = 0; i < 4000000; i++) {
		size_t len = i % 2 == 0 ? 20 : random_next(&rng) % sizeof(bytes);
		const uint8_t *at;

		random_bytes(&rng, bytes, len);
		at = i % 64 == 0 ? guarded_copy(bytes, (uint32_t)len) : bytes;
		assert_int_equal(checksum_ip(at, len), naive_checksum(at, len));
	}
}

static void
test_a_sum_may_be_made_in_pieces_at_any_even_place(void **state)
{
	uint64_t rng = random_seed();
	uint8_t bytes[99];

	(void)state;
	for (unsigned int i = 0; i < 200000; i++) {
		size_t cut = random_next(&rng) % 50 * 2;
		uint64_t sum;

		random_bytes(&rng, bytes, sizeof(bytes));
		sum = checksum_add(bytes, cut, 0);
		sum = checksum_add(bytes + cut, sizeof(bytes) - cut, sum);
		assert_int_equal((uint16_t)~checksum_fold(sum),
				naive_checksum(bytes, sizeof(bytes)));
	}
}

static void
test_a_fold_is_the_remainder_of_65535_and_zero_only_of_zero(void **state)
{
	static const uint64_t sums[] = { 0, 1, 0xffff, 0x10000, 0x1ffff, 0x2fffe, 0xffffffff,
		0x100000000, 0xffff0001ffff, UINT64_MAX, UINT64_MAX - 1, 0xffffffff00000000,
		0xffff0000ffff0000, 0x8000800080008000 };
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned int i = 0; i < 4000000; i++) {
		uint64_t sum = i < ARRAY_LEN(sums) ? sums[i] : random_next(&rng) >> i % 64;
		uint64_t expected = sum % 0xffff;

		if (expected == 0 && sum != 0)
			expected = 0xffff;
		assert_int_equal(checksum_fold(sum), expected);
	}
}

/* A sum that the caller did not fold, however large, is taken in without losing a carry. */
static void
test_an_unfolded_sum_loses_no_carry(void **state)
{
	uint8_t bytes[64];
	uint64_t rng = random_seed();

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t sum = UINT64_MAX - random_next(&rng) % 100000;

		assert_int_equal(checksum_fold(checksum_add(bytes, sizeof(bytes), sum)) % 0xffff,
				sum % 0xffff);
	}
}

static void
test_an_update_gives_the_checksum_of_the_changed_header(void **state)
{
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned int i = 0; i < 4000000; i++) {
		uint8_t header[20], change[4];
		size_t size = i % 2 == 0 ? 2 : 4;
		size_t at = random_next(&rng) % (20 / size) * size;
		uint16_t before, updated;

		random_bytes(&rng, header, sizeof(header));
		random_bytes(&rng, change, sizeof(change));
		header[(at + 4) % 20] |= 0x40; /* Never all zero: no header is. */
		before = checksum_ip(header, sizeof(header));
		updated = size == 2
				? checksum_update16(before, load_u16(header + at), load_u16(change))
				: checksum_update32(
						  before, load_u32(header + at), load_u32(change));
		memcpy(header + at, change, size);
		assert_int_equal(updated, naive_checksum(header, sizeof(header)));
	}
}

/* RFC 1624 section 4: equation 2 of RFC 1141 gives 0xffff here, equation 3 the right 0. */
static void
test_the_example_of_rfc1624_gives_zero(void **state)
{
	uint16_t before = __builtin_bswap16(0x5555), after = __builtin_bswap16(0x3285);

	(void)state;
	assert_int_equal(checksum_update16(__builtin_bswap16(0xdd2f), before, after), 0x0000);
	assert_int_equal(checksum_update32(__builtin_bswap16(0xdd2f), before, after), 0x0000);
}

static void
test_every_change_of_a_word_under_every_checksum_is_exact(void **state)
{
	static const uint16_t words[] = { 0x0000, 0x0001, 0x00ff, 0x0100, 0x7fff, 0x8000, 0xfffe,
		0xffff };

	(void)state;
	/* Data: one word that makes the checksum, the word that changes, and one other. */
	for (uint32_t first = 0; first <= 0xffff; first++) {
		for (size_t b = 0; b < ARRAY_LEN(words); b++) {
			for (size_t a = 0; a < ARRAY_LEN(words); a++) {
				uint16_t data[3] = { (uint16_t)first, words[b], 0x0040 };
				uint16_t sum = naive_checksum((const uint8_t *)data, 6);
				uint16_t got = checksum_update16(sum, words[b], words[a]);

				data[1] = words[a];
				assert_int_equal(got, naive_checksum((const uint8_t *)data, 6));
			}
		}
	}
}

/* The pseudo-header written out, summed by the twin. */
static void
test_l4_checksums_cover_the_pseudo_header(void **state)
{
	uint64_t rng = random_seed();

	(void)state;
	for (unsigned int i = 0; i < 500000; i++) {
		static const uint8_t protocols[] = { 6, 17, 58 };
		uint8_t protocol = protocols[i % 3];
		unsigned int addr_len = i % 2 == 0 ? 4 : 16;
		uint16_t len = (uint16_t)(random_next(&rng) % 100);
		uint8_t src[16], dst[16], l4[100], whole[40 + 100];
		size_t at = 2 * addr_len;
		uint16_t expected;

		random_bytes(&rng, src, sizeof(src));
		random_bytes(&rng, dst, sizeof(dst));
		random_bytes(&rng, l4, sizeof(l4));
		memset(whole, 0, sizeof(whole));
		memcpy(whole, src, addr_len);
		memcpy(whole + addr_len, dst, addr_len);
		if (addr_len == 4) { /* zero, protocol, length */
			whole[at + 1] = protocol;
			store_be16(whole + at + 2, len);
			at += 4;
		} else { /* length, three zeros, next header */
			store_be32(whole + at, len);
			whole[at + 7] = protocol;
			at += 8;
		}
		memcpy(whole + at, l4, len);
		expected = naive_checksum(whole, at + len);
		if (protocol == 17 && expected == 0)
			expected = 0xffff;
		assert_int_equal(checksum_l4(src, dst, addr_len, protocol, l4, len), expected);
	}
}

static void
test_a_udp_checksum_of_zero_is_sent_as_ones(void **state)
{
	uint8_t addr[4] = { 0 };
	uint8_t l4[8] = { 0 };

	(void)state;
	/* Protocol 17 and length 8 sum to 25: this word makes the sum 0xffff. */
	store_be16(l4, 0xffff - 25);
	assert_int_equal(checksum_l4(addr, addr, 4, 17, l4, sizeof(l4)), 0xffff);
	store_be16(l4, 0xffff - 6 - 8);
	assert_int_equal(checksum_l4(addr, addr, 4, 6, l4, sizeof(l4)), 0x0000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_known_header_has_its_known_checksum),
		cmocka_unit_test(test_any_bytes_have_the_naive_checksum),
		cmocka_unit_test(test_a_sum_may_be_made_in_pieces_at_any_even_place),
		cmocka_unit_test(test_a_fold_is_the_remainder_of_65535_and_zero_only_of_zero),
		cmocka_unit_test(test_an_unfolded_sum_loses_no_carry),
		cmocka_unit_test(test_an_update_gives_the_checksum_of_the_changed_header),
		cmocka_unit_test(test_the_example_of_rfc1624_gives_zero),
		cmocka_unit_test(test_every_change_of_a_word_under_every_checksum_is_exact),
		cmocka_unit_test(test_l4_checksums_cover_the_pseudo_header),
		cmocka_unit_test(test_a_udp_checksum_of_zero_is_sent_as_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
