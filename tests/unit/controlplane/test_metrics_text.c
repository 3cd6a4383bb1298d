/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_family_is_its_heading_and_its_samples),
		cmocka_unit_test(test_values_of_labels_are_escaped),
		cmocka_unit_test(test_a_label_without_room_is_left_out_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
