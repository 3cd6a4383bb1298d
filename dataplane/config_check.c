/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything here is quadratic in lists of at most 16 ports and 128 interfaces:
 * plain loops, no tables.
 */
#include "dataplane/config_check.h"

#include <string.h>

#include "net/parse.h"

static bool
is_link_local(const struct ip_addr *addr)
{
	return addr->family == IP_V6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

static bool
is_connected(const struct interface_conf *conf, const struct ip_addr *addr)
{
	for (uint16_t i = 0; i < conf->nb_addresses; i++)
		if (ip_prefix_contains(&conf->addresses[i], addr))
			return true;
	return false;
}

static bool
is_own(const struct interface_conf *conf, const struct ip_addr *addr)
{
	for (uint16_t i = 0; i < conf->nb_addresses; i++)
		if (ip_addr_equal(&conf->addresses[i].addr, addr))
			return true;
	return false;
}

static void
check_on_link(struct yaml_reader *r, const yaml_node_t *node, const char *key,
		const struct interface_conf *conf, const struct ip_addr *addr)
{
	char text[IP_ADDR_STRLEN];

	if (addr->family == IP_NONE)
		return;
	ip_addr_format(addr, text);
	if (is_own(conf, addr))
		yaml_error_at_key(r, node, key, "%s is an address of our own", text);
	else if (!is_connected(conf, addr) && !is_link_local(addr))
		yaml_error_at_key(r, node, key, "%s is in no network of this interface's addresses",
				text);
}

/* IPv4 only: the network's own address and its broadcast address are nobody's. */
static void
check_host_bits(struct yaml_reader *r, const yaml_node_t *node, const struct ip_prefix *prefix)
{
	char text[IP_ADDR_STRLEN];
	uint32_t host_mask;
	uint32_t host;

	if (prefix->addr.family != IP_V4 || prefix->len > 30)
		return;
	host_mask = UINT32_MAX >> prefix->len;
	host = ((uint32_t)prefix->addr.bytes[0] << 24 | (uint32_t)prefix->addr.bytes[1] << 16 |
			       (uint32_t)prefix->addr.bytes[2] << 8 | prefix->addr.bytes[3]) &
			host_mask;
	if (host == 0 || host == host_mask)
		yaml_error_at_key(r, node, "addresses", "%s/%u is the %s address of its network",
				ip_addr_format(&prefix->addr, text), prefix->len,
				host == 0 ? "first" : "broadcast");
}

void
config_check_interface(
		struct yaml_reader *r, const yaml_node_t *node, const struct interface_conf *conf)
{
	char text[IP_ADDR_STRLEN];

	for (uint16_t i = 0; i < conf->nb_addresses; i++)
		check_host_bits(r, node, &conf->addresses[i]);
	check_on_link(r, node, "gateway", conf, &conf->gateway4);
	check_on_link(r, node, "gateway6", conf, &conf->gateway6);
	for (uint16_t i = 0; i < conf->nb_neighbours; i++) {
		check_on_link(r, node, "neighbours", conf, &conf->neighbours[i].addr);
		for (uint16_t k = 0; k < i; k++)
			if (ip_addr_equal(&conf->neighbours[i].addr, &conf->neighbours[k].addr))
				yaml_error_at_key(r, node, "neighbours", "%s stands there twice",
						ip_addr_format(&conf->neighbours[i].addr, text));
	}
}

/* Does @p text, unless empty, stand in both? */
static bool
is_same_text(const char *a, const char *b)
{
	return a[0] != '\0' && strcmp(a, b) == 0;
}

static void
check_port_pair(struct yaml_reader *r, const yaml_node_t *node, const struct port_conf *port,
		const struct port_conf *earlier)
{
	const bool taps = port->punt == PUNT_TAP && earlier->punt == PUNT_TAP;

	if (is_same_text(port->name, earlier->name))
		yaml_error_at_key(r, node, "name", "\"%s\" is the name of another port (line %d)",
				port->name, earlier->line);
	if (is_same_text(port->pci, earlier->pci))
		yaml_error_at_key(r, node, "pci", "%s belongs to port %s already", port->pci,
				earlier->name);
	if (is_same_text(port->interface, earlier->interface))
		yaml_error_at_key(r, node, "interface", "%s belongs to port %s already",
				port->interface, earlier->name);
	if (port->kind == earlier->kind && port->kind != DEVICE_PCAP &&
			is_same_text(port->path, earlier->path))
		yaml_error_at_key(r, node, "path", "%s belongs to port %s already", port->path,
				earlier->name);
	if (is_same_text(port->pcap_out, earlier->pcap_out))
		yaml_error_at_key(r, node, "pcap_out", "%s belongs to port %s already",
				port->pcap_out, earlier->name);
	if (taps && strcmp(port->punt_tap, earlier->punt_tap) == 0)
		yaml_error_at_key(r, node, "punt_tap",
				"%s is the TAP of port %s already (give punt_tap: NAME)",
				port->punt_tap, earlier->name);
	if ((port->punt == PUNT_TAP && is_same_text(port->punt_tap, earlier->interface)) ||
			(earlier->punt == PUNT_TAP &&
					is_same_text(earlier->punt_tap, port->interface)))
		yaml_error(r, node, "a TAP for the kernel has the name of an interface of port %s",
				port->punt == PUNT_TAP ? earlier->name : port->name);
}

static bool
has_interfaces(const struct port_conf *port)
{
	return port->nb_interfaces > 1 || port->interfaces[0].nb_addresses > 0 ||
			port->interfaces[0].nb_neighbours > 0;
}

static struct port_conf *
find_port(struct dataplane_conf *conf, const char *name)
{
	for (uint16_t i = 0; i < conf->nb_ports; i++)
		if (strcmp(conf->ports[i].name, name) == 0)
			return &conf->ports[i];
	return NULL;
}

static void
check_bond(struct yaml_reader *r, const yaml_node_t *node, struct dataplane_conf *conf,
		const struct port_conf *bond)
{
	for (uint16_t i = 0; i < bond->bond.nb_members; i++) {
		const char *name = bond->bond.members[i];
		struct port_conf *member = find_port(conf, name);

		if (member == NULL) {
			yaml_error_at_key(r, node, "bond", "no port has the name \"%s\"", name);
			continue;
		}
		if (member->kind == DEVICE_BOND)
			yaml_error_at_key(r, node, "bond", "%s is a bond itself", name);
		else if (member->bond_member)
			yaml_error_at_key(r, node, "bond", "%s belongs to a bond already", name);
		else if (has_interfaces(member))
			yaml_error_at_key(r, node, "bond",
					"%s has addresses or VLANs of its own; "
					"give them to the bond",
					name);
		else if (member->punt == PUNT_TAP)
			yaml_error_at_key(r, node, "bond", "%s has punt: tap; give it to the bond",
					name);
		member->bond_member = true;
	}
}

static const struct port_conf *
next_interface(const struct dataplane_conf *conf, unsigned int *at,
		const struct interface_conf **out)
{
	unsigned int port = *at / CONFIG_MAX_INTERFACES;
	unsigned int i = *at % CONFIG_MAX_INTERFACES;

	while (port < conf->nb_ports && i >= conf->ports[port].nb_interfaces) {
		port++;
		i = 0;
	}
	if (port == conf->nb_ports)
		return NULL;
	*at = port * CONFIG_MAX_INTERFACES + i + 1;
	*out = &conf->ports[port].interfaces[i];
	return &conf->ports[port];
}

/* The same address or the same network on two interfaces: which way would a packet go? */
static void
check_address_pair(struct yaml_reader *r, const yaml_node_t *node, const struct ip_prefix *prefix,
		const struct ip_prefix *other, const char *other_port)
{
	char text[IP_ADDR_STRLEN];

	/* Link-local addresses are each link's own (RFC 4291 section 2.5.6). */
	if (is_link_local(&prefix->addr))
		return;
	if (ip_addr_equal(&prefix->addr, &other->addr))
		yaml_error(r, node, "%s is an address of port %s too",
				ip_addr_format(&prefix->addr, text), other_port);
	else if (prefix->len == other->len && ip_prefix_contains(other, &prefix->addr))
		yaml_error(r, node, "the network of %s/%u is on another interface of port %s too",
				ip_addr_format(&prefix->addr, text), prefix->len, other_port);
}

static void
check_addresses(struct yaml_reader *r, const yaml_node_t *list, const struct dataplane_conf *conf)
{
	const struct interface_conf *a, *b;
	const struct port_conf *port, *other;
	unsigned int at = 0;

	while ((port = next_interface(conf, &at, &a)) != NULL) {
		unsigned int index = (unsigned int)(port - conf->ports);
		size_t len = yaml_path_push(r, "[%u].addresses", index);
		unsigned int before = 0;

		while ((other = next_interface(conf, &before, &b)) != NULL && b != a)
			for (uint16_t i = 0; i < a->nb_addresses * b->nb_addresses; i++)
				check_address_pair(r, yaml_element(r, list, index),
						&a->addresses[i / b->nb_addresses],
						&b->addresses[i % b->nb_addresses], other->name);
		yaml_path_pop(r, len);
	}
}

static void
check_own_duplicates(struct yaml_reader *r, const yaml_node_t *node, const struct port_conf *port)
{
	char text[IP_ADDR_STRLEN];

	for (uint16_t i = 0; i < port->nb_interfaces; i++) {
		const struct interface_conf *conf = &port->interfaces[i];

		for (uint16_t k = 0; k < conf->nb_addresses; k++)
			for (uint16_t m = 0; m < k; m++)
				if (ip_addr_equal(&conf->addresses[k].addr,
						    &conf->addresses[m].addr))
					yaml_error_at_key(r, node, "addresses",
							"%s stands there twice",
							ip_addr_format(&conf->addresses[k].addr,
									text));
	}
}

/* IPv6 asks 1280 bytes of every link (RFC 8200 section 5). */
static void
check_mtu(struct yaml_reader *r, const yaml_node_t *node, const struct port_conf *port)
{
	bool has_ipv6 = false;

	for (uint16_t i = 0; i < port->nb_interfaces; i++)
		for (uint16_t k = 0; k < port->interfaces[i].nb_addresses; k++)
			has_ipv6 |= port->interfaces[i].addresses[k].addr.family == IP_V6;
	if (has_ipv6 && port->mtu != 0 && port->mtu < 1280)
		yaml_error_at_key(r, node, "mtu", "%u is too small for IPv6, which needs 1280",
				port->mtu);
}

void
config_check_ports(struct yaml_reader *r, const yaml_node_t *node, struct dataplane_conf *conf)
{
	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		const yaml_node_t *port_node = yaml_element(r, node, i);
		size_t len = yaml_path_push(r, "[%u]", i);

		for (uint16_t k = 0; k < i; k++)
			check_port_pair(r, port_node, &conf->ports[i], &conf->ports[k]);
		check_own_duplicates(r, port_node, &conf->ports[i]);
		check_mtu(r, port_node, &conf->ports[i]);
		if (conf->ports[i].kind == DEVICE_BOND)
			check_bond(r, port_node, conf, &conf->ports[i]);
		yaml_path_pop(r, len);
	}
	check_addresses(r, node, conf);
}

void
config_check_interface_name(
		struct yaml_reader *r, const yaml_node_t *node, const char *key, const char *name)
{
	if (strpbrk(name, "/, :%") != NULL)
		yaml_error_at_key(r, node, key, "\"%s\" is not the name of an interface", name);
}

/* The name of an interface of ours must be that of no other. */
static void
check_advertise_tap(struct yaml_reader *r, const yaml_node_t *node, const char *key,
		const char *tap, const struct dataplane_conf *conf)
{
	if (tap[0] == '\0')
		return;
	config_check_interface_name(r, node, key, tap);
	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		const struct port_conf *port = &conf->ports[i];

		if (is_same_text(tap, port->interface) ||
				(port->punt == PUNT_TAP && is_same_text(tap, port->punt_tap)))
			yaml_error_at_key(r, node, key, "%s is an interface of port %s", tap,
					port->name);
	}
}

void
config_check_advertise(
		struct yaml_reader *r, const yaml_node_t *root, const struct dataplane_conf *conf)
{
	const yaml_node_t *node = yaml_child(r, root, "advertise");
	size_t len;

	if (node == NULL)
		return;
	len = yaml_path_push(r, "advertise");
	if (conf->advertise_tap[0] == '\0')
		yaml_error(r, node, "tap is missing");
	check_advertise_tap(r, node, "tap", conf->advertise_tap, conf);
	check_advertise_tap(r, node, "spare_tap", conf->advertise_spare_tap, conf);
	if (is_same_text(conf->advertise_tap, conf->advertise_spare_tap))
		yaml_error_at_key(r, node, "spare_tap", "must be another than tap");
	yaml_path_pop(r, len);
}

void
config_check_lcores(
		struct yaml_reader *r, const yaml_node_t *root, const struct dataplane_conf *conf)
{
	for (uint16_t i = 0; conf->idle == IDLE_POLL && i < conf->nb_workers; i++) {
		if (conf->workers[i] == conf->main_lcore)
			yaml_error_at_key(r, root, "lcores",
					"CPU %u is main's and a worker's: needs "
					"idle: {mode: sleep}",
					conf->main_lcore);
		for (uint16_t k = 0; k < i; k++)
			if (conf->workers[i] == conf->workers[k])
				yaml_error_at_key(r, root, "lcores",
						"CPU %u is two workers': needs "
						"idle: {mode: sleep}",
						conf->workers[i]);
	}
}
