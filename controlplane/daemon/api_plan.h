/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_API_PLAN_H
#define DAEMON_API_PLAN_H

/**
 * @file
 * Changes of the whole configuration: looked at before they are made, and perhaps to be
 * confirmed afterwards. For api*.c.
 *
 * Thread safety: the main thread only.
 */

#include <stdbool.h>

#include "controlplane/daemon/reconcile.h"
#include "controlplane/daemon/request.h"

/**
 * As api_change(), but a change that breaks much is refused with 409 unless `force`.
 * @param change With config. Its references are taken.
 */
void api_change_guarded(struct request *r, struct change_request *change);

/** `confirm_s`: the change is to be confirmed in time. @return false: replied. */
bool api_read_confirm(struct request *r, struct change_request *change);

/** The daemon is stopping: reply to whoever waits for a plan. */
void api_plan_stop(struct daemon *d);

#endif
