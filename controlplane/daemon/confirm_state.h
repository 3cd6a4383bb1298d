/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CONFIRM_STATE_H
#define DAEMON_CONFIRM_STATE_H

/**
 * @file
 * A configuration that holds only if somebody confirms it in time.
 */

#include <stdint.h>

#include "controlplane/daemon/override.h"

struct confirm_state {
	uint64_t revision;	   /**< What comes back if nobody does; 0: nothing waits. */
	int64_t deadline_ms;	   /**< Unix time. */
	char by[OVERRIDE_BY_SIZE]; /**< Who made the change: "uid 0 (root)". */
};

#endif
