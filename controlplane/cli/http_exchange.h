/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_HTTP_EXCHANGE_H
#define CLI_HTTP_EXCHANGE_H

/**
 * @file
 * One request and its answer by HTTP/1.1 over a Unix socket, on a connection of its own.
 * Single-threaded.
 */

#include <stdbool.h>
#include <stddef.h>

/** What is asked for. Nothing is encoded or shortened: a path is sent as it is. */
struct http_exchange {
	const char *socket;
	const char *method;
	const char *path;
	const char *accept;
	const char *body; /**< NULL: none. */
	size_t body_len;
	const char *content_type;
	double patience_s; /**< For all of it; of an endless answer: for silence. */
	bool endless;

	/** A part of the answer's body. @return false: enough. */
	bool (*receive)(void *context, int status, const char *data, size_t len);
	void *context;
};

enum http_result {
	HTTP_ANSWERED,
	HTTP_NO_CONNECTION, /**< errno says why. */
	HTTP_SILENT,	    /**< No answer in time. */
	HTTP_BROKEN,	    /**< Not a whole answer, or none of HTTP. */
};

/**
 * @param status Filled: of the answer, as far as it came; 0: none.
 * @param why Filled if it is broken: a text of static storage.
 */
enum http_result http_exchange(const struct http_exchange *exchange, int *status, const char **why);

#endif
