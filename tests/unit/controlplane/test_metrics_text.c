/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controlplane/daemon/apply_times.h"
#include "controlplane/daemon/metrics_text.h"

static void
test_a_family_is_its_heading_and_its_samples(void **state)
{
	struct metrics_labels labels = { .text = "" };
	char *text = NULL;
	size_t len;
	struct metrics m = { .out = open_memstream(&text, &len) };

	(void)state;
	assert_non_null(m.out);
	metrics_label(&labels, "service", "pay");
	metrics_counter(&m, "a_total", "Of a.");
	metrics_integer(&m, &labels, UINT64_MAX);
	metrics_labelled(&m, &labels, "state", "up", 1);
	metrics_gauge(&m, "b", "Of b.");
	metrics_real(&m, NULL, 0.25);
	assert_int_equal(fclose(m.out), 0);
	assert_string_equal(text,
			"# HELP a_total Of a.\n# TYPE a_total counter\n"
			"a_total{service=\"pay\"} 18446744073709551615\n"
			"a_total{service=\"pay\",state=\"up\"} 1\n"
			"# HELP b Of b.\n# TYPE b gauge\nb 0.25\n");
	free(text);
}

static void
test_values_of_labels_are_escaped(void **state)
{
	struct metrics_labels labels = { .text = "" };

	(void)state;
	metrics_label(&labels, "a", "x\"} 1\n\\");
	assert_string_equal(labels.text, "a=\"x\\\"} 1\\n\\\\\"");
}

static void
test_a_label_without_room_is_left_out_whole(void **state)
{
	struct metrics_labels labels = { .text = "" }, before;
	char value[METRICS_LABELS_SIZE];

	(void)state;
	metrics_label(&labels, "a", "1");
	before = labels;
	/* From far too long to what fits just so. */
	for (size_t len = sizeof(value) - 1; len > 0; len--) {
		memset(value, '"', len);
		value[len] = '\0';
		labels = before;
		metrics_label(&labels, "b", value);
		if (strcmp(labels.text, before.text) == 0)
			continue;
		assert_int_equal(strlen(labels.text),
				strlen(before.text) + strlen(",b=\"\"") + 2 * len);
		assert_true(strlen(labels.text) >= sizeof(labels.text) - 4);
		return;
	}
	fail();
}

static void
test_buckets_of_a_histogram_count_what_lies_below_too(void **state)
{
	static const double bounds[] = { 0.001, 2.5 };
	static const uint64_t counts[] = { 3, 0, 1 };
	char *text;
	size_t len;
	struct metrics m = { .out = open_memstream(&text, &len) };

	(void)state;
	metrics_histogram(&m, "t_seconds", "Of t.", bounds, counts, 2, 7.25);
	assert_int_equal(fclose(m.out), 0);
	assert_string_equal(text,
			"# HELP t_seconds Of t.\n# TYPE t_seconds histogram\n"
			"t_seconds_bucket{le=\"0.001\"} 3\nt_seconds_bucket{le=\"2.5\"} 3\n"
			"t_seconds_bucket{le=\"+Inf\"} 4\nt_seconds_sum 7.25\nt_seconds_count 4\n");
	free(text);
}

static void
test_a_time_counts_in_the_first_bucket_that_holds_it(void **state)
{
	struct apply_times times = { .nb = { 0 } };

	(void)state;
	apply_times_add(&times, 0);
	apply_times_add(&times, 1000);
	apply_times_add(&times, 1001);
	apply_times_add(&times, 10000000);
	apply_times_add(&times, 10000001);
	assert_int_equal(times.nb[0], 2);
	assert_int_equal(times.nb[1], 1);
	assert_int_equal(times.nb[APPLY_TIMES_NB_BOUNDS - 1], 1);
	assert_int_equal(times.nb[APPLY_TIMES_NB_BOUNDS], 1);
	assert_int_equal(times.sum_us, 20002002);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_family_is_its_heading_and_its_samples),
		cmocka_unit_test(test_buckets_of_a_histogram_count_what_lies_below_too),
		cmocka_unit_test(test_a_time_counts_in_the_first_bucket_that_holds_it),
		cmocka_unit_test(test_values_of_labels_are_escaped),
		cmocka_unit_test(test_a_label_without_room_is_left_out_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
