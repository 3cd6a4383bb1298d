/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both headers are written anew, over the old ones; what is needed of those is read before.
 */
#include "net/reset.h"

#include <string.h>

#include "base/bytes.h"
#include "net/answer.h"
#include "net/checksum.h"

#define IP4_LEN 20
#define IP6_LEN 40
#define TCP_LEN 20
#define IP4_DONT_FRAGMENT 0x4000

/* Of the packet's sequence space: its data, SYN and FIN (RFC 9293 section 3.4). */
static uint32_t
segment_len(const struct packet *packet)
{
	return packet->l4_payload + ((packet->tcp_flags & TCP_SYN) != 0) +
			((packet->tcp_flags & TCP_FIN) != 0U);
}

static void
write_tcp(uint8_t *tcp, const uint8_t *old, const struct packet *packet)
{
	uint8_t new[TCP_LEN] = { 0 };

	memcpy(new, old + 2, 2);
	memcpy(new + 2, old, 2);
	if ((packet->tcp_flags & TCP_ACK) != 0) {
		memcpy(new + 4, old + 8, 4);
		new[13] = TCP_RST;
	} else {
		store_be32(new + 8, load_be32(old + 4) + segment_len(packet));
		new[13] = TCP_RST | TCP_ACK;
	}
	new[12] = TCP_LEN / 4 << 4;
	memcpy(tcp, new, sizeof(new));
}

/* All but the addresses, which are there. */
static void
write_ip4(uint8_t *ip)
{
	uint8_t *tcp = ip + IP4_LEN;

	ip[0] = 0x45;
	ip[1] = 0;
	store_be16(ip + 2, IP4_LEN + TCP_LEN);
	store_be16(ip + 4, 0);
	store_be16(ip + 6, IP4_DONT_FRAGMENT);
	ip[8] = ANSWER_TTL;
	ip[9] = PARSE_PROTOCOL_TCP;
	store_u16(ip + 10, 0);
	store_u16(ip + 10, checksum_ip(ip, IP4_LEN));
	store_u16(tcp + 16, checksum_l4(ip + 12, ip + 16, 4, PARSE_PROTOCOL_TCP, tcp, TCP_LEN));
}

static void
write_ip6(uint8_t *ip)
{
	uint8_t *tcp = ip + IP6_LEN;

	store_be32(ip, UINT32_C(6) << 28);
	store_be16(ip + 4, TCP_LEN);
	ip[6] = PARSE_PROTOCOL_TCP;
	ip[7] = ANSWER_TTL;
	store_u16(tcp + 16, checksum_l4(ip + 8, ip + 24, 16, PARSE_PROTOCOL_TCP, tcp, TCP_LEN));
}

uint32_t
reset_in_place(uint8_t *frame, const struct packet *packet)
{
	bool ip6 = packet->kind == PACKET_FLOW6;
	uint32_t ip_len = ip6 ? IP6_LEN : IP4_LEN;
	uint8_t *ip = frame + packet->l3;

	if ((!ip6 && packet->kind != PACKET_FLOW4) || packet->protocol != PARSE_PROTOCOL_TCP ||
			(packet->tcp_flags & TCP_RST) != 0 ||
			!answer_is_allowed(frame, packet->l3, ip6))
		return 0;
	answer_turn(frame, packet->l3, ip6);
	write_tcp(ip + ip_len, frame + packet->l4, packet);
	if (ip6)
		write_ip6(ip);
	else
		write_ip4(ip);
	return packet->l3 + ip_len + TCP_LEN;
}
