/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_PING_CLIENT_H
#define HEALTH_PING_CLIENT_H

/**
 * @file
 * Asks guideway-pinger for echo requests (controlplane/pinger/message.h): one connection for all
 * probes of a loop. It is made when somebody asks and there is none, at most once a second. What
 * is asked within one turn of the loop goes out together.
 *
 * Thread safety: a client belongs to the thread that runs its loop.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#include "controlplane/pinger/message.h"

struct ping_client;

/** Who has asked, and waits. The caller's; stays where it is until ping_client_forget(). */
struct ping_wait {
	/** What came of it; more may come after PING_SENT. @param error Of PING_FAILED. */
	void (*told)(struct ping_wait *wait, enum ping_kind kind, int error);
	uint32_t id; /**< The client's; 0: does not wait. */
};

/** @param path Of the pinger's socket; copied. Where it is too long for one, nobody is. @return NULL: out of memory. */
struct ping_client *ping_client_create(struct ev_loop *loop, const char *path);
/** Nobody waits any more. Legal with NULL. */
void ping_client_destroy(struct ping_client *c);

/**
 * Ask for an echo request. If the connection breaks, all that wait are told PING_FAILED and
 * ECONNRESET.
 * @return 0; -ENOTCONN: no pinger answers; -ENOMEM.
 */
int ping_client_ask(struct ping_client *c, struct ping_wait *wait, const struct ip_addr *addr,
		const struct ip_addr *source);
/** Wait no longer; legal in any case. */
void ping_client_forget(struct ping_client *c, struct ping_wait *wait);

#endif
