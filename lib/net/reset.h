/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef NET_RESET_H
#define NET_RESET_H

/**
 * @file
 * The RST that answers a TCP packet for which there is no connection (RFC 9293 section
 * 3.10.7.1), made in place.
 *
 * Thread safety: pure function on the caller's memory.
 */

#include <stdint.h>

#include "net/parse.h"

/**
 * Turn a TCP packet (PACKET_FLOW4/6) into the RST that answers it, in place: it goes back the
 * way that it came, VLAN tag included, without the options and extension headers of the packet.
 * Its sequence number is what the packet acknowledges, so that the sender takes it at once (RFC
 * 5961 section 3.2); a packet that acknowledges nothing is acknowledged whole. Whether
 * the destination is one of ours, and the packet's checksum, are not looked at: the answer to a
 * broken packet is no more than that of any other host.
 * @param packet From packet_parse() of the same frame.
 * @return Bytes of the new frame, never more than the old one had up to its payload; 0: it must
 *         not be answered (a RST itself, no TCP, not answer_is_allowed()), the frame is untouched.
 */
uint32_t reset_in_place(uint8_t *frame, const struct packet *packet);

#endif
