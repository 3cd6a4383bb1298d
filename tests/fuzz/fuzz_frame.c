/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frame from anybody: parser, neighbour messages, echo, errors, what becomes a RST.
 *
 * Input: one byte that says how much of the frame its first segment holds (0: all, else
 * so many 256ths), then the frame. The frame ends at an inaccessible page.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "frames.h"
#include "fuzz.h"
#include "net/checksum.h"
#include "net/echo.h"
#include "net/neighbour_msg.h"
#include "net/parse.h"
#include "net/reset.h"
#include "net/unreachable.h"

static void
check_flow(const uint8_t *frame, uint32_t len, const struct packet *p)
{
	uint32_t header = p->protocol == 6 ? (frame[p->l4 + 12] >> 4) * 4U : 8;

	CHECK(p->protocol == 6 || p->protocol == 17);
	CHECK(header >= (p->protocol == 6 ? 20 : 8));
	CHECK(p->l4 + header <= len);
	CHECK(p->l4 + header + p->l4_payload <= (uint32_t)p->l3 + p->l3_len);
	if (p->protocol == 6)
		CHECK(p->l4 + header + p->l4_payload == (uint32_t)p->l3 + p->l3_len);
}

/* What every user of a struct packet relies on. */
static void
check_packet(const uint8_t *frame, uint32_t len, uint32_t frame_len, const struct packet *p)
{
	bool ip4 = p->kind == PACKET_FLOW4 || p->kind == PACKET_FRAGMENT4 ||
			p->kind == PACKET_ICMP4 || p->kind == PACKET_IP4;
	bool ip6 = p->kind == PACKET_FLOW6 || p->kind == PACKET_FRAGMENT6 ||
			p->kind == PACKET_ICMP6 || p->kind == PACKET_IP6;
	bool flow = p->kind == PACKET_FLOW4 || p->kind == PACKET_FLOW6;
	bool icmp = p->kind == PACKET_ICMP4 || p->kind == PACKET_ICMP6;

	CHECK(p->kind <= PACKET_OTHER && p->drop < NB_DROP_REASONS && p->reserved == 0);
	CHECK((p->kind == PACKET_DROP) == (p->drop != DROP_NONE));
	CHECK(p->vlan == PACKET_VLAN_NONE || (p->vlan > 0 && p->vlan < 4096));
	if (p->kind == PACKET_DROP || p->kind == PACKET_OTHER) {
		CHECK((p->l3 | p->l3_len | p->l4 | p->l4_payload | p->protocol) == 0);
		return;
	}
	CHECK((p->l3 == 14 && p->vlan == PACKET_VLAN_NONE) || p->l3 == 18);
	CHECK((uint32_t)p->l3 + p->l3_len <= frame_len);
	CHECK((p->l4 != 0) == (flow || icmp));
	if (ip4)
		CHECK(frame[p->l3] >> 4 == 4 && p->l3 + 20U <= len && p->l3_len >= 20);
	else if (ip6)
		CHECK(frame[p->l3] >> 4 == 6 && p->l3 + 40U <= len && p->l3_len >= 40);
	else
		CHECK(p->kind == PACKET_ARP && p->l3 + 28U <= len && p->l3_len == 28);
	if (flow)
		check_flow(frame, len, p);
	if (icmp)
		CHECK(p->l4 + 8U <= len && p->l4 + 8 <= p->l3 + p->l3_len && p->l4_payload == 0);
	if (p->tcp_flags != 0)
		CHECK(flow && p->protocol == 6 && p->tcp_flags == frame[p->l4 + 13]);
}

static struct packet
parse(const uint8_t *frame, uint32_t len, uint32_t frame_len)
{
	struct packet packet, slow;

	memset(&packet, 0x5a, sizeof(packet));
	memset(&slow, 0xa5, sizeof(slow));
	packet_parse(frame, len, frame_len, &packet);
	packet_parse_slow(frame, len, frame_len, &slow);
	CHECK(memcmp(&packet, &slow, sizeof(packet)) == 0);
	check_packet(frame, len, frame_len, &packet);
	return packet;
}

/* Make the checksum of a whole ICMP message right, or hardly any would get past it. */
static void
fix_icmp_checksum(uint8_t *frame, uint32_t len, const struct packet *p)
{
	uint32_t end = (uint32_t)p->l3 + p->l3_len;
	uint8_t *ip = frame + p->l3;
	uint8_t *icmp = frame + p->l4;

	if ((p->kind != PACKET_ICMP4 && p->kind != PACKET_ICMP6) || end > len)
		return;
	memset(icmp + 2, 0, 2);
	store_u16(icmp + 2,
			p->kind == PACKET_ICMP4
					? checksum_ip(icmp, end - p->l4)
					: checksum_l4(ip + 8, ip + 24, 16, 58, icmp, end - p->l4));
}

static void
check_unreachable(const uint8_t *frame, uint32_t len, const struct packet *packet)
{
	struct unreachable u;

	if (!unreachable_parse(frame, len, packet, &u))
		return;
	CHECK(ip_addr_valid(&u.source) && ip_addr_valid(&u.backend) && ip_addr_valid(&u.vip));
	CHECK(u.source.family == u.backend.family && u.l4_port != 0 && u.reserved == 0);
	CHECK(u.protocol == 6 || u.protocol == 17);
	CHECK(memcmp(frame + packet->l3 + (packet->kind == PACKET_ICMP4 ? 16 : 24), u.source.bytes,
			      ip_family_size(u.source.family)) == 0);
}

/* What comes of a TCP packet is a RST of 40 or 60 bytes to whom it came from, and its last word. */
static void
check_reset(uint8_t *frame, uint32_t len, const struct packet *packet)
{
	uint16_t client_port_be = load_u16(frame + packet->l4);
	uint32_t reset_len = reset_in_place(frame, packet);
	struct packet reset;

	if (reset_len == 0)
		return;
	CHECK(reset_len <= len);
	reset = parse(frame, reset_len, reset_len);
	CHECK(reset.kind == packet->kind && reset.vlan == packet->vlan && reset.protocol == 6);
	CHECK((reset.tcp_flags & ~TCP_ACK) == TCP_RST && reset.l4_payload == 0);
	CHECK(reset.l3_len == (reset.kind == PACKET_FLOW4 ? 40 : 60));
	CHECK(load_u16(frame + reset.l4 + 2) == client_port_be);
	CHECK(reset_in_place(frame, &reset) == 0);
}

static void
check_neighbour(const uint8_t *frame, uint32_t len, const struct packet *packet)
{
	static const struct neighbour_frame framing = { { 2, 0, 0, 0, 0, 1 }, 5 };
	uint8_t reply[NEIGHBOUR_FRAME_MAX];
	struct neighbour_msg msg, again;
	struct packet made;
	unsigned int reply_len;

	if (neighbour_msg_parse(frame, len, packet, &msg) < 0)
		return;
	CHECK(ip_addr_valid(&msg.target) && ip_addr_is_unicast(&msg.target));
	CHECK(msg.sender.family == IP_NONE || ip_addr_is_unicast(&msg.sender));
	CHECK(!msg.has_mac || (msg.mac[0] & 1) == 0);
	CHECK(!(msg.gratuitous && msg.sender.family == IP_NONE));

	reply_len = neighbour_reply_make(reply, &framing, &msg, frame + 6);
	CHECK((reply_len != 0) == msg.request && reply_len <= sizeof(reply));
	if (reply_len == 0)
		return;
	packet_parse(reply, reply_len, reply_len, &made);
	CHECK(neighbour_msg_parse(reply, reply_len, &made, &again) == 0);
	CHECK(!again.request && ip_addr_equal(&again.sender, &msg.target));
}

static void
check_echo(uint8_t *frame, uint32_t len, uint32_t frame_len, const struct packet *packet)
{
	struct packet reply;

	if (echo_reply_in_place(frame, packet) < 0)
		return;
	reply = parse(frame, len, frame_len);
	CHECK(memcmp(&reply, packet, sizeof(reply)) == 0);
	CHECK(!echo_is_request(frame, &reply));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t frame_len, len;
	struct packet packet;
	uint8_t *frame;

	if (size < 1 || size > FRAME_MAX)
		return 0;
	frame_len = (uint32_t)size - 1;
	len = data[0] == 0 ? frame_len : frame_len * data[0] / 256;
	frame = guarded_copy(data + 1, len);

	packet = parse(frame, len, frame_len);
	fix_icmp_checksum(frame, len, &packet);
	check_neighbour(frame, len, &packet);
	check_unreachable(frame, len, &packet);
	check_echo(frame, len, frame_len, &packet);
	if (packet.kind == PACKET_FLOW4 || packet.kind == PACKET_FLOW6)
		check_reset(frame, len, &packet);
	return 0;
}

/* Messages that the samples of the parser lack. */
#define NB_NEIGHBOUR_SEEDS 4

static size_t
neighbour_seed(size_t index, uint8_t *frame)
{
	static const struct neighbour_frame framing = { { 2, 0, 0, 0, 0, 5 }, PACKET_VLAN_NONE };
	static const struct ip_addr a4 = { { 192, 0, 2, 1 }, IP_V4, { 0 } };
	static const struct ip_addr b4 = { { 192, 0, 2, 9 }, IP_V4, { 0 } };
	static const struct ip_addr a6 = { { 0x20, 1, 0xd, 0xb8, [15] = 1 }, IP_V6, { 0 } };
	static const struct ip_addr b6 = { { 0x20, 1, 0xd, 0xb8, [15] = 9 }, IP_V6, { 0 } };
	static const struct ip_addr none = { .family = IP_NONE };

	switch (index) {
	case 0:
		return neighbour_request_make(frame, &framing, &a4, &b4, NULL);
	case 1:
		return neighbour_request_make(frame, &framing, &a6, &b6, NULL);
	case 2:
		return neighbour_request_make(frame, &framing, &none, &b6, NULL);
	case 3:
		return neighbour_announce_make(frame, &framing, &a6);
	default:
		return 0;
	}
}

/* An error about a client's packet in an outer header, IPv4 or IPv6. */
static size_t
unreachable_seed(size_t index, uint8_t *frame)
{
	static const char *const seeds[] = {
		"020000000005 020000000009 0800 4500005800010000 40015d92 0a090909 0a000001"
		"0301e95e00000000 4500003c00004000 3c0429b3 0a000001 0a00010b"
		"4500002800010000 40068e8a c6336407 c000020a 9c4001bb00000001000000005002200005a10000",
		"020000000005 020000000009 86dd 6000000000583a40 fd00000000000000000000000000000b"
		"fd000000000000000000000000000001 04018f4600000006 600000000028043c"
		"fd000000000000000000000000000001 fd00000000000000000000000000000b"
		"4500002800010000 40068e8a c6336407 c000020a 9c4001bb00000001000000005002200005a10000",
	};

	return index < ARRAY_LEN(seeds) ? bytes_from_hex(frame, seeds[index]) : 0;
}

size_t
fuzz_seed(size_t index, uint8_t *data)
{
	struct frame frame;
	size_t len;

	data[0] = 0;
	if (index >= nb_samples) {
		len = neighbour_seed(index - nb_samples, data + 1);
		if (len == 0)
			len = unreachable_seed(index - nb_samples - NB_NEIGHBOUR_SEEDS, data + 1);
		return len != 0 ? len + 1 : 0;
	}
	frame_build(&frame, samples[index].layers);
	frame.bytes[0] = frame.bytes[6] = 2; /* Unicast: or no echo request is answered. */
	memcpy(data + 1, frame.bytes, frame.len);
	return frame.len + 1;
}
