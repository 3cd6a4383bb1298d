/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

/**
 * @file
 * HTTP on a Unix socket or over TLS: libmicrohttpd, driven by our loop (its epoll descriptor is
 * nested in libev's). Requests are collected here and given to the API whole; a
 * request without a reply is suspended until it has one.
 *
 * Bounds, of each socket: HTTP_MAX_CONNECTIONS, REQUEST_MAX_BODY, HTTP_IDLE_S.
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>
#include <stddef.h>
#include <sys/types.h>

#include "controlplane/daemon/access.h"
#include "controlplane/daemon/request.h"
#include "controlplane/daemon/tls_server.h"

#define HTTP_MAX_CONNECTIONS 64
#define HTTP_MAX_CONNECTIONS_OF_ONE 16 /**< Of one IP address, over TLS. */
#define HTTP_IDLE_S 30

struct http;

struct http_conf {
	struct ev_loop *loop;
	const char *path;	/**< Of the Unix socket; borrowed. */
	gid_t group;		/**< Owner group of the Unix socket. (gid_t)-1: ours. */
	struct tls_server *tls; /**< TLS instead, on: */
	const struct access_listen *address; /**< Borrowed during http_create(). */
	struct access *const *access;	     /**< Who may what now; borrowed. */
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
