/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "controlplane/health/agent.h"
#include "service/service.h"

static bool
parse(const char *line, struct agent_report *report)
{
	return agent_parse(line, strlen(line), report);
}

static void
test_each_word_says_one_thing(void **state)
{
	static const struct {
		const char *line;
		uint8_t health;
		uint8_t percent;
		bool drains, is_ready;
	} cases[] = {
		{ "up", HEALTH_UP, AGENT_NO_PERCENT, false, false },
		{ "UP\r\n", HEALTH_UP, AGENT_NO_PERCENT, false, false },
		{ "down", HEALTH_DOWN, AGENT_NO_PERCENT, false, false },
		{ "fail\n", HEALTH_DOWN, AGENT_NO_PERCENT, false, false },
		{ "failed", HEALTH_DOWN, AGENT_NO_PERCENT, false, false },
		{ "stopped", HEALTH_DOWN, AGENT_NO_PERCENT, false, false },
		{ "75%", HEALTH_UNKNOWN, 75, false, false },
		{ "0%", HEALTH_UNKNOWN, 0, false, false },
		{ "250%", HEALTH_UNKNOWN, 100, false, false },
		{ "99999999999999999999999999%", HEALTH_UNKNOWN, 100, false, false },
		{ "drain", HEALTH_UNKNOWN, AGENT_NO_PERCENT, true, false },
		{ "maint", HEALTH_UNKNOWN, AGENT_NO_PERCENT, true, false },
		{ "ready", HEALTH_UNKNOWN, AGENT_NO_PERCENT, false, true },
		{ "maxconn:30", HEALTH_UNKNOWN, AGENT_NO_PERCENT, false, false },
		{ "up ready 50%\n", HEALTH_UP, 50, false, true },
		{ ",,\tready,up\t 50%, maxconn:3", HEALTH_UP, 50, false, true },
		{ "strange up", HEALTH_UP, AGENT_NO_PERCENT, false, false },
		{ "down up", HEALTH_UP, AGENT_NO_PERCENT, false, false },
		{ "ready drain", HEALTH_UNKNOWN, AGENT_NO_PERCENT, true, false },
		{ "up\ndown", HEALTH_UP, AGENT_NO_PERCENT, false, false },
		{ "up # down", HEALTH_UP, AGENT_NO_PERCENT, false, false },
	};
	struct agent_report r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (!parse(cases[i].line, &r))
			fail_msg("\"%s\" is not understood", cases[i].line);
		if (r.health != cases[i].health || r.percent != cases[i].percent ||
				r.drains != cases[i].drains || r.is_ready != cases[i].is_ready)
			fail_msg("\"%s\": health %u, percent %u, drains %d, ready %d",
					cases[i].line, r.health, r.percent, r.drains, r.is_ready);
	}
}

static void
test_what_is_no_word_is_not_understood(void **state)
{
	static const char *const lines[] = { "", "\n", "\nup", " \t,", "75", "%", "-5%", "7x%",
		"upp", "#up", "maxconn:", "HTTP/1.1 200 OK" };
	struct agent_report r;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		if (parse(lines[i], &r))
			fail_msg("\"%s\" is understood", lines[i]);
	}
	assert_false(agent_parse("\0up", 3, &r));
}

static void
test_the_reason_is_for_people_and_bounded(void **state)
{
	struct agent_report r;
	char line[300];

	(void)state;
	assert_true(parse("down#no disk\r\n", &r));
	assert_string_equal(r.why, "its agent says down: no disk");
	assert_true(parse("Failed # \x1b[2J", &r));
	assert_string_equal(r.why, "its agent says Failed: ?[2J");
	assert_true(parse("down", &r));
	assert_string_equal(r.why, "its agent says down");
	memset(line, 'x', sizeof(line));
	memcpy(line, "down #", 6);
	assert_true(agent_parse(line, sizeof(line), &r));
	assert_int_equal(strlen(r.why), AGENT_WHY_SIZE - 1);
}

static void
test_what_it_does_not_speak_of_stays(void **state)
{
	static const struct {
		const char *line;
		uint8_t percent;
		bool changed;
	} steps[] = { { "up", 100, true }, { "up", 100, false }, { "40%", 40, true },
		{ "up", 40, false }, { "drain", 0, true }, { "80%", 0, true },
		{ "up 80%", 0, false }, { "ready", 80, true }, { "maint 10%", 0, true },
		{ "100% ready", 100, true } };
	struct agent_word word;
	struct agent_report r;

	(void)state;
	agent_word_init(&word);
	assert_int_equal(agent_word_percent(&word), AGENT_NO_PERCENT);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		assert_true(parse(steps[i].line, &r));
		assert_int_equal(agent_word_note(&word, &r), steps[i].changed);
		assert_int_equal(agent_word_percent(&word), steps[i].percent);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_word_says_one_thing),
		cmocka_unit_test(test_what_is_no_word_is_not_understood),
		cmocka_unit_test(test_the_reason_is_for_people_and_bounded),
		cmocka_unit_test(test_what_it_does_not_speak_of_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
