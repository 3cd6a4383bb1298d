/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_BALANCER_H
#define DAEMON_BALANCER_H

/**
 * @file
 * Draining this balancer: while it is draining, its VIPs are advertised as spare, routers
 * send their packets to another, and once none has come for a while this module disables it:
 * the VIPs are withdrawn. If there is no other, packets go on coming, and it stays as it is.
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>

#include "controlplane/daemon/reconcile.h"

struct balancer;

/** Without packets of services for so long it is drained. */
#define BALANCER_QUIET_S 3

/**
 * @param reconcile Borrowed: whose state it is, and who makes the change.
 * @return NULL: out of memory.
 */
struct balancer *balancer_create(struct ev_loop *loop, struct reconcile *reconcile);
void balancer_destroy(struct balancer *b); /**< Legal with NULL. */

/** A change has ended: watch the packets if it is draining now. */
void balancer_wake(struct balancer *b);

/** Does the dataplane give routers anything to hear? False: not, or there is none. */
bool balancer_has_routes(const struct balancer *b);

/** For people: the API's `balancer`. */
json_t *balancer_view(struct balancer *b);

#endif
