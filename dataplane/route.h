/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_ROUTE_H
#define DATAPLANE_ROUTE_H

/**
 * @file
 * Which way an address lies, by the interfaces of dataplane.yaml: a connected
 * network, else a gateway. And which of our own addresses speaks on that way.
 *
 * Thread safety: pure functions on the interface table, which does not change.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "dataplane/interface.h"

/** The way to an address. */
struct route {
	const struct interface *interface;
	struct ip_addr hop;    /**< Whose MAC address is needed: the address itself or a gateway. */
	struct ip_addr source; /**< Our own address towards it, of hop's family. */
};

/**
 * The longest connected prefix that contains @p addr, the first of equally long
 * ones; else, unless @p on_link, the first gateway of its family.
 * @return false: no way; or @p addr is our own; or we have no address of its family there.
 */
bool route_find(const struct interface_table *table, const struct ip_addr *addr, bool on_link,
		struct route *out);

/**
 * Our address on @p interface for packets to @p to by way of @p hop: of the same
 * scope as @p to (IPv6 link-local or not), then of hop's network, then the first.
 * @return false: none of that family.
 */
bool route_source(const struct interface *interface, const struct ip_addr *to,
		const struct ip_addr *hop, struct ip_addr *out);

/** Is @p addr one of the interface's own addresses? (Of any interface: interface_is_own().) */
bool route_is_own(const struct interface *interface, const struct ip_addr *addr);

/** Does a connected network of @p interface contain @p addr? */
bool route_is_connected(const struct interface *interface, const struct ip_addr *addr);

/** The interface of a port and tag. @return NULL: none. */
const struct interface *route_interface(
		const struct interface_table *table, uint16_t port, uint16_t vlan);

#endif
