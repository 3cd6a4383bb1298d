/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_PARSE_H
#define NET_PARSE_H

/**
 * @file
 * The one bounds-checked parser: from a whole Ethernet frame to where its headers
 * lie and what it is. Everything that looks into a packet comes after it.
 *
 * It reads only bytes below @p len, follows one VLAN tag (802.1Q or 802.1ad) and at
 * most PARSE_MAX_EXT_HEADERS IPv6 extension headers, and checks what a router checks
 * (RFC 1812 section 5.2.2, without the header checksum, which the NIC or
 * checksum.h verifies): version, header length, total length against the frame.
 *
 * What is refused, and why:
 * - TRUNCATED: the frame ends before its Ethernet, IP or ARP header or before the IP
 *   total length; or the IP packet ends within an extension header or within the
 *   fixed part of its TCP (20), UDP (8) or ICMP (8) header.
 * - BAD_IP_HEADER: another version than the ethertype says, IPv4 header shorter than
 *   20 bytes or longer than the packet, an IPv6 jumbogram (payload length 0 with a
 *   hop-by-hop header).
 * - BAD_L4_HEADER: a TCP data offset below 5 or beyond the packet; a UDP length below
 *   8 or beyond the packet (less than the IP payload is legal).
 * - OVERSIZED: the frame is long enough, but a header reaches beyond @p len.
 * - EXT_HEADERS: more extension headers than PARSE_MAX_EXT_HEADERS.
 * - TOO_BIG: an IPv6 packet of more than 65,535 bytes, its header included.
 *
 * What is less obvious:
 * - VLAN id 0 (a priority tag) counts as untagged. A frame with two tags is
 *   PACKET_OTHER with the id of the outermost: QinQ traffic is not ours.
 * - An atomic IPv6 fragment (RFC 6946: offset 0, M = 0) is no fragment.
 * - An IPv6 packet with a routing header that still has segments left is not for
 *   whom its destination address names: PACKET_IP6, protocol 43. So is a hop-by-hop
 *   header that is not the first (protocol 0; RFC 8200 section 4). AH is followed
 *   in IPv6; ESP, AH in IPv4 and all else is PACKET_IP4 or PACKET_IP6.
 * - ARP for anything but IPv4 over Ethernet is PACKET_OTHER.
 *
 * Thread safety: pure function on bytes, no mbuf; tests, fuzzer and replay call it too.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/drop.h"

#define PARSE_MAX_EXT_HEADERS 8

/** What a frame is, as far as its headers tell. */
enum packet_kind {
	PACKET_DROP = 0,  /**< Malformed: see packet.drop. */
	PACKET_FLOW4,	  /**< Whole TCP or UDP header in IPv4, no fragment. */
	PACKET_FLOW6,	  /**< The same in IPv6, possibly behind extension headers. */
	PACKET_FRAGMENT4, /**< Any fragment of any protocol. */
	PACKET_FRAGMENT6, /**< protocol: what the fragment header names. */
	PACKET_ICMP4,	  /**< At least 8 bytes of ICMP. */
	PACKET_ICMP6,	  /**< At least 8 bytes of ICMPv6, ND included. */
	PACKET_IP4,	  /**< Another protocol. */
	PACKET_IP6,
	PACKET_ARP,   /**< At least 28 bytes of ARP for IPv4 over Ethernet; l3_len is 28. */
	PACKET_OTHER, /**< Another ethertype (LLDP, LACP, …), or 802.3. */
};

#define PACKET_VLAN_NONE 0xffff

/* TCP flag bits, as in byte 13 of the header (RFC 9293 section 3.1). */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/** Where the headers lie. Fields that the kind does not have are zero; vlan always is there. */
struct packet {
	uint8_t kind;	     /**< enum packet_kind. */
	uint8_t protocol;    /**< IP protocol after extension headers. */
	uint8_t tcp_flags;   /**< Byte 13 of the TCP header; 0 for UDP. */
	uint8_t drop;	     /**< enum drop_reason, if kind is PACKET_DROP. */
	uint16_t vlan;	     /**< VLAN id of the outermost tag, or PACKET_VLAN_NONE. */
	uint16_t l3;	     /**< Offset of the IP (or ARP) header from the frame's start. */
	uint16_t l3_len;     /**< Bytes of the IP packet, header included; padding excluded. */
	uint16_t l4;	     /**< Offset of the TCP, UDP or ICMP header; else 0. */
	uint16_t l4_payload; /**< Bytes behind the TCP or UDP header, by the UDP length. */
	uint16_t reserved;   /**< Zero. */
};
_Static_assert(sizeof(struct packet) == 16, "four a cache line");

/** The whole parser, out of line: what packet_parse() falls back to. Same parameters. */
void packet_parse_slow(const uint8_t *frame, uint32_t len, uint32_t frame_len, struct packet *out);

/* The words of a frame that the fast path knows, as load_u16() reads them. */
#define PARSE_TYPE_IP4_LE 0x0008
#define PARSE_TYPE_IP6_LE 0xdd86
#define PARSE_TYPE_VLAN_LE 0x0081
#define PARSE_PROTOCOL_TCP 6
#define PARSE_PROTOCOL_UDP 17

/*
 * The fast path is written once for each place that a header can have: with offsets as
 * constants nearly nothing is left to compute, and most of a struct packet is constant.
 * clang needs always_inline for that (9 instead of 13 to 16 cycles; gcc: 8 either way).
 */

/**
 * Its layer-4 half: @p room bytes of IP payload at @p l4, all of them and at least 20
 * readable. @p room may be negative.
 * @param p All that is known already. @return false: not a plain TCP or UDP header.
 */
static inline __attribute__((always_inline)) bool
packet_parse_fast_l4(const uint8_t *l4, int32_t room, struct packet p, struct packet *out)
{
	int32_t header;

	if (likely(p.protocol == PARSE_PROTOCOL_TCP)) {
		uint16_t offset_flags = load_u16(l4 + 12);

		header = (offset_flags & 0xf0) >> 2; /* In words, in the upper half of the byte. */
		if (unlikely(header < 20 || header > room))
			return false;
		p.protocol = PARSE_PROTOCOL_TCP;
		p.tcp_flags = (uint8_t)(offset_flags >> 8);
		p.l4_payload = (uint16_t)(room - header);
		*out = p;
		return true;
	}
	header = load_be16(l4 + 4);
	if (unlikely(p.protocol != PARSE_PROTOCOL_UDP || header < 8 || header > room))
		return false;
	p.protocol = PARSE_PROTOCOL_UDP;
	p.l4_payload = (uint16_t)(header - 8);
	*out = p;
	return true;
}

/** Ethertype @p type_le, whose header begins at @p l3. */
static inline __attribute__((always_inline)) bool
packet_parse_fast_ip(const uint8_t *frame, uint32_t len, uint32_t l3, uint16_t type_le,
		uint16_t vlan, struct packet *out)
{
	struct packet p = { .vlan = vlan, .l3 = (uint16_t)l3 };
	uint64_t word = load_u64(frame + l3);
	uint32_t l3_len;

	if (likely(type_le == PARSE_TYPE_IP4_LE)) {
		l3_len = __builtin_bswap16((uint16_t)(word >> 16));
		/* Version 4, 5 words of header; no M flag, no fragment offset. */
		if (unlikely((word & UINT64_C(0xff3f0000000000ff)) != 0x45 || l3 + l3_len > len ||
				    l3 + 20 + 20 > len))
			return false;
		p.kind = PACKET_FLOW4;
		p.protocol = frame[l3 + 9];
		p.l3_len = (uint16_t)l3_len;
		p.l4 = (uint16_t)(l3 + 20);
		return packet_parse_fast_l4(frame + l3 + 20, (int32_t)l3_len - 20, p, out);
	}
	l3_len = 40U + __builtin_bswap16((uint16_t)(word >> 32));
	if (unlikely(type_le != PARSE_TYPE_IP6_LE || (word & 0xf0) != 0x60 || l3 + l3_len > len ||
			    l3 + 40 + 20 > len || l3_len > UINT16_MAX))
		return false;
	p.kind = PACKET_FLOW6;
	p.protocol = (uint8_t)(word >> 48);
	p.l3_len = (uint16_t)l3_len;
	p.l4 = (uint16_t)(l3 + 40);
	return packet_parse_fast_l4(frame + l3 + 40, (int32_t)l3_len - 40, p, out);
}

/**
 * Parse what nearly all traffic is: at most one 802.1Q tag, IPv4 without options or IPv6
 * without extension headers, TCP or UDP, no fragment, whole in one segment, at least
 * 20 bytes behind the IP header.
 * @return false: it is none of that; @p out is untouched.
 */
static inline __attribute__((always_inline)) bool
packet_parse_fast(const uint8_t *frame, uint32_t len, struct packet *out)
{
	uint16_t type, id;

	if (unlikely(len < 14 + 20 + 20))
		return false;
	type = load_u16(frame + 12);
	if (type != PARSE_TYPE_VLAN_LE)
		return packet_parse_fast_ip(frame, len, 14, type, PACKET_VLAN_NONE, out);
	id = load_be16(frame + 14) & 0x0fff;
	return packet_parse_fast_ip(
			frame, len, 18, load_u16(frame + 16), id != 0 ? id : PACKET_VLAN_NONE, out);
}

/**
 * Parse a frame.
 * @param frame     Its first byte.
 * @param len       Bytes readable at @p frame (the first segment of a longer packet).
 * @param frame_len Bytes of the whole frame; at least @p len.
 */
static inline void
packet_parse(const uint8_t *frame, uint32_t len, uint32_t frame_len, struct packet *out)
{
	if (unlikely(!packet_parse_fast(frame, len, out)))
		packet_parse_slow(frame, len, frame_len, out);
}

#endif
