/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_REQUEST_H
#define DAEMON_REQUEST_H

/**
 * @file
 * One HTTP request, as the API's functions see it: taken apart and decoded, and how to
 * answer it. Exactly one reply is given, at once or later.
 *
 * Thread safety: the main thread only.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "base/compiler.h"

#include "controlplane/daemon/peer.h"

#define REQUEST_MAX_BODY (16U << 20)
#define REQUEST_MAX_SEGMENTS 8
#define REQUEST_MAX_PARAMS 8

struct daemon;
struct http_connection; /* http.c */

struct request_param {
	char *name;
	char *value;
};

/** A reply that is made while it is sent. */
struct request_stream {
	void *context;
	/** @return bytes; 0: nothing now, http_wake() tells when; -1: it ends; -2: it breaks off. */
	ssize_t (*read)(void *context, char *buf, size_t size);
	void (*end)(void *context); /**< Called once, however it ends. */
};

struct request {
	struct daemon *daemon;
	struct http_connection *connection;
	struct peer peer;
	char method[16];
	char *path; /**< Decoded in place; segments point into it. */
	const char *segments[REQUEST_MAX_SEGMENTS]; /**< Between slashes, decoded. */
	unsigned int nb_segments;
	struct request_param params[REQUEST_MAX_PARAMS];
	unsigned int nb_params;
	char content_type[64];	/**< Lower case, without parameters; "" if none. */
	bool wants_yaml;	/**< Accept names YAML. */
	bool wants_stream;	/**< Accept names text/event-stream. */
	char last_event_id[24]; /**< Digits of the header of that name; "" if none. */
	char if_match[32];	/**< That header; "" if there is none. */
	char *body;		/**< NUL-terminated; may be NULL. */
	size_t body_len;

	/* What the API's functions may use. */
	uint32_t nb_reset; /**< DELETE /v1/overrides. */

	bool is_change; /**< It would change something. */
	/** Told of every error that is replied, once r->status is set; NULL: nobody. */
	void (*failed)(struct request *r, const char *code, const char *message);

	/* The reply. */
	bool replied;
	unsigned int status;
	char *reply;
	size_t reply_len;
	const char *reply_type;	       /**< Content-Type. */
	struct request_stream stream;  /**< Instead of reply, if read is not NULL. */
	char etag[32];		       /**< "" = none. */
	char allow[64];		       /**< "" = none. */
	STAILQ_ENTRY(request) waiting; /**< In the list of changes that wait. */
};

/** Take apart a URL's path and decode it. @return false: malformed; replied with 400. */
bool request_set_path(struct request *r, const char *url);
/** Add one query parameter, still encoded. @return false: malformed; replied with 400. */
bool request_add_param(struct request *r, const char *name, const char *value);
void request_clear(struct request *r);

/** @return NULL: not given. */
const char *request_param(const struct request *r, const char *name);
/** "true" or "false". @return false: neither; replied with 400. @p out: false if not given. */
bool request_param_bool(struct request *r, const char *name, bool *out);
/** @return false: not a number in min..max; replied with 400. @p out is untouched if not given. */
bool request_param_number(
		struct request *r, const char *name, uint64_t min, uint64_t max, uint64_t *out);

/** Reply with @p json, which is taken; NULL: 500. */
void request_reply(struct request *r, unsigned int status, json_t *json);
/** Reply with text, which is taken (malloc()ed); NULL: 500. */
void request_reply_text(struct request *r, unsigned int status, char *text, const char *type);

/** Reply 200 with a stream; copied. */
void request_reply_stream(struct request *r, const struct request_stream *stream, const char *type);

/** What goes into an error's body besides its status. Texts may be NULL: "". */
struct api_error {
	const char *code;
	const char *path;
	const char *hint;
	json_t *details; /**< Taken; may be NULL. */
};

/** Reply with an error. */
void request_fail(struct request *r, unsigned int status, const struct api_error *error,
		const char *format, ...) PRINTF_LIKE(4, 5);

#endif
