/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_INTERFACE_H
#define DATAPLANE_INTERFACE_H

/**
 * @file
 * Interfaces: where the balancer has addresses. One for a port without VLAN tags,
 * one more for each VLAN on a port. Flat table, indexed by 8 bits.
 *
 * Thread safety: filled before workers start, read-only from then on.
 */

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "dataplane/config.h"

#define INTERFACE_MAX (CONFIG_MAX_PORTS * CONFIG_MAX_INTERFACES)
_Static_assert(INTERFACE_MAX <= 256, "8-bit index");
#define INTERFACE_NONE 0xff

struct interface {
	alignas(CACHE_LINE) uint8_t mac[6]; /**< Source MAC of what we send. */
	uint16_t port;			    /**< Index into dataplane.ports. */
	uint16_t vlan;			    /**< PACKET_VLAN_NONE: untagged. */
	uint16_t mtu;			    /**< Largest IP packet. */
	uint8_t l2_len;			    /**< Bytes of its Ethernet header: 14 or 18. */
	uint8_t index;
	const struct interface_conf *conf; /**< Addresses, gateways, static neighbours. */
};

struct interface_table {
	uint16_t nb;
	struct interface interfaces[INTERFACE_MAX];
};

/** Is @p addr an address of the balancer's own, on any interface? */
bool interface_is_own(const struct interface_table *table, const struct ip_addr *addr);

#endif
