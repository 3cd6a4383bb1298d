/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/health/http_answer.h"

#include <string.h>

/** What on_headers() returns for an answer without a body (http_parser.h). */
#define SKIP_BODY 1

static int
on_headers(http_parser *parser)
{
	struct http_answer *a = parser->data;

	a->status = (uint16_t)parser->status_code;
	a->has_headers = true;
	/* Whatever their lengths say (RFC 9112, 6.3). */
	return a->is_head || a->status < 200 || a->status == 204 || a->status == 304 ? SKIP_BODY
										     : 0;
}

static int
on_body(http_parser *parser, const char *data, size_t len)
{
	struct http_answer *a = parser->data;
	size_t room = HTTP_BODY_LOOKED - a->body_len;

	a->nb_body += len;
	if (a->body != NULL) {
		memcpy(a->body + a->body_len, data, len < room ? len : room);
		a->body_len += (uint32_t)(len < room ? len : room);
	}
	return 0;
}

/** An interim answer (100 Continue, 103 Early Hints) is followed by the one that counts. */
static int
on_whole(http_parser *parser)
{
	struct http_answer *a = parser->data;

	if (a->status < 200 && a->status != 101) {
		a->has_headers = false;
		return 0;
	}
	a->is_whole = true;
	a->keeps = http_should_keep_alive(parser) != 0;
	http_parser_pause(parser, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_whole,
};

void
http_answer_setup(void)
{
	http_parser_set_max_header_size(HTTP_HEADERS_MAX);
}

void
http_answer_begin(struct http_answer *a, bool is_head, char *body)
{
	*a = (struct http_answer){ .is_head = is_head, .body = body };
	http_parser_init(&a->parser, HTTP_RESPONSE);
	a->parser.data = a;
}

enum http_state
http_answer_feed(struct http_answer *a, const char *data, size_t len)
{
	size_t nb_parsed = http_parser_execute(&a->parser, &settings, data, len);

	if (a->is_whole) {
		/* What was not asked for makes the next answer another's. */
		a->keeps &= nb_parsed == len && a->parser.upgrade == 0;
		return HTTP_WHOLE;
	}
	if (len == 0 || HTTP_PARSER_ERRNO(&a->parser) != HPE_OK)
		return HTTP_BROKEN;
	if (a->has_headers && a->nb_body > HTTP_BODY_MAX)
		return HTTP_WHOLE;
	return HTTP_MORE;
}
