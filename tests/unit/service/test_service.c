/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "service/service.h"

static struct ip_addr
addr(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static struct service_conf
service(void)
{
	return (struct service_conf){
		.key = { .vip = addr("10.0.0.1"), .l4_port = 443, .protocol = PROTOCOL_TCP },
		.nb_slots = 65537,
		.lifetime_s = { 1, SERVICE_MAX_LIFETIME_S, 0, 7 },
		.syn_reselect_idle_s = SERVICE_MAX_SYN_RESELECT_IDLE_S,
		.mode = MODE_IPIP,
		.on_down = ON_DOWN_KEEP,
	};
}

static struct backend_conf
backend(void)
{
	return (struct backend_conf){
		.addr = addr("10.0.1.1"),
		.weight = BACKEND_MAX_WEIGHT,
		.factor = BACKEND_FACTOR_ONE,
		.admin = ADMIN_ENABLED,
		.health = HEALTH_UNKNOWN,
	};
}

static void
test_each_wrong_field_of_a_service_has_its_error(void **state)
{
	struct service_conf conf = service();

	(void)state;
	assert_int_equal(service_conf_check(&conf), CONF_OK);
#define WRONG(change, error)                                        \
	do {                                                        \
		conf = service();                                   \
		conf.change;                                        \
		assert_int_equal(service_conf_check(&conf), error); \
	} while (0)
	WRONG(key.vip = addr("224.0.0.1"), CONF_BAD_ADDRESS);
	WRONG(key.vip = addr("::"), CONF_BAD_ADDRESS);
	WRONG(key.vip.family = 5, CONF_BAD_ADDRESS);
	WRONG(key.vip.bytes[15] = 1, CONF_BAD_ADDRESS);
	WRONG(key.vip.reserved[0] = 1, CONF_BAD_ADDRESS);
	WRONG(key.protocol = 1, CONF_BAD_PROTOCOL);
	WRONG(key.l4_port = 0, CONF_BAD_PORT);
	WRONG(key.reserved = 1, CONF_BAD_RESERVED);
	WRONG(mode = 0, CONF_BAD_MODE);
	WRONG(mode = 3, CONF_BAD_MODE);
	WRONG(nb_slots = 65536, CONF_BAD_SLOTS);
	WRONG(nb_slots = 2, CONF_BAD_SLOTS);
	WRONG(nb_slots = UINT32_MAX, CONF_BAD_SLOTS);
	WRONG(lifetime_s[3] = SERVICE_MAX_LIFETIME_S + 1, CONF_BAD_LIFETIME);
	WRONG(syn_reselect_idle_s = SERVICE_MAX_SYN_RESELECT_IDLE_S + 1, CONF_BAD_LIFETIME);
	WRONG(on_down = 3, CONF_BAD_ON_DOWN);
	WRONG(on_down = 255, CONF_BAD_ON_DOWN);
	WRONG(advertise = 3, CONF_BAD_ADVERTISE);
	WRONG(advertise = 255, CONF_BAD_ADVERTISE);
	WRONG(reserved = 1, CONF_BAD_RESERVED);
	WRONG(advertise = ADVERTISE_NONE, CONF_OK);
	WRONG(on_down = ON_DOWN_MOVE, CONF_OK);
	WRONG(nb_slots = 0, CONF_OK);
#undef WRONG
}

static void
test_each_wrong_field_of_a_backend_has_its_error(void **state)
{
	struct service_conf conf = service();
	struct backend_conf b = backend();

	(void)state;
	assert_int_equal(backend_conf_check(&conf, &b), CONF_OK);
#define WRONG(change, error)                                            \
	do {                                                            \
		b = backend();                                          \
		b.change;                                               \
		assert_int_equal(backend_conf_check(&conf, &b), error); \
	} while (0)
	WRONG(addr = addr("255.255.255.255"), CONF_BAD_ADDRESS);
	WRONG(addr.family = IP_NONE, CONF_BAD_ADDRESS);
	WRONG(addr.reserved[2] = 1, CONF_BAD_ADDRESS);
	WRONG(weight = BACKEND_MAX_WEIGHT + 1, CONF_BAD_WEIGHT);
	WRONG(weight = UINT32_MAX, CONF_BAD_WEIGHT);
	WRONG(factor = BACKEND_FACTOR_ONE + 1, CONF_BAD_FACTOR);
	WRONG(admin = 0, CONF_BAD_ADMIN);
	WRONG(admin = 4, CONF_BAD_ADMIN);
	WRONG(health = 0, CONF_BAD_HEALTH);
	WRONG(health = 4, CONF_BAD_HEALTH);
	WRONG(reserved[1] = 1, CONF_BAD_RESERVED);
	WRONG(addr = conf.key.vip, CONF_BACKEND_IS_VIP);
	WRONG(weight = 0, CONF_OK);
	WRONG(factor = 0, CONF_OK);
	WRONG(addr = addr("2001:db8::1"), CONF_OK);
	conf.mode = MODE_DIRECT;
	WRONG(addr = addr("2001:db8::1"), CONF_FAMILY_MISMATCH);
	WRONG(weight = 0, CONF_OK);
#undef WRONG
}

static void
test_admin_state_health_and_on_down_combine_by_the_table(void **state)
{
	/* The table of service.h, its rows and columns in order. */
	enum {
		NEW = 1,
		KEEPS = 2,
		RESETS = 4
	};
	static const int table[3][5] = {
		{ NEW | KEEPS, NEW | KEEPS, 0, RESETS, KEEPS },
		{ KEEPS, KEEPS, 0, RESETS, KEEPS },
		{ 0, 0, 0, 0, 0 },
	};

	(void)state;
	for (int admin = 0; admin < 3; admin++) {
		for (int health = 0; health < 3; health++) {
			for (int on_down = 0; on_down < 3; on_down++) {
				int column = health < 2 ? health : 2 + on_down;
				struct backend_effect effect = backend_effect(
						(enum service_on_down)on_down,
						(enum backend_admin)(ADMIN_ENABLED + admin),
						(enum backend_health)(HEALTH_UNKNOWN + health));
				int got = (effect.takes_new_flows ? NEW : 0) |
						(effect.keeps_flows ? KEEPS : 0) |
						(effect.resets_flows ? RESETS : 0);

				assert_int_equal(got, table[admin][column]);
			}
		}
	}
}

static void
test_every_error_has_a_distinct_phrase(void **state)
{
	(void)state;
	for (int i = 0; i < NB_CONF_ERRORS; i++) {
		const char *text = conf_error_text((enum conf_error)i);

		assert_true(strlen(text) > 5);
		assert_string_not_equal(text, "unknown error");
		for (int j = 0; j < i; j++)
			assert_string_not_equal(text, conf_error_text((enum conf_error)j));
	}
	assert_string_equal(conf_error_text(NB_CONF_ERRORS), "unknown error");
	assert_string_equal(conf_error_text((enum conf_error) - 1), "unknown error");
}

static void
test_every_value_has_its_name(void **state)
{
	(void)state;
	assert_string_equal(service_protocol_name(PROTOCOL_TCP), "tcp");
	assert_string_equal(service_protocol_name(PROTOCOL_UDP), "udp");
	assert_string_equal(service_protocol_name(0), "?");
	assert_string_equal(service_mode_name(MODE_DIRECT), "direct");
	assert_string_equal(service_mode_name(MODE_IPIP), "ipip");
	assert_string_equal(service_mode_name(0), "?");
	assert_string_equal(service_on_down_name(ON_DOWN_MOVE), "move");
	assert_string_equal(service_on_down_name(ON_DOWN_RESET), "reset");
	assert_string_equal(service_on_down_name(ON_DOWN_KEEP), "keep");
	assert_string_equal(service_on_down_name(3), "?");
	assert_string_equal(service_advertise_name(ADVERTISE_PREFERRED), "preferred");
	assert_string_equal(service_advertise_name(ADVERTISE_SPARE), "spare");
	assert_string_equal(service_advertise_name(ADVERTISE_NONE), "none");
	assert_string_equal(service_advertise_name(3), "?");
	assert_string_equal(backend_admin_name(ADMIN_ENABLED), "enabled");
	assert_string_equal(backend_admin_name(ADMIN_DRAINING), "draining");
	assert_string_equal(backend_admin_name(ADMIN_DISABLED), "disabled");
	assert_string_equal(backend_admin_name(0), "?");
	assert_string_equal(backend_health_name(HEALTH_UNKNOWN), "unknown");
	assert_string_equal(backend_health_name(HEALTH_UP), "up");
	assert_string_equal(backend_health_name(HEALTH_DOWN), "down");
	assert_string_equal(backend_health_name(9), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_wrong_field_of_a_service_has_its_error),
		cmocka_unit_test(test_each_wrong_field_of_a_backend_has_its_error),
		cmocka_unit_test(test_admin_state_health_and_on_down_combine_by_the_table),
		cmocka_unit_test(test_every_error_has_a_distinct_phrase),
		cmocka_unit_test(test_every_value_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
