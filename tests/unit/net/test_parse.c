/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "net/parse.h"

/* Parse a copy that ends at an inaccessible page, by both paths, which must agree. */
static struct packet
parse_guarded(const uint8_t *bytes, uint32_t len, uint32_t frame_len)
{
	const uint8_t *frame = guarded_copy(bytes, len);
	struct packet packet, slow;

	memset(&packet, 0x5a, sizeof(packet));
	memset(&slow, 0xa5, sizeof(slow));
	packet_parse(frame, len, frame_len, &packet);
	packet_parse_slow(frame, len, frame_len, &slow);
	assert_memory_equal(&packet, &slow, sizeof(packet));
	return packet;
}

static void
expect_packet(const char *name, uint32_t at, const struct packet *got,
		const struct packet *expected)
{
	if (memcmp(got, expected, sizeof(*got)) == 0)
		return;
	print_error("%s (%u): got kind %u protocol %u flags %#x drop %s vlan %u l3 %u+%u l4 %u+%u\n",
			name, at, got->kind, got->protocol, got->tcp_flags,
			drop_reason_name((enum drop_reason)got->drop), got->vlan, got->l3,
			got->l3_len, got->l4, got->l4_payload);
	print_error("%s (%u): not kind %u protocol %u flags %#x drop %s vlan %u l3 %u+%u l4 %u+%u\n",
			name, at, expected->kind, expected->protocol, expected->tcp_flags,
			drop_reason_name((enum drop_reason)expected->drop), expected->vlan,
			expected->l3, expected->l3_len, expected->l4, expected->l4_payload);
	fail();
}

static void
test_every_sample_is_what_it_is(void **state)
{
	struct frame f;

	(void)state;
	for (size_t i = 0; i < nb_samples; i++) {
		struct packet got;

		frame_build(&f, samples[i].layers);
		got = parse_guarded(f.bytes, f.len, f.len);
		expect_packet(samples[i].name, f.len, &got, &samples[i].expected);
	}
}

static void
test_common_traffic_takes_the_fast_path_and_nothing_else_does(void **state)
{
	struct frame f;

	(void)state;
	for (size_t i = 0; i < nb_samples; i++) {
		struct packet got;
		bool fast;

		frame_build(&f, samples[i].layers);
		fast = packet_parse_fast(guarded_copy(f.bytes, f.len), f.len, &got);
		if (fast != samples[i].fast)
			fail_msg("%s: fast path %d", samples[i].name, fast);
		if (fast)
			expect_packet(samples[i].name, f.len, &got, &samples[i].expected);
	}
}

/* Bytes of a sample that must be there for it to be what it is. */
static uint32_t
essential_len(const struct sample *sample)
{
	const struct packet *e = &sample->expected;
	uint32_t len = 14;

	if (e->kind != PACKET_OTHER)
		return (uint32_t)e->l3 + e->l3_len;
	if (sample->layers[1].kind == LAYER_TAG)
		len += 4;
	return sample->layers[1].kind == LAYER_ARP ? len + 28 : len;
}

static void
test_every_truncation_of_a_frame_is_refused(void **state)
{
	struct frame f;

	(void)state;
	for (size_t i = 0; i < nb_samples; i++) {
		const struct packet *expected = &samples[i].expected;

		frame_build(&f, samples[i].layers);
		for (uint32_t len = 0; len < f.len; len++) {
			struct packet got = parse_guarded(f.bytes, len, len);

			if (expected->kind == PACKET_DROP) {
				assert_int_equal(got.kind, PACKET_DROP);
			} else if (len < essential_len(&samples[i])) {
				struct packet truncated = { .drop = DROP_TRUNCATED,
					.vlan = got.vlan };

				expect_packet(samples[i].name, len, &got, &truncated);
			} else {
				expect_packet(samples[i].name, len, &got, expected);
			}
		}
	}
}

/* A long packet whose first segment is short: known, or refused as what it is. */
static void
test_headers_beyond_the_first_segment_are_not_read(void **state)
{
	struct frame f;

	(void)state;
	for (size_t i = 0; i < nb_samples; i++) {
		const struct packet *expected = &samples[i].expected;
		bool known = false;

		frame_build(&f, samples[i].layers);
		for (uint32_t len = 0; len <= f.len; len++) {
			struct packet got = parse_guarded(f.bytes, len, f.len);
			struct packet oversized = { .drop = DROP_OVERSIZED, .vlan = got.vlan };

			/* Once enough can be read, it stays enough. */
			known = known || got.drop != DROP_OVERSIZED;
			expect_packet(samples[i].name, len, &got, known ? expected : &oversized);
		}
		assert_true(known);
	}
}

static void
test_a_packet_needs_its_headers_in_the_first_segment_and_no_more(void **state)
{
	struct frame f;

	(void)state;
	for (size_t i = 0; i < nb_samples; i++) {
		const struct packet *e = &samples[i].expected;
		uint32_t headers;

		if (e->kind == PACKET_DROP || e->kind == PACKET_OTHER ||
				e->kind == PACKET_FRAGMENT6 || e->kind == PACKET_IP6)
			continue;
		frame_build(&f, samples[i].layers);
		headers = e->l4 + 8U;
		if (e->kind == PACKET_ARP)
			headers = e->l3 + 28U;
		else if (e->l4 == 0)
			headers = e->l3 + (f.bytes[e->l3] & 15U) * 4;
		else if (e->protocol == 6)
			headers = e->l4 + (f.bytes[e->l4 + 12] >> 4) * 4U;
		assert_int_equal(parse_guarded(f.bytes, headers, f.len).kind, e->kind);
		assert_int_equal(parse_guarded(f.bytes, headers - 1, f.len).drop, DROP_OVERSIZED);
	}
}

static void
test_a_tcp_header_may_not_reach_beyond_the_packet(void **state)
{
	(void)state;
	for (uint32_t len = 20; len <= 64; len++) {
		struct layer layers[] = { { LAYER_ETHER, 0x8100, 0, 0 },
			{ LAYER_TAG, 5, 0x0800, 0 }, { LAYER_IP4, 6, 0, 0 }, { LAYER_TCP, 5, 0, 0 },
			{ LAYER_DATA, len - 20, 0, 0 }, { LAYER_PAD, 60, 0, 0 },
			{ LAYER_END, 0, 0, 0 } };
		struct frame f;

		for (unsigned int ip6 = 0; ip6 < 2; ip6++) {
			layers[1].b = ip6 ? 0x86dd : 0x0800;
			layers[2].kind = ip6 ? LAYER_IP6 : LAYER_IP4;
			frame_build(&f, layers);
			for (uint32_t offset = 0; offset < 16; offset++) {
				bool good = offset >= 5 && offset * 4 <= len;

				f.bytes[18 + (ip6 ? 40 : 20) + 12] = (uint8_t)(offset << 4);
				assert_int_equal(parse_guarded(f.bytes, f.len, f.len).drop,
						good ? DROP_NONE : DROP_BAD_L4_HEADER);
			}
		}
	}
}

static void
test_ip4_header_and_total_length_must_agree(void **state)
{
	static const struct layer layers[] = { { LAYER_ETHER, 0x0800, 0, 0 },
		{ LAYER_IP4, 17, 0, 0 }, { LAYER_UDP, 8, 0, 0 }, { LAYER_DATA, 100, 0, 0 },
		{ LAYER_END, 0, 0, 0 } };
	struct frame f;

	(void)state;
	frame_build(&f, layers);
	for (uint32_t version_ihl = 0; version_ihl <= 0xff; version_ihl++) {
		for (uint32_t total = 0; total <= UINT16_MAX; total += total < 300 ? 1 : 251) {
			uint32_t header = (version_ihl & 15) * 4;
			uint8_t expected = DROP_NONE;
			struct packet got;

			f.bytes[14] = (uint8_t)version_ihl;
			store_be16(f.bytes + 16, (uint16_t)total);
			if (header + 14 + 6 < f.len && header >= 20)
				store_be16(f.bytes + 14 + header + 4, 8);
			got = parse_guarded(f.bytes, f.len, f.len);

			if (version_ihl >> 4 != 4 || header < 20 || total < header)
				expected = DROP_BAD_IP_HEADER;
			else if (total + 14 > f.len || total < header + 8)
				expected = DROP_TRUNCATED;
			assert_int_equal(got.drop, expected);
			if (expected == DROP_NONE) {
				assert_int_equal(got.l3_len, total);
				assert_int_equal(got.l4, 14 + header);
			}
		}
	}
}

/* Also where nothing that the parser knows follows. */
static void
test_an_extension_header_may_not_reach_beyond_the_packet(void **state)
{
	static const uint8_t nexts[] = { 6, 17, 58, 59, 50, 60 };
	static const struct layer layers[] = { { LAYER_ETHER, 0x86dd, 0, 0 },
		{ LAYER_IP6, 60, 0, 0 }, { LAYER_EXT, 0, 1, 0 }, { LAYER_PAD, 2048, 0, 0 },
		{ LAYER_END, 0, 0, 0 } };
	struct frame f;

	(void)state;
	frame_build(&f, layers);
	for (size_t i = 0; i < sizeof(nexts); i++) {
		f.bytes[54] = nexts[i];
		for (uint32_t length = 2; length <= 0xff; length++) {
			f.bytes[55] = (uint8_t)length;
			assert_int_equal(parse_guarded(f.bytes, f.len, f.len).drop, DROP_TRUNCATED);
		}
	}
}

static void
test_the_longest_packets_are_measured_without_overflow(void **state)
{
	uint32_t len = 14 + 40 + 65535;
	uint8_t *frame = calloc(1, len);
	struct packet got;

	(void)state;
	assert_non_null(frame);
	store_be16(frame + 12, 0x86dd);
	frame[14] = 0x60;
	frame[20] = 17;
	for (uint32_t payload = 65400; payload <= 65535; payload++) {
		store_be16(frame + 18, (uint16_t)payload);
		store_be16(frame + 58, (uint16_t)payload);
		packet_parse(frame, len, len, &got);
		if (payload + 40 > UINT16_MAX) {
			assert_int_equal(got.drop, DROP_TOO_BIG);
			continue;
		}
		assert_int_equal(got.kind, PACKET_FLOW6);
		assert_int_equal(got.l3_len, payload + 40);
		assert_int_equal(got.l4_payload, payload - 8);
	}
	free(frame);
}

static void
test_changed_and_random_frames_give_the_same_by_both_paths(void **state)
{
	uint64_t rng = random_seed();
	struct frame f;

	(void)state;
	for (unsigned int i = 0; i < 1000000; i++) {
		uint32_t changes = random_next(&rng) % 4;
		uint32_t len;

		frame_build(&f, samples[random_next(&rng) % nb_samples].layers);
		f.len = f.len < 200 ? f.len : 200;
		for (uint32_t j = 0; j < changes; j++)
			f.bytes[12 + random_next(&rng) % (f.len - 12)] = (uint8_t)random_next(&rng);
		len = random_next(&rng) % 4 != 0 ? f.len : (uint32_t)(random_next(&rng) % f.len);
		(void)parse_guarded(f.bytes, len, f.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_sample_is_what_it_is),
		cmocka_unit_test(test_common_traffic_takes_the_fast_path_and_nothing_else_does),
		cmocka_unit_test(test_every_truncation_of_a_frame_is_refused),
		cmocka_unit_test(test_headers_beyond_the_first_segment_are_not_read),
		cmocka_unit_test(test_a_packet_needs_its_headers_in_the_first_segment_and_no_more),
		cmocka_unit_test(test_a_tcp_header_may_not_reach_beyond_the_packet),
		cmocka_unit_test(test_ip4_header_and_total_length_must_agree),
		cmocka_unit_test(test_an_extension_header_may_not_reach_beyond_the_packet),
		cmocka_unit_test(test_the_longest_packets_are_measured_without_overflow),
		cmocka_unit_test(test_changed_and_random_frames_give_the_same_by_both_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
