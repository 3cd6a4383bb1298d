/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/echo.h"

#include <errno.h>

#include "base/bytes.h"
#include "net/answer.h"
#include "net/checksum.h"

#define IP4_LEN 20
#define IP6_LEN 40

/* The first word of a message: type, then code 0. */
#define ICMP4_ECHO_REQUEST 0x0800
#define ICMP4_ECHO_REPLY 0x0000
#define ICMP6_ECHO_REQUEST 0x8000
#define ICMP6_ECHO_REPLY 0x8100

bool
echo_is_request(const uint8_t *frame, const struct packet *packet)
{
	bool ip6 = packet->kind == PACKET_ICMP6;

	if (!ip6 && packet->kind != PACKET_ICMP4)
		return false;
	return load_be16(frame + packet->l4) == (ip6 ? ICMP6_ECHO_REQUEST : ICMP4_ECHO_REQUEST) &&
			answer_is_allowed(frame, packet->l3, ip6);
}

/* Change the word at @p field and the checksum that covers it. */
static void
change_word(uint8_t *field, uint16_t to_be, uint8_t *checksum)
{
	uint16_t before = load_u16(field);

	store_be16(field, to_be);
	store_u16(checksum, checksum_update16(load_u16(checksum), before, load_u16(field)));
}

int
echo_reply_in_place(uint8_t *frame, const struct packet *packet)
{
	uint8_t *ip = frame + packet->l3;
	uint8_t *icmp = frame + packet->l4;
	bool ip6 = packet->kind == PACKET_ICMP6;

	if (!echo_is_request(frame, packet) || icmp - ip != (ip6 ? IP6_LEN : IP4_LEN))
		return -EINVAL;

	/* Swapped addresses have the same sum: no checksum but TTL's and type's changes. */
	answer_turn(frame, packet->l3, ip6);
	if (ip6) {
		ip[7] = ANSWER_TTL;
		change_word(icmp, ICMP6_ECHO_REPLY, icmp + 2);
	} else {
		change_word(ip + 8, (uint16_t)(ANSWER_TTL << 8 | ip[9]), ip + 10);
		change_word(icmp, ICMP4_ECHO_REPLY, icmp + 2);
	}
	return 0;
}
