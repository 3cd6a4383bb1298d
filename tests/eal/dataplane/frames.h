/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_EAL_FRAMES_H
#define TESTS_EAL_FRAMES_H

/**
 * @file
 * Frames by hand, byte for byte after the RFCs, without the code under test.
 */

#include <stdint.h>

/** Of a frame, or 0. MACs of tests are 02:00:00:00:00:xx, by their last byte. */
#define MAC_BROADCAST 0xff

struct frame {
	uint8_t bytes[256];
	unsigned int len;
};

/** Ethernet (and VLAN, unless 0) header. @p dst MAC_BROADCAST: to all. */
void frame_begin(struct frame *f, uint8_t dst, uint8_t src, uint16_t vlan, uint16_t type);

/** ARP; @p op 1 request, 2 reply. @p target_mac 0: zero. */
struct frame frame_arp(uint8_t dst, uint16_t vlan, uint16_t op, uint8_t sender_mac,
		const char *sender, uint8_t target_mac, const char *target);

/** Echo request (or reply) of @p payload bytes, to @p dst MAC. */
struct frame frame_echo4(uint8_t dst, uint8_t src, uint8_t type, const char *from, const char *to,
		unsigned int payload);
struct frame frame_echo6(uint8_t dst, uint8_t src, uint8_t type, const char *from, const char *to,
		unsigned int payload);

/** NS with source link-layer option, to the target itself. */
struct frame frame_ns(uint8_t dst, uint8_t src, const char *from, const char *target);
/** Solicited, overriding NA with target link-layer option. */
struct frame frame_na(uint8_t dst, uint8_t src, const char *to, const char *target);

/** A TCP segment without data, from port 1024 to port 80; sequence 1000, acknowledges 2000. */
struct frame frame_tcp(uint8_t dst, uint8_t src, uint16_t vlan, uint8_t flags, const char *from,
		const char *to);

/** A UDP packet without L2 header, of either family by @p to. */
struct frame packet_udp(const char *from, const char *to, uint16_t number);

#endif
