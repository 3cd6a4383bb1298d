/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_DROP_H
#define BASE_DROP_H

/**
 * @file
 * Every reason for which a packet is not forwarded, once.
 *
 * From this list come the counters, the metric names, the words of the CLI and
 * the documentation. Append only, from the first release on: the numbers are part of the
 * shared statistics.
 */

/* clang-format off */
/* DROP(symbol, metric name, meaning) */
#define DROP_REASONS(DROP) \
	/* What the parser refuses. */ \
	DROP(TRUNCATED, "truncated", "the frame ends before its headers say") \
	DROP(BAD_IP_HEADER, "bad_ip_header", "IP version, header length or total length is wrong") \
	DROP(BAD_L4_HEADER, "bad_l4_header", "TCP data offset or UDP length is wrong") \
	DROP(FRAGMENT, "fragment", "a fragment of a datagram for a service") \
	DROP(EXT_HEADERS, "ext_headers", "more IPv6 extension headers than are followed") \
	DROP(NOT_FOR_US, "not_for_us", "the destination MAC address is another host's") \
	DROP(UNKNOWN_VLAN, "unknown_vlan", "no interface has this VLAN tag") \
	DROP(OVERSIZED, "oversized", "headers do not lie in the packet's first segment") \
	/* What services decide. */ \
	DROP(NO_SERVICE, "no_service", "for no service, and the port does not punt") \
	DROP(NO_BACKEND, "no_backend", "no backend of the service takes this flow") \
	/* What sending refuses. */ \
	DROP(TOO_BIG, "too_big", "larger than the MTU of the way out, encapsulation included") \
	DROP(NO_HEADROOM, "no_headroom", "no room in front of the packet for the encapsulation") \
	DROP(NO_MEMORY, "no_memory", "no packet buffer was free") \
	DROP(UNRESOLVED, "unresolved", "the next hop does not answer ARP or neighbour discovery") \
	DROP(UNRESOLVED_FULL, "unresolved_full", "too many packets wait for the next hop's MAC address") \
	DROP(TX_FULL, "tx_full", "the port took less than the burst") \
	/* Exceptions: each class has its own ring and its own token bucket. */ \
	DROP(NEIGHBOUR_RING, "neighbour_ring", "more ARP or ND than the main lcore can take") \
	DROP(NEIGHBOUR_RATE, "neighbour_rate", "ARP or ND over its rate") \
	DROP(NEIGHBOUR_BAD, "neighbour_bad", "malformed or forged ARP or ND") \
	DROP(ECHO_RING, "echo_ring", "more echo requests than the main lcore can take") \
	DROP(ECHO_RATE, "echo_rate", "echo requests over their rate") \
	DROP(PUNT_RING, "punt_ring", "more packets for the kernel than the main lcore can take") \
	DROP(PUNT_RATE, "punt_rate", "packets for the kernel over their rate") \
	DROP(PUNT_FULL, "punt_full", "the kernel's virtual port took less than the burst") \
	DROP(ICMP_ERROR, "icmp_error", "an ICMP error about a VIP's flow") \
	DROP(HANDOVER_RING, "handover_ring", "the worker that owns the queue out is behind") \
	DROP(BAD_CHECKSUM, "bad_checksum", "the NIC found the IPv4 header checksum wrong") \
	DROP(RESET_RING, "reset_ring", "more packets to answer with RST than the main lcore can take") \
	DROP(RESET_RATE, "reset_rate", "RSTs for flows of backends that are down over their rate") \
	DROP(RESET_BAD, "reset_bad", "its sender cannot be answered with a RST") \
	DROP(ICMP_ERROR_RING, "icmp_error_ring", "more ICMP errors for our own addresses than the main lcore can take")
/* clang-format on */

/** A reason; DROP_NONE says that there is none. */
enum drop_reason {
	DROP_NONE = 0,
#define DROP_ENUM(symbol, name, meaning) DROP_##symbol,
	DROP_REASONS(DROP_ENUM)
#undef DROP_ENUM
	NB_DROP_REASONS
};

/** The metric name of @p reason; "none" for DROP_NONE and unknown numbers. */
const char *drop_reason_name(enum drop_reason reason);

/** One sentence for people. */
const char *drop_reason_meaning(enum drop_reason reason);

#endif
