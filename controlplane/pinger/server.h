/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PINGER_SERVER_H
#define PINGER_SERVER_H

/**
 * @file
 * Serves clients: takes their requests, sends echoes, tells what came of them. Everything that a
 * client can do is to have echo requests sent, at most PING_MAX_PER_S of all of them together;
 * whoever sends anything else is cut off.
 *
 * Thread safety: the thread of the loop.
 */

#include <ev.h>
#include <sys/types.h>

/** Clients at one time: a daemon, and the one that takes its place. */
#define SERVER_MAX_CLIENTS 4

struct server;

/** What was opened while it was allowed. */
struct server_sockets {
	int listener; /**< Of SOCK_SEQPACKET, not blocking. */
	int v4;	      /**< Of socket_open(); -1: the host has no IPv4. */
	int v6;	      /**< Likewise. */
};

/**
 * @param allowed Besides root and our own: whose processes may connect.
 * @return NULL: out of memory, or no random numbers.
 */
struct server *server_create(
		struct ev_loop *loop, const struct server_sockets *sockets, uid_t allowed);
void server_destroy(struct server *s); /**< Legal with NULL. The sockets are the caller's. */

#endif
