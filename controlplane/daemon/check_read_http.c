/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"

#include "controlplane/daemon/check_draft.h"

void
check_read_visible(struct reader *r, const struct node *node, const char *letters,
		struct check_text *out)
{
	struct check_text text = { .len = 0 };

	check_read_bytes(r, node, &text);
	for (unsigned int i = 0; i < text.len; i++) {
		char c = text.bytes[i];

		if (c > ' ' && c < 127 && (letters == NULL || strchr(letters, c) != NULL))
			continue;
		reader_complain(r, node, NULL, "has a character that must not be there");
		return;
	}
	*out = text;
}

void
check_read_method(struct reader *r, const struct node *node, void *out)
{
	check_read_visible(r, node, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-",
			&((struct draft *)out)->exchange.texts[TEXT_METHOD]);
}

void
check_read_path(struct reader *r, const struct node *node, void *out)
{
	struct check_text *path = &((struct draft *)out)->exchange.texts[TEXT_PATH];

	check_read_visible(r, node, NULL, path);
	if (path->len > 0 && path->bytes[0] != '/')
		reader_complain(r, node, NULL, "must begin with /");
}

void
check_read_host(struct reader *r, const struct node *node, void *out)
{
	check_read_visible(r, node, NULL, &((struct draft *)out)->exchange.texts[TEXT_HOST]);
}

/** Three digits at @p *at, which is moved behind them. @return 0: no status. */
static unsigned int
parse_status(const char **at)
{
	unsigned int status = 0;

	for (unsigned int i = 0; i < 3; i++) {
		char c = (*at)[i];

		if (c < '0' || c > '9')
			return 0;
		status = status * 10 + (unsigned int)(c - '0');
	}
	*at += 3;
	return status >= STATUS_MIN && status <= STATUS_MAX ? status : 0;
}

/** "200", "200-399", "200, 204, 301-302". @return false: it is none of these. */
static bool
parse_statuses(const char *text, struct status_set *set)
{
	for (;;) {
		unsigned int min = parse_status(&text), max = min;

		if (*text == '-') {
			text++;
			max = parse_status(&text);
		}
		if (min == 0 || max < min)
			return false;
		status_set_add(set, min, max);
		if (*text != ',')
			return *text == '\0';
		text += strspn(text, ", ");
	}
}

static bool
read_statuses(struct reader *r, const struct node *node, struct status_set *set)
{
	bool good = node->kind == NODE_PLAIN || node->kind == NODE_STRING ||
			node->kind == NODE_NUMBER;

	if (good && parse_statuses(node->text, set))
		return true;
	reader_complain(r, node, NULL, "must be a status such as 200, or some such as 200-399");
	return false;
}

void
check_read_status(struct reader *r, const struct node *node, void *out)
{
	struct status_set set = { .bits = { 0 } };
	uint32_t i = 0;

	if (node->kind == NODE_LIST && node->nb == 0)
		reader_complain(r, node, NULL, "no status would be good");
	if (node->kind == NODE_LIST) {
		for (const struct node *child = node->first; child != NULL; child = child->next) {
			size_t saved = reader_enter_index(r, i++);

			read_statuses(r, child, &set);
			reader_leave(r, saved);
		}
	} else if (!read_statuses(r, node, &set)) {
		return;
	}
	((struct draft *)out)->exchange.statuses = set;
}

/* Headers. */

/** Headers that the check makes itself. @return what is to be done instead; NULL: another. */
static const char *
own_header(const char *name)
{
	static const struct {
		const char *name, *hint;
	} own[] = {
		{ "host", "use the key host" },
		{ "connection", "use the key keep-alive" },
		{ "content-length", "a check sends no body" },
		{ "transfer-encoding", "a check sends no body" },
		{ "expect", "a check sends no body" },
		{ "upgrade", "a check speaks HTTP/1.1" },
	};

	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (strcasecmp(name, own[i].name) == 0)
			return own[i].hint;
	}
	return NULL;
}

/** RFC 9110: a name is a token; a value is visible letters, with spaces between them. */
static bool
header_is_clean(const char *name, const char *value)
{
	size_t len = strlen(value);

	if (name[0] == '\0' ||
			name[strspn(name,
					"!#$%&'*+-.^_`|~0123456789"
					"abcdefghijklmnopqrstuvwxyz"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < ' ' || value[i] > '~')
			return false;
	}
	return len > 0 && value[0] != ' ' && value[len - 1] != ' ';
}

static bool
is_given_twice(const struct node *map, const struct node *node)
{
	const struct node *other = map->first;

	while (other != node && strcasecmp(other->key, node->key) != 0)
		other = other->next;
	return other != node;
}

/** Append a line; lines end by NUL. @return false: complained. */
static bool
read_header(struct reader *r, const struct node *node, struct draft *draft)
{
	struct check_text *headers = &draft->exchange.texts[TEXT_HEADERS];
	const char *value = read_text(r, node), *hint = own_header(node->key);
	size_t room = sizeof(draft->headers) - headers->len;
	int len;

	if (value == NULL)
		return false;
	if (hint != NULL) {
		reader_complain(r, node, hint, "this header is the check's own");
		return false;
	}
	if (!header_is_clean(node->key, value)) {
		reader_complain(r, node, NULL, "is no header of HTTP");
		return false;
	}
	len = snprintf(draft->headers + headers->len, room, "%s: %s", node->key, value);
	if ((size_t)len >= room) {
		reader_complain(r, node, NULL, "the headers have more than %d bytes",
				DRAFT_HEADERS_MAX);
		return false;
	}
	headers->len = (uint16_t)(headers->len + len + 1);
	return true;
}

void
check_read_headers(struct reader *r, const struct node *node, void *out)
{
	struct draft *draft = out;

	if (node->kind != NODE_MAP) {
		reader_complain(r, node, NULL, "must be a map of names and values");
		return;
	}
	draft->exchange.texts[TEXT_HEADERS].bytes = draft->headers;
	for (const struct node *child = node->first; child != NULL; child = child->next) {
		size_t saved = reader_enter_key(r, child->key);

		if (is_given_twice(node, child))
			reader_complain(r, child, NULL, "is given twice");
		else if (read_header(r, child, draft)) {
			reader_leave(r, saved);
			continue;
		}
		reader_leave(r, saved);
		return; /* One is enough: what comes after may be very many. */
	}
}

void
check_read_keep_alive(struct reader *r, const struct node *node, void *out)
{
	int word = read_word(r, node, "false", "true");

	if (word >= 0)
		((struct draft *)out)->exchange.keep_alive = (uint8_t)word;
}
