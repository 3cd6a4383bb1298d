/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/echo.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "net/checksum.h"

#define REPLY_TTL 64
#define MAC_LEN 6
#define IP4_LEN 20
#define IP6_LEN 40

/* The first word of a message: type, then code 0. */
#define ICMP4_ECHO_REQUEST 0x0800
#define ICMP4_ECHO_REPLY 0x0000
#define ICMP6_ECHO_REQUEST 0x8000
#define ICMP6_ECHO_REPLY 0x8100

static bool
addr4_is_unicast(const uint8_t *addr)
{
	return addr[0] != 0 && addr[0] != 127 && addr[0] < 224;
}

static bool
addr6_is_unicast(const uint8_t *addr)
{
	static const uint8_t zero[15];

	if (memcmp(addr, zero, sizeof(zero)) == 0 && addr[15] <= 1) /* :: and ::1. */
		return false;
	return addr[0] != 0xff;
}

bool
echo_is_request(const uint8_t *frame, const struct packet *packet)
{
	const uint8_t *ip = frame + packet->l3;
	uint16_t word;

	if (packet->kind != PACKET_ICMP4 && packet->kind != PACKET_ICMP6)
		return false;
	if (((frame[0] | frame[MAC_LEN]) & 1) != 0)
		return false;

	word = load_be16(frame + packet->l4);
	if (packet->kind == PACKET_ICMP4)
		return word == ICMP4_ECHO_REQUEST && addr4_is_unicast(ip + 12) &&
				addr4_is_unicast(ip + 16) && memcmp(ip + 12, ip + 16, 4) != 0;
	return word == ICMP6_ECHO_REQUEST && addr6_is_unicast(ip + 8) &&
			addr6_is_unicast(ip + 24) && memcmp(ip + 8, ip + 24, 16) != 0;
}

static void
swap_bytes(uint8_t *a, uint8_t *b, size_t len)
{
	uint8_t was_a[16];

	memcpy(was_a, a, len);
	memcpy(a, b, len);
	memcpy(b, was_a, len);
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
	swap_bytes(frame, frame + MAC_LEN, MAC_LEN);
	if (ip6) {
		swap_bytes(ip + 8, ip + 24, 16);
		ip[7] = REPLY_TTL;
		change_word(icmp, ICMP6_ECHO_REPLY, icmp + 2);
	} else {
		swap_bytes(ip + 12, ip + 16, 4);
		change_word(ip + 8, (uint16_t)(REPLY_TTL << 8 | ip[9]), ip + 10);
		change_word(icmp, ICMP4_ECHO_REPLY, icmp + 2);
	}
	return 0;
}
