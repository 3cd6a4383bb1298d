/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Text is made a block at a time, when libmicrohttpd has room for more; between two blocks
 * the loop turns. The memory of an element is free again before the next one is made.
 */
#include "controlplane/daemon/api_list.h"

#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/api_handlers.h"

/** So much text is made at a time, or an element more. */
#define BLOCK 16384
#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(9))

struct list_stream {
	struct api_list list;
	char *text;
	size_t room;
	size_t len;
	size_t sent;
	bool any; /* An element was made. */
	bool ended;
};

/** Called by jansson with a part of an element. @return 0; -1: out of memory. */
static int
append(const char *bytes, size_t len, void *context)
{
	struct list_stream *s = context;

	if (s->room - s->len < len) {
		size_t room = 2 * s->room + len;
		char *text = realloc(s->text, room);

		if (text == NULL)
			return -1;
		s->text = text;
		s->room = room;
	}
	memcpy(s->text + s->len, bytes, len);
	s->len += len;
	return 0;
}

static int
append_element(struct list_stream *s, json_t *element)
{
	int ret = s->any ? append(",", 1, s) : 0;

	if (ret == 0)
		ret = json_dump_callback(element, append, s, DUMP_FLAGS);
	json_decref(element);
	s->any = true;
	return ret;
}

/** Make the next block. @return false: out of memory. */
static bool
fill(struct list_stream *s)
{
	s->sent = 0;
	s->len = 0;
	while (s->len < BLOCK && !s->ended) {
		json_t *element = s->list.next(s->list.context);

		s->ended = element == NULL;
		if ((s->ended ? append("]}\n", 3, s) : append_element(s, element)) != 0)
			return false;
	}
	return true;
}

static ssize_t
stream_read(void *context, char *buf, size_t size)
{
	struct list_stream *s = context;
	size_t n;

	if (s->sent == s->len) {
		if (s->ended)
			return -1;
		if (!fill(s))
			return -2; /* What was sent is no JSON without the rest. */
	}
	n = s->len - s->sent < size ? s->len - s->sent : size;
	memcpy(buf, s->text + s->sent, n);
	s->sent += n;
	return (ssize_t)n;
}

static void
stream_end(void *context)
{
	struct list_stream *s = context;

	s->list.end(s->list.context);
	free(s->text);
	free(s);
}

/** The text up to the first element. @return 0; -1: out of memory. */
static int
append_head(struct list_stream *s, const json_t *head, const char *key)
{
	int ret = append("{", 1, s);

	if (ret == 0 && json_object_size(head) > 0) {
		s->len = 0;
		ret = json_dump_callback(head, append, s, DUMP_FLAGS);
		s->text[s->len - 1] = ','; /* Instead of its end. */
	}
	if (ret == 0)
		ret = append("\"", 1, s);
	if (ret == 0)
		ret = append(key, strlen(key), s);
	return ret == 0 ? append("\":[", 3, s) : ret;
}

void
api_list_reply(struct request *r, json_t *head, const char *key, const struct api_list *list)
{
	struct list_stream *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->list = *list;
	if (s == NULL || append_head(s, head, key) != 0) {
		if (s != NULL)
			stream_end(s);
		else
			list->end(list->context);
		request_reply(r, 500, NULL);
	} else {
		request_reply_stream(r,
				&(struct request_stream){ .context = s,
						.read = stream_read,
						.end = stream_end },
				"application/json");
	}
	json_decref(head);
}
