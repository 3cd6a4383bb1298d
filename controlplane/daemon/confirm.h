/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CONFIRM_H
#define DAEMON_CONFIRM_H

/**
 * @file
 * Changes that revert themselves: a configuration that was applied with a deadline gives way
 * to the one before if nobody confirms it in time, so that a change that cuts off its author
 * heals. What waits is in the store: a daemon that is killed meanwhile reverts when it is back.
 * (The model is BIRD's `configure timeout`, `configure confirm`.)
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>
#include <jansson.h>

#include "controlplane/daemon/reconcile.h"
#include "controlplane/daemon/store.h"

#define CONFIRM_MAX_S 86400

struct confirm;

/** @param reconcile, store Borrowed. @return NULL: out of memory. */
struct confirm *confirm_create(
		struct ev_loop *loop, struct reconcile *reconcile, struct store *store);
void confirm_destroy(struct confirm *c); /**< Legal with NULL. */

/** A change has ended, or none is under way any more: look what waits. */
void confirm_wake(struct confirm *c);

/** The API's `confirm`; null: nothing waits. */
json_t *confirm_view(const struct confirm *c);

#endif
