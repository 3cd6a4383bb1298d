/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_HTTP_ANSWER_H
#define HEALTH_HTTP_ANSWER_H

/**
 * @file
 * The answer to a check by HTTP, read as it comes (RFC 9112), in pieces of any size. The grammar is
 * libhttp-parser's; here is what of it counts.
 *
 * Thread safety: one thread owns an answer.
 */

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Of a body so much is looked at; of a longer one than HTTP_BODY_MAX the rest is not waited for. */
#define HTTP_BODY_LOOKED 4096
#define HTTP_BODY_MAX (256 << 10)
/** Longer headers are an error. */
#define HTTP_HEADERS_MAX (32 << 10)

enum http_state {
	HTTP_MORE,   /**< It goes on. */
	HTTP_WHOLE,  /**< Status and body are known. */
	HTTP_BROKEN, /**< It is no HTTP, or ends too soon. */
};

struct http_answer {
	http_parser parser;
	bool is_head;	  /**< To HEAD: it has no body. */
	bool has_headers; /**< Status is known. */
	bool is_whole;
	bool keeps; /**< Whole, and the connection can serve another request. */
	uint16_t status;
	char *body;	   /**< Room for HTTP_BODY_LOOKED; NULL: it is not looked at. */
	uint32_t body_len; /**< Bytes in body. */
	uint64_t nb_body;  /**< Bytes of the whole body so far. */
};

/** Before the first use in a process. */
void http_answer_setup(void);

/** @param body The caller's. */
void http_answer_begin(struct http_answer *a, bool is_head, char *body);

/** Take what has come. @param len 0: the connection was closed. */
enum http_state http_answer_feed(struct http_answer *a, const char *data, size_t len);

#endif
