/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/duration.h"

/** Longest part of a value or key that is quoted in a message. */
#define QUOTE_MAX 40

static const char *
kind_word(const struct node *node)
{
	switch (node->kind) {
	case NODE_NULL:
		return "nothing";
	case NODE_MAP:
		return "a map";
	case NODE_LIST:
		return "a list";
	case NODE_NUMBER:
		return "a number";
	case NODE_BOOL:
		return "a boolean";
	case NODE_STRING:
		return "a string";
	default:
		return "a word";
	}
}

static void
complain_at(struct reader *r, unsigned int line, unsigned int column, const char *hint,
		const char *text)
{
	struct place place = { .line = line, .column = column, .path = r->path };

	complain(r->complaints, &place, hint, "%s", text);
}

void
reader_complain(struct reader *r, const struct node *node, const char *hint, const char *format,
		...)
{
	char text[384];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	complain_at(r, node->line, node->column, hint, text);
}

static size_t
reader_append(struct reader *r, const char *text)
{
	size_t saved = r->path_len;
	size_t room = sizeof(r->path) - 1 - saved;
	size_t len = strlen(text);

	if (len > room)
		len = room; /* A path is for people: cut, not refused. */
	memcpy(r->path + saved, text, len);
	r->path_len = saved + len;
	r->path[r->path_len] = '\0';
	return saved;
}

size_t
reader_enter_index(struct reader *r, uint32_t index)
{
	char text[16];

	snprintf(text, sizeof(text), "[%" PRIu32 "]", index);
	return reader_append(r, text);
}

size_t
reader_enter_key(struct reader *r, const char *key)
{
	char text[QUOTE_MAX + 2];

	snprintf(text, sizeof(text), "%s%.*s", r->path_len > 0 ? "." : "", QUOTE_MAX, key);
	return reader_append(r, text);
}

void
reader_leave(struct reader *r, size_t saved)
{
	r->path_len = saved;
	r->path[saved] = '\0';
}

static const struct field *
field_find(const struct field *fields, unsigned int nb, const char *key)
{
	for (unsigned int i = 0; i < nb; i++) {
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	}
	return NULL;
}

static void
complain_unknown(struct reader *r, const struct node *child, const struct field *fields,
		unsigned int nb)
{
	char text[384];
	int at = snprintf(text, sizeof(text), "unknown key; known are ");

	for (unsigned int i = 0; i < nb; i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, "%s%s", i > 0 ? ", " : "",
				fields[i].key);
	complain_at(r, child->key_line, child->key_column, NULL, text);
}

bool
fields_read(struct reader *r, const struct node *node, const struct field *fields,
		unsigned int nb_fields, void *out)
{
	const struct node *seen[FIELDS_MAX] = { NULL };
	bool good = true;

	if (node->kind != NODE_MAP) {
		reader_complain(r, node, NULL, "is %s, must be a map", kind_word(node));
		return false;
	}
	for (const struct node *child = node->first; child != NULL; child = child->next) {
		const struct field *field = field_find(fields, nb_fields, child->key);
		size_t saved = reader_enter_key(r, child->key);

		if (field == NULL) {
			complain_unknown(r, child, fields, nb_fields);
			good = false;
		} else if (seen[field - fields] != NULL) {
			struct place place = { .line = child->key_line,
				.column = child->key_column,
				.path = r->path };

			complain(r->complaints, &place, NULL, "given twice; first in line %" PRIu32,
					seen[field - fields]->key_line);
			good = false;
		} else {
			seen[field - fields] = child;
			field->read(r, child, out);
		}
		reader_leave(r, saved);
	}
	for (unsigned int i = 0; i < nb_fields; i++) {
		if (fields[i].required && seen[i] == NULL) {
			reader_complain(r, node, NULL, "%s is missing", fields[i].key);
			good = false;
		}
	}
	return good;
}

const char *
read_text(struct reader *r, const struct node *node)
{
	if (node->kind == NODE_PLAIN || node->kind == NODE_STRING)
		return node->text;
	reader_complain(r, node, NULL, "is %s, must be text", kind_word(node));
	return NULL;
}

static bool
is_integer(const char *text)
{
	if (*text == '-' || *text == '+')
		text++;
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

bool
read_integer(struct reader *r, const struct node *node, uint32_t min, uint32_t max, uint32_t *out)
{
	const char *text = node->text;
	unsigned long long n;

	if (node->kind != NODE_PLAIN && node->kind != NODE_NUMBER) {
		reader_complain(r, node, NULL, "is %s, must be a number", kind_word(node));
		return false;
	}
	if (!is_integer(text)) {
		reader_complain(r, node, NULL, "\"%.*s\" is not a whole number", QUOTE_MAX, text);
		return false;
	}
	/* A leading zero is octal in YAML 1.1 and decimal in 1.2: nobody should have to guess. */
	if (text[0] == '+' || (text[0] == '0' && text[1] != '\0')) {
		reader_complain(r, node, NULL, "\"%.*s\": write it without leading %s", QUOTE_MAX,
				text, text[0] == '+' ? "plus" : "zero");
		return false;
	}
	errno = 0;
	n = text[0] == '-' ? ULLONG_MAX : strtoull(text, NULL, 10);
	if (errno != 0 || n < min || n > max) {
		reader_complain(r, node, NULL, "%.*s is not in %" PRIu32 "..%" PRIu32, QUOTE_MAX,
				text, min, max);
		return false;
	}
	*out = (uint32_t)n;
	return true;
}

/** A duration by @p parse. @p hint is kept by the complaint; @p example shows one. */
static bool
read_duration(struct reader *r, const struct node *node, const char *hint, const char *example,
		int (*parse)(const char *, uint32_t *), uint32_t *out)
{
	int ret = -EINVAL;

	if (node->kind == NODE_PLAIN || node->kind == NODE_STRING)
		ret = parse(node->text, out);
	if (ret == 0)
		return true;
	if (ret == -ERANGE)
		reader_complain(r, node, NULL, "%.*s is too long", QUOTE_MAX, node->text);
	else if (node->text[0] != '\0')
		reader_complain(r, node, hint, "\"%.*s\" is not a duration such as %s", QUOTE_MAX,
				node->text, example);
	else
		reader_complain(r, node, hint, "is %s, must be a duration such as %s",
				kind_word(node), example);
	return false;
}

bool
read_seconds(struct reader *r, const struct node *node, uint32_t min, uint32_t max, uint32_t *out)
{
	char min_text[DURATION_STRLEN], max_text[DURATION_STRLEN];
	uint32_t seconds;

	if (!read_duration(r, node, "a whole number with s, m, h or d, for example 30s", "30s",
			    duration_parse, &seconds))
		return false;
	if (seconds < min || seconds > max) {
		reader_complain(r, node, NULL, "%.*s is not in %s..%s", QUOTE_MAX, node->text,
				duration_format(min, min_text), duration_format(max, max_text));
		return false;
	}
	*out = seconds;
	return true;
}

bool
read_milliseconds(struct reader *r, const struct node *node, uint32_t min, uint32_t max,
		uint32_t *out)
{
	char min_text[DURATION_STRLEN], max_text[DURATION_STRLEN];
	uint32_t ms;

	if (!read_duration(r, node, "a whole number with ms, s, m, h or d, for example 100ms",
			    "100ms", duration_parse_ms, &ms))
		return false;
	if (ms < min || ms > max) {
		reader_complain(r, node, NULL, "%.*s is not in %s..%s", QUOTE_MAX, node->text,
				duration_format_ms(min, min_text),
				duration_format_ms(max, max_text));
		return false;
	}
	*out = ms;
	return true;
}

bool
read_percent(struct reader *r, const struct node *node, uint32_t max, uint32_t *out)
{
	size_t digits = strspn(node->text, "0123456789");

	if ((node->kind != NODE_PLAIN && node->kind != NODE_STRING) || digits == 0 || digits > 3 ||
			strcmp(node->text + digits, "%") != 0) {
		reader_complain(r, node, NULL, "must be a share such as 10%%");
		return false;
	}
	if (strtoul(node->text, NULL, 10) > max) {
		reader_complain(r, node, NULL, "%s is not in 0%%..%" PRIu32 "%%", node->text, max);
		return false;
	}
	*out = (uint32_t)strtoul(node->text, NULL, 10);
	return true;
}

bool
read_address(struct reader *r, const struct node *node, struct ip_addr *out)
{
	const char *text = read_text(r, node);
	struct ip_addr addr;

	if (text == NULL)
		return false;
	if (ip_addr_parse(text, &addr) != 0) {
		reader_complain(r, node, NULL, "\"%.60s\" is not an IPv4 or IPv6 address", text);
		return false;
	}
	if (!ip_addr_is_unicast(&addr)) {
		reader_complain(r, node, NULL, "%s is not a unicast address", text);
		return false;
	}
	*out = addr;
	return true;
}

int
read_word(struct reader *r, const struct node *node, const char *zero, const char *one)
{
	const char *text = read_text(r, node);

	if (text == NULL)
		return -1;
	if (strcmp(text, zero) == 0 || strcmp(text, one) == 0)
		return strcmp(text, one) == 0;
	reader_complain(r, node, NULL, "\"%.40s\" is not %s or %s", text, zero, one);
	return -1;
}
