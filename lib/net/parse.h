/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_PARSE_H
#define NET_PARSE_H

/**
 * @file
 * The one bounds-checked parser: from a whole Ethernet frame to where its headers
 * lie and what it is. Everything that looks into a packet comes after it.
 *
 * It reads only bytes below @p len, follows at most two VLAN tags' worth of
 * ethertypes (802.1Q, 802.1ad; only the outermost may carry our traffic), at most
 * PARSE_MAX_EXT_HEADERS IPv6 extension headers, and checks what a router checks
 * (RFC 1812 section 5.2.2, without the header checksum, which the NIC or
 * checksum.h verifies): version, header length, total length against the frame.
 *
 * Thread safety: pure function on bytes, no mbuf; tests, fuzzer and replay call it too.
 */

#include <stdint.h>

#include "base/drop.h"

#define PARSE_MAX_EXT_HEADERS 8

/** What a frame is, as far as its headers tell. */
enum packet_kind {
	PACKET_DROP = 0,  /**< Malformed: see packet.drop. */
	PACKET_FLOW4,	  /**< Whole TCP or UDP header in IPv4, no fragment. */
	PACKET_FLOW6,	  /**< The same in IPv6, possibly behind extension headers. */
	PACKET_FRAGMENT4, /**< Any fragment of any protocol. */
	PACKET_FRAGMENT6,
	PACKET_ICMP4, /**< At least 8 bytes of ICMP. */
	PACKET_ICMP6, /**< At least 8 bytes of ICMPv6, ND included. */
	PACKET_IP4,   /**< Another protocol. */
	PACKET_IP6,
	PACKET_ARP,   /**< At least 28 bytes of ARP for IPv4 over Ethernet. */
	PACKET_OTHER, /**< Another ethertype (LLDP, LACP, …). */
};

#define PACKET_VLAN_NONE 0xffff

/* TCP flag bits, as in byte 13 of the header (RFC 9293 section 3.1). */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/** Where the headers lie. Fields that the kind does not have are zero. */
struct packet {
	uint8_t kind;	   /**< enum packet_kind. */
	uint8_t protocol;  /**< IP protocol after extension headers. */
	uint8_t tcp_flags; /**< Byte 13 of the TCP header; 0 for UDP. */
	uint8_t drop;	   /**< enum drop_reason, if kind is PACKET_DROP. */
	uint16_t vlan;	   /**< VLAN id of the outermost tag, or PACKET_VLAN_NONE. */
	uint16_t l3;	   /**< Offset of the IP (or ARP) header from the frame's start. */
	uint16_t l3_len;   /**< Bytes of the IP packet, header included; padding excluded. */
	uint16_t l4;	   /**< Offset of the TCP, UDP or ICMP header. */
	uint16_t l4_payload; /**< Bytes behind the TCP or UDP header. */
	uint16_t reserved;
};

/**
 * Parse a frame.
 * @param frame     Its first byte.
 * @param len       Bytes readable at @p frame (the first segment of a longer packet).
 * @param frame_len Bytes of the whole frame; at least @p len.
 */
void packet_parse(const uint8_t *frame, uint32_t len, uint32_t frame_len, struct packet *out);

#endif
