/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"

#include "controlplane/daemon/config_read.h"
#include "controlplane/daemon/config_write.h"

/** A service with the given lines added, and backends. Columns: keys start at 5. */
#define SERVICE(lines, backends)    \
	"services:\n"               \
	"  - address: 192.0.2.10\n" \
	"    protocol: tcp\n"       \
	"    port: 443\n"           \
	"    mode: direct\n" lines "    backends: " backends "\n"

/** Every error of @p text, one a line. "" if it is good. The caller frees it. */
static char *
errors_of(const char *text, enum document_format format)
{
	struct complaints c;
	struct config *config;
	char *all = calloc(1, 1), *line;

	complaints_init(&c, "f");
	config = config_parse(text, strlen(text), format, &c);
	assert_true((config != NULL) == !complaints_any(&c));
	for (unsigned int i = 0; i < c.nb; i++) {
		char *longer;

		line = complaint_line(&c, i);
		assert_true(asprintf(&longer, "%s%s\n", all, line) > 0);
		free(line);
		free(all);
		all = longer;
	}
	config_unref(config);
	complaints_clear(&c);
	return all;
}

static void
assert_errors(const char *yaml, const char *expected)
{
	char *errors = errors_of(yaml, FORMAT_YAML);

	assert_string_equal(errors, expected);
	free(errors);
}

static struct config *
good(const char *text, enum document_format format)
{
	struct complaints c;
	struct config *config;

	complaints_init(&c, "f");
	config = config_parse(text, strlen(text), format, &c);
	if (config == NULL)
		print_error("%s\n", c.nb > 0 ? c.list[0].text : "out of memory");
	assert_non_null(config);
	return config;
}

static void
test_every_key_is_read(void **state)
{
	struct config *config = good(
			"services:\n"
			"  - {name: pay, address: '2001:db8::10', protocol: udp, port: 53, mode: ipip,\n"
			"     slots: 131071, syn-reselect-idle: 1m, on-down: reset,\n"
			"     lifetimes: {half-open: 10s, open: 2h, closing: 8h, udp: 90s},\n"
			"     backends: [{address: 10.0.0.1}, {address: \"fd00::1\", weight: 0,\n"
			"                 state: draining}]}\n",
			FORMAT_YAML);
	const struct config_service *s = &config->services[0];

	(void)state;
	assert_int_equal(config->nb_services, 1);
	assert_string_equal(s->name, "pay");
	assert_int_equal(s->conf.key.vip.family, IP_V6);
	assert_int_equal(s->conf.key.protocol, PROTOCOL_UDP);
	assert_int_equal(s->conf.key.l4_port, 53);
	assert_int_equal(s->conf.mode, MODE_IPIP);
	assert_int_equal(s->conf.nb_slots, 131071);
	assert_int_equal(s->conf.syn_reselect_idle_s, 60);
	assert_int_equal(s->conf.on_down, ON_DOWN_RESET);
	assert_int_equal(s->conf.lifetime_s[FLOW_HALF_OPEN], 10);
	assert_int_equal(s->conf.lifetime_s[FLOW_OPEN], 7200);
	assert_int_equal(s->conf.lifetime_s[FLOW_CLOSING], 28800);
	assert_int_equal(s->conf.lifetime_s[FLOW_UDP], 90);
	assert_int_equal(s->nb_backends, 2);
	assert_int_equal(s->backends[0].weight, BACKEND_DEFAULT_WEIGHT);
	assert_int_equal(s->backends[0].admin, ADMIN_ENABLED);
	assert_int_equal(s->backends[1].weight, 0);
	assert_int_equal(s->backends[1].admin, ADMIN_DRAINING);
	config_unref(config);
}

static void
test_errors_name_their_place(void **state)
{
	static const struct {
		const char *yaml, *error;
	} cases[] = {
		{ SERVICE("    on-down: drop\n", "[]"),
				"f:6:14: services[0].on-down: \"drop\" is not move, reset or keep\n" },
		{ SERVICE("", "[{address: 10.0.0.1, weight: -1}]"),
				"f:6:44: services[0].backends[0].weight: -1 is not in 0..65535\n" },
		{ SERVICE("", "[{address: 10.0.0.1, weight: 4294967296}]"),
				"f:6:44: services[0].backends[0].weight: 4294967296 is not in 0..65535\n" },
		{ SERVICE("", "[{address: 10.0.0.1, weight: 99999999999999999999999}]"),
				"f:6:44: services[0].backends[0].weight: 99999999999999999999999 is not in"
				" 0..65535\n" },
		{ SERVICE("", "[{address: 10.0.0.1, weight: ten}]"),
				"f:6:44: services[0].backends[0].weight: \"ten\" is not a whole number\n" },
		{ SERVICE("", "[{address: 10.0.0.1, weight: 1.5}]"),
				"f:6:44: services[0].backends[0].weight: \"1.5\" is not a whole number\n" },
		{ SERVICE("", "[{address: 10.0.0.1, weight: 0x10}]"),
				"f:6:44: services[0].backends[0].weight: \"0x10\" is not a whole number\n" },
		{ SERVICE("", "[{address: 10.0.0.1, weight: 010}]"),
				"f:6:44: services[0].backends[0].weight: \"010\": write it without leading zero\n" },
		{ SERVICE("", "[{address: 10.0.0.1, weight: '7'}]"),
				"f:6:44: services[0].backends[0].weight: is a string, must be a number\n" },
		{ SERVICE("", "[{address: 10.0.0.1, weight: }]"),
				"f:6:44: services[0].backends[0].weight: is nothing, must be a number\n" },
		{ SERVICE("", "[{address: 10.0.0.1, state: gone}]"),
				"f:6:43: services[0].backends[0].state: \"gone\" is not enabled, draining or"
				" disabled\n" },
		{ SERVICE("", "[{address: 10.0.0.1}, {address: 10.0.0.1}]"),
				"f:6:47: services[0].backends[1].address: 10.0.0.1 is backends[0] already\n" },
		{ SERVICE("", "[{address: 192.0.2.10}]"),
				"f:6:26: services[0].backends[0].address: is the VIP of its own service\n" },
		{ SERVICE("", "[{address: 'fd00::1'}]"),
				"f:6:26: services[0].backends[0].address: mode direct needs backends of the VIP's"
				" own family\n" },
		{ SERVICE("", "[{address: 10.0.0}]"),
				"f:6:26: services[0].backends[0].address: \"10.0.0\" is not an IPv4 or IPv6"
				" address\n" },
		{ SERVICE("", "[{address: 224.0.0.1}]"),
				"f:6:26: services[0].backends[0].address: 224.0.0.1 is not a unicast address\n" },
		{ SERVICE("", "[{weight: 1}]"),
				"f:6:16: services[0].backends[0]: address is missing\n" },
		{ SERVICE("", "[{address: 10.0.0.1, colour: red}]"),
				"f:6:36: services[0].backends[0].colour: unknown key; known are address, weight,"
				" state\n" },
		{ SERVICE("", "none"),
				"f:6:15: services[0].backends: must be a list of backends\n" },
		{ SERVICE("    port: 80\n", "[]"),
				"f:6:5: services[0].port: given twice; first in line 4\n" },
		{ SERVICE("    slots: 65536\n", "[]"),
				"f:6:12: services[0].slots: 65536 is not a prime\n" },
		{ SERVICE("    slots: 250\n", "[]"),
				"f:6:12: services[0].slots: 250 is not in 251..1048573\n" },
		{ SERVICE("    lifetimes: {open: 30}\n", "[]"),
				"f:6:23: services[0].lifetimes.open: \"30\" is not a duration such as 30s\n" },
		{ SERVICE("    lifetimes: {open: 8d}\n", "[]"),
				"f:6:23: services[0].lifetimes.open: 8d is not in 1s..8h\n" },
		{ SERVICE("    lifetimes: {open: 0s}\n", "[]"),
				"f:6:23: services[0].lifetimes.open: 0s is not in 1s..8h\n" },
		{ SERVICE("    lifetimes: {shut: 1s}\n", "[]"),
				"f:6:17: services[0].lifetimes.shut: unknown key; known are half-open, open,"
				" closing, udp\n" },
		{ SERVICE("    name: a b\n", "[]"),
				"f:6:11: services[0].name: \"a b\" is not 1..63 letters, digits, '.', '_' or '-'\n" },
		{ "", "f: is empty\n" },
		{ "# nothing\n", "f: is empty\n" },
		{ "services:\n", "f:1:10: services: must be a list of services\n" },
		{ "[]", "f:1:1: is a list, must be a map\n" },
		{ "{}", "f:1:1: services is missing\n" },
		{ "services: []\nservice: []\n",
				"f:2:1: service: unknown key; known are services\n" },
		{ "services: []\n---\nservices: []\n", "f:2:1: a second document in one file\n" },
		{ "services: &a []\n", "f:1:11: anchors are not supported\n" },
		{ "services: *a\n", "f:1:11: aliases are not supported\n" },
		{ "services: !x []\n", "f:1:11: tags are not supported\n" },
		{ "services: [\n",
				"f:2:1: not YAML: while parsing a flow node: did not find expected node"
				" content\n" },
		{ "? [a]\n: b\n", "f:1:3: a key must be a word\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_errors(cases[i].yaml, cases[i].error);
}

static void
test_errors_across_services_name_the_later_one(void **state)
{
	static const char two[] =
			"services:\n"
			"  - {name: a, address: 192.0.2.1, protocol: tcp, port: 80, mode: direct, backends: []}\n"
			"  - {name: a, address: 192.0.2.1, protocol: tcp, port: 80, mode: ipip, backends: []}\n";
	static const char vip[] =
			"services:\n"
			"  - {name: a, address: 192.0.2.1, protocol: tcp, port: 80, mode: direct, backends: []}\n"
			"  - {address: 192.0.2.2, protocol: tcp, port: 80, mode: ipip, backends: [{address: 192.0.2.1}]}\n";

	(void)state;
	assert_errors(two,
			"f:3:12: services[1].name: \"a\" is the name of services[0] already\n"
			"f:3:24: services[1].address: tcp/192.0.2.1:80 is services[0] already\n");
	assert_errors(vip,
			"f:3:84: services[1].backends[0].address: 192.0.2.1 is the VIP of service a:"
			" packets would come back\n");
}

static void
test_many_errors_are_reported_up_to_twenty(void **state)
{
	char yaml[4096] = "services:\n";
	struct complaints c;

	(void)state;
	for (int i = 0; i < 30; i++)
		strcat(yaml, "  - {}\n");
	complaints_init(&c, "f");
	assert_null(config_parse(yaml, strlen(yaml), FORMAT_YAML, &c));
	assert_int_equal(c.nb, COMPLAINTS_MAX);
	/* Each of thirty services lacks five keys. */
	assert_int_equal(c.nb + c.nb_more, 150);
	complaints_clear(&c);
}

/** A document of @p nb backends, all of one service. */
static char *
big_document(unsigned int nb)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "%s", SERVICE("", "["));
	for (unsigned int i = 0; i < nb; i++)
		fprintf(out, "{address: 10.%u.%u.%u},\n", 1 + (i >> 16), (i >> 8) & 255, i & 255);
	fprintf(out, "]\n");
	fclose(out);
	return text;
}

static void
test_as_many_backends_as_fit_are_good_and_one_more_is_not(void **state)
{
	char *text = big_document(BACKEND_MAX);

	(void)state;
	/* 224.x and the like are not reached: 10.1.0.0 to 10.1.255.253. */
	config_unref(good(text, FORMAT_YAML));
	free(text);
	text = big_document(70000);
	assert_errors(text,
			"f:6:15: services[0].backends: 70000 backends, at most 65534 are possible\n");
	free(text);
}

static void
test_nesting_and_size_are_bounded(void **state)
{
	char *big = malloc(DOCUMENT_MAX_SIZE + 2);
	char deep[256];

	(void)state;
	memset(deep, '[', 100);
	deep[100] = '\0';
	assert_errors(deep, "f:1:17: nested too deeply\n");
	memset(big, ' ', DOCUMENT_MAX_SIZE + 1);
	big[DOCUMENT_MAX_SIZE + 1] = '\0';
	assert_errors(big, "f: larger than 16777216 bytes\n");
	free(big);
}

static void
test_json_is_checked_like_yaml(void **state)
{
	static const struct {
		const char *json, *error;
	} cases[] = {
		{ "{\"services\":[{\"address\":\"192.0.2.1\",\"protocol\":\"tcp\",\"port\":80,\"mode\":\"direct\","
		  "\"backends\":[{\"address\":\"10.0.0.1\",\"weight\":\"7\"}]}]}",
				"f: services[0].backends[0].weight: is a string, must be a number\n" },
		{ "{\"services\":[{\"address\":5,\"protocol\":\"tcp\",\"port\":80,\"mode\":\"direct\",\"backends\":[]}]}",
				"f: services[0].address: is a number, must be text\n" },
		{ "{\"services\":[{\"address\":\"192.0.2.1\",\"protocol\":\"tcp\",\"port\":80.5,\"mode\":\"direct\","
		  "\"backends\":[]}]}",
				"f: services[0].port: \"80.5\" is not a whole number\n" },
		{ "{\"services\":[],\"services\":[]}",
				"f:1:25: not JSON: duplicate object key near"
				" '\"services\"'\n" },
		{ "{\"services\":", "f:1:12: not JSON: unexpected token near end of file\n" },
		{ "null", "f: is empty\n" },
		{ "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "f: nested too deeply\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *errors = errors_of(cases[i].json, FORMAT_JSON);

		assert_string_equal(errors, cases[i].error);
		free(errors);
	}
}

static void
test_what_is_written_reads_back_the_same(void **state)
{
	struct config *config = good(
			"services:\n"
			"  - {address: '2001:db8::10', protocol: udp, port: 53, mode: ipip,\n"
			"     slots: 131071, syn-reselect-idle: 1m, lifetimes: {closing: 8h, udp: 90s},\n"
			"     backends: [{address: 10.0.0.1}, {address: '::ffff', state: disabled}]}\n"
			"  - {name: null-1, address: 192.0.2.1, protocol: tcp, port: 1, mode: direct,\n"
			"     on-down: keep, backends: []}\n"
			"  - {name: 'null', address: 192.0.2.2, protocol: tcp, port: 1, mode: direct,\n"
			"     backends: [{address: 10.0.0.1, weight: 0}]}\n",
			FORMAT_YAML);
	char *yaml = config_to_yaml(config), *json = config_to_json_text(config);
	struct config *from_yaml = good(yaml, FORMAT_YAML), *from_json = good(json, FORMAT_JSON);

	(void)state;
	assert_true(config_equal(config, from_yaml));
	assert_true(config_equal(config, from_json));
	config_unref(config);
	config_unref(from_yaml);
	config_unref(from_json);
	free(yaml);
	free(json);
}

static void
test_no_services_is_not_an_empty_file(void **state)
{
	struct config *config = good("services: []\n", FORMAT_YAML);
	char *yaml = config_to_yaml(config);

	(void)state;
	assert_int_equal(config->nb_services, 0);
	assert_string_equal(yaml, "services: []\n");
	free(yaml);
	config_unref(config);
}

static void
test_no_truncation_is_taken_for_the_whole(void **state)
{
	static const char json[] =
			"{\"services\":[{\"address\":\"192.0.2.1\",\"protocol\":\"tcp\",\"port\":80,"
			"\"mode\":\"direct\",\"backends\":[{\"address\":\"10.0.0.1\"}]}]}";

	(void)state;
	for (size_t len = 0; len < sizeof(json) - 1; len++) {
		struct complaints c;

		complaints_init(&c, "f");
		assert_null(config_parse(json, len, FORMAT_JSON, &c));
		assert_true(complaints_any(&c));
		complaints_clear(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_read),
		cmocka_unit_test(test_errors_name_their_place),
		cmocka_unit_test(test_errors_across_services_name_the_later_one),
		cmocka_unit_test(test_many_errors_are_reported_up_to_twenty),
		cmocka_unit_test(test_as_many_backends_as_fit_are_good_and_one_more_is_not),
		cmocka_unit_test(test_nesting_and_size_are_bounded),
		cmocka_unit_test(test_json_is_checked_like_yaml),
		cmocka_unit_test(test_what_is_written_reads_back_the_same),
		cmocka_unit_test(test_no_services_is_not_an_empty_file),
		cmocka_unit_test(test_no_truncation_is_taken_for_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
