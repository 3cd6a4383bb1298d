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
#include "net/neighbour_msg.h"

#define US "020000000005"
#define THEM "020000000009"
#define ALL "ffffffffffff"
#define ADDR_US "20010db8000000000000000000000001"	/* 2001:db8::1 */
#define ADDR_THEM "20010db8000000000000000000abcdef"	/* 2001:db8::ab:cdef */
#define ADDR_ALL "ff020000000000000000000000000001"	/* ff02::1 */
#define ADDR_GROUP "ff0200000000000000000001ffabcdef"	/* ff02::1:ffab:cdef */
#define ADDR_UNKNOWN "00000000000000000000000000000000" /* :: */

/*
 * Written out from RFC 826, RFC 4861 sections 4.3, 4.4 and 4.6.1 and RFC 2464; the
 * checksums come from Scapy.
 */
#define ARP_REQUEST ALL US "0806 0001 0800 06 04 0001" US "c0000201 000000000000 c0000209"
#define ARP_PROBE ALL US "8100 0064 0806 0001 0800 06 04 0001" US "00000000 000000000000 c0000209"
#define ARP_UNICAST THEM US "0806 0001 0800 06 04 0001" US "c0000201 000000000000 c0000209"
#define ARP_REPLY THEM US "0806 0001 0800 06 04 0002" US "c0000201" THEM "c0000209"
#define ARP_PROBE_REPLY THEM US "0806 0001 0800 06 04 0002" US "c0000201" THEM "00000000"
#define ARP_ANNOUNCE ALL US "0806 0001 0800 06 04 0001" US "c0000201 000000000000 c0000201"
#define NS                                                              \
	"3333ffabcdef" US "86dd 60000000 0020 3a ff" ADDR_US ADDR_GROUP \
	"87 00 7ef1 00000000" ADDR_THEM "01 01" US
#define NS_UNICAST                                                     \
	THEM US "8100 0ffe 86dd 60000000 0020 3a ff" ADDR_US ADDR_THEM \
		"87 00 4f3d 00000000" ADDR_THEM "01 01" US
#define NS_DAD                                                               \
	"3333ffabcdef" US "86dd 60000000 0018 3a ff" ADDR_UNKNOWN ADDR_GROUP \
	"87 00 afb9 00000000" ADDR_THEM
#define NA                                                                                 \
	THEM US "86dd 60000000 0020 3a ff" ADDR_US ADDR_THEM "88 00 bbd6 60000000" ADDR_US \
		"02 01" US
#define NA_ALL                                                        \
	"333300000001" US "86dd 60000000 0020 3a ff" ADDR_US ADDR_ALL \
	"88 00 f926 20000000" ADDR_US "02 01" US

static const struct neighbour_frame untagged = { { 2, 0, 0, 0, 0, 5 }, PACKET_VLAN_NONE };
static const struct neighbour_frame tagged_100 = { { 2, 0, 0, 0, 0, 5 }, 100 };
static const struct neighbour_frame tagged_4094 = { { 2, 0, 0, 0, 0, 5 }, 4094 };
static const uint8_t them[6] = { 2, 0, 0, 0, 0, 9 };

static const struct ip_addr none = { .family = IP_NONE };
static const struct ip_addr us4 = { { 192, 0, 2, 1 }, IP_V4, { 0 } };
static const struct ip_addr them4 = { { 192, 0, 2, 9 }, IP_V4, { 0 } };
static const struct ip_addr us6 = { { 0x20, 1, 0xd, 0xb8, [15] = 1 }, IP_V6, { 0 } };
static const struct ip_addr them6 = { { 0x20, 1, 0xd, 0xb8, [13] = 0xab, 0xcd, 0xef }, IP_V6,
	{ 0 } };
static const struct ip_addr all6 = { { 0xff, 2, [15] = 1 }, IP_V6, { 0 } };
static const struct ip_addr group6 = { { 0xff, 2, [11] = 1, 0xff, 0xab, 0xcd, 0xef }, IP_V6,
	{ 0 } };

/* A frame as a test changes it. */
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

/* Parse a copy that ends at an inaccessible page. */
static int
parse(const struct bytes *b, struct neighbour_msg *out)
{
	const uint8_t *frame = guarded_copy(b->at, b->len);
	struct packet packet;

	packet_parse(frame, b->len, b->len, &packet);
	return neighbour_msg_parse(frame, b->len, &packet, out);
}

/* Make the ICMPv6 checksum of an untagged frame right again, after a test changed it. */
static void
fix_checksum(struct bytes *b)
{
	uint32_t len = load_be16(b->at + 18);

	memset(b->at + 56, 0, 2);
	store_u16(b->at + 56, checksum_l4(b->at + 22, b->at + 38, 16, 58, b->at + 54, len));
}

static void
expect_frame(const char *hex, const uint8_t *frame, unsigned int len)
{
	struct bytes expected = from_hex(hex);

	assert_int_equal(len, expected.len);
	assert_memory_equal(frame, expected.at, len);
}

static void
test_requests_have_the_bytes_of_the_rfcs(void **state)
{
	uint8_t f[NEIGHBOUR_FRAME_MAX];

	(void)state;
	expect_frame(ARP_REQUEST, f, neighbour_request_make(f, &untagged, &us4, &them4, NULL));
	expect_frame(ARP_PROBE, f, neighbour_request_make(f, &tagged_100, &none, &them4, NULL));
	expect_frame(ARP_UNICAST, f, neighbour_request_make(f, &untagged, &us4, &them4, them));
	expect_frame(NS, f, neighbour_request_make(f, &untagged, &us6, &them6, NULL));
	expect_frame(NS_UNICAST, f, neighbour_request_make(f, &tagged_4094, &us6, &them6, them));
	expect_frame(NS_DAD, f, neighbour_request_make(f, &untagged, &none, &them6, NULL));
}

static void
test_replies_have_the_bytes_of_the_rfcs(void **state)
{
	struct neighbour_msg arp = { .sender = them4,
		.target = us4,
		.to = us4,
		.mac = { 2, 0, 0, 0, 0, 9 },
		.has_mac = true,
		.request = true };
	struct neighbour_msg ns = { .sender = them6, .target = us6, .to = us6, .request = true };
	uint8_t f[NEIGHBOUR_FRAME_MAX];

	(void)state;
	expect_frame(ARP_REPLY, f, neighbour_reply_make(f, &untagged, &arp, them));
	arp.sender = none;
	expect_frame(ARP_PROBE_REPLY, f, neighbour_reply_make(f, &untagged, &arp, them));
	expect_frame(NA, f, neighbour_reply_make(f, &untagged, &ns, them));
	ns.sender = none;
	expect_frame(NA_ALL, f, neighbour_reply_make(f, &untagged, &ns, them));
}

static void
test_announcements_have_the_bytes_of_the_rfcs(void **state)
{
	uint8_t f[NEIGHBOUR_FRAME_MAX];

	(void)state;
	expect_frame(ARP_ANNOUNCE, f, neighbour_announce_make(f, &untagged, &us4));
	expect_frame(NA_ALL, f, neighbour_announce_make(f, &untagged, &us6));
}

static void
test_no_frame_is_made_of_no_family_or_two_or_of_a_reply(void **state)
{
	struct neighbour_msg reply = { .sender = them4, .target = us4 };
	struct neighbour_msg nothing = { .request = true };
	uint8_t f[NEIGHBOUR_FRAME_MAX];

	(void)state;
	assert_int_equal(neighbour_request_make(f, &untagged, &us4, &them6, NULL), 0);
	assert_int_equal(neighbour_request_make(f, &untagged, &us6, &them4, NULL), 0);
	assert_int_equal(neighbour_request_make(f, &untagged, &none, &none, NULL), 0);
	assert_int_equal(neighbour_announce_make(f, &untagged, &none), 0);
	assert_int_equal(neighbour_reply_make(f, &untagged, &reply, them), 0);
	assert_int_equal(neighbour_reply_make(f, &untagged, &nothing, them), 0);
}

/* What each frame says; flags: has_mac, request, solicited, override, gratuitous. */
/* clang-format off */
static const struct meaning {
	const char *hex;
	const struct ip_addr *sender, *target, *to;
	const char *flags;
} meanings[] = {
	{ ARP_REQUEST,     &us4,  &them4, &them4,  "mro" },
	{ ARP_PROBE,       &none, &them4, &them4,  "mro" },
	{ ARP_REPLY,       &us4,  &us4,   &them4,  "mso" },
	{ ARP_PROBE_REPLY, &us4,  &us4,   &none,   "mso" },
	{ ARP_ANNOUNCE,    &us4,  &us4,   &us4,    "mrog" },
	{ NS,              &us6,  &them6, &group6, "mr" },
	{ NS_UNICAST,      &us6,  &them6, &them6,  "mr" },
	{ NS_DAD,          &none, &them6, &group6, "r" },
	{ NA,              &us6,  &us6,   &them6,  "mso" },
	{ NA_ALL,          &us6,  &us6,   &all6,   "mog" },
};
/* clang-format on */

static void
expect_meaning(const struct bytes *b, const struct meaning *m)
{
	static const uint8_t us_mac[6] = { 2, 0, 0, 0, 0, 5 };
	struct neighbour_msg expected = {
		.sender = *m->sender, .target = *m->target, .to = *m->to
	};
	struct neighbour_msg got;

	expected.has_mac = strchr(m->flags, 'm') != NULL;
	expected.request = strchr(m->flags, 'r') != NULL;
	expected.solicited = strchr(m->flags, 's') != NULL;
	expected.override = strchr(m->flags, 'o') != NULL;
	expected.gratuitous = strchr(m->flags, 'g') != NULL;
	if (expected.has_mac)
		memcpy(expected.mac, us_mac, 6);
	memset(&got, 0xff, sizeof(got));
	assert_int_equal(parse(b, &got), 0);
	assert_memory_equal(&got, &expected, sizeof(got));
}

static void
test_messages_are_read_as_they_were_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		struct bytes b = from_hex(meanings[i].hex);

		expect_meaning(&b, &meanings[i]);
		b.len += 18; /* Padding of the Ethernet frame changes nothing. */
		expect_meaning(&b, &meanings[i]);
	}
}

static void
test_every_truncation_is_refused(void **state)
{
	static const char *const frames[] = { ARP_REQUEST, ARP_PROBE, ARP_REPLY, NS, NS_UNICAST,
		NS_DAD, NA };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct bytes whole = from_hex(frames[i]), b = whole;
		struct neighbour_msg got;

		for (b.len = 0; b.len < whole.len; b.len++) {
			struct packet packet;

			assert_int_not_equal(parse(&b, &got), 0);
			/* The frame is long enough, but its first segment is not. */
			packet_parse(whole.at, whole.len, whole.len, &packet);
			if (b.len >= packet.l4 + 8U || packet.kind == PACKET_ARP)
				assert_int_equal(neighbour_msg_parse(guarded_copy(b.at, b.len),
								 b.len, &packet, &got),
						-EINVAL);
		}
	}
}

static void
test_a_changed_bit_in_an_nd_message_is_noticed(void **state)
{
	static const char *const frames[] = { NS, NS_DAD, NA, NA_ALL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct bytes b = from_hex(frames[i]);
		struct neighbour_msg got;

		/* Behind the flow label: lengths, hop limit, addresses, message. */
		for (uint32_t bit = 18 * 8; bit < b.len * 8; bit++) {
			b.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(parse(&b, &got), 0);
			b.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_int_equal(parse(&b, &got), 0);
	}
}

/* Bytes to lay over a frame, and what comes of it once the checksum is right again. */
struct change {
	const char *hex;
	uint32_t at;
	int ret;
	const char *bytes;
};

static void
expect_changes(const struct change *changes, size_t nb_changes, bool nd)
{
	for (size_t i = 0; i < nb_changes; i++) {
		struct bytes b = from_hex(changes[i].hex);
		struct neighbour_msg got;
		int ret;

		(void)bytes_from_hex(b.at + changes[i].at, changes[i].bytes);
		if (nd)
			fix_checksum(&b);
		ret = parse(&b, &got);
		if (ret != changes[i].ret)
			fail_msg("%s at %u of %s: %d", changes[i].bytes, changes[i].at,
					changes[i].hex, ret);
	}
}

static void
test_malformed_and_forged_arp_is_refused(void **state)
{
	static const struct change changes[] = {
		{ ARP_REQUEST, 20, -ENOMSG, "0003" }, /* RARP. */
		{ ARP_REQUEST, 20, -ENOMSG, "0000" }, { ARP_REQUEST, 20, -ENOMSG, "0101" },
		{ ARP_REQUEST, 14, -ENOMSG, "0006" }, /* Not over Ethernet. */
		{ ARP_REQUEST, 18, -ENOMSG, "08" }, { ARP_REQUEST, 19, -ENOMSG, "10" },
		{ ARP_REQUEST, 22, -EINVAL, ALL }, { ARP_REQUEST, 22, -EINVAL, "010000000005" },
		{ ARP_REQUEST, 22, -EINVAL, "000000000000" },
		{ ARP_REQUEST, 28, -EINVAL, "e0000001" }, { ARP_REQUEST, 28, -EINVAL, "ffffffff" },
		{ ARP_REQUEST, 28, -EINVAL, "7f000001" }, { ARP_REQUEST, 38, -EINVAL, "00000000" },
		{ ARP_REQUEST, 38, -EINVAL, "ffffffff" }, { ARP_REQUEST, 38, -EINVAL, "e0000001" },
		{ ARP_REQUEST, 38, -EINVAL, "7f000001" }, { ARP_REPLY, 28, -EINVAL, "00000000" },
		{ ARP_REPLY, 28, -EINVAL, "ffffffff" }, { ARP_REPLY, 28, -EINVAL, "e0000001" },
		{ ARP_REPLY, 22, -EINVAL, ALL },
		{ ARP_REPLY, 32, 0, ALL }, /* The target's MAC is nobody's business. */
	};

	(void)state;
	expect_changes(changes, ARRAY_LEN(changes), false);
}

static void
test_malformed_and_forged_nd_is_refused(void **state)
{
	static const struct change changes[] = {
		{ NS, 14, 0, "6fffffff" }, /* Traffic class and flow label mean nothing. */
		{ NS, 58, 0, "ffffffff" }, /* Reserved: ignored by the receiver. */
		{ NS, 21, -EINVAL, "fe" }, /* Through a router. */
		{ NS, 21, -EINVAL, "00" },
		{ NS, 55, -EINVAL, "01" }, /* Code. */
		{ NS, 54, -ENOMSG, "85" }, /* Router solicitation. */
		{ NS, 54, -ENOMSG, "89" }, /* Redirect. */
		{ NS, 54, -ENOMSG, "80" }, /* Echo. */
		{ NS, 62, -EINVAL, "ff" }, /* Target: multicast, unspecified, loopback. */
		{ NS, 62, -EINVAL, ADDR_UNKNOWN },
		{ NS, 62, -EINVAL, "00000000000000000000000000000001" },
		{ NS, 22, -EINVAL, "ff" }, /* Source: the same. */
		{ NS, 22, -EINVAL, "00000000000000000000000000000001" },
		{ NS, 22, -EINVAL, ADDR_UNKNOWN },  /* No source, but its MAC. */
		{ NS, 38, 0, ADDR_ALL },	    /* Odd, but not forbidden. */
		{ NS_DAD, 38, -EINVAL, ADDR_THEM }, /* No source, and not to the group. */
		{ NS_DAD, 38, -EINVAL, ADDR_ALL },
		{ NS_DAD, 53, -EINVAL, "ee" }, /* To another group. */
		{ NS_DAD, 41, -EINVAL, "01" },
		{ NS_DAD, 39, -EINVAL, "05" },
		{ NS, 79, -EINVAL, "00" }, /* Option lengths. */
		{ NS, 79, -EINVAL, "02" },
		{ NS, 79, -EINVAL, "ff" },
		{ NS, 78, -EINVAL, "0e00" }, /* An unknown one must be sound, too. */
		{ NS, 78, 0, "0e01" },
		{ NS, 78, 0, "02" }, /* The target's MAC in a solicitation: passed over. */
		{ NS, 80, -EINVAL, ALL },
		{ NS, 80, -EINVAL, "000000000000" },
		{ NS, 80, -EINVAL, "010000000005" },
		{ NS, 18, -EINVAL, "001f" }, /* Half an option. */
		{ NS, 18, -EINVAL, "0019" },
		{ NS, 18, 0, "0018" },
		{ NS, 18, -EINVAL, "0017" },
		{ NS, 18, -EINVAL, "0008" },
		{ NA, 21, -EINVAL, "fe" },
		{ NA, 22, -EINVAL, ADDR_UNKNOWN }, /* Nobody's answer. */
		{ NA, 22, -EINVAL, "ff" },
		{ NA, 62, -EINVAL, "ff" },
		{ NA, 38, -EINVAL, ADDR_ALL }, /* Solicited by all? */
		{ NA_ALL, 58, -EINVAL, "60" },
		{ NA_ALL, 58, -EINVAL, "e0" },
		{ NA_ALL, 58, 0, "a0" }, /* A router. */
		{ NA, 79, -EINVAL, "00" },
		{ NA, 78, 0, "01" },
	};

	(void)state;
	expect_changes(changes, ARRAY_LEN(changes), true);
}

static void
test_only_the_option_of_its_kind_gives_a_mac_and_the_first_one_does(void **state)
{
	struct bytes b = from_hex(NS);
	struct neighbour_msg got;

	(void)state;
	/* An unknown option of 16 bytes, then ours, then another of the same kind. */
	b.len = 78 +
			bytes_from_hex(b.at + 78,
					"0e02 0000000000000000000000000000"
					"0101" US "0101" THEM);
	store_be16(b.at + 18, (uint16_t)(b.len - 54));
	fix_checksum(&b);
	assert_int_equal(parse(&b, &got), 0);
	assert_true(got.has_mac);
	assert_int_equal(got.mac[5], 5);

	b.at[94] = 2;
	fix_checksum(&b);
	assert_int_equal(parse(&b, &got), 0);
	assert_int_equal(got.mac[5], 9);

	b.at[102] = 2;
	fix_checksum(&b);
	assert_int_equal(parse(&b, &got), 0);
	assert_false(got.has_mac);
}

static void
test_an_option_of_another_link_layer_is_refused(void **state)
{
	struct bytes b = from_hex(NS);
	struct neighbour_msg got;

	(void)state;
	b.len = 78 + bytes_from_hex(b.at + 78, "0102" US THEM "0000");
	store_be16(b.at + 18, (uint16_t)(b.len - 54));
	fix_checksum(&b);
	assert_int_equal(parse(&b, &got), -EINVAL);
}

static void
test_half_an_option_at_the_end_is_not_read(void **state)
{
	(void)state;
	for (uint32_t half = 1; half < 8; half++) {
		struct bytes b = from_hex(NS);
		struct neighbour_msg got;

		b.len = 78 + half;
		store_be16(b.at + 18, (uint16_t)(24 + half));
		fix_checksum(&b);
		assert_int_equal(parse(&b, &got), -EINVAL);
	}
}

static void
test_an_advertisement_from_nobody_is_refused(void **state)
{
	struct bytes b = from_hex(NS_DAD);
	struct neighbour_msg got;

	(void)state;
	b.at[54] = 136;
	fix_checksum(&b);
	assert_int_equal(parse(&b, &got), -EINVAL);
}

/* RFC 6980 for the fragment header; the others nobody sends. */
static void
test_nd_behind_extension_headers_is_refused(void **state)
{
	static const char *const headers[] = { "3a 00 0000 00000000", "3a 00 0104 00000000" };
	static const uint8_t nexts[] = { 44, 60 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct bytes b = from_hex(NS);
		struct neighbour_msg got;
		struct packet packet;

		memmove(b.at + 62, b.at + 54, b.len - 54);
		(void)bytes_from_hex(b.at + 54, headers[i]);
		b.at[20] = nexts[i];
		b.len += 8;
		store_be16(b.at + 18, (uint16_t)(b.len - 54));
		packet_parse(b.at, b.len, b.len, &packet);
		assert_int_equal(packet.kind, PACKET_ICMP6);
		assert_int_equal(parse(&b, &got), -EINVAL);
	}
}

static void
test_other_packets_are_not_neighbour_messages(void **state)
{
	struct frame f;

	(void)state;
	for (size_t i = 0; i < nb_samples; i++) {
		struct neighbour_msg got;
		struct bytes b;

		frame_build(&f, samples[i].layers);
		if (samples[i].expected.kind == PACKET_ARP || f.len > sizeof(b.at))
			continue;
		memcpy(b.at, f.bytes, f.len);
		b.len = f.len;
		assert_int_equal(parse(&b, &got), -ENOMSG);
	}
}

/* An echo request may be longer than its first segment; it is no ND all the same. */
static void
test_a_long_icmpv6_packet_is_judged_by_its_type(void **state)
{
	static const struct layer layers[] = { { LAYER_ETHER, 0x86dd, 0, 0 },
		{ LAYER_IP6, 58, 0, 0 }, { LAYER_ICMP, 128, 0, 0 }, { LAYER_DATA, 2000, 0, 0 },
		{ LAYER_END, 0, 0, 0 } };
	struct neighbour_msg got;
	struct packet packet;
	struct frame f;

	(void)state;
	frame_build(&f, layers);
	packet_parse(f.bytes, 100, f.len, &packet);
	assert_int_equal(neighbour_msg_parse(f.bytes, 100, &packet, &got), -ENOMSG);
	f.bytes[54] = 136;
	assert_int_equal(neighbour_msg_parse(f.bytes, 100, &packet, &got), -EINVAL);
}

static void
test_an_answer_to_a_read_request_tells_the_asker_what_it_asked(void **state)
{
	static const char *const requests[] = { ARP_REQUEST, ARP_PROBE, ARP_UNICAST, NS, NS_UNICAST,
		NS_DAD };
	static const struct neighbour_frame framing = { { 2, 0, 0, 0, 0, 9 }, 7 };
	static const uint8_t asker[6] = { 2, 0, 0, 0, 0, 5 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		struct bytes b = from_hex(requests[i]);
		struct neighbour_msg request, reply;

		assert_int_equal(parse(&b, &request), 0);
		b.len = neighbour_reply_make(b.at, &framing, &request, asker);
		assert_true(b.len <= NEIGHBOUR_FRAME_MAX);
		assert_int_equal(parse(&b, &reply), 0);

		assert_false(reply.request);
		assert_true(reply.has_mac);
		assert_memory_equal(reply.mac, framing.src_mac, 6);
		assert_true(ip_addr_equal(&reply.target, &request.target));
		assert_true(ip_addr_equal(&reply.sender, &request.target));
		if (request.sender.family != IP_NONE)
			assert_true(ip_addr_equal(&reply.to, &request.sender));
	}
}

static void
test_changed_messages_are_refused_or_sound(void **state)
{
	static const char *const frames[] = { ARP_REQUEST, ARP_REPLY, NS, NS_DAD, NA, NA_ALL };
	struct bytes wholes[ARRAY_LEN(frames)];
	uint64_t rng = random_seed();
	uint32_t nb_read = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++)
		wholes[i] = from_hex(frames[i]);
	for (unsigned int i = 0; i < 1000000; i++) {
		struct bytes b = wholes[i % ARRAY_LEN(frames)];
		struct neighbour_msg got;

		for (uint64_t n = random_next(&rng) % 4; n > 0; n--)
			b.at[12 + random_next(&rng) % (b.len - 12)] = (uint8_t)random_next(&rng);
		if (load_be16(b.at + 12) == 0x86dd && 54U + load_be16(b.at + 18) <= b.len)
			fix_checksum(&b);
		if (parse(&b, &got) < 0)
			continue;
		nb_read++;
		assert_true(ip_addr_valid(&got.target) && ip_addr_is_unicast(&got.target));
		assert_true(got.sender.family == IP_NONE || ip_addr_is_unicast(&got.sender));
		assert_true(got.request || got.sender.family != IP_NONE);
		assert_true(!got.has_mac || (got.mac[0] & 1) == 0);
	}
	assert_true(nb_read > 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_have_the_bytes_of_the_rfcs),
		cmocka_unit_test(test_replies_have_the_bytes_of_the_rfcs),
		cmocka_unit_test(test_announcements_have_the_bytes_of_the_rfcs),
		cmocka_unit_test(test_no_frame_is_made_of_no_family_or_two_or_of_a_reply),
		cmocka_unit_test(test_messages_are_read_as_they_were_meant),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_a_changed_bit_in_an_nd_message_is_noticed),
		cmocka_unit_test(test_malformed_and_forged_arp_is_refused),
		cmocka_unit_test(test_malformed_and_forged_nd_is_refused),
		cmocka_unit_test(
				test_only_the_option_of_its_kind_gives_a_mac_and_the_first_one_does),
		cmocka_unit_test(test_an_option_of_another_link_layer_is_refused),
		cmocka_unit_test(test_half_an_option_at_the_end_is_not_read),
		cmocka_unit_test(test_an_advertisement_from_nobody_is_refused),
		cmocka_unit_test(test_nd_behind_extension_headers_is_refused),
		cmocka_unit_test(test_other_packets_are_not_neighbour_messages),
		cmocka_unit_test(test_a_long_icmpv6_packet_is_judged_by_its_type),
		cmocka_unit_test(test_an_answer_to_a_read_request_tells_the_asker_what_it_asked),
		cmocka_unit_test(test_changed_messages_are_refused_or_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
