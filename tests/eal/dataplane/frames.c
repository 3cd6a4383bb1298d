/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames.h"

#include <arpa/inet.h>
#include <string.h>

static void
put(struct frame *f, const void *bytes, unsigned int len)
{
	memcpy(f->bytes + f->len, bytes, len);
	f->len += len;
}

static void
put8(struct frame *f, uint8_t v)
{
	put(f, &v, 1);
}

static void
put16(struct frame *f, uint16_t v)
{
	put8(f, (uint8_t)(v >> 8));
	put8(f, (uint8_t)v);
}

static void
put_mac(struct frame *f, uint8_t last)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 0, last };

	if (last == MAC_BROADCAST)
		memset(mac, 0xff, sizeof(mac));
	put(f, mac, sizeof(mac));
}

static void
put_addr(struct frame *f, const char *text)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		put(f, bytes, 4);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		put(f, bytes, 16);
}

void
frame_begin(struct frame *f, uint8_t dst, uint8_t src, uint16_t vlan, uint16_t type)
{
	memset(f, 0, sizeof(*f));
	put_mac(f, dst);
	put_mac(f, src);
	if (vlan != 0) {
		put16(f, 0x8100);
		put16(f, vlan);
	}
	put16(f, type);
}

struct frame
frame_arp(uint8_t dst, uint16_t vlan, uint16_t op, uint8_t sender_mac, const char *sender,
		uint8_t target_mac, const char *target)
{
	static const uint8_t zero[6];
	struct frame f;

	frame_begin(&f, dst, sender_mac, vlan, 0x0806);
	put16(&f, 1);
	put16(&f, 0x0800);
	put8(&f, 6);
	put8(&f, 4);
	put16(&f, op);
	put_mac(&f, sender_mac);
	put_addr(&f, sender);
	if (target_mac == 0)
		put(&f, zero, 6);
	else
		put_mac(&f, target_mac);
	put_addr(&f, target);
	return f;
}

/* RFC 1071, bytewise. */
static uint16_t
sum(const uint8_t *bytes, unsigned int len, uint32_t start)
{
	for (unsigned int i = 0; i < len; i++)
		start += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
	while (start > 0xffff)
		start = (start & 0xffff) + (start >> 16);
	return (uint16_t)start;
}

static void
checksum_set(struct frame *f, unsigned int at, uint16_t total)
{
	total = (uint16_t)~total;
	f->bytes[at] = (uint8_t)(total >> 8);
	f->bytes[at + 1] = (uint8_t)total;
}

static unsigned int
put_ip4(struct frame *f, uint8_t protocol, const char *from, const char *to, unsigned int payload)
{
	unsigned int at = f->len;

	put8(f, 0x45);
	put8(f, 0);
	put16(f, (uint16_t)(20 + payload));
	put16(f, 0x1234);
	put16(f, 0);
	put8(f, 64);
	put8(f, protocol);
	put16(f, 0);
	put_addr(f, from);
	put_addr(f, to);
	checksum_set(f, at + 10, sum(f->bytes + at, 20, 0));
	return at;
}

static unsigned int
put_ip6(struct frame *f, uint8_t protocol, uint8_t hop_limit, const char *from, const char *to,
		unsigned int payload)
{
	unsigned int at = f->len;

	put8(f, 0x60);
	put8(f, 0);
	put16(f, 0);
	put16(f, (uint16_t)payload);
	put8(f, protocol);
	put8(f, hop_limit);
	put_addr(f, from);
	put_addr(f, to);
	return at;
}

static void
icmp6_checksum(struct frame *f, unsigned int ip)
{
	unsigned int len = f->len - ip - 40;
	uint32_t start = sum(f->bytes + ip + 8, 32, len + 58);

	checksum_set(f, ip + 42, sum(f->bytes + ip + 40, len, start));
}

static void
put_echo(struct frame *f, uint8_t type, unsigned int payload)
{
	put8(f, type);
	put8(f, 0);
	put16(f, 0);
	put16(f, 0xabcd);
	put16(f, 7);
	for (unsigned int i = 0; i < payload; i++)
		put8(f, (uint8_t)(i * 7));
}

struct frame
frame_echo4(uint8_t dst, uint8_t src, uint8_t type, const char *from, const char *to,
		unsigned int payload)
{
	struct frame f;
	unsigned int ip;

	frame_begin(&f, dst, src, 0, 0x0800);
	ip = put_ip4(&f, 1, from, to, 8 + payload);
	put_echo(&f, type, payload);
	checksum_set(&f, ip + 22, sum(f.bytes + ip + 20, 8 + payload, 0));
	return f;
}

struct frame
frame_echo6(uint8_t dst, uint8_t src, uint8_t type, const char *from, const char *to,
		unsigned int payload)
{
	struct frame f;
	unsigned int ip;

	frame_begin(&f, dst, src, 0, 0x86dd);
	ip = put_ip6(&f, 58, 64, from, to, 8 + payload);
	put_echo(&f, type, payload);
	icmp6_checksum(&f, ip);
	return f;
}

static struct frame
frame_nd(uint8_t dst, uint8_t src, uint8_t type, uint8_t flags, const char *from, const char *to,
		const char *target)
{
	struct frame f;
	unsigned int ip;

	frame_begin(&f, dst, src, 0, 0x86dd);
	ip = put_ip6(&f, 58, 255, from, to, 32);
	put8(&f, type);
	put8(&f, 0);
	put16(&f, 0);
	put8(&f, flags);
	put8(&f, 0);
	put16(&f, 0);
	put_addr(&f, target);
	put8(&f, type == 135 ? 1 : 2);
	put8(&f, 1);
	put_mac(&f, src);
	icmp6_checksum(&f, ip);
	return f;
}

struct frame
frame_ns(uint8_t dst, uint8_t src, const char *from, const char *target)
{
	return frame_nd(dst, src, 135, 0, from, target, target);
}

struct frame
frame_na(uint8_t dst, uint8_t src, const char *to, const char *target)
{
	return frame_nd(dst, src, 136, 0x60, target, to, target);
}

struct frame
frame_tcp(uint8_t dst, uint8_t src, uint16_t vlan, uint8_t flags, const char *from, const char *to)
{
	struct frame f;

	frame_begin(&f, dst, src, vlan, 0x0800);
	put16(&f, 0x4500);
	put16(&f, 40);
	put16(&f, 1);
	put16(&f, 0);
	put8(&f, 63);
	put8(&f, 6);
	put16(&f, 0); /* Nobody looks at its checksums. */
	put_addr(&f, from);
	put_addr(&f, to);
	put16(&f, 1024);
	put16(&f, 80);
	put16(&f, 0);
	put16(&f, 1000);
	put16(&f, 0);
	put16(&f, 2000);
	put8(&f, 0x50);
	put8(&f, flags);
	put16(&f, 8192);
	put16(&f, 0);
	put16(&f, 0);
	return f;
}

struct frame
packet_udp(const char *from, const char *to, uint16_t number)
{
	struct frame f = { .len = 0 };

	if (strchr(to, ':') != NULL)
		put_ip6(&f, 17, 63, from, to, 8);
	else
		put_ip4(&f, 17, from, to, 8);
	put16(&f, number);
	put16(&f, 53);
	put16(&f, 8);
	put16(&f, 0);
	return f;
}
