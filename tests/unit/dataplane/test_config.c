/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/compiler.h"
#include "dataplane/config.h"
#include "net/parse.h"

static char path[] = "/tmp/guideway-config-XXXXXX";
static struct dataplane_conf conf;
static struct config_error error;

/* A whole file, so that a test adds or changes what it is about. */
#define LCORES "lcores: {main: 0, workers: [1]}\n"
#define PORT "  - {name: p0, device: \"null\"}\n"
#define MINIMAL LCORES "ports:\n" PORT

static const char full[] =
		"name: east\n"
		"log_level: debug\n"
		"lcores:\n"
		"  main: 2\n"
		"  workers: [3, 4]\n"
		"idle: {mode: poll, max_latency: 50}\n"
		"memory: {hugepages: false, megabytes: 512, flows_ipv4: 2048, flows_ipv6: 4096,\n"
		"         mbufs: 20000, mbuf_size: 4096}\n"
		"limits: {services: 10, members: 20}\n"
		"channel: {socket: /tmp/x.sock, user: root}\n"
		"advertise: {tap: gw-vips, spare_tap: gw-spare}\n"
		"ports:\n"
		"  - name: lan0\n"
		"    device: af_packet\n"
		"    interface: eth0\n"
		"    rx_queues: 2\n"
		"    descriptors: 512\n"
		"    mtu: 9000\n"
		"    mac: \"02:00:00:00:00:01\"\n"
		"    promiscuous: true\n"
		"    checksum_offload: false\n"
		"    punt: tap\n"
		"    punt_tap: tap7\n"
		"    addresses: [10.0.0.2/24, \"fd00::2/64\"]\n"
		"    gateway: 10.0.0.1\n"
		"    gateway6: \"fe80::1\"\n"
		"    neighbours: [{address: 10.0.0.9, mac: \"02:00:00:00:00:09\"}]\n"
		"    vlans:\n"
		"      - id: 100\n"
		"        addresses: [10.0.100.2/24]\n"
		"        gateway: 10.0.100.1\n"
		"  - {name: m0, device: af_packet, interface: eth1}\n"
		"  - {name: m1, device: pci, pci: \"0000:3b:00.0\"}\n"
		"  - {name: b0, device: bond, bond: {mode: 802.3ad, members: [m0, m1]}}\n"
		"  - {name: x0, device: memif, path: /tmp/m.sock}\n";

static int
load_bytes(const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
	return config_load(path, &conf, &error);
}

static int
load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static void
assert_refused(const char *text, const char *expected)
{
	if (load(text) != -EINVAL)
		fail_msg("for:\n%s\nwanted: %s\nit was taken", text, expected);
	if (strstr(error.text, expected) == NULL)
		fail_msg("for:\n%s\nwanted: %s\ngot: %s", text, expected, error.text);
}

static int
setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void
test_minimal_file_gets_defaults(void **state)
{
	(void)state;
	assert_int_equal(load(MINIMAL), 0);
	assert_string_equal(error.text, "");
	assert_int_equal(conf.main_lcore, 0);
	assert_int_equal(conf.nb_workers, 1);
	assert_int_equal(conf.workers[0], 1);
	assert_int_equal(conf.idle, IDLE_SLEEP);
	assert_int_equal(conf.idle_max_us, 100);
	assert_true(conf.hugepages);
	assert_int_equal(conf.flows4, 1000000);
	assert_int_equal(conf.flows6, 250000);
	assert_int_equal(conf.max_services, 16384);
	assert_int_equal(conf.max_members, 131072);
	assert_string_equal(conf.channel_socket, "/run/guideway/channel.sock");
	assert_string_equal(conf.advertise_tap, "");
	assert_string_equal(conf.file_prefix, "guideway");
	assert_int_equal(conf.nb_ports, 1);
	assert_int_equal(conf.ports[0].kind, DEVICE_NULL);
	assert_int_equal(conf.ports[0].punt, PUNT_DROP);
	assert_true(conf.ports[0].checksum_offload);
	assert_false(conf.ports[0].promiscuous);
	assert_int_equal(conf.ports[0].mtu, 0);
	assert_string_equal(conf.ports[0].punt_tap, "gw-p0");
	assert_int_equal(conf.ports[0].nb_interfaces, 1);
	assert_int_equal(conf.ports[0].interfaces[0].vlan, PACKET_VLAN_NONE);
}

static void
test_every_key_of_a_file_arrives(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	static const uint8_t neighbour_mac[6] = { 2, 0, 0, 0, 0, 9 };
	const struct port_conf *port = &conf.ports[0];
	const struct interface_conf *lan = &port->interfaces[0];
	char text[IP_ADDR_STRLEN];

	(void)state;
	if (load(full) != 0)
		fail_msg("%s", error.text);
	assert_string_equal(conf.file_prefix, "east");
	assert_string_equal(conf.log_level, "debug");
	assert_int_equal(conf.main_lcore, 2);
	assert_int_equal(conf.nb_workers, 2);
	assert_int_equal(conf.workers[1], 4);
	assert_int_equal(conf.idle, IDLE_POLL);
	assert_int_equal(conf.idle_max_us, 50);
	assert_false(conf.hugepages);
	assert_int_equal(conf.memory_mb, 512);
	assert_int_equal(conf.flows4, 2048);
	assert_int_equal(conf.flows6, 4096);
	assert_int_equal(conf.mbufs, 20000);
	assert_int_equal(conf.mbuf_size, 4096);
	assert_int_equal(conf.max_services, 10);
	assert_int_equal(conf.max_members, 20);
	assert_string_equal(conf.channel_socket, "/tmp/x.sock");
	assert_string_equal(conf.advertise_tap, "gw-vips");
	assert_string_equal(conf.advertise_spare_tap, "gw-spare");
	assert_int_equal(conf.control_uid, 0);
	assert_int_equal(conf.nb_ports, 5);

	assert_string_equal(port->name, "lan0");
	assert_int_equal(port->kind, DEVICE_AF_PACKET);
	assert_string_equal(port->interface, "eth0");
	assert_int_equal(port->rx_queues, 2);
	assert_int_equal(port->descriptors, 512);
	assert_int_equal(port->mtu, 9000);
	assert_memory_equal(port->mac, mac, 6);
	assert_true(port->promiscuous);
	assert_false(port->checksum_offload);
	assert_int_equal(port->punt, PUNT_TAP);
	assert_string_equal(port->punt_tap, "tap7");
	assert_int_equal(port->line, 13);
	assert_int_equal(port->nb_interfaces, 2);
	assert_int_equal(lan->nb_addresses, 2);
	assert_string_equal(ip_addr_format(&lan->addresses[1].addr, text), "fd00::2");
	assert_int_equal(lan->addresses[1].len, 64);
	assert_string_equal(ip_addr_format(&lan->gateway4, text), "10.0.0.1");
	assert_string_equal(ip_addr_format(&lan->gateway6, text), "fe80::1");
	assert_int_equal(lan->nb_neighbours, 1);
	assert_memory_equal(lan->neighbours[0].mac, neighbour_mac, 6);
	assert_int_equal(port->interfaces[1].vlan, 100);
	assert_string_equal(ip_addr_format(&port->interfaces[1].gateway4, text), "10.0.100.1");

	assert_true(conf.ports[1].bond_member);
	assert_true(conf.ports[2].bond_member);
	assert_false(conf.ports[3].bond_member);
	assert_int_equal(bond_mode_number(conf.ports[3].bond.mode), 4);
	assert_string_equal(conf.ports[3].bond.members[1], "m1");
	assert_string_equal(conf.ports[4].memif_role, "client");
}

static void
test_port_with_vlans_only_has_no_untagged_interface(void **state)
{
	(void)state;
	assert_int_equal(
			load(LCORES "ports:\n  - {name: p, device: \"null\", vlans: [{id: 5}, {id: 6}]}\n"),
			0);
	assert_int_equal(conf.ports[0].nb_interfaces, 2);
	assert_int_equal(conf.ports[0].interfaces[0].vlan, 5);
	assert_int_equal(conf.ports[0].interfaces[1].vlan, 6);
}

static void
test_link_local_addresses_may_be_on_every_interface(void **state)
{
	(void)state;
	assert_int_equal(
			load(LCORES "ports:\n"
				    "  - {name: p, device: \"null\", addresses: [\"fe80::1/64\"], vlans: [\n"
				    "     {id: 5, addresses: [\"fe80::1/64\"]}]}\n"),
			0);
}

static void
test_values_are_checked_with_their_place(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{ "", ": the file is empty" },
		{ "[]\n", ":1:1: must be a mapping" },
		{ "a: [\n", ":2:1: while parsing a flow" },
		{ "\x01\n", "control characters are not allowed" },
		{ "colour: red\n" MINIMAL,
				":1:1: unknown key \"colour\" (known: name, log_level," },
		{ MINIMAL "ports:\n" PORT, ":4:1: ports: stands there twice" },
		{ MINIMAL "---\nb: 1\n", "more than one YAML document" },
		{ "ports:\n" PORT, "lcores.workers is missing" },
		{ LCORES, "ports is missing" },
		{ LCORES "ports: []\n", "ports: at least one port is needed" },
		{ LCORES "ports: 7\n", "ports: must be a list" },
		{ "lcores: {workers: []}\nports:\n" PORT, "lcores.workers: at least one worker" },
		{ "lcores: {workers: [1, x]}\nports:\n" PORT,
				":1:23: lcores.workers[1]: \"x\" is not a number (wanted: 0..1023)" },
		{ "lcores: {workers: [-1]}\nports:\n" PORT,
				"lcores.workers[0]: -1 is not in 0..1023" },
		{ "lcores: {main: 99999999999999999999, workers: [1]}\nports:\n" PORT,
				"lcores.main: 99999999999999999999 is not in 0..1023" },
		{ "lcores: {main: \"0\", workers: [1]}\nports:\n" PORT,
				"must be a number in 0..1023" },
		{ "lcores: {main: 0x1, workers: [1]}\nports:\n" PORT, "\"0x1\" is not a number" },
		{ "lcores: {main: 1, workers: [1]}\nidle: {mode: poll}\nports:\n" PORT,
				"lcores: CPU 1 is main's and a worker's: needs idle: {mode: sleep}" },
		{ "lcores: {main: 0, workers: [1, 1]}\nidle: {mode: poll}\nports:\n" PORT,
				"lcores: CPU 1 is two workers'" },
		{ MINIMAL "idle: {mode: fast}\n",
				":4:14: idle.mode: \"fast\" is none of: poll, sleep" },
		{ MINIMAL "idle: {max_latency: 0}\n", "idle.max_latency: 0 is not in 1..100000" },
		{ MINIMAL "memory: {hugepages: yes}\n", "memory.hugepages: must be true or false" },
		{ MINIMAL "memory: {flows_ipv4: 4294967296}\n",
				"memory.flows_ipv4: 4294967296 is not in" },
		{ MINIMAL "memory: {flows_ipv4: }\n", "memory.flows_ipv4: \"\" is not a number" },
		{ MINIMAL "limits: {services: 16385}\n",
				"limits.services: 16385 is not in 1..16384" },
		{ MINIMAL "channel: {user: no-such-user}\n",
				"channel.user: this machine has no user" },
		{ MINIMAL "channel: {socket: []}\n", "channel.socket: must be text" },
		{ MINIMAL "advertise: {}\n", "advertise: tap is missing" },
		{ MINIMAL "advertise: {spare_tap: b}\n", "advertise: tap is missing" },
		{ MINIMAL "advertise: {tap: a/b}\n",
				"advertise.tap: \"a/b\" is not the name of an interface" },
		{ MINIMAL "advertise: {tap: a, spare_tap: a}\n",
				"advertise.spare_tap: must be another than tap" },
		{ MINIMAL "advertise: {tap: abcdefghijklmnop}\n", "is longer than 15 bytes" },
		{ "lcores: {workers: [1]}\nadvertise: {tap: a, spare_tap: b}\n"
		  "ports: [{name: p, device: tap, interface: a},\n"
		  "        {name: q, device: \"null\", punt: tap, punt_tap: b}]\n",
				"advertise.tap: a is an interface of port p" },
		{ "lcores: {workers: [1]}\nadvertise: {tap: c, spare_tap: b}\n"
		  "ports: [{name: q, device: \"null\", punt: tap, punt_tap: b}]\n",
				"advertise.spare_tap: b is an interface of port q" },
		{ MINIMAL "log_level: loud\n", "log_level: \"loud\" is none of: error" },
		{ MINIMAL "name: a/b\n", "name: may have letters" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_refused(cases[i].text, cases[i].error);
}

/* A port by its keys; the rest of the file is fine. */
static void
assert_port_refused(const char *keys, const char *expected)
{
	char text[1024];

	snprintf(text, sizeof(text), LCORES "ports:\n  - {%s}\n", keys);
	assert_refused(text, expected);
}

static void
test_ports_are_checked(void **state)
{
	static const struct {
		const char *keys;
		const char *error;
	} cases[] = {
		{ "device: \"null\"", "ports[0]: name is missing" },
		{ "name: p", "ports[0]: device is missing" },
		{ "name: p, device: eth", ":3:23: ports[0].device: \"eth\" is none of: pci," },
		{ "name: \"a b\", device: \"null\"", "ports[0].name: may have letters" },
		{ "name: abcdefghijklmnopqrstu, device: \"null\"",
				"ports[0].name: is longer than 20" },
		{ "name: p, device: pci", "pci is missing (device pci needs it)" },
		{ "name: p, device: pci, pci: \"3b:00.0\"", "is not a PCI address" },
		{ "name: p, device: pci, pci: \"0000:3b:00.0junk\"", "is not a PCI address" },
		{ "name: p, device: \"null\", pci: \"0000:3b:00.0\"",
				"ports[0].pci: does not go with device null" },
		{ "name: p, device: af_packet", "interface is missing" },
		{ "name: p, device: tap, interface: abcdefghijklmnop", "is longer than 15 bytes" },
		{ "name: p, device: tap, interface: \"a,b\"", "is not the name of an interface" },
		{ "name: p, device: memif, path: /x, role: master", "is none of: server, client" },
		{ "name: p, device: vhost, path: \"/x,y\"", "must not have a comma" },
		{ "name: p, device: \"null\", mtu: 70000",
				":3:36: ports[0].mtu: 70000 is not in 68..9600" },
		{ "name: p, device: \"null\", mtu: 67", "67 is not in 68..9600" },
		{ "name: p, device: \"null\", mtu: 1279, addresses: [\"fd00::1/64\"]",
				"1279 is too small for IPv6" },
		{ "name: p, device: \"null\", mac: \"01:00:00:00:00:01\"", "is not a unicast MAC" },
		{ "name: p, device: \"null\", mac: \"00:00:00:00:00:00\"", "is not a unicast MAC" },
		{ "name: p, device: \"null\", mac: \"02:00:00:00:00:1\"", "is not a MAC address" },
		{ "name: p, device: \"null\", mac: \"02:00:00:00:00:0g\"", "is not a MAC address" },
		{ "name: p, device: \"null\", mac: \"02:00:00:00:00:+1\"", "is not a MAC address" },
		{ "name: p, device: \"null\", punt_tap: x", "punt_tap: needs punt: tap" },
		{ "name: p, device: \"null\", addresses: [10.0.0.2]",
				":3:43: ports[0].addresses[0]: \"10.0.0.2\" is not an address with" },
		{ "name: p, device: \"null\", addresses: [10.0.0.2/33]", "is not an address with" },
		{ "name: p, device: \"null\", addresses: [224.0.0.1/24]", "is not a unicast" },
		{ "name: p, device: \"null\", addresses: [0.0.0.0/24]", "is not a unicast" },
		{ "name: p, device: \"null\", addresses: [\"ff02::1/64\"]", "is not a unicast" },
		{ "name: p, device: \"null\", addresses: [10.0.0.0/24]",
				"10.0.0.0/24 is the first address of its network" },
		{ "name: p, device: \"null\", addresses: [10.0.0.255/24]",
				"is the broadcast address of its network" },
		{ "name: p, device: \"null\", addresses: [10.0.0.1/24, 10.0.0.1/16]",
				"10.0.0.1 stands there twice" },
		{ "name: p, device: \"null\", gateway: 10.0.0.1",
				"gateway: 10.0.0.1 is in no network of this interface's addresses" },
		{ "name: p, device: \"null\", addresses: [10.0.0.2/24], gateway: 10.0.1.1",
				"10.0.1.1 is in no network" },
		{ "name: p, device: \"null\", addresses: [10.0.0.2/24], gateway: 10.0.0.2",
				"10.0.0.2 is an address of our own" },
		{ "name: p, device: \"null\", addresses: [10.0.0.2/24], gateway6: 10.0.0.1",
				"gateway6: must be an IPv6 address" },
		{ "name: p, device: \"null\", addresses: [10.0.0.2/24], gateway: \"fd00::1\"",
				"gateway: must be an IPv4 address" },
		{ "name: p, device: \"null\", addresses: [10.0.0.2/24], "
		  "neighbours: [{address: 10.0.0.3}]",
				"neighbours[0]: mac is missing" },
		{ "name: p, device: \"null\", addresses: [10.0.0.2/24], "
		  "neighbours: [{address: 10.1.0.3, mac: \"02:00:00:00:00:01\"}]",
				"neighbours: 10.1.0.3 is in no network" },
		{ "name: p, device: \"null\", vlans: [{id: 0}]",
				"vlans[0].id: 0 is not in 1..4094" },
		{ "name: p, device: \"null\", vlans: [{id: 4095}]", "4095 is not in 1..4094" },
		{ "name: p, device: \"null\", vlans: [{addresses: []}]",
				"vlans[0]: id is missing" },
		{ "name: p, device: \"null\", vlans: [{id: 7}, {id: 7}]",
				":3:53: ports[0].vlans[1].id: VLAN 7 stands there twice" },
		{ "name: p, device: bond, bond: {mode: fast, members: [p]}",
				"\"fast\" is none of" },
		{ "name: p, device: bond, bond: {mode: broadcast}", "bond: members is missing" },
		{ "name: p, device: bond, bond: {mode: broadcast, members: []}",
				"bond.members: must name at least one port" },
		{ "name: p, device: bond, bond: {mode: broadcast, members: [q]}",
				"bond: no port has the name \"q\"" },
		{ "name: p, device: bond, bond: {mode: broadcast, members: [p]}",
				"p is a bond itself" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_port_refused(cases[i].keys, cases[i].error);
}

static void
test_ports_are_checked_among_themselves(void **state)
{
	static const struct {
		const char *first, *second;
		const char *error;
	} cases[] = {
		{ "name: p, device: \"null\"", "name: p, device: \"null\"",
				":4:12: ports[1].name: \"p\" is the name of another port (line 3)" },
		{ "name: p, device: tap, interface: t", "name: q, device: tap, interface: t",
				"interface: t belongs to port p already" },
		{ "name: p, device: vhost, path: /a", "name: q, device: vhost, path: /a",
				"path: /a belongs to port p already" },
		{ "name: p, device: pci, pci: \"0000:3b:00.0\"",
				"name: q, device: pci, pci: \"0000:3b:00.0\"",
				"pci: 0000:3b:00.0 belongs to port p already" },
		{ "name: abcdefghijklm1, device: \"null\", punt: tap",
				"name: abcdefghijklm2, device: \"null\", punt: tap",
				"gw-abcdefghijkl is the TAP of port abcdefghijklm1 already" },
		{ "name: p, device: \"null\", punt: tap", "name: q, device: tap, interface: gw-p",
				"has the name of an interface" },
		{ "name: p, device: \"null\", addresses: [10.0.0.1/24]",
				"name: q, device: \"null\", addresses: [10.0.0.1/16]",
				"ports[1].addresses: 10.0.0.1 is an address of port p too" },
		{ "name: p, device: \"null\", addresses: [10.0.0.1/24]",
				"name: q, device: \"null\", vlans: [{id: 5, addresses: [10.0.0.2/24]}]",
				"the network of 10.0.0.2/24 is on another interface of port p too" },
		{ "name: p, device: \"null\", addresses: [10.0.0.1/24]",
				"name: q, device: bond, bond: {mode: broadcast, members: [p]}",
				"p has addresses or VLANs of its own" },
		{ "name: p, device: \"null\", punt: tap",
				"name: q, device: bond, bond: {mode: broadcast, members: [p]}",
				"p has punt: tap" },
		{ "name: p, device: \"null\"",
				"name: q, device: bond, bond: {mode: broadcast, members: [p, p]}",
				"p belongs to a bond already" },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), LCORES "ports:\n  - {%s}\n  - {%s}\n", cases[i].first,
				cases[i].second);
		assert_refused(text, cases[i].error);
	}
}

static void
test_too_many_of_anything_is_refused(void **state)
{
	char text[16384] = LCORES "ports:\n";

	(void)state;
	for (unsigned int i = 0; i <= CONFIG_MAX_PORTS; i++)
		sprintf(text + strlen(text), "  - {name: p%u, device: \"null\"}\n", i);
	assert_refused(text, "ports: has 17 elements, at most 16 are possible");

	strcpy(text, "ports:\n" PORT "lcores: {workers: [1");
	for (unsigned int i = 0; i < CONFIG_MAX_WORKERS; i++)
		strcat(text, ", 1");
	strcat(text, "]}\n");
	assert_refused(text, "lcores.workers: has 33 elements, at most 32 are possible");

	strcpy(text, LCORES "ports:\n  - {name: p, device: \"null\", vlans: [{id: 1}");
	for (unsigned int i = 2; i <= CONFIG_MAX_INTERFACES; i++)
		sprintf(text + strlen(text), ", {id: %u}", i);
	strcat(text, "]}\n");
	assert_refused(text, "ports[0].vlans: has 8 elements, at most 7 are possible");
}

static void
test_one_run_shows_several_errors(void **state)
{
	(void)state;
	assert_refused("a: 1\nb: 2\nlcores: {main: x, workers: [y]}\nports: 3\n",
			"unknown key \"a\"");
	assert_non_null(strstr(error.text, "unknown key \"b\""));
	assert_non_null(strstr(error.text, "lcores.main"));
	assert_non_null(strstr(error.text, "lcores.workers[0]"));
	assert_non_null(strstr(error.text, "ports: must be a list"));
}

static void
test_very_many_errors_are_cut(void **state)
{
	char text[65536] = "";

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		sprintf(text + strlen(text), "key%u: 1\n", i);
	assert_refused(text, "(more errors follow)");
	assert_true(strlen(error.text) < sizeof(error.text));
}

static void
test_a_file_that_cannot_be_read_is_named(void **state)
{
	(void)state;
	assert_int_equal(config_load("/nowhere/x.yaml", &conf, &error), -ENOENT);
	assert_string_equal(error.text, "/nowhere/x.yaml: No such file or directory");
	assert_int_equal(config_load("/tmp", &conf, &error), -EINVAL);
	assert_string_equal(error.text, "/tmp: is a directory");
}

static void
test_anchors_do_not_multiply_work(void **state)
{
	(void)state;
	/* A "billion laughs" under a key that no table knows. */
	assert_refused(MINIMAL "a: &a [x, x, x, x, x, x, x, x]\n"
			       "b: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
			       "c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\n"
			       "d: [*c, *c, *c, *c, *c, *c, *c, *c]\n",
			"unknown key \"a\"");
}

/* Bytes of the full file changed, removed and repeated at random: an answer, never a crash. */
static void
test_mutated_files_get_an_answer(void **state)
{
	const unsigned int seed = (unsigned int)time(NULL);
	char bytes[2 * sizeof(full)];

	(void)state;
	print_message("seed %u\n", seed);
	srandom(seed);
	for (unsigned int round = 0; round < 3000; round++) {
		size_t len = sizeof(full) - 1;

		memcpy(bytes, full, len);
		for (long edits = random() % 6 + 1; edits > 0; edits--) {
			size_t at = (size_t)random() % len;
			size_t span = (size_t)random() % 20 + 1;

			if (random() % 3 == 0) {
				bytes[at] = (char)random();
			} else if (at + span < len && random() % 2 == 0) {
				memmove(bytes + at, bytes + at + span, len - at - span);
				len -= span;
			} else if (at + span < len && len + span < sizeof(bytes)) {
				memmove(bytes + at + span, bytes + at, len - at);
				len += span;
			}
		}
		if (load_bytes(bytes, len) < 0)
			assert_true(strlen(error.text) > 0);
		else
			assert_in_range(conf.nb_ports, 1, CONFIG_MAX_PORTS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_minimal_file_gets_defaults),
		cmocka_unit_test(test_every_key_of_a_file_arrives),
		cmocka_unit_test(test_port_with_vlans_only_has_no_untagged_interface),
		cmocka_unit_test(test_link_local_addresses_may_be_on_every_interface),
		cmocka_unit_test(test_values_are_checked_with_their_place),
		cmocka_unit_test(test_ports_are_checked),
		cmocka_unit_test(test_ports_are_checked_among_themselves),
		cmocka_unit_test(test_too_many_of_anything_is_refused),
		cmocka_unit_test(test_one_run_shows_several_errors),
		cmocka_unit_test(test_very_many_errors_are_cut),
		cmocka_unit_test(test_a_file_that_cannot_be_read_is_named),
		cmocka_unit_test(test_anchors_do_not_multiply_work),
		cmocka_unit_test(test_mutated_files_get_an_answer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
