/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

/**
 * @file
 * HTTP on a Unix socket: libmicrohttpd, driven by our loop (its epoll descriptor is
 * nested in libev's). Requests are collected here and given to the API whole; a
 * request without a reply is suspended until it has one.
 *
 * Bounds: HTTP_MAX_CONNECTIONS, REQUEST_MAX_BODY, HTTP_IDLE_S.
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>
#include <stddef.h>
#include <sys/types.h>

#include "controlplane/daemon/request.h"

#define HTTP_MAX_CONNECTIONS 64
#define HTTP_IDLE_S 30

struct http;

struct http_conf {
	struct ev_loop *loop;
	const char *path; /**< Of the socket; borrowed. */
	gid_t group;	  /**< Owner group of the socket; its members may write. (gid_t)-1: none. */
	struct daemon *daemon;
	/** May this request go on to its body? Replies if not. */
	void (*check)(struct request *r);
	/** The whole request is here. */
	void (*handle)(struct request *r);
};

/**
 * Bind the socket; serve nothing yet. A stale socket file is replaced.
 * @param error Filled on failure.
 * @return NULL: see @p error.
 */
struct http *http_create(const struct http_conf *conf, char *error, size_t error_size);

/** Begin to serve; who has connected before has waited. @return 0 or -errno. */
int http_start(struct http *http);

/** Every suspended request must have been replied to. Unlinks the socket. Legal with NULL. */
void http_destroy(struct http *http);

/** A reply was given: let the connection go on if it was suspended. */
void http_wake(struct request *r);

#endif
