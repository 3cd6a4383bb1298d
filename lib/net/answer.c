/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/answer.h"

#include <string.h>

#define MAC_LEN 6

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
answer_is_allowed(const uint8_t *frame, uint16_t l3, bool ip6)
{
	const uint8_t *ip = frame + l3;

	if (((frame[0] | frame[MAC_LEN]) & 1) != 0)
		return false;
	if (ip6)
		return addr6_is_unicast(ip + 8) && addr6_is_unicast(ip + 24) &&
				memcmp(ip + 8, ip + 24, 16) != 0;
	return addr4_is_unicast(ip + 12) && addr4_is_unicast(ip + 16) &&
			memcmp(ip + 12, ip + 16, 4) != 0;
}

static void
swap_bytes(uint8_t *a, uint8_t *b, size_t len)
{
	uint8_t was_a[16];

	memcpy(was_a, a, len);
	memcpy(a, b, len);
	memcpy(b, was_a, len);
}

void
answer_turn(uint8_t *frame, uint16_t l3, bool ip6)
{
	uint8_t *ip = frame + l3;

	swap_bytes(frame, frame + MAC_LEN, MAC_LEN);
	if (ip6)
		swap_bytes(ip + 8, ip + 24, 16);
	else
		swap_bytes(ip + 12, ip + 16, 4);
}
