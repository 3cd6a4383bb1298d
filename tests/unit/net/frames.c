/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* clang-format off */
#define ETHER(type) { LAYER_ETHER, type, 0, 0 }
#define TAG(tci, type) { LAYER_TAG, tci, type, 0 }
#define IP4(protocol) { LAYER_IP4, protocol, 0, 0x4000 }
#define IP4_OPT(protocol, words) { LAYER_IP4, protocol, words, 0 }
#define IP4_FRAG(protocol, bits) { LAYER_IP4, protocol, 0, bits }
#define IP6(next) { LAYER_IP6, next, 0, 0 }
#define EXT(next, len) { LAYER_EXT, next, len, 0 }
#define ROUTING(next, left) { LAYER_EXT, next, 0, left }
#define FRAG(next, bits) { LAYER_FRAG, next, bits, 0 }
#define AH(next, len) { LAYER_AH, next, len, 0 }
#define TCP(offset, flags) { LAYER_TCP, offset, flags, 0 }
#define UDP { LAYER_UDP, 0, 0, 0 }
#define UDP_SAYS(len) { LAYER_UDP, len, 0, 0 }
#define ICMP(type) { LAYER_ICMP, type, 0, 0 }
#define ARP(operation, hardware) { LAYER_ARP, operation, hardware, 0 }
#define DATA(len) { LAYER_DATA, len, 0, 0 }
#define PAD(len) { LAYER_PAD, len, 0, 0 }

#define NO_VLAN .vlan = PACKET_VLAN_NONE
#define DROPPED(reason) { .kind = PACKET_DROP, .drop = DROP_##reason, NO_VLAN }

const struct sample samples[] = {
	/* The fast path. */
	{ "ip4 tcp", { ETHER(0x0800), IP4(6), TCP(5, TCP_SYN), DATA(10) },
	  { PACKET_FLOW4, 6, TCP_SYN, 0, PACKET_VLAN_NONE, 14, 50, 34, 10, 0 }, true },
	{ "ip4 tcp, bare acknowledgement", { ETHER(0x0800), IP4(6), TCP(5, TCP_ACK) },
	  { PACKET_FLOW4, 6, TCP_ACK, 0, PACKET_VLAN_NONE, 14, 40, 34, 0, 0 }, true },
	{ "ip4 tcp, bare acknowledgement, padded", { ETHER(0x0800), IP4(6), TCP(5, TCP_ACK), PAD(6) },
	  { PACKET_FLOW4, 6, TCP_ACK, 0, PACKET_VLAN_NONE, 14, 40, 34, 0, 0 }, true },
	{ "ip4 tcp, all options, all flags", { ETHER(0x0800), IP4(6), TCP(15, 0xff), DATA(3) },
	  { PACKET_FLOW4, 6, 0xff, 0, PACKET_VLAN_NONE, 14, 83, 34, 3, 0 }, true },
	{ "ip4 udp", { ETHER(0x0800), IP4(17), UDP, DATA(18) },
	  { PACKET_FLOW4, 17, 0, 0, PACKET_VLAN_NONE, 14, 46, 34, 18, 0 }, true },
	{ "ip4 udp, shorter than its ip payload", { ETHER(0x0800), IP4(17), UDP_SAYS(9), DATA(18) },
	  { PACKET_FLOW4, 17, 0, 0, PACKET_VLAN_NONE, 14, 46, 34, 1, 0 }, true },
	{ "ip4 udp, empty, padded", { ETHER(0x0800), IP4(17), UDP, PAD(18) },
	  { PACKET_FLOW4, 17, 0, 0, PACKET_VLAN_NONE, 14, 28, 34, 0, 0 }, true },
	{ "ip4 tcp, reserved flag", { ETHER(0x0800), IP4_FRAG(6, 0x8000), TCP(5, TCP_RST) },
	  { PACKET_FLOW4, 6, TCP_RST, 0, PACKET_VLAN_NONE, 14, 40, 34, 0, 0 }, true },
	{ "ip6 tcp", { ETHER(0x86dd), IP6(6), TCP(8, TCP_FIN | TCP_ACK), DATA(1) },
	  { PACKET_FLOW6, 6, TCP_FIN | TCP_ACK, 0, PACKET_VLAN_NONE, 14, 73, 54, 1, 0 }, true },
	{ "ip6 udp", { ETHER(0x86dd), IP6(17), UDP, DATA(12) },
	  { PACKET_FLOW6, 17, 0, 0, PACKET_VLAN_NONE, 14, 60, 54, 12, 0 }, true },
	{ "vlan ip4 tcp", { ETHER(0x8100), TAG(0x0123, 0x0800), IP4(6), TCP(5, 0), DATA(10) },
	  { PACKET_FLOW4, 6, 0, 0, 0x123, 18, 50, 38, 10, 0 }, true },
	{ "vlan ip4 udp, with priority", { ETHER(0x8100), TAG(0xffff, 0x0800), IP4(17), UDP, DATA(20) },
	  { PACKET_FLOW4, 17, 0, 0, 0xfff, 18, 48, 38, 20, 0 }, true },
	{ "vlan ip6 udp", { ETHER(0x8100), TAG(1, 0x86dd), IP6(17), UDP, DATA(20) },
	  { PACKET_FLOW6, 17, 0, 0, 1, 18, 68, 58, 20, 0 }, true },
	{ "vlan ip6 tcp", { ETHER(0x8100), TAG(1, 0x86dd), IP6(6), TCP(5, 0) },
	  { PACKET_FLOW6, 6, 0, 0, 1, 18, 60, 58, 0, 0 }, true },
	{ "priority tag", { ETHER(0x8100), TAG(0xe000, 0x0800), IP4(6), TCP(5, 0) },
	  { PACKET_FLOW4, 6, 0, 0, PACKET_VLAN_NONE, 18, 40, 38, 0, 0 }, true },

	/* Flows that only the slow path knows. */
	{ "ip4 udp, empty, unpadded", { ETHER(0x0800), IP4(17), UDP },
	  { PACKET_FLOW4, 17, 0, 0, PACKET_VLAN_NONE, 14, 28, 34, 0, 0 }, false },
	{ "ip6 udp, short, unpadded", { ETHER(0x86dd), IP6(17), UDP, DATA(3) },
	  { PACKET_FLOW6, 17, 0, 0, PACKET_VLAN_NONE, 14, 51, 54, 3, 0 }, false },
	{ "802.1ad ip4 tcp", { ETHER(0x88a8), TAG(7, 0x0800), IP4(6), TCP(5, 0) },
	  { PACKET_FLOW4, 6, 0, 0, 7, 18, 40, 38, 0, 0 }, false },
	{ "ip4 options tcp", { ETHER(0x0800), IP4_OPT(6, 10), TCP(5, TCP_SYN), DATA(4) },
	  { PACKET_FLOW4, 6, TCP_SYN, 0, PACKET_VLAN_NONE, 14, 84, 74, 4, 0 }, false },
	{ "ip4 options udp", { ETHER(0x0800), IP4_OPT(17, 1), UDP, DATA(4) },
	  { PACKET_FLOW4, 17, 0, 0, PACKET_VLAN_NONE, 14, 36, 38, 4, 0 }, false },
	{ "ip6 hop-by-hop, destination, routing, tcp",
	  { ETHER(0x86dd), IP6(0), EXT(60, 0), EXT(43, 2), ROUTING(6, 0), TCP(5, 0), DATA(9) },
	  { PACKET_FLOW6, 6, 0, 0, PACKET_VLAN_NONE, 14, 109, 94, 9, 0 }, false },
	{ "ip6 ah udp", { ETHER(0x86dd), IP6(51), AH(17, 4), UDP, DATA(1) },
	  { PACKET_FLOW6, 17, 0, 0, PACKET_VLAN_NONE, 14, 73, 78, 1, 0 }, false },
	{ "ip6 atomic fragment tcp", { ETHER(0x86dd), IP6(44), FRAG(6, 0), TCP(5, TCP_ACK), DATA(1) },
	  { PACKET_FLOW6, 6, TCP_ACK, 0, PACKET_VLAN_NONE, 14, 69, 62, 1, 0 }, false },
	{ "ip6 atomic fragment, reserved bits", { ETHER(0x86dd), IP6(44), FRAG(17, 6), UDP },
	  { PACKET_FLOW6, 17, 0, 0, PACKET_VLAN_NONE, 14, 56, 62, 0, 0 }, false },
	{ "ip6 with as many extension headers as are followed",
	  { ETHER(0x86dd), IP6(0), EXT(60, 0), EXT(60, 0), EXT(60, 0), EXT(60, 0), EXT(60, 0),
	    EXT(60, 0), EXT(60, 0), EXT(17, 0), UDP },
	  { PACKET_FLOW6, 17, 0, 0, PACKET_VLAN_NONE, 14, 112, 118, 0, 0 }, false },
	{ "ip6 longest extension header", { ETHER(0x86dd), IP6(60), EXT(6, 255), TCP(5, 0) },
	  { PACKET_FLOW6, 6, 0, 0, PACKET_VLAN_NONE, 14, 2108, 2102, 0, 0 }, false },

	/* Fragments. */
	{ "ip4 first fragment", { ETHER(0x0800), IP4_FRAG(17, 0x2000), UDP_SAYS(4000), DATA(16) },
	  { PACKET_FRAGMENT4, 17, 0, 0, PACKET_VLAN_NONE, 14, 44, 0, 0, 0 }, false },
	{ "ip4 last fragment, of icmp", { ETHER(0x0800), IP4_FRAG(1, 0x0001), DATA(3) },
	  { PACKET_FRAGMENT4, 1, 0, 0, PACKET_VLAN_NONE, 14, 23, 0, 0, 0 }, false },
	{ "ip4 fragment with df and options", { ETHER(0x0800), { LAYER_IP4, 6, 2, 0x7fff }, DATA(8) },
	  { PACKET_FRAGMENT4, 6, 0, 0, PACKET_VLAN_NONE, 14, 36, 0, 0, 0 }, false },
	{ "vlan ip6 first fragment",
	  { ETHER(0x8100), TAG(5, 0x86dd), IP6(44), FRAG(6, 1), TCP(5, TCP_SYN), DATA(4) },
	  { PACKET_FRAGMENT6, 6, 0, 0, 5, 18, 72, 0, 0, 0 }, false },
	{ "ip6 later fragment behind destination options",
	  { ETHER(0x86dd), IP6(60), EXT(44, 0), FRAG(58, 8), DATA(2) },
	  { PACKET_FRAGMENT6, 58, 0, 0, PACKET_VLAN_NONE, 14, 58, 0, 0, 0 }, false },

	/* ICMP and other protocols. */
	{ "icmp", { ETHER(0x0800), IP4(1), ICMP(8), DATA(20) },
	  { PACKET_ICMP4, 1, 0, 0, PACKET_VLAN_NONE, 14, 48, 34, 0, 0 }, false },
	{ "icmp behind options", { ETHER(0x0800), IP4_OPT(1, 1), ICMP(3) },
	  { PACKET_ICMP4, 1, 0, 0, PACKET_VLAN_NONE, 14, 32, 38, 0, 0 }, false },
	{ "icmpv6", { ETHER(0x86dd), IP6(58), ICMP(128), DATA(20) },
	  { PACKET_ICMP6, 58, 0, 0, PACKET_VLAN_NONE, 14, 68, 54, 0, 0 }, false },
	{ "icmpv6 behind hop-by-hop", { ETHER(0x86dd), IP6(0), EXT(58, 0), ICMP(143) },
	  { PACKET_ICMP6, 58, 0, 0, PACKET_VLAN_NONE, 14, 56, 62, 0, 0 }, false },
	{ "icmpv6 in ip4", { ETHER(0x0800), IP4(58), ICMP(128) },
	  { PACKET_IP4, 58, 0, 0, PACKET_VLAN_NONE, 14, 28, 0, 0, 0 }, false },
	{ "icmp in ip6", { ETHER(0x86dd), IP6(1), ICMP(8) },
	  { PACKET_IP6, 1, 0, 0, PACKET_VLAN_NONE, 14, 48, 0, 0, 0 }, false },
	{ "ospf", { ETHER(0x0800), IP4(89), DATA(24) },
	  { PACKET_IP4, 89, 0, 0, PACKET_VLAN_NONE, 14, 44, 0, 0, 0 }, false },
	{ "ah in ip4", { ETHER(0x0800), IP4(51), AH(6, 4), TCP(5, 0) },
	  { PACKET_IP4, 51, 0, 0, PACKET_VLAN_NONE, 14, 64, 0, 0, 0 }, false },
	{ "ip4 without payload", { ETHER(0x0800), IP4(0), PAD(26) },
	  { PACKET_IP4, 0, 0, 0, PACKET_VLAN_NONE, 14, 20, 0, 0, 0 }, false },
	{ "esp", { ETHER(0x86dd), IP6(50), DATA(24) },
	  { PACKET_IP6, 50, 0, 0, PACKET_VLAN_NONE, 14, 64, 0, 0, 0 }, false },
	{ "esp behind destination options", { ETHER(0x86dd), IP6(60), EXT(50, 1), DATA(8) },
	  { PACKET_IP6, 50, 0, 0, PACKET_VLAN_NONE, 14, 64, 0, 0, 0 }, false },
	{ "no next header", { ETHER(0x86dd), IP6(59), PAD(6) },
	  { PACKET_IP6, 59, 0, 0, PACKET_VLAN_NONE, 14, 40, 0, 0, 0 }, false },
	{ "segments left", { ETHER(0x86dd), IP6(43), ROUTING(6, 1), TCP(5, 0) },
	  { PACKET_IP6, 43, 0, 0, PACKET_VLAN_NONE, 14, 68, 0, 0, 0 }, false },
	{ "hop-by-hop that is not the first", { ETHER(0x86dd), IP6(60), EXT(0, 0), EXT(6, 0), TCP(5, 0) },
	  { PACKET_IP6, 0, 0, 0, PACKET_VLAN_NONE, 14, 76, 0, 0, 0 }, false },

	/* No IP. */
	{ "arp", { ETHER(0x0806), ARP(1, 1), PAD(18) },
	  { PACKET_ARP, 0, 0, 0, PACKET_VLAN_NONE, 14, 28, 0, 0, 0 }, false },
	{ "vlan arp", { ETHER(0x8100), TAG(4094, 0x0806), ARP(2, 1) },
	  { PACKET_ARP, 0, 0, 0, 4094, 18, 28, 0, 0, 0 }, false },
	{ "arp over infiniband", { ETHER(0x0806), ARP(1, 32) },
	  { PACKET_OTHER, 0, 0, 0, PACKET_VLAN_NONE, 0, 0, 0, 0, 0 }, false },
	{ "lldp", { ETHER(0x88cc), DATA(46) },
	  { PACKET_OTHER, 0, 0, 0, PACKET_VLAN_NONE, 0, 0, 0, 0, 0 }, false },
	{ "802.3", { ETHER(0x0026), DATA(46) },
	  { PACKET_OTHER, 0, 0, 0, PACKET_VLAN_NONE, 0, 0, 0, 0, 0 }, false },
	{ "two tags", { ETHER(0x88a8), TAG(9, 0x8100), TAG(5, 0x0800), IP4(6), TCP(5, 0) },
	  { PACKET_OTHER, 0, 0, 0, 9, 0, 0, 0, 0, 0 }, false },
	{ "two 802.1Q tags", { ETHER(0x8100), TAG(9, 0x8100), TAG(5, 0x0800), IP4(6), TCP(5, 0) },
	  { PACKET_OTHER, 0, 0, 0, 9, 0, 0, 0, 0, 0 }, false },

	/* Refused. */
	{ "ip4 tcp, too short for tcp", { ETHER(0x0800), IP4(6), DATA(19), PAD(7) },
	  DROPPED(TRUNCATED), false },
	{ "ip4 udp, too short for udp", { ETHER(0x0800), IP4(17), DATA(7), PAD(19) },
	  DROPPED(TRUNCATED), false },
	{ "icmp, too short", { ETHER(0x0800), IP4(1), DATA(7), PAD(19) }, DROPPED(TRUNCATED), false },
	{ "icmpv6, too short", { ETHER(0x86dd), IP6(58), DATA(7), PAD(9) }, DROPPED(TRUNCATED), false },
	{ "ip6 tcp, no payload", { ETHER(0x86dd), IP6(6), PAD(30) }, DROPPED(TRUNCATED), false },
	{ "ip4 tcp, data offset 4", { ETHER(0x0800), IP4(6), TCP(4, 0), DATA(10) },
	  DROPPED(BAD_L4_HEADER), false },
	{ "ip4 tcp, data offset 0", { ETHER(0x0800), IP4(6), TCP(0, 0), DATA(10) },
	  DROPPED(BAD_L4_HEADER), false },
	{ "ip4 udp, length 7", { ETHER(0x0800), IP4(17), UDP_SAYS(7), DATA(30) },
	  DROPPED(BAD_L4_HEADER), false },
	{ "ip4 udp, length beyond the packet", { ETHER(0x0800), IP4(17), UDP_SAYS(39), DATA(30), PAD(9) },
	  DROPPED(BAD_L4_HEADER), false },
	{ "ip6 udp, length 65535", { ETHER(0x86dd), IP6(17), UDP_SAYS(65535), DATA(30) },
	  DROPPED(BAD_L4_HEADER), false },
	{ "jumbogram", { ETHER(0x86dd), IP6(0), PAD(60) }, DROPPED(BAD_IP_HEADER), false },
	{ "ip6 in 0x0800", { ETHER(0x0800), IP6(6), TCP(5, 0) }, DROPPED(BAD_IP_HEADER), false },
	{ "ip4 in 0x86dd", { ETHER(0x86dd), IP4(6), TCP(5, 0), DATA(30) }, DROPPED(BAD_IP_HEADER), false },
	{ "one extension header too many",
	  { ETHER(0x86dd), IP6(0), EXT(60, 0), EXT(60, 0), EXT(60, 0), EXT(60, 0), EXT(60, 0),
	    EXT(60, 0), EXT(60, 0), EXT(60, 0), EXT(17, 0), UDP },
	  DROPPED(EXT_HEADERS), false },
	{ "half an extension header", { ETHER(0x86dd), IP6(60), DATA(7), PAD(40) },
	  DROPPED(TRUNCATED), false },
};
/* clang-format on */

const size_t nb_samples = ARRAY_LEN(samples);

/* Bytes of a recognisable pattern, unless written over. */
static uint8_t *
push(struct frame *f, uint32_t len)
{
	uint8_t *at = f->bytes + f->len;

	if (len > FRAME_MAX - f->len)
		abort();
	for (uint32_t i = 0; i < len; i++)
		at[i] = (uint8_t)(0xa0 + (f->len + i) % 61);
	f->len += len;
	return at;
}

static void
push_ip4(struct frame *f, const struct layer *l)
{
	uint8_t *at = push(f, 20 + l->b * 4);

	at[0] = (uint8_t)(0x40 | (5 + l->b));
	store_be16(at + 6, (uint16_t)l->c);
	at[9] = (uint8_t)l->a;
}

static void
push_ip6(struct frame *f, const struct layer *l)
{
	uint8_t *at = push(f, 40);

	at[0] = 0x6a;
	at[6] = (uint8_t)l->a;
}

static void
push_ext(struct frame *f, const struct layer *l)
{
	uint8_t *at = push(f, l->kind == LAYER_AH ? (l->b + 2) * 4 : (l->b + 1) * 8);

	at[0] = (uint8_t)l->a;
	at[1] = (uint8_t)l->b;
	at[3] = (uint8_t)l->c;
}

static void
push_frag(struct frame *f, const struct layer *l)
{
	uint8_t *at = push(f, 8);

	at[0] = (uint8_t)l->a;
	store_be16(at + 2, (uint16_t)l->b);
}

static void
push_tcp(struct frame *f, const struct layer *l)
{
	uint8_t *at = push(f, l->a > 5 ? l->a * 4 : 20);

	at[12] = (uint8_t)(l->a << 4 | 0xe);
	at[13] = (uint8_t)l->b;
}

static void
push_arp(struct frame *f, const struct layer *l)
{
	static const uint8_t head[6] = { 0, 0, 8, 0, 6, 4 };
	uint8_t *at = push(f, 28);

	memcpy(at, head, sizeof(head));
	at[1] = (uint8_t)l->b;
	store_be16(at + 6, (uint16_t)l->a);
}

static void
push_layer(struct frame *f, const struct layer *l)
{
	switch (l->kind) {
	case LAYER_ETHER:
		store_be16(push(f, 14) + 12, (uint16_t)l->a);
		break;
	case LAYER_TAG:
		store_be32(push(f, 4), l->a << 16 | l->b);
		break;
	case LAYER_IP4:
		push_ip4(f, l);
		break;
	case LAYER_IP6:
		push_ip6(f, l);
		break;
	case LAYER_EXT:
	case LAYER_AH:
		push_ext(f, l);
		break;
	case LAYER_FRAG:
		push_frag(f, l);
		break;
	case LAYER_TCP:
		push_tcp(f, l);
		break;
	case LAYER_UDP:
		store_be16(push(f, 8) + 4, (uint16_t)l->a);
		break;
	case LAYER_ICMP:
		store_be16(push(f, 8), (uint16_t)(l->a << 8));
		break;
	case LAYER_ARP:
		push_arp(f, l);
		break;
	case LAYER_DATA:
	case LAYER_PAD:
		push(f, l->a);
		break;
	case LAYER_END:
		break;
	}
}

void
frame_build(struct frame *frame, const struct layer *layers)
{
	uint32_t ip4 = 0, ip6 = 0, udp = 0, end = 0;

	frame->len = 0;
	for (const struct layer *l = layers; l->kind != LAYER_END; l++) {
		ip4 = l->kind == LAYER_IP4 ? frame->len : ip4;
		ip6 = l->kind == LAYER_IP6 ? frame->len : ip6;
		udp = l->kind == LAYER_UDP && l->a == 0 ? frame->len : udp;
		push_layer(frame, l);
		end = l->kind == LAYER_PAD ? end : frame->len;
	}
	if (ip4 != 0)
		store_be16(frame->bytes + ip4 + 2, (uint16_t)(end - ip4));
	if (ip6 != 0)
		store_be16(frame->bytes + ip6 + 4, (uint16_t)(end - ip6 - 40));
	if (udp != 0)
		store_be16(frame->bytes + udp + 4, (uint16_t)(end - udp));
}

uint8_t *
guarded_copy(const void *bytes, uint32_t len)
{
	static uint8_t *page;
	uint8_t *at;

	if (page == NULL) {
		page = mmap(NULL, 2UL * FRAME_MAX, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED || mprotect(page + FRAME_MAX, FRAME_MAX, PROT_NONE) < 0)
			abort();
	}
	if (len > FRAME_MAX)
		abort();
	at = page + FRAME_MAX - len;
	return memcpy(at, bytes, len);
}

uint32_t
bytes_from_hex(uint8_t *bytes, const char *text)
{
	static const char digits[] = "0123456789abcdef";
	uint32_t nb_digits = 0;

	for (; *text != '\0'; text++) {
		const char *digit = strchr(digits, *text);

		if (*text == ' ')
			continue;
		if (digit == NULL)
			abort();
		if (nb_digits % 2 == 0)
			bytes[nb_digits / 2] = 0;
		bytes[nb_digits / 2] = (uint8_t)(bytes[nb_digits / 2] << 4 | (digit - digits));
		nb_digits++;
	}
	if (nb_digits % 2 != 0)
		abort();
	return nb_digits / 2;
}

uint64_t
random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(2685821657736338717);
}

uint64_t
random_seed(void)
{
	const char *given = getenv("GUIDEWAY_TEST_SEED");
	struct timespec now;
	uint64_t seed;

	clock_gettime(CLOCK_REALTIME, &now);
	seed = given != NULL ? strtoull(given, NULL, 0)
			     : (uint64_t)now.tv_sec * 1000000007 + (uint64_t)now.tv_nsec;
	printf("GUIDEWAY_TEST_SEED=%#llx\n", (unsigned long long)seed);
	return seed != 0 ? seed : 1;
}
