/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_NEIGHBOUR_MSG_H
#define NET_NEIGHBOUR_MSG_H

/**
 * @file
 * ARP (RFC 826, 5227) and IPv6 neighbour discovery (RFC 4861 sections 4.3, 4.4)
 * messages: read and made, on bytes.
 *
 * Thread safety: pure functions on the caller's memory.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "net/parse.h"

/**
 * One ARP or ND message, family apart from it.
 *
 * Field by message (IP_NONE stands for 0.0.0.0 and ::):
 *
 *                  sender             target   to               mac
 *     ARP request  sender or IP_NONE  target   target           sender's, always
 *     ARP reply    sender             sender   target           sender's, always
 *     NS           source or IP_NONE  target   IPv6 destination SLLA option, if any
 *     NA           target             target   IPv6 destination TLLA option, if any
 */
struct neighbour_msg {
	struct ip_addr sender; /**< Whose link-layer address mac is; IP_NONE: a probe (ARP, DAD). */
	struct ip_addr target; /**< Whom it asks for (request, NS) or answers about (reply, NA). */
	struct ip_addr to;     /**< Whom it is addressed to. */
	uint8_t mac[6];	       /**< Sender's link-layer address; valid if has_mac, else zero. */
	bool has_mac;
	bool request;	 /**< ARP request or NS; else ARP reply or NA. */
	bool solicited;	 /**< NA: S flag. ARP: true for replies. */
	bool override;	 /**< NA: O flag. ARP: true. */
	bool gratuitous; /**< ARP: sender = target; NA: unsolicited to all nodes. */
};

/** Longest frame that neighbour_*_make() writes: 14 + 4 (VLAN) + 40 + 32. */
#define NEIGHBOUR_FRAME_MAX 90

/**
 * Read an ARP or ND message, with the checks of RFC 4861 sections 7.1.1 and 7.1.2
 * (hop limit 255, checksum, lengths, options) and these: sender and target are unicast
 * addresses, a MAC is a unicast one, a link-layer address option has Ethernet's length,
 * no loopback address is asked for, and no extension header stands in front of ND
 * (RFC 6980 forbids the fragment header; nobody sends the others). The first of several
 * link-layer options counts; unknown options are passed over.
 *
 * A message says what it says: whether to believe it is the caller's affair.
 * @param len    Bytes readable at @p frame.
 * @param packet From packet_parse() of the same frame.
 * @return 0; -EINVAL: malformed or forged; -ENOMSG: not ARP request/reply, NS or NA.
 * On error @p out is undefined.
 */
int neighbour_msg_parse(const uint8_t *frame, uint32_t len, const struct packet *packet,
		struct neighbour_msg *out);

/** How a message is framed. */
struct neighbour_frame {
	uint8_t src_mac[6]; /**< Ours: Ethernet source, ARP sender, link-layer address option. */
	uint16_t vlan;	    /**< PACKET_VLAN_NONE: untagged. */
};

/* The makers pad nothing: the port extends short frames to Ethernet's minimum. */

/**
 * Make a request (ARP who-has, or NS) for @p target.
 * @param source Our address of the same family; IP_NONE makes an ARP probe or a DAD NS.
 * @param dst_mac NULL: broadcast, or the solicited-node multicast; else a unicast probe
 *   (a DAD NS still has the solicited-node address: RFC 4861 section 7.1.1).
 * @param frame At least NEIGHBOUR_FRAME_MAX bytes.
 * @return bytes of the frame; 0: no family, or two.
 */
unsigned int neighbour_request_make(uint8_t *frame, const struct neighbour_frame *framing,
		const struct ip_addr *source, const struct ip_addr *target, const uint8_t *dst_mac);

/**
 * Make the answer to @p request: framing->src_mac has request->target. A DAD NS (no
 * sender) is answered to all nodes, whatever @p dst_mac is; an ARP probe is answered to
 * @p dst_mac with the target address 0.0.0.0 (RFC 826, "swap").
 * @param request From neighbour_msg_parse().
 * @param dst_mac Whom to send it to: the MAC of our neighbour entry, or the Ethernet
 *   source of the request.
 * @return bytes of the frame; 0: @p request is no request.
 */
unsigned int neighbour_reply_make(uint8_t *frame, const struct neighbour_frame *framing,
		const struct neighbour_msg *request, const uint8_t *dst_mac);

/**
 * Make a gratuitous ARP request (RFC 5227 section 3) or unsolicited NA: "@p addr is at
 * src_mac".
 * @return bytes of the frame; 0: no family.
 */
unsigned int neighbour_announce_make(
		uint8_t *frame, const struct neighbour_frame *framing, const struct ip_addr *addr);

#endif
