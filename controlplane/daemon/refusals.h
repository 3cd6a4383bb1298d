/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_REFUSALS_H
#define DAEMON_REFUSALS_H

/**
 * @file
 * Attempts that were refused, on their way into the audit trail: equal ones of the same person
 * within a second are one record with a count, and no more than REFUSALS_MAX records come of a
 * second: a flood of them can fill neither the disk nor the loop.
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>

#include "controlplane/daemon/peer.h"
#include "controlplane/daemon/store.h"

#define REFUSALS_MAX 32

struct refusals;

/** @return NULL: out of memory. */
struct refusals *refusals_create(struct ev_loop *loop, struct store *store);
void refusals_destroy(struct refusals *r); /**< Writes what waits. Legal with NULL. */

/**
 * @param action "PUT /v1/config".
 * @param result The error's code; constant text.
 * @param detail Its message.
 */
void refusals_add(struct refusals *r, const struct peer *peer, const char *action,
		const char *result, const char *detail);

#endif
