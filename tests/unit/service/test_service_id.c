/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "service/service_id.h"

static void
test_an_id_goes_there_and_back(void **state)
{
	static const char *const ids[] = { "tcp/192.0.2.10:443", "udp/[2001:db8::10]:53",
		"tcp/[::1]:65535", "udp/255.255.255.254:1" };
	char buf[SERVICE_ID_STRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct service_key key;

		assert_int_equal(service_id_parse(ids[i], &key), 0);
		assert_string_equal(service_id_format(&key, buf), ids[i]);
	}
}

static void
test_what_is_no_id_is_refused(void **state)
{
	static const char *const texts[] = { "", "/", ":", "tcp", "tcp/", "tcp/192.0.2.10",
		"tcp/192.0.2.10:", "tcp/192.0.2.10:0", "tcp/192.0.2.10:65536", "tcp/192.0.2.10:-1",
		"tcp/192.0.2.10:080", "tcp/192.0.2.10:99999999999", "icmp/192.0.2.10:1",
		"tcp/[192.0.2.10]:1", "tcp/2001:db8::10:1", "tcp/[2001:db8::10:1", "tcp/[]:1",
		"tcp/:1", "tcp/[:1", "tcp/192.0.2.10:1 ", "TCP/192.0.2.10:1", ":/1",
		"tcp/[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1" };
	struct service_key key;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(service_id_parse(texts[i], &key), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_id_goes_there_and_back),
		cmocka_unit_test(test_what_is_no_id_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
