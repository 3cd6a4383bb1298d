/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/unreachable.h"

#include <string.h>

#include "base/bytes.h"
#include "net/checksum.h"

#define ICMP_LEN 8
#define IP4_LEN 20
#define IP6_LEN 40
#define PORTS_LEN 4
#define PROTOCOL_IP4 4
#define PROTOCOL_IP6 41
#define PROTOCOL_ICMP6 58

#define ICMP4_UNREACHABLE 3
#define ICMP4_FRAGMENTATION_NEEDED 4 /* A code of it. */
#define ICMP6_UNREACHABLE 1
#define ICMP6_PARAMETER_PROBLEM 4
#define ICMP6_NEXT_HEADER 1 /* A code of it. */
#define IP6_NEXT_HEADER_AT 6

/* M flag and offset of an IPv4 header: zero in a whole datagram. */
#define IP4_FRAGMENT_MASK 0x3fff

/* Bytes that are left of what an error quotes. */
struct quote {
	const uint8_t *at;
	uint32_t len;
};

static void
quote_skip(struct quote *q, uint32_t len)
{
	q->at += len;
	q->len -= len;
}

static bool
says_unreachable(const uint8_t *icmp, bool ip6)
{
	uint8_t type = icmp[0];
	uint8_t code = icmp[1];

	if (!ip6)
		return type == ICMP4_UNREACHABLE && code != ICMP4_FRAGMENTATION_NEEDED;
	return type == ICMP6_UNREACHABLE ||
			(type == ICMP6_PARAMETER_PROBLEM && code == ICMP6_NEXT_HEADER &&
					load_be32(icmp + 4) == IP6_NEXT_HEADER_AT);
}

static bool
checksum_is_right(const uint8_t *ip, const uint8_t *icmp, uint32_t len, bool ip6)
{
	if (!ip6)
		return checksum_ip(icmp, len) == 0;
	return checksum_l4(ip + 8, ip + 24, 16, PROTOCOL_ICMP6, icmp, len) == 0;
}

/* @return the protocol of what is encapsulated; 0: this is no outer header of ours. */
static uint8_t
take_outer(struct quote *q, bool ip6, struct unreachable *out)
{
	const uint8_t *h = q->at;

	if (q->len < (ip6 ? IP6_LEN : IP4_LEN))
		return 0;
	quote_skip(q, ip6 ? IP6_LEN : IP4_LEN);
	if (ip6) {
		out->source = ip_addr_from_bytes(IP_V6, h + 8);
		out->backend = ip_addr_from_bytes(IP_V6, h + 24);
		return h[0] >> 4 == 6 ? h[6] : 0;
	}
	out->source = ip_addr_from_bytes(IP_V4, h + 12);
	out->backend = ip_addr_from_bytes(IP_V4, h + 16);
	return h[0] == 0x45 && (load_be16(h + 6) & IP4_FRAGMENT_MASK) == 0 ? h[9] : 0;
}

static bool
take_inner4(struct quote *q, struct unreachable *out)
{
	const uint8_t *h = q->at;
	uint32_t len;

	if (q->len < IP4_LEN)
		return false;
	len = (h[0] & 0xfU) * 4;
	if (h[0] >> 4 != 4 || len < IP4_LEN || q->len < len ||
			(load_be16(h + 6) & IP4_FRAGMENT_MASK) != 0)
		return false;
	out->protocol = h[9];
	out->vip = ip_addr_from_bytes(IP_V4, h + 16);
	quote_skip(q, len);
	return true;
}

static bool
take_inner6(struct quote *q, struct unreachable *out)
{
	const uint8_t *h = q->at;

	if (q->len < IP6_LEN || h[0] >> 4 != 6)
		return false;
	out->protocol = h[6];
	out->vip = ip_addr_from_bytes(IP_V6, h + 24);
	quote_skip(q, IP6_LEN);
	return true;
}

static bool
take_client_packet(struct quote *q, uint8_t kind, struct unreachable *out)
{
	if (kind == PROTOCOL_IP4 ? !take_inner4(q, out)
				 : kind != PROTOCOL_IP6 || !take_inner6(q, out))
		return false;
	if ((out->protocol != PARSE_PROTOCOL_TCP && out->protocol != PARSE_PROTOCOL_UDP) ||
			q->len < PORTS_LEN)
		return false;
	out->l4_port = load_be16(q->at + 2);
	return out->l4_port != 0;
}

bool
unreachable_parse(const uint8_t *frame, uint32_t len, const struct packet *packet,
		struct unreachable *out)
{
	bool ip6 = packet->kind == PACKET_ICMP6;
	const uint8_t *ip = frame + packet->l3;
	const uint8_t *icmp = frame + packet->l4;
	uint32_t end = (uint32_t)packet->l3 + packet->l3_len;
	struct quote q = { icmp + ICMP_LEN, end - packet->l4 - ICMP_LEN };
	struct ip_addr receiver;

	if ((!ip6 && packet->kind != PACKET_ICMP4) || end > len || (frame[0] & 1) != 0 ||
			!says_unreachable(icmp, ip6))
		return false;
	memset(out, 0, sizeof(*out));
	receiver = ip6 ? ip_addr_from_bytes(IP_V6, ip + 24) : ip_addr_from_bytes(IP_V4, ip + 16);
	return take_client_packet(&q, take_outer(&q, ip6, out), out) &&
			ip_addr_equal(&receiver, &out->source) &&
			checksum_is_right(ip, icmp, end - packet->l4, ip6);
}
