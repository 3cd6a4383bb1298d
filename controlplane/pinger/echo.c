/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/pinger/echo.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define ICMP_HEADER 8
#define IPV4_HEADER 20
#define IPV6_HEADER 40

static uint16_t
load16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t
load32(const uint8_t *at)
{
	return (uint32_t)load16(at) << 16 | load16(at + 2);
}

static void
store16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/** RFC 1071, of an even number of bytes. */
static uint16_t
checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += load16(data + i);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void
echo_write(const struct echo *echo, enum ip_family family, uint8_t *out)
{
	memset(out, 0, ECHO_SIZE);
	out[0] = family == IP_V4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	store16(out + 4, (uint16_t)(echo->number >> 16));
	store16(out + 6, (uint16_t)echo->number);
	memcpy(out + 8, &echo->cookie, sizeof(echo->cookie));
	if (family == IP_V4)
		store16(out + 2, checksum(out, ECHO_SIZE));
}

/** The request that an error quotes, from its IP header on. */
static enum echo_kind
read_quoted(enum ip_family family, const uint8_t *ip, size_t len, struct echo_heard *out)
{
	bool is_v4 = family == IP_V4;
	size_t header = is_v4 && len >= 1 ? (size_t)(ip[0] & 0xf) * 4 : IPV6_HEADER;
	const uint8_t *icmp = ip + header;

	if (header < (is_v4 ? IPV4_HEADER : IPV6_HEADER) || len < header + ECHO_SIZE)
		return ECHO_NOTHING;
	if (ip[0] >> 4 != (is_v4 ? 4 : 6) ||
			ip[is_v4 ? 9 : 6] != (is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return ECHO_NOTHING;
	if (icmp[0] != (is_v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST))
		return ECHO_NOTHING;
	out->addr = ip_addr_from_bytes(family, ip + (is_v4 ? 16 : 24));
	out->number = load32(icmp + 4);
	memcpy(&out->cookie, icmp + 8, sizeof(out->cookie));
	return ECHO_UNREACHABLE;
}

enum echo_kind
echo_read(enum ip_family family, const uint8_t *data, size_t len, const struct ip_addr *from,
		struct echo_heard *out)
{
	bool is_v4 = family == IP_V4;
	size_t skip = is_v4 && len >= 1 ? (size_t)(data[0] & 0xf) * 4 : 0;
	const uint8_t *icmp = data + skip;

	memset(out, 0, sizeof(*out));
	if ((is_v4 && skip < IPV4_HEADER) || len < skip + ICMP_HEADER)
		return ECHO_NOTHING;
	len -= skip;
	if (icmp[0] == (is_v4 ? ICMP_DEST_UNREACH : ICMP6_DST_UNREACH))
		return read_quoted(family, icmp + ICMP_HEADER, len - ICMP_HEADER, out);
	if (icmp[0] != (is_v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) || icmp[1] != 0 ||
			len < ECHO_SIZE)
		return ECHO_NOTHING;
	out->addr = *from;
	out->number = load32(icmp + 4);
	memcpy(&out->cookie, icmp + 8, sizeof(out->cookie));
	return ECHO_REPLY;
}
