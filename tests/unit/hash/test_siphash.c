/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "hash/maglev.h"
#include "hash/siphash.h"
#include "hash/siphash_lanes.h"

/*
 * Of the bytes 00 01 02 … under the key 00 … 0f, by length: computed by a Python program
 * written from the paper, which agrees with CPython 3.11's own SipHash-1-3 (hash() of bytes
 * with PYTHONHASHSEED=0) on 63 inputs. The first is also Rust's first test vector.
 */
/* clang-format off */
static const uint64_t vectors[64] = {
	UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93), UINT64_C(0x82cb9b024dc7d44d),
	UINT64_C(0x8bf80ab8e7ddf7fb), UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
	UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140), UINT64_C(0x369095118d299a8e),
	UINT64_C(0x25a48eb36c063de4), UINT64_C(0x79de85ee92ff097f), UINT64_C(0x70c118c1f94dc352),
	UINT64_C(0x78a384b157b4d9a2), UINT64_C(0x306f760c1229ffa7), UINT64_C(0x605aa111c0f95d34),
	UINT64_C(0xd320d86d2a519956), UINT64_C(0xcc4fdd1a7d908b66), UINT64_C(0x9cf2689063dbd80c),
	UINT64_C(0x8ffc389cb473e63e), UINT64_C(0xf21f9de58d297d1c), UINT64_C(0xc0dc2f46a6cce040),
	UINT64_C(0xb992abfe2b45f844), UINT64_C(0x7ffe7b9ba320872e), UINT64_C(0x525a0e7fdae6c123),
	UINT64_C(0xf464aeb267349c8c), UINT64_C(0x45cd5928705b0979), UINT64_C(0x3a3e35e3ca9913a5),
	UINT64_C(0xa91dc74e4ade3b35), UINT64_C(0xfb0bed02ef6cd00d), UINT64_C(0x88d93cb44ab1e1f4),
	UINT64_C(0x540f11d643c5e663), UINT64_C(0x2370dd1f8c21d1bc), UINT64_C(0x81157b6c16a7b60d),
	UINT64_C(0x4d54b9e57a8ff9bf), UINT64_C(0x759f12781f2a753e), UINT64_C(0xcea1a3bebf186b91),
	UINT64_C(0x2cf508d3ada26206), UINT64_C(0xb6101c2da3c33057), UINT64_C(0xb3f47496ae3a36a1),
	UINT64_C(0x626b57547b108392), UINT64_C(0xc1d2363299e41531), UINT64_C(0x667cc1923f1ad944),
	UINT64_C(0x65704ffec8138825), UINT64_C(0x24f280d1c28949a6), UINT64_C(0xc2ca1cedfaf8876b),
	UINT64_C(0xc2164bfc9f042196), UINT64_C(0xa16e9c9368b1d623), UINT64_C(0x49fb169c8b5114fd),
	UINT64_C(0x9f3143f8df074c46), UINT64_C(0xc6fdaf2412cc86b3), UINT64_C(0x7eaf49d10a52098f),
	UINT64_C(0x1cf313559d292f9a), UINT64_C(0xc44a30dda2f41f12), UINT64_C(0x36fae98943a71ed0),
	UINT64_C(0x318fb34c73f0bce6), UINT64_C(0xa27abf3670a7e980), UINT64_C(0xb4bcc0db243c6d75),
	UINT64_C(0x23f8d852fdb71513), UINT64_C(0x8f035f4da67d8a08), UINT64_C(0xd89cd0e5b7e8f148),
	UINT64_C(0xf6f4e6bcf7a644ee), UINT64_C(0xaec59ad80f1837f2), UINT64_C(0xc3b2f6154b6694e0),
	UINT64_C(0x9d199062b7bbb3a8)  
};
/* clang-format on */

static const struct siphash_key key = { UINT64_C(0x0706050403020100),
	UINT64_C(0x0f0e0d0c0b0a0908) };

static void
test_known_vectors_of_every_length_to_63(void **state)
{
	uint8_t data[64];

	(void)state;
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	for (unsigned int len = 0; len < ARRAY_LEN(vectors); len++)
		assert_true(siphash13(&key, data, len) == vectors[len]);
}

static void
test_key_bytes_are_little_endian_words(void **state)
{
	struct siphash_key from_bytes;
	uint8_t bytes[16];

	(void)state;
	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	memcpy(&from_bytes, bytes, sizeof(from_bytes));
	assert_true(siphash13(&from_bytes, "", 0) == vectors[0]);
}

static void
test_alignment_does_not_matter(void **state)
{
	uint8_t room[64 + 8];

	(void)state;
	for (unsigned int at = 0; at < 8; at++) {
		for (unsigned int i = 0; i < 64; i++)
			room[at + i] = (uint8_t)i;
		for (unsigned int len = 0; len < ARRAY_LEN(vectors); len++)
			assert_true(siphash13(&key, room + at, len) == vectors[len]);
	}
}

/* Lanes of different inputs, so that one that strays into its neighbour is seen. */
static void
test_four_at_once_agree_with_one(void **state)
{
	struct siphash_key k = key;
	uint64_t x = 1;

	(void)state;
	for (unsigned int round = 0; round < 10000; round++) {
		siphash_lanes words[5], of2, of5;

		for (unsigned int i = 0; i < 5; i++)
			for (unsigned int lane = 0; lane < 4; lane++)
				words[i][lane] = x = x * UINT64_C(6364136223846793005) + round;
		siphash13_lanes(&k, words, 2, &of2);
		siphash13_lanes(&k, words, 5, &of5);
		for (unsigned int lane = 0; lane < 4; lane++) {
			const uint64_t one[5] = { words[0][lane], words[1][lane], words[2][lane],
				words[3][lane], words[4][lane] };

			assert_true(of2[lane] == siphash13(&k, one, 16));
			assert_true(of5[lane] == siphash13(&k, one, 40));
		}
		k.k0 += x;
		k.k1 ^= x << 7;
	}
}

static void
test_forms_by_value_agree_with_the_general_one(void **state)
{
	struct siphash_key k = key;
	uint8_t data[40];
	uint64_t words[5];

	(void)state;
	memset(data, 0x5a, sizeof(data));
	for (unsigned int round = 0; round < 10000; round++) {
		for (unsigned int i = 0; i < 5; i++)
			words[i] = load_u64(data + 8 * i);
		assert_true(siphash13_16(&k, words[0], words[1]) == siphash13(&k, data, 16));
		assert_true(siphash13_40(&k, words) == siphash13(&k, data, 40));
		/* The next input and key from this one's hash. */
		store_u64(data + 8 * (round % 5), siphash13(&k, data, 40));
		k.k0 += words[0];
		k.k1 ^= words[1];
	}
}

static void
test_backend_key_is_siphash_of_zero_key(void **state)
{
	(void)state;
	/* Vectors of another implementation: the crate digest-sip-hash, key of zeros, big-endian. */
	assert_true(maglev_backend_key("", 0) == UINT64_C(0xd1fba762150c532c));
	assert_true(maglev_backend_key("siphash", 7) == UINT64_C(0x8264ceeccb16bcbe));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_vectors_of_every_length_to_63),
		cmocka_unit_test(test_key_bytes_are_little_endian_words),
		cmocka_unit_test(test_alignment_does_not_matter),
		cmocka_unit_test(test_forms_by_value_agree_with_the_general_one),
		cmocka_unit_test(test_four_at_once_agree_with_one),
		cmocka_unit_test(test_backend_key_is_siphash_of_zero_key),
	};

	return cmocka_run_group_tests_name("hash/siphash", tests, NULL, NULL);
}
