/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How: a view of the frame knows how far bytes may be read (len) and where the frame
 * ends (end). Every header is asked for with view_need() before its first byte is
 * read. Once the IP header has told its packet's length, end moves there, so that
 * nothing behind it (Ethernet padding) is taken for a header.
 *
 * Offsets cannot overflow: each is at most the end of a header that view_need()
 * allowed, plus at most 2,048 bytes (the longest extension header).
 */
#include "net/parse.h"

#define ETHER_LEN 14
#define VLAN_LEN 4
#define ARP_LEN 28
#define IP4_LEN 20
#define IP6_LEN 40
#define TCP_LEN 20
#define UDP_LEN 8
#define ICMP_LEN 8
#define EXT_LEN 8 /* The shortest extension header. */

#define TYPE_IP4 0x0800
#define TYPE_ARP 0x0806
#define TYPE_VLAN 0x8100
#define TYPE_IP6 0x86dd
#define TYPE_SERVICE_VLAN 0x88a8

enum {
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_ICMP4 = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_AH = 51,
	PROTOCOL_ICMP6 = 58,
	PROTOCOL_DESTINATION = 60,
};

struct view {
	const uint8_t *bytes;
	uint32_t len; /* Readable. */
	uint32_t end; /* Of the frame; later of the IP packet. */
};

/* May the bytes below @p to be read? */
static enum drop_reason
view_need(const struct view *v, uint32_t to)
{
	if (to > v->end)
		return DROP_TRUNCATED;
	return to > v->len ? DROP_OVERSIZED : DROP_NONE;
}

static enum drop_reason
parse_tcp(const struct view *v, uint32_t at, struct packet *p)
{
	enum drop_reason reason = view_need(v, at + TCP_LEN);
	uint32_t header;

	if (reason != DROP_NONE)
		return reason;
	header = (v->bytes[at + 12] >> 4) * 4U;
	if (header < TCP_LEN || at + header > v->end)
		return DROP_BAD_L4_HEADER;
	p->l4 = (uint16_t)at;
	p->tcp_flags = v->bytes[at + 13];
	p->l4_payload = (uint16_t)(v->end - at - header);
	return view_need(v, at + header);
}

static enum drop_reason
parse_udp(const struct view *v, uint32_t at, struct packet *p)
{
	enum drop_reason reason = view_need(v, at + UDP_LEN);
	uint32_t udp_len;

	if (reason != DROP_NONE)
		return reason;
	udp_len = load_be16(v->bytes + at + 4);
	if (udp_len < UDP_LEN || at + udp_len > v->end)
		return DROP_BAD_L4_HEADER;
	p->l4 = (uint16_t)at;
	p->l4_payload = (uint16_t)(udp_len - UDP_LEN);
	return DROP_NONE;
}

/* What follows an IP header (and extension headers): @p protocol at @p at. */
static enum drop_reason
parse_l4(const struct view *v, uint32_t at, uint8_t protocol, bool ip6, struct packet *p)
{
	p->protocol = protocol;
	if (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP) {
		p->kind = ip6 ? PACKET_FLOW6 : PACKET_FLOW4;
		return protocol == PROTOCOL_TCP ? parse_tcp(v, at, p) : parse_udp(v, at, p);
	}
	if (protocol == (ip6 ? PROTOCOL_ICMP6 : PROTOCOL_ICMP4)) {
		p->kind = ip6 ? PACKET_ICMP6 : PACKET_ICMP4;
		p->l4 = (uint16_t)at;
		return view_need(v, at + ICMP_LEN);
	}
	p->kind = ip6 ? PACKET_IP6 : PACKET_IP4;
	return DROP_NONE;
}

static enum drop_reason
parse_ip4(struct view *v, uint32_t l3, struct packet *p)
{
	const uint8_t *ip = v->bytes + l3;
	enum drop_reason reason = view_need(v, l3 + IP4_LEN);
	uint32_t header, total;

	if (reason != DROP_NONE)
		return reason;
	header = (ip[0] & 0x0f) * 4U;
	total = load_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < IP4_LEN || total < header)
		return DROP_BAD_IP_HEADER;
	if (l3 + total > v->end)
		return DROP_TRUNCATED;
	v->end = l3 + total;
	reason = view_need(v, l3 + header);
	if (reason != DROP_NONE)
		return reason;

	p->l3 = (uint16_t)l3;
	p->l3_len = (uint16_t)total;
	if ((load_be16(ip + 6) & 0x3fff) != 0) { /* M flag or offset. */
		p->kind = PACKET_FRAGMENT4;
		p->protocol = ip[9];
		return DROP_NONE;
	}
	return parse_l4(v, l3 + header, ip[9], false, p);
}

/* Is this header one to follow at @p at? Hop-by-hop options come first or not at all. */
static bool
is_ext_header(uint8_t protocol, bool first)
{
	switch (protocol) {
	case PROTOCOL_HOP_BY_HOP:
		return first;
	case PROTOCOL_ROUTING:
	case PROTOCOL_FRAGMENT:
	case PROTOCOL_AH:
	case PROTOCOL_DESTINATION:
		return true;
	default:
		return false;
	}
}

static uint32_t
ext_header_len(const uint8_t *header, uint8_t protocol)
{
	switch (protocol) {
	case PROTOCOL_FRAGMENT:
		return EXT_LEN; /* Its second byte is reserved. */
	case PROTOCOL_AH:
		return (header[1] + 2U) * 4; /* RFC 4302 section 2.2. */
	default:
		return (header[1] + 1U) * 8;
	}
}

/* The chain of extension headers, which begins with @p protocol at @p at. */
static enum drop_reason
parse_ext_headers(const struct view *v, uint32_t at, uint8_t protocol, struct packet *p)
{
	for (unsigned int i = 0; is_ext_header(protocol, i == 0); i++) {
		const uint8_t *header = v->bytes + at;
		enum drop_reason reason;

		if (i == PARSE_MAX_EXT_HEADERS)
			return DROP_EXT_HEADERS;
		reason = view_need(v, at + EXT_LEN);
		if (reason != DROP_NONE)
			return reason;
		if (protocol == PROTOCOL_FRAGMENT && (load_be16(header + 2) & 0xfff9) != 0) {
			p->kind = PACKET_FRAGMENT6;
			p->protocol = header[0];
			return DROP_NONE;
		}
		at += ext_header_len(header, protocol);
		reason = view_need(v, at);
		if (reason != DROP_NONE)
			return reason;
		if (protocol == PROTOCOL_ROUTING && header[3] != 0)
			break; /* Segments left: parse_l4() does not know it. */
		protocol = header[0];
	}
	return parse_l4(v, at, protocol, true, p);
}

static enum drop_reason
parse_ip6(struct view *v, uint32_t l3, struct packet *p)
{
	const uint8_t *ip = v->bytes + l3;
	enum drop_reason reason = view_need(v, l3 + IP6_LEN);
	uint32_t payload;

	if (reason != DROP_NONE)
		return reason;
	payload = load_be16(ip + 4);
	if (ip[0] >> 4 != 6 || (payload == 0 && ip[6] == PROTOCOL_HOP_BY_HOP))
		return DROP_BAD_IP_HEADER;
	if (l3 + IP6_LEN + payload > v->end)
		return DROP_TRUNCATED;
	if (IP6_LEN + payload > UINT16_MAX)
		return DROP_TOO_BIG;
	v->end = l3 + IP6_LEN + payload;

	p->l3 = (uint16_t)l3;
	p->l3_len = (uint16_t)(IP6_LEN + payload);
	return parse_ext_headers(v, l3 + IP6_LEN, ip[6], p);
}

static enum drop_reason
parse_arp(const struct view *v, uint32_t l3, struct packet *p)
{
	/* Hardware type Ethernet, protocol IPv4, addresses of 6 and 4 bytes. */
	static const uint8_t ip4_over_ethernet[6] = { 0, 1, 8, 0, 6, 4 };
	enum drop_reason reason = view_need(v, l3 + ARP_LEN);

	if (reason != DROP_NONE)
		return reason;
	if (memcmp(v->bytes + l3, ip4_over_ethernet, sizeof(ip4_over_ethernet)) != 0) {
		p->kind = PACKET_OTHER;
		return DROP_NONE;
	}
	p->kind = PACKET_ARP;
	p->l3 = (uint16_t)l3;
	p->l3_len = ARP_LEN;
	return DROP_NONE;
}

static bool
is_vlan(uint16_t type)
{
	return type == TYPE_VLAN || type == TYPE_SERVICE_VLAN;
}

static enum drop_reason
parse_ethernet(struct view *v, struct packet *p)
{
	enum drop_reason reason = view_need(v, ETHER_LEN);
	uint32_t l3 = ETHER_LEN;
	uint16_t type;

	if (reason != DROP_NONE)
		return reason;
	type = load_be16(v->bytes + l3 - 2);
	if (is_vlan(type)) {
		uint16_t id;

		reason = view_need(v, l3 + VLAN_LEN);
		if (reason != DROP_NONE)
			return reason;
		id = load_be16(v->bytes + l3) & 0x0fff;
		p->vlan = id != 0 ? id : PACKET_VLAN_NONE;
		l3 += VLAN_LEN;
		type = load_be16(v->bytes + l3 - 2);
	}
	switch (type) {
	case TYPE_IP4:
		return parse_ip4(v, l3, p);
	case TYPE_IP6:
		return parse_ip6(v, l3, p);
	case TYPE_ARP:
		return parse_arp(v, l3, p);
	default: /* A second VLAN tag, too. */
		p->kind = PACKET_OTHER;
		return DROP_NONE;
	}
}

void
packet_parse_slow(const uint8_t *frame, uint32_t len, uint32_t frame_len, struct packet *out)
{
	struct view v = { .bytes = frame, .len = len, .end = frame_len };
	struct packet p = { .vlan = PACKET_VLAN_NONE };
	enum drop_reason reason = parse_ethernet(&v, &p);

	if (reason != DROP_NONE)
		p = (struct packet){ .kind = PACKET_DROP, .drop = (uint8_t)reason, .vlan = p.vlan };
	*out = p;
}
