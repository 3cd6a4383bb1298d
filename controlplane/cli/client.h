/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

/**
 * @file
 * Requests to guidewayd's API over its Unix socket.
 */

#include <stddef.h>

#include "cli.h"

/** A request. */
struct client_request {
	const char *method; /**< "GET", … */
	const char *path;   /**< From client_path(). */
	const char *body;   /**< NULL: none. */
	size_t body_len;
	const char *content_type; /**< Of body. */
	const char *accept;	  /**< NULL: application/json, and nothing else will do. */
};

/** A successful answer. */
struct client_answer {
	json_t *json; /**< NULL: the answer is no JSON. Owned; json_decref(). */
	char *text;   /**< As it came; owned; free(). */
};

/**
 * Make a path of URL-encoded segments: client_path("/v1/services/%/backends/%", id, addr).
 * @return the caller's, free(); never NULL (out of memory ends the process).
 */
char *client_path(const char *pattern, ...);

/** Append "?name=value" or "&name=value", encoded, to a path of client_path(). @return it, moved. */
char *client_path_query(char *path, const char *name, const char *value);

/**
 * Ask. With tables, strings of the answer are free of control characters. On any error it is shown on stderr (and, with -o json, as JSON), as the API says it.
 * @return CLI_OK: *answer is filled; else the exit code that fits.
 */
int client_ask(const struct cli *cli, const struct client_request *request,
		struct client_answer *answer);

/**
 * Follow a stream of server-sent events until it ends; @p show is called for each, with strings
 * as those of client_ask().
 * @return enum cli_exit, never CLI_OK: a stream has no end of its own.
 */
int client_follow(const struct cli *cli, const char *path,
		void (*show)(const struct cli *cli, const json_t *event));

void client_answer_free(struct client_answer *answer);

/** Show an error of the CLI's own the way that API errors are shown. @return @p code. */
int client_error(const struct cli *cli, int code, const char *name, const char *message,
		const char *hint);

#endif
