/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/health/check.h"

static struct check
check_of(unsigned int host, uint16_t port)
{
	struct check c;

	check_init(&c, CHECK_TCP);
	c.addr = ip_addr_from_bytes(IP_V4, (uint8_t[]){ 10, 0, 0, (uint8_t)host });
	c.l4_port = port;
	return c;
}

/** That nothing is said, but this is expected. */
static struct exchange *
exchange_of(const char *expected)
{
	struct exchange draft, *made;

	exchange_init(&draft);
	draft.texts[TEXT_EXPECT] = (struct check_text){ expected, (uint16_t)strlen(expected) };
	made = exchange_make(&draft);
	assert_non_null(made);
	return made;
}

static void
test_a_set_holds_equal_checks_once(void **state)
{
	enum {
		NB = 1000,
		HOSTS = 20,
		PORTS = 10
	};
	struct check *list = calloc(NB, sizeof(*list));
	bool seen[HOSTS][PORTS] = { { false } };
	uint32_t distinct = 0;
	struct check_set *set;

	(void)state;
	srand(2);
	for (unsigned int i = 0; i < NB; i++) {
		unsigned int host = (unsigned int)rand() % HOSTS,
			     port = (unsigned int)rand() % PORTS;

		list[i] = check_of(host, (uint16_t)port);
		distinct += !seen[host][port];
		seen[host][port] = true;
	}
	set = check_set_make(list, NB);
	assert_non_null(set);
	assert_int_equal(set->nb, distinct);
	for (uint32_t i = 1; i < set->nb; i++)
		assert_true(check_compare(&set->list[i - 1], &set->list[i]) < 0);
	for (unsigned int i = 0; i < NB; i++) {
		uint32_t at = check_set_find(set, &list[i]);

		assert_true(at < set->nb);
		assert_int_equal(check_compare(&set->list[at], &list[i]), 0);
	}
	check_set_unref(set);
	free(list);
	set = check_set_make(NULL, 0);
	assert_int_equal(set->nb, 0);
	check_set_unref(set);
}

static void
test_any_difference_makes_another_check(void **state)
{
	struct check a = check_of(1, 80), b = a;

	(void)state;
	assert_int_equal(check_compare(&a, &b), 0);
	b.fall++;
	assert_int_not_equal(check_compare(&a, &b), 0);
	b = a;
	b.exchange = exchange_of("x");
	assert_int_not_equal(check_compare(&a, &b), 0);
	exchange_unref(b.exchange);
}

static void
test_checks_that_say_the_same_are_one_whoever_made_their_exchanges(void **state)
{
	char text[] = "ready";
	struct check list[3];
	struct check_set *set;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		list[i] = check_of(1, 80);
		text[0] = i == 2 ? 'R' : 'r';
		list[i].exchange = exchange_of(text);
	}
	memset(text, 'x', sizeof(text) - 1); /* An exchange has its own copy. */
	assert_ptr_not_equal(list[0].exchange, list[1].exchange);
	assert_int_equal(check_compare(&list[0], &list[1]), 0);
	assert_true(check_compare(&list[0], &list[2]) != 0);
	assert_true((check_compare(&list[0], &list[2]) < 0) ==
			(check_compare(&list[2], &list[0]) > 0));
	set = check_set_make(list, 3);
	assert_non_null(set);
	assert_int_equal(set->nb, 2);
	for (unsigned int i = 0; i < 3; i++)
		exchange_unref(list[i].exchange);
	/* The set has references of its own. */
	assert_memory_equal(set->list[0].exchange->texts[TEXT_EXPECT].bytes + 1, "eady", 4);
	check_set_unref(set);
}

static void
test_an_exchange_of_defaults_is_the_one_that_all_share(void **state)
{
	struct exchange draft, *made;

	(void)state;
	exchange_init(&draft);
	made = exchange_make(&draft);
	assert_ptr_equal(made, exchange_default());
	exchange_unref(made);
	draft.texts[TEXT_SEND] = (struct check_text){ "a\0b", 3 };
	made = exchange_make(&draft);
	assert_ptr_not_equal(made, exchange_default());
	assert_int_equal(made->texts[TEXT_SEND].len, 3);
	assert_memory_equal(made->texts[TEXT_SEND].bytes, "a\0b", 3);
	exchange_unref(made);
}

static void
test_checks_of_an_address_are_found(void **state)
{
	struct check list[4];
	struct check_set *set;
	struct ip_addr other;
	uint32_t nb, first;

	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		check_init(&list[i], CHECK_TCP);
		assert_int_equal(ip_addr_parse(i % 3 == 0		  ? "10.0.0.2"
								 : i == 1 ? "10.0.0.1"
									  : "2001:db8::1",
						 &list[i].addr),
				0);
		list[i].l4_port = (uint16_t)(i + 1);
	}
	set = check_set_make(list, 4);
	for (unsigned int i = 0; i < 4; i++) {
		first = check_set_of_addr(set, &list[i].addr, &nb);
		assert_int_equal(nb, i % 3 == 0 ? 2 : 1);
		for (uint32_t j = first; j < first + nb; j++)
			assert_true(ip_addr_equal(&set->list[j].addr, &list[i].addr));
	}
	assert_int_equal(ip_addr_parse("10.0.0.9", &other), 0);
	check_set_of_addr(set, &other, &nb);
	assert_int_equal(nb, 0);
	check_set_unref(set);
}

static void
test_names_of_types_are_read_as_they_are_written(void **state)
{
	uint8_t type;

	(void)state;
	for (uint8_t i = 1; i < NB_CHECK_TYPES; i++) {
		assert_int_equal(check_type_parse(check_type_name(i), &type), 0);
		assert_int_equal(type, i);
	}
	assert_int_equal(check_type_parse("tcpx", &type), -EINVAL);
	assert_string_equal(check_type_name(0), "?");
	assert_string_equal(check_type_name(NB_CHECK_TYPES), "?");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_set_holds_equal_checks_once),
		cmocka_unit_test(test_checks_of_an_address_are_found),
		cmocka_unit_test(test_any_difference_makes_another_check),
		cmocka_unit_test(
				test_checks_that_say_the_same_are_one_whoever_made_their_exchanges),
		cmocka_unit_test(test_an_exchange_of_defaults_is_the_one_that_all_share),
		cmocka_unit_test(test_names_of_types_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
