/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_LINK_CONNECT_H
#define DAEMON_LINK_CONNECT_H

/**
 * @file
 * Connecting without blocking the loop: session_client_connect() may wait for a
 * dataplane that is slow to shake hands, so it runs on a thread of its own, which
 * hands the finished session over.
 *
 * Thread safety: the main thread only; the hook is called on it.
 */

#include <ev.h>

#include "channel/session.h"

struct connector;

/** @param client NULL: @p error is the errno. The session belongs to the callee. */
typedef void (*connector_done)(void *context, struct session_client *client, int error);

/** @return NULL: out of memory. @p path is borrowed. */
struct connector *connector_create(
		struct ev_loop *loop, const char *path, connector_done done, void *context);

/** Wait for an attempt under way, then free. Legal with NULL. */
void connector_destroy(struct connector *c);

/** Start an attempt; none may be under way. @return 0 or -errno: no thread. */
int connector_start(struct connector *c);

#endif
