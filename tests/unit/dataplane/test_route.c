/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/route.h"
#include "net/parse.h"

static struct interface_conf confs[4];
static struct interface_table table;

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static void
address_add(unsigned int interface, const char *prefix)
{
	struct interface_conf *conf = &confs[interface];

	assert_int_equal(ip_prefix_parse(prefix, &conf->addresses[conf->nb_addresses++]), 0);
}

/* Port 0 untagged and with VLAN 100, port 1, and an interface without addresses. */
static int
setup(void **state)
{
	(void)state;
	memset(confs, 0, sizeof(confs));
	memset(&table, 0, sizeof(table));
	table.nb = 4;
	for (unsigned int i = 0; i < table.nb; i++)
		table.interfaces[i] = (struct interface){ .port = (uint16_t)(i / 2),
			.vlan = i == 1 ? 100 : PACKET_VLAN_NONE,
			.index = (uint8_t)i,
			.conf = &confs[i] };
	table.interfaces[3].port = 7;
	address_add(0, "10.0.0.1/24");
	address_add(0, "fe80::1/64");
	address_add(0, "2001:db8::1/64");
	address_add(1, "10.0.0.129/25");
	address_add(1, "10.1.0.1/16");
	address_add(2, "10.0.0.2/24");
	address_add(2, "192.0.2.1/32");
	return 0;
}

static bool
find(const char *to, bool on_link, struct route *out)
{
	struct ip_addr a = addr(to);

	return route_find(&table, &a, on_link, out);
}

static void
assert_addr(const struct ip_addr *a, const char *text)
{
	char buf[IP_ADDR_STRLEN];

	assert_string_equal(ip_addr_format(a, buf), text);
}

static void
test_the_longest_connected_prefix_wins_then_the_first(void **state)
{
	struct route r;

	(void)state;
	assert_true(find("10.0.0.200", true, &r));
	assert_int_equal(r.interface->index, 1);
	assert_addr(&r.hop, "10.0.0.200");
	assert_addr(&r.source, "10.0.0.129");
	assert_true(find("10.0.0.50", true, &r));
	assert_int_equal(r.interface->index, 0);
	assert_addr(&r.source, "10.0.0.1");
	assert_true(find("10.1.2.3", false, &r));
	assert_addr(&r.source, "10.1.0.1");
}

static void
test_elsewhere_the_gateway_of_the_family_is_used_unless_on_link(void **state)
{
	struct route r;

	(void)state;
	assert_false(find("203.0.113.7", false, &r));
	confs[2].gateway4 = addr("10.0.0.254");
	assert_true(find("203.0.113.7", false, &r));
	assert_int_equal(r.interface->index, 2);
	assert_addr(&r.hop, "10.0.0.254");
	assert_addr(&r.source, "10.0.0.2");
	assert_false(find("203.0.113.7", true, &r));
	assert_false(find("2001:db8:9::1", false, &r));
	confs[0].gateway6 = addr("fe80::ff");
	assert_true(find("2001:db8:9::1", false, &r));
	assert_addr(&r.hop, "fe80::ff");
}

static void
test_the_source_has_the_scope_of_the_destination(void **state)
{
	struct route r;

	(void)state;
	confs[0].gateway6 = addr("fe80::ff");
	assert_true(find("2001:db8:9::1", false, &r));
	assert_addr(&r.source, "2001:db8::1");
	assert_true(find("2001:db8::77", false, &r));
	assert_addr(&r.source, "2001:db8::1");
	assert_true(find("fe80::77", true, &r));
	assert_addr(&r.source, "fe80::1");
	/* Better the wrong scope than no way. */
	confs[0].nb_addresses = 2;
	assert_true(find("2001:db8:9::1", false, &r));
	assert_addr(&r.source, "fe80::1");
}

static void
test_no_address_of_the_family_means_no_way(void **state)
{
	struct route r;

	(void)state;
	confs[3].gateway6 = addr("fe80::ff");
	confs[0].nb_addresses = 1;
	assert_false(find("2001:db8:9::1", false, &r));
}

static void
test_own_and_group_addresses_and_foreign_link_locals_have_no_way(void **state)
{
	struct route r;

	(void)state;
	confs[0].gateway4 = addr("10.0.0.254");
	address_add(2, "2001:db8:1::1/64");
	confs[2].gateway6 = addr("2001:db8:1::ff");
	assert_false(find("10.0.0.1", false, &r));
	assert_false(find("192.0.2.1", false, &r));
	assert_false(find("224.0.0.1", false, &r));
	assert_false(find("ff02::1", false, &r));
	assert_false(find("255.255.255.255", false, &r));
	confs[0].nb_addresses = 1;
	assert_true(find("2001:db8:9::1", false, &r));
	assert_false(find("fe80::77", false, &r));
}

static void
test_own_addresses_belong_to_their_interface(void **state)
{
	struct ip_addr own = addr("10.0.0.1"), other = addr("10.0.0.9");

	(void)state;
	assert_true(route_is_own(&table.interfaces[0], &own));
	assert_false(route_is_own(&table.interfaces[2], &own));
	assert_true(interface_is_own(&table, &own));
	assert_false(interface_is_own(&table, &other));
	assert_true(route_is_connected(&table.interfaces[2], &other));
	assert_false(route_is_connected(&table.interfaces[3], &other));
}

static void
test_an_interface_is_found_by_port_and_tag(void **state)
{
	(void)state;
	assert_ptr_equal(route_interface(&table, 0, PACKET_VLAN_NONE), &table.interfaces[0]);
	assert_ptr_equal(route_interface(&table, 0, 100), &table.interfaces[1]);
	assert_null(route_interface(&table, 0, 101));
	assert_null(route_interface(&table, 1, 100));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
				test_the_longest_connected_prefix_wins_then_the_first, setup),
		cmocka_unit_test_setup(
				test_elsewhere_the_gateway_of_the_family_is_used_unless_on_link,
				setup),
		cmocka_unit_test_setup(test_the_source_has_the_scope_of_the_destination, setup),
		cmocka_unit_test_setup(test_no_address_of_the_family_means_no_way, setup),
		cmocka_unit_test_setup(
				test_own_and_group_addresses_and_foreign_link_locals_have_no_way,
				setup),
		cmocka_unit_test_setup(test_own_addresses_belong_to_their_interface, setup),
		cmocka_unit_test_setup(test_an_interface_is_found_by_port_and_tag, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
