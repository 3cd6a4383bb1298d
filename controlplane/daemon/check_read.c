/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"

#include "controlplane/daemon/check_document.h"

#define MAX_JITTER 50

/** A check while it is read: the texts of its exchange are those of the document. */
struct draft {
	struct check check;
	struct exchange exchange;
};

static void
read_type(struct reader *r, const struct node *node, void *out)
{
	const char *text = read_text(r, node);

	if (text != NULL && check_type_parse(text, &((struct draft *)out)->check.type) != 0)
		reader_complain(r, node, NULL, "\"%.40s\" is not tcp or http", text);
}

static void
read_interval(struct reader *r, const struct node *node, void *out)
{
	read_milliseconds(r, node, CHECK_MIN_INTERVAL_MS, CHECK_MAX_INTERVAL_MS,
			&((struct draft *)out)->check.interval_ms);
}

static void
read_fast_interval(struct reader *r, const struct node *node, void *out)
{
	read_milliseconds(r, node, CHECK_MIN_INTERVAL_MS, CHECK_MAX_INTERVAL_MS,
			&((struct draft *)out)->check.fast_interval_ms);
}

static void
read_timeout(struct reader *r, const struct node *node, void *out)
{
	read_milliseconds(r, node, CHECK_MIN_INTERVAL_MS, CHECK_MAX_INTERVAL_MS,
			&((struct draft *)out)->check.timeout_ms);
}

static void
read_streak(struct reader *r, const struct node *node, uint16_t *out)
{
	uint32_t n;

	if (read_integer(r, node, 1, CHECK_MAX_STREAK, &n))
		*out = (uint16_t)n;
}

static void
read_rise(struct reader *r, const struct node *node, void *out)
{
	read_streak(r, node, &((struct draft *)out)->check.rise);
}

static void
read_fall(struct reader *r, const struct node *node, void *out)
{
	read_streak(r, node, &((struct draft *)out)->check.fall);
}

static void
read_jitter(struct reader *r, const struct node *node, void *out)
{
	uint32_t percent;

	if (read_percent(r, node, MAX_JITTER, &percent))
		((struct draft *)out)->check.jitter_percent = (uint8_t)percent;
}

static void
read_check_port(struct reader *r, const struct node *node, void *out)
{
	uint32_t port;

	if (read_integer(r, node, 1, UINT16_MAX, &port))
		((struct draft *)out)->check.l4_port = (uint16_t)port;
}

static void
read_check_address(struct reader *r, const struct node *node, void *out)
{
	read_address(r, node, &((struct draft *)out)->check.addr);
}

static void
read_source(struct reader *r, const struct node *node, void *out)
{
	read_address(r, node, &((struct draft *)out)->check.source);
}

static void
read_bytes(struct reader *r, const struct node *node, struct check_text *out)
{
	const char *text = read_text(r, node);
	size_t len;

	if (text == NULL)
		return;
	len = strlen(text);
	if (len == 0 || len > EXCHANGE_TEXT_MAX) {
		reader_complain(r, node, NULL, "has %zu bytes, must have 1..%d", len,
				EXCHANGE_TEXT_MAX);
		return;
	}
	*out = (struct check_text){ .bytes = text, .len = (uint16_t)len };
}

static void
read_send(struct reader *r, const struct node *node, void *out)
{
	read_bytes(r, node, &((struct draft *)out)->exchange.texts[TEXT_SEND]);
}

static void
read_expect(struct reader *r, const struct node *node, void *out)
{
	read_bytes(r, node, &((struct draft *)out)->exchange.texts[TEXT_EXPECT]);
}

/** Text of an HTTP request: nothing in it may end a line. */
static void
read_http_text(struct reader *r, const struct node *node, const char *letters,
		struct check_text *out)
{
	struct check_text text = { .len = 0 };

	read_bytes(r, node, &text);
	for (unsigned int i = 0; i < text.len; i++) {
		char c = text.bytes[i];

		if (c > ' ' && c < 127 && (letters == NULL || strchr(letters, c) != NULL))
			continue;
		reader_complain(r, node, NULL, "has a character that must not be there");
		return;
	}
	*out = text;
}

static void
read_method(struct reader *r, const struct node *node, void *out)
{
	read_http_text(r, node, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-",
			&((struct draft *)out)->exchange.texts[TEXT_METHOD]);
}

static void
read_path(struct reader *r, const struct node *node, void *out)
{
	struct check_text *path = &((struct draft *)out)->exchange.texts[TEXT_PATH];

	read_http_text(r, node, NULL, path);
	if (path->len > 0 && path->bytes[0] != '/')
		reader_complain(r, node, NULL, "must begin with /");
}

static void
read_host(struct reader *r, const struct node *node, void *out)
{
	read_http_text(r, node, NULL, &((struct draft *)out)->exchange.texts[TEXT_HOST]);
}

/** "200" or "200-399". */
static void
read_status(struct reader *r, const struct node *node, void *out)
{
	struct exchange *exchange = &((struct draft *)out)->exchange;
	const char *text = node->text;
	unsigned int min, max;
	int end = 0;
	bool good = node->kind == NODE_PLAIN || node->kind == NODE_STRING ||
			node->kind == NODE_NUMBER;

	if (good && sscanf(text, "%3u-%3u%n", &min, &max, &end) == 2 && text[end] == '\0')
		good = text[0] != '+' && text[0] != '-';
	else if (good && sscanf(text, "%3u%n", &min, &end) == 1 && text[end] == '\0')
		max = min;
	else
		good = false;
	if (!good || min < 100 || max > 599 || min > max) {
		reader_complain(r, node, NULL,
				"must be a status such as 200, or some such as 200-399");
		return;
	}
	exchange->status_min = (uint16_t)min;
	exchange->status_max = (uint16_t)max;
}

static void
read_keep_alive(struct reader *r, const struct node *node, void *out)
{
	int word = read_word(r, node, "false", "true");

	if (word >= 0)
		((struct draft *)out)->exchange.keep_alive = (uint8_t)word;
}

static const struct field check_fields[] = {
	{ "type", true, read_type },
	{ "interval", false, read_interval },
	{ "fast-interval", false, read_fast_interval },
	{ "timeout", false, read_timeout },
	{ "rise", false, read_rise },
	{ "fall", false, read_fall },
	{ "jitter", false, read_jitter },
	{ "port", false, read_check_port },
	{ "address", false, read_check_address },
	{ "source", false, read_source },
	{ "send", false, read_send },
	{ "expect", false, read_expect },
	{ "method", false, read_method },
	{ "path", false, read_path },
	{ "host", false, read_host },
	{ "status", false, read_status },
	{ "keep-alive", false, read_keep_alive },
};

/** Keys that another type has. */
static void
check_keys(struct reader *r, const struct node *node, const struct draft *draft)
{
	static const char *const of_http[] = { "method", "path", "host", "status", "keep-alive" };

	for (size_t i = 0; draft->check.type != CHECK_HTTP && i < ARRAY_LEN(of_http); i++) {
		const struct node *key = node_child_or_self(node, of_http[i]);

		if (key != node)
			reader_complain(r, key, NULL, "%s is for checks of type http", of_http[i]);
	}
	if (draft->check.type == CHECK_HTTP && draft->exchange.texts[TEXT_SEND].len > 0)
		reader_complain(r, node_child_or_self(node, "send"), NULL,
				"send is for checks of type tcp");
}

void
check_read(struct reader *r, const struct node *node, struct check *out)
{
	struct draft draft;
	struct exchange *made;

	check_init(out, CHECK_TCP);
	draft.check = *out;
	exchange_init(&draft.exchange);
	if (!fields_read(r, node, check_fields, ARRAY_LEN(check_fields), &draft))
		return;
	check_keys(r, node, &draft);
	made = exchange_make(&draft.exchange);
	if (made == NULL) {
		reader_complain(r, node, NULL, "out of memory");
		return;
	}
	*out = draft.check;
	out->exchange = made;
	if (out->fast_interval_ms > out->interval_ms)
		reader_complain(r, node_child_or_self(node, "fast-interval"), NULL,
				"the fast interval is longer than the interval");
	if (out->addr.family != IP_NONE && out->source.family != IP_NONE &&
			out->addr.family != out->source.family)
		reader_complain(r, node_child_or_self(node, "source"), NULL,
				"source and address are of different families");
}
