/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/agent.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"
#include "service/service.h"

#define DELIMITERS " \t,"

/** "75%". @return -1: it is not that. */
static int
parse_percent(const char *word, size_t len)
{
	unsigned int value = 0;

	if (len < 2 || word[len - 1] != '%')
		return -1;
	for (size_t i = 0; i < len - 1; i++) {
		if (word[i] < '0' || word[i] > '9')
			return -1;
		if (value <= 100)
			value = value * 10 + (unsigned int)(word[i] - '0');
	}
	return value < 100 ? (int)value : 100;
}

static bool
is_one_of(const char *word, size_t len, const char *const *words, size_t nb)
{
	for (size_t i = 0; i < nb; i++) {
		if (strlen(words[i]) == len && strncasecmp(word, words[i], len) == 0)
			return true;
	}
	return false;
}

static void
note_down(struct agent_report *r, const char *word, size_t len, const char *reason,
		size_t reason_len)
{
	r->health = HEALTH_DOWN;
	snprintf(r->why, sizeof(r->why), "its agent says %.*s%s%.*s", (int)len, word,
			reason_len > 0 ? ": " : "", (int)reason_len, reason);
	for (char *c = r->why; *c != '\0'; c++) {
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
}

/** @return false: the word is not known. */
static bool
note(struct agent_report *r, const char *word, size_t len, const char *reason, size_t reason_len)
{
	static const char *const ups[] = { "up" };
	static const char *const downs[] = { "down", "fail", "failed", "stopped" };
	static const char *const drains[] = { "drain", "maint" };
	static const char *const readies[] = { "ready" };
	int percent = parse_percent(word, len);

	if (percent >= 0) {
		r->percent = (uint8_t)percent;
	} else if (is_one_of(word, len, ups, ARRAY_LEN(ups))) {
		r->health = HEALTH_UP;
	} else if (is_one_of(word, len, downs, ARRAY_LEN(downs))) {
		note_down(r, word, len, reason, reason_len);
	} else if (is_one_of(word, len, drains, ARRAY_LEN(drains))) {
		r->drains = true;
		r->is_ready = false;
	} else if (is_one_of(word, len, readies, ARRAY_LEN(readies))) {
		r->is_ready = true;
		r->drains = false;
	} else {
		return len > 8 && strncasecmp(word, "maxconn:", 8) == 0;
	}
	return true;
}

/** Bytes of @p at that are, or are not, in @p set. */
static size_t
span(const char *at, const char *end, const char *set, bool in)
{
	const char *c = at;

	while (c < end && (*c != '\0' && strchr(set, *c) != NULL) == in)
		c++;
	return (size_t)(c - at);
}

bool
agent_parse(const char *line, size_t len, struct agent_report *out)
{
	size_t line_len = span(line, line + len, "\r\n", false);
	const char *end = line + line_len;
	const char *reason = line + span(line, end, "#", false);
	const char *words_end = reason;
	bool understood = false;

	*out = (struct agent_report){ .health = HEALTH_UNKNOWN, .percent = AGENT_NO_PERCENT };
	reason += reason < end;
	reason += span(reason, end, DELIMITERS, true);
	for (const char *at = line; at < words_end;) {
		size_t word_len;

		at += span(at, words_end, DELIMITERS, true);
		word_len = span(at, words_end, DELIMITERS, false);
		if (word_len > 0)
			understood |= note(out, at, word_len, reason, (size_t)(end - reason));
		at += word_len;
	}
	return understood;
}

void
agent_word_init(struct agent_word *word)
{
	*word = (struct agent_word){ .percent = 100 };
}

bool
agent_word_note(struct agent_word *word, const struct agent_report *report)
{
	struct agent_word before = *word;

	if (report->percent != AGENT_NO_PERCENT)
		word->percent = report->percent;
	if (report->drains)
		word->drained = true;
	if (report->is_ready)
		word->drained = false;
	word->known = true;
	return !before.known || word->percent != before.percent || word->drained != before.drained;
}

uint8_t
agent_word_percent(const struct agent_word *word)
{
	if (!word->known)
		return AGENT_NO_PERCENT;
	return word->drained ? 0 : word->percent;
}
