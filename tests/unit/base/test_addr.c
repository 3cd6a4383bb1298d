/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/compiler.h"

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static void
test_text_goes_there_and_back(void **state)
{
	static const char *const texts[] = { "0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1",
		"2001:db8::1", "fe80::1:2", "1:2:3:4:5:6:7:8" };
	char buf[IP_ADDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct ip_addr a = addr(texts[i]);

		assert_string_equal(ip_addr_format(&a, buf), texts[i]);
		assert_true(ip_addr_valid(&a));
	}
}

static void
test_nonsense_is_refused_and_leaves_the_result_alone(void **state)
{
	static const char *const texts[] = { "", " ", "1.2.3", "1.2.3.4 ", "1.2.3.256", "01.2.3.4x",
		":::", "g::1", "1:2:3:4:5:6:7:8:9", "1.2.3.4/24" };
	static const char *const prefixes[] = { "1.2.3.4", "1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1",
		"1.2.3.4/ 1", "::/129", "::/1x", "/1", "1.2.3.4/18446744073709551617" };
	struct ip_addr before = addr("9.9.9.9");
	struct ip_addr a = before;
	struct ip_prefix p = { .addr = before, .len = 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(ip_addr_parse(texts[i], &a), -EINVAL);
		assert_true(ip_addr_equal(&a, &before));
	}
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		assert_int_equal(ip_prefix_parse(prefixes[i], &p), -EINVAL);
		assert_int_equal(p.len, 7);
	}
}

static void
test_prefix_contains_exactly_its_addresses(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.1.2.3/32", "10.1.2.3", true },
		{ "10.1.2.3/32", "10.1.2.2", false },
		{ "10.1.2.128/25", "10.1.2.127", false },
		{ "0.0.0.0/0", "1.2.3.4", true },
		{ "0.0.0.0/0", "::", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "::/0", "ffff::", true },
		{ "2001:db8::1/128", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ip_addr a = addr(cases[i].addr);
		struct ip_prefix p;

		assert_int_equal(ip_prefix_parse(cases[i].prefix, &p), 0);
		assert_int_equal(ip_prefix_contains(&p, &a), cases[i].inside);
	}
}

static void
test_unicast_excludes_what_no_host_can_have(void **state)
{
	static const struct {
		const char *addr;
		bool unicast;
	} cases[] = { { "0.0.0.0", false }, { "224.0.0.1", false }, { "239.255.255.255", false },
		{ "255.255.255.255", false }, { "223.255.255.255", true }, { "::", false },
		{ "ff02::1", false }, { "fe80::1", true }, { "2001:db8::1", true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct ip_addr a = addr(cases[i].addr);

		assert_int_equal(ip_addr_is_unicast(&a), cases[i].unicast);
	}
}

static void
test_stray_bytes_make_an_address_invalid(void **state)
{
	struct ip_addr a = addr("10.0.0.1");

	(void)state;
	a.bytes[4] = 1;
	assert_false(ip_addr_valid(&a));
	a = addr("10.0.0.1");
	a.reserved[2] = 1;
	assert_false(ip_addr_valid(&a));
	a = addr("::1");
	a.family = 5;
	assert_false(ip_addr_valid(&a));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_goes_there_and_back),
		cmocka_unit_test(test_nonsense_is_refused_and_leaves_the_result_alone),
		cmocka_unit_test(test_prefix_contains_exactly_its_addresses),
		cmocka_unit_test(test_unicast_excludes_what_no_host_can_have),
		cmocka_unit_test(test_stray_bytes_make_an_address_invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
