/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Text is made a block at a time, when libmicrohttpd has room for more; between two blocks
 * the loop turns.
 */
#include "controlplane/daemon/api_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/** So much text is made at a time, or a piece more. */
#define BLOCK 16384

struct text_stream {
	struct api_text source;
	char *block; /* NULL: none is under way. */
	size_t len;
	size_t sent;
	bool ended; /* The source has no more. */
};

static void
block_free(struct text_stream *s)
{
	free(s->block);
	s->block = NULL;
	s->len = 0;
	s->sent = 0;
}

/** Make the next block. @return false: no memory. */
static bool
block_make(struct text_stream *s)
{
	FILE *out = open_memstream(&s->block, &s->len);
	int more = 1;

	if (out == NULL)
		return false;
	while (more > 0 && ftello(out) < BLOCK)
		more = s->source.write(s->source.context, out);
	s->ended = more <= 0;
	if (fclose(out) == 0 && more >= 0)
		return true;
	block_free(s);
	return false;
}

static ssize_t
stream_read(void *context, char *buf, size_t size)
{
	struct text_stream *s = context;
	size_t n;

	if (s->sent == s->len) {
		block_free(s);
		if (s->ended)
			return -1;
		if (!block_make(s))
			return -2; /* What was sent must not be taken for the whole. */
	}
	n = s->len - s->sent < size ? s->len - s->sent : size;
	memcpy(buf, s->block + s->sent, n);
	s->sent += n;
	return n > 0 ? (ssize_t)n : -1;
}

static void
stream_end(void *context)
{
	struct text_stream *s = context;

	s->source.end(s->source.context);
	block_free(s);
	free(s);
}

void
api_text_reply(struct request *r, const struct api_text *text, const char *type)
{
	struct text_stream *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		text->end(text->context);
		request_reply(r, 500, NULL);
		return;
	}
	s->source = *text;
	if (!block_make(s)) {
		stream_end(s);
		request_reply(r, 500, NULL);
		return;
	}
	request_reply_stream(r,
			&(struct request_stream){
					.context = s, .read = stream_read, .end = stream_end },
			type);
}
