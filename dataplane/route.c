/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Linear searches over at most 128 interfaces with 16 addresses each: this runs once
 * for a backend or an exceptional packet, and the table is small and warm.
 */

#include "dataplane/route.h"

#include <stddef.h>

static bool
addr_is_link_local(const struct ip_addr *addr)
{
	return addr->family == IP_V6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

/* Length of the longest connected prefix of an interface that contains addr; -1: none does. */
static int
connected_len(const struct interface *interface, const struct ip_addr *addr)
{
	const struct interface_conf *conf = interface->conf;
	int longest = -1;

	for (unsigned int i = 0; i < conf->nb_addresses; i++) {
		const struct ip_prefix *prefix = &conf->addresses[i];

		if (prefix->len > longest && ip_prefix_contains(prefix, addr))
			longest = prefix->len;
	}
	return longest;
}

static const struct ip_addr *
interface_gateway(const struct interface *interface, uint8_t family)
{
	return family == IP_V4 ? &interface->conf->gateway4 : &interface->conf->gateway6;
}

static const struct interface *
connected_find(const struct interface_table *table, const struct ip_addr *addr)
{
	const struct interface *found = NULL;
	int longest = -1;

	for (unsigned int i = 0; i < table->nb; i++) {
		int len = connected_len(&table->interfaces[i], addr);

		if (len > longest) {
			longest = len;
			found = &table->interfaces[i];
		}
	}
	return found;
}

static const struct interface *
gateway_find(const struct interface_table *table, uint8_t family)
{
	for (unsigned int i = 0; i < table->nb; i++)
		if (interface_gateway(&table->interfaces[i], family)->family == family)
			return &table->interfaces[i];
	return NULL;
}

bool
route_find(const struct interface_table *table, const struct ip_addr *addr, bool on_link,
		struct route *out)
{
	if (!ip_addr_is_unicast(addr) || interface_is_own(table, addr))
		return false;
	out->interface = connected_find(table, addr);
	out->hop = *addr;
	if (out->interface == NULL) {
		if (on_link || addr_is_link_local(addr))
			return false;
		out->interface = gateway_find(table, addr->family);
		if (out->interface == NULL)
			return false;
		out->hop = *interface_gateway(out->interface, addr->family);
	}
	return route_source(out->interface, addr, &out->hop, &out->source);
}

bool
route_source(const struct interface *interface, const struct ip_addr *to, const struct ip_addr *hop,
		struct ip_addr *out)
{
	const struct interface_conf *conf = interface->conf;
	int best = -1;

	for (unsigned int i = 0; i < conf->nb_addresses; i++) {
		const struct ip_prefix *own = &conf->addresses[i];
		int score;

		if (own->addr.family != hop->family)
			continue;
		score = (addr_is_link_local(&own->addr) == addr_is_link_local(to) ? 2 : 0) +
				(ip_prefix_contains(own, hop) ? 1 : 0);
		if (score > best) {
			best = score;
			*out = own->addr;
		}
	}
	return best >= 0;
}

bool
route_is_own(const struct interface *interface, const struct ip_addr *addr)
{
	const struct interface_conf *conf = interface->conf;

	for (unsigned int i = 0; i < conf->nb_addresses; i++)
		if (ip_addr_equal(&conf->addresses[i].addr, addr))
			return true;
	return false;
}

bool
route_is_connected(const struct interface *interface, const struct ip_addr *addr)
{
	return connected_len(interface, addr) >= 0;
}

const struct interface *
route_interface(const struct interface_table *table, uint16_t port, uint16_t vlan)
{
	for (unsigned int i = 0; i < table->nb; i++)
		if (table->interfaces[i].port == port && table->interfaces[i].vlan == vlan)
			return &table->interfaces[i];
	return NULL;
}
