/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/daemon/http.h"
#include "controlplane/daemon/request.h"

/** A request without a connection: http_wake() looks at it only to see that it runs. */
static uint64_t connection[512];

static void
request_make(struct request *r)
{
	memset(r, 0, sizeof(*r));
	memset(connection, 0, sizeof(connection));
	r->connection = (struct http_connection *)connection;
}

static void
test_a_path_is_split_before_it_is_decoded(void **state)
{
	struct request r;

	(void)state;
	request_make(&r);
	assert_true(request_set_path(&r, "/v1/services/tcp%2F192.0.2.10%3A443/backends/"));
	assert_int_equal(r.nb_segments, 4);
	assert_string_equal(r.segments[2], "tcp/192.0.2.10:443");
	assert_string_equal(r.segments[3], "backends");
	request_clear(&r);
}

static void
test_bad_encoding_is_refused(void **state)
{
	static const char *const urls[] = { "/%", "/%4", "/%zz", "/a%00b", "/v1/%g0" };
	struct request r;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		request_make(&r);
		assert_false(request_set_path(&r, urls[i]));
		assert_true(r.replied);
		assert_int_equal(r.status, 400);
		request_clear(&r);
	}
}

static void
test_a_path_with_too_many_segments_is_no_path(void **state)
{
	struct request r;

	(void)state;
	request_make(&r);
	assert_true(request_set_path(&r, "/v1/status/3/4/5/6/7/8/9/10"));
	assert_int_equal(r.nb_segments, 0);
	request_clear(&r);
}

static void
test_parameters_are_strict(void **state)
{
	struct request r;
	uint64_t n = 5;
	bool flag;

	(void)state;
	request_make(&r);
	assert_true(request_add_param(&r, "a", "tr%75e"));
	assert_true(request_add_param(&r, "b", NULL));
	assert_true(request_add_param(&r, "n", "18446744073709551616"));
	assert_true(request_param_bool(&r, "a", &flag));
	assert_true(flag);
	assert_true(request_param_bool(&r, "missing", &flag));
	assert_false(flag);
	assert_false(request_param_bool(&r, "b", &flag));
	request_clear(&r);
	request_make(&r);
	assert_true(request_add_param(&r, "n", "18446744073709551616"));
	assert_false(request_param_number(&r, "n", 0, UINT64_MAX, &n));
	assert_int_equal(n, 5);
	request_clear(&r);
}

static void
test_an_error_that_is_not_utf8_is_still_json(void **state)
{
	struct request r;
	json_t *json;

	(void)state;
	request_make(&r);
	request_fail(&r, 404, &(struct api_error){ .code = "not_found", .path = "\xff\xfe" }, "%s",
			"\xc3(");
	json = json_loads(r.reply, 0, NULL);
	assert_non_null(json);
	assert_string_equal(
			json_string_value(json_object_get(json_object_get(json, "error"), "path")),
			"??");
	json_decref(json);
	request_clear(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_path_is_split_before_it_is_decoded),
		cmocka_unit_test(test_bad_encoding_is_refused),
		cmocka_unit_test(test_a_path_with_too_many_segments_is_no_path),
		cmocka_unit_test(test_parameters_are_strict),
		cmocka_unit_test(test_an_error_that_is_not_utf8_is_still_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
