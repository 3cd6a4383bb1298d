/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's own keys come first, then what one port must be by itself (which keys its
 * device needs, its addresses), here. What ports must be to each other is in
 * config_check.c.
 */
#include "dataplane/config_port.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/config_check.h"
#include "net/parse.h"

static const struct yaml_word device_words[] = {
	{ "pci", DEVICE_PCI },
	{ "af_packet", DEVICE_AF_PACKET },
	{ "af_xdp", DEVICE_AF_XDP },
	{ "tap", DEVICE_TAP },
	{ "memif", DEVICE_MEMIF },
	{ "pcap", DEVICE_PCAP },
	{ "virtio_user", DEVICE_VIRTIO_USER },
	{ "vhost", DEVICE_VHOST },
	{ "null", DEVICE_NULL },
	{ "ring", DEVICE_RING },
	{ "bond", DEVICE_BOND },
	{ "devargs", DEVICE_DEVARGS },
	{ NULL, 0 },
};

static const struct yaml_word punt_words[] = {
	{ "drop", PUNT_DROP },
	{ "tap", PUNT_TAP },
	{ NULL, 0 },
};

/* Words of net_bonding's modes, in the order of its numbers (rte_eth_bond.h). */
static const char *const bond_modes[] = { "round-robin", "active-backup", "balance-xor",
	"broadcast", "802.3ad", "balance-tlb", "balance-alb" };

/* Which of the keys that name a device go with which kind. */
enum device_key_use {
	KEY_NO = 0,
	KEY_MAY,
	KEY_MUST,
};

static const struct {
	const char *key;
	uint8_t use[DEVICE_DEVARGS + 1]; /* enum device_key_use by enum device_kind. */
} device_keys[] = {
	{ "pci", { [DEVICE_PCI] = KEY_MUST } },
	{ "interface",
			{ [DEVICE_AF_PACKET] = KEY_MUST,
					[DEVICE_AF_XDP] = KEY_MUST,
					[DEVICE_TAP] = KEY_MUST } },
	{ "path",
			{ [DEVICE_MEMIF] = KEY_MUST,
					[DEVICE_PCAP] = KEY_MUST,
					[DEVICE_VIRTIO_USER] = KEY_MUST,
					[DEVICE_VHOST] = KEY_MUST } },
	{ "pcap_out", { [DEVICE_PCAP] = KEY_MAY } },
	{ "role", { [DEVICE_MEMIF] = KEY_MAY } },
	{ "xdp_program", { [DEVICE_AF_XDP] = KEY_MAY } },
	{ "devargs", { [DEVICE_DEVARGS] = KEY_MUST } },
	{ "bond", { [DEVICE_BOND] = KEY_MUST } },
};

const char *
device_kind_name(uint8_t kind)
{
	for (const struct yaml_word *w = device_words; w->word != NULL; w++)
		if (w->value == kind)
			return w->word;
	return "?";
}

bool
config_is_pci_address(const char *text)
{
	static const char form[] = "xxxx:xx:xx.x";
	size_t i = 0;

	for (; form[i] != '\0'; i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	return text[i] == '\0' || text[i] == ',';
}

static void
read_address_element(
		struct yaml_reader *r, const yaml_node_t *node, void *object, unsigned int index)
{
	struct interface_conf *conf = object;

	(void)index;
	if (yaml_read_prefix(r, node, &conf->addresses[conf->nb_addresses]))
		conf->nb_addresses++;
}

static void
read_addresses(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	yaml_read_sequence(r, node, CONFIG_MAX_ADDRESSES, read_address_element, object);
}

static void
read_gateway_of(struct yaml_reader *r, const yaml_node_t *node, enum ip_family family,
		struct ip_addr *out)
{
	struct ip_addr addr;

	if (!yaml_read_address(r, node, &addr))
		return;
	if (addr.family != family)
		yaml_error(r, node, "must be an IPv%d address", (int)family);
	else
		*out = addr;
}

static void
read_gateway4(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	read_gateway_of(r, node, IP_V4, &((struct interface_conf *)object)->gateway4);
}

static void
read_gateway6(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	read_gateway_of(r, node, IP_V6, &((struct interface_conf *)object)->gateway6);
}

static void
read_neighbour_address(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	yaml_read_address(r, node, &((struct neighbour_conf *)object)->addr);
}

static void
read_neighbour_mac(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	yaml_read_mac(r, node, ((struct neighbour_conf *)object)->mac);
}

static const struct yaml_field neighbour_fields[] = {
	{ "address", YAML_FIELD_READ, .read = read_neighbour_address },
	{ "mac", YAML_FIELD_READ, .read = read_neighbour_mac },
};

static void
read_neighbour_element(
		struct yaml_reader *r, const yaml_node_t *node, void *object, unsigned int index)
{
	struct interface_conf *conf = object;
	struct neighbour_conf *neighbour = &conf->neighbours[conf->nb_neighbours];
	unsigned int nb_errors = r->nb_errors;

	(void)index;
	yaml_read_mapping(r, node, neighbour_fields, ARRAY_LEN(neighbour_fields), neighbour);
	for (size_t i = 0; i < ARRAY_LEN(neighbour_fields); i++)
		if (r->nb_errors == nb_errors &&
				yaml_child(r, node, neighbour_fields[i].key) == NULL)
			yaml_error(r, node, "%s is missing", neighbour_fields[i].key);
	if (r->nb_errors == nb_errors)
		conf->nb_neighbours++;
}

static void
read_neighbours(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	yaml_read_sequence(r, node, CONFIG_MAX_NEIGHBOURS, read_neighbour_element, object);
}

/* Keys of an interface; those of a VLAN and those of a port itself. */
static const struct yaml_field vlan_fields[] = {
	{ "id", YAML_FIELD_U16, offsetof(struct interface_conf, vlan), .min = 1, .max = 4094 },
	{ "addresses", YAML_FIELD_READ, .read = read_addresses },
	{ "gateway", YAML_FIELD_READ, .read = read_gateway4 },
	{ "gateway6", YAML_FIELD_READ, .read = read_gateway6 },
	{ "neighbours", YAML_FIELD_READ, .read = read_neighbours },
};

static void
read_vlan_element(struct yaml_reader *r, const yaml_node_t *node, void *object, unsigned int index)
{
	struct port_conf *port = object;
	struct interface_conf *conf = &port->interfaces[port->nb_interfaces];

	(void)index;
	conf->vlan = PACKET_VLAN_NONE;
	yaml_read_mapping(r, node, vlan_fields, ARRAY_LEN(vlan_fields), conf);
	if (yaml_child(r, node, "id") == NULL)
		yaml_error(r, node, "id is missing");
	for (uint16_t i = 1; i < port->nb_interfaces; i++)
		if (conf->vlan != PACKET_VLAN_NONE && port->interfaces[i].vlan == conf->vlan)
			yaml_error_at_key(r, node, "id", "VLAN %u stands there twice", conf->vlan);
	config_check_interface(r, node, conf);
	port->nb_interfaces++;
}

static void
read_vlans(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	yaml_read_sequence(r, node, CONFIG_MAX_INTERFACES - 1, read_vlan_element, object);
}

/* The same keys on the port itself are those of interfaces[0]. */
static void
read_port_addresses(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	read_addresses(r, node, &((struct port_conf *)object)->interfaces[0]);
}

static void
read_port_gateway4(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	read_gateway4(r, node, &((struct port_conf *)object)->interfaces[0]);
}

static void
read_port_gateway6(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	read_gateway6(r, node, &((struct port_conf *)object)->interfaces[0]);
}

static void
read_port_neighbours(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	read_neighbours(r, node, &((struct port_conf *)object)->interfaces[0]);
}

static void
read_port_mac(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	yaml_read_mac(r, node, ((struct port_conf *)object)->mac);
}

static void
read_member_element(
		struct yaml_reader *r, const yaml_node_t *node, void *object, unsigned int index)
{
	struct bond_conf *bond = object;

	(void)index;
	if (yaml_read_text(r, node, bond->members[bond->nb_members], CONFIG_NAME_LEN))
		bond->nb_members++;
}

static void
read_bond_members(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	if (yaml_read_sequence(r, node, CONFIG_MAX_BOND_MEMBERS, read_member_element, object) == 0)
		yaml_error(r, node, "must name at least one port");
}

static void
read_bond_mode(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	struct bond_conf *bond = object;

	if (!yaml_read_text(r, node, bond->mode, sizeof(bond->mode)))
		return;
	for (size_t i = 0; i < ARRAY_LEN(bond_modes); i++)
		if (strcmp(bond->mode, bond_modes[i]) == 0)
			return;
	yaml_error(r, node,
			"\"%s\" is none of: round-robin, active-backup, balance-xor, broadcast, "
			"802.3ad, balance-tlb, balance-alb",
			bond->mode);
}

int
bond_mode_number(const char *mode)
{
	for (size_t i = 0; i < ARRAY_LEN(bond_modes); i++)
		if (strcmp(mode, bond_modes[i]) == 0)
			return (int)i;
	return -1;
}

static const struct yaml_field bond_fields[] = {
	{ "mode", YAML_FIELD_READ, .read = read_bond_mode },
	{ "members", YAML_FIELD_READ, .read = read_bond_members },
};

static void
read_bond(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	struct port_conf *port = object;

	yaml_read_mapping(r, node, bond_fields, ARRAY_LEN(bond_fields), &port->bond);
	for (size_t i = 0; i < ARRAY_LEN(bond_fields); i++)
		if (yaml_child(r, node, bond_fields[i].key) == NULL)
			yaml_error(r, node, "%s is missing", bond_fields[i].key);
}

#define PORT_TEXT(key, member)                                                     \
	{                                                                          \
		key, YAML_FIELD_TEXT, offsetof(struct port_conf, member),          \
				.size = sizeof(((struct port_conf *)NULL)->member) \
	}

static const struct yaml_field port_fields[] = {
	PORT_TEXT("name", name),
	{ "device", YAML_FIELD_WORD, offsetof(struct port_conf, kind), .words = device_words },
	PORT_TEXT("pci", pci),
	PORT_TEXT("interface", interface),
	PORT_TEXT("path", path),
	PORT_TEXT("pcap_out", pcap_out),
	PORT_TEXT("role", memif_role),
	PORT_TEXT("xdp_program", xdp_program),
	PORT_TEXT("devargs", devargs),
	{ "bond", YAML_FIELD_READ, .read = read_bond },
	{ "rx_queues", YAML_FIELD_U16, offsetof(struct port_conf, rx_queues), .max = 64 },
	{ "descriptors", YAML_FIELD_U16, offsetof(struct port_conf, descriptors), .min = 64,
			.max = 16384 },
	{ "mtu", YAML_FIELD_U16, offsetof(struct port_conf, mtu), .min = 68, .max = 9600 },
	{ "mac", YAML_FIELD_READ, .read = read_port_mac },
	{ "promiscuous", YAML_FIELD_BOOL, .offset = offsetof(struct port_conf, promiscuous) },
	{ "checksum_offload", YAML_FIELD_BOOL,
			.offset = offsetof(struct port_conf, checksum_offload) },
	{ "punt", YAML_FIELD_WORD, offsetof(struct port_conf, punt), .words = punt_words },
	PORT_TEXT("punt_tap", punt_tap),
	{ "addresses", YAML_FIELD_READ, .read = read_port_addresses },
	{ "gateway", YAML_FIELD_READ, .read = read_port_gateway4 },
	{ "gateway6", YAML_FIELD_READ, .read = read_port_gateway6 },
	{ "neighbours", YAML_FIELD_READ, .read = read_port_neighbours },
	{ "vlans", YAML_FIELD_READ, .read = read_vlans },
};
_Static_assert(ARRAY_LEN(port_fields) <= 64, "yaml_read_mapping() keeps a bit for each");

static void
check_device_keys(struct yaml_reader *r, const yaml_node_t *node, const struct port_conf *port)
{
	if (port->kind == 0) {
		if (yaml_child(r, node, "device") == NULL)
			yaml_error(r, node, "device is missing");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(device_keys); i++) {
		const char *key = device_keys[i].key;
		bool given = yaml_child(r, node, key) != NULL;
		uint8_t use = device_keys[i].use[port->kind];

		if (given && use == KEY_NO)
			yaml_error_at_key(r, node, key, "does not go with device %s",
					device_kind_name(port->kind));
		if (!given && use == KEY_MUST)
			yaml_error(r, node, "%s is missing (device %s needs it)", key,
					device_kind_name(port->kind));
	}
}

/* A name stands in names of DPDK devices, rings and TAPs, in metrics and on command lines. */
static void
check_name(struct yaml_reader *r, const yaml_node_t *node, const struct port_conf *port)
{
	static const char allowed[] =
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (yaml_child(r, node, "name") == NULL)
		yaml_error(r, node, "name is missing");
	else if (port->name[strspn(port->name, allowed)] != '\0')
		yaml_error_at_key(r, node, "name",
				"may have letters, digits, \"_\", \".\" and \"-\" only");
	else if (strlen(port->name) > CONFIG_PORT_NAME_MAX)
		yaml_error_at_key(r, node, "name", "is longer than %d bytes", CONFIG_PORT_NAME_MAX);
}

/* The words of a kind: what they must look like. */
static void
check_device_values(struct yaml_reader *r, const yaml_node_t *node, const struct port_conf *port)
{
	if (port->pci[0] != '\0' &&
			(!config_is_pci_address(port->pci) || strchr(port->pci, ',') != NULL))
		yaml_error_at_key(r, node, "pci",
				"\"%s\" is not a PCI address (as in \"0000:3b:00.0\")", port->pci);
	if (port->memif_role[0] != '\0' && strcmp(port->memif_role, "server") != 0 &&
			strcmp(port->memif_role, "client") != 0)
		yaml_error_at_key(r, node, "role", "\"%s\" is none of: server, client",
				port->memif_role);
	if (strchr(port->path, ',') != NULL)
		yaml_error_at_key(r, node, "path", "must not have a comma");
	if (strchr(port->pcap_out, ',') != NULL)
		yaml_error_at_key(r, node, "pcap_out", "must not have a comma");
	if (strchr(port->xdp_program, ',') != NULL)
		yaml_error_at_key(r, node, "xdp_program", "must not have a comma");
	config_check_interface_name(r, node, "interface", port->interface);
	config_check_interface_name(r, node, "punt_tap", port->punt_tap);
}

/* Without anything for untagged packets, VLANs are all that the port has. */
static void
drop_unused_untagged(struct port_conf *port)
{
	const struct interface_conf *untagged = &port->interfaces[0];

	if (port->nb_interfaces == 1 || untagged->nb_addresses > 0 || untagged->nb_neighbours > 0)
		return;
	port->nb_interfaces--;
	memmove(&port->interfaces[0], &port->interfaces[1],
			port->nb_interfaces * sizeof(port->interfaces[0]));
}

/* "gw-" and the port's name, cut to what the kernel takes. */
static void
set_default_tap(struct port_conf *port)
{
	static const char prefix[] = "gw-";
	const size_t start = sizeof(prefix) - 1;
	const size_t len = strnlen(port->name, sizeof(port->punt_tap) - sizeof(prefix));

	memcpy(port->punt_tap, prefix, start);
	memcpy(port->punt_tap + start, port->name, len);
	port->punt_tap[start + len] = '\0';
}

static void
read_port_element(struct yaml_reader *r, const yaml_node_t *node, void *object, unsigned int index)
{
	struct dataplane_conf *conf = object;
	struct port_conf *port = &conf->ports[index];

	port->checksum_offload = true;
	port->line = node != NULL ? (int)node->start_mark.line + 1 : 0;
	port->nb_interfaces = 1;
	port->interfaces[0].vlan = PACKET_VLAN_NONE;
	yaml_read_mapping(r, node, port_fields, ARRAY_LEN(port_fields), port);
	if (node == NULL || node->type != YAML_MAPPING_NODE)
		return;
	check_name(r, node, port);
	check_device_keys(r, node, port);
	check_device_values(r, node, port);
	config_check_interface(r, node, &port->interfaces[0]);
	if (port->punt_tap[0] == '\0')
		set_default_tap(port);
	else if (port->punt != PUNT_TAP)
		yaml_error_at_key(r, node, "punt_tap", "needs punt: tap");
	if (port->kind == DEVICE_MEMIF && port->memif_role[0] == '\0')
		memcpy(port->memif_role, "client", sizeof("client"));
	drop_unused_untagged(port);
}

void
config_read_ports(struct yaml_reader *r, const yaml_node_t *node, void *object)
{
	struct dataplane_conf *conf = object;

	conf->nb_ports = (uint16_t)yaml_read_sequence(
			r, node, CONFIG_MAX_PORTS, read_port_element, conf);
	if (conf->nb_ports == 0)
		yaml_error(r, node, "at least one port is needed");
	else
		config_check_ports(r, node, conf);
}
