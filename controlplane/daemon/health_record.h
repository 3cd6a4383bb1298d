/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_HEALTH_RECORD_H
#define DAEMON_HEALTH_RECORD_H

/**
 * @file
 * Changes of health as people see them: in events, in the log, in the audit trail. Told
 * after they have taken effect, a few at a time, with the lowest priority: an observation
 * needs no permission, and a thousand backends that vanish at once are not to keep the
 * next change waiting. In the audit trail what comes within a moment is one record.
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>

#include "controlplane/daemon/events.h"
#include "controlplane/daemon/store.h"
#include "controlplane/health/checker.h"

struct health_record;

/** @param store, events Borrowed. @return NULL: out of memory. */
struct health_record *health_record_create(
		struct ev_loop *loop, struct store *store, struct events *events);
/** Writes what waits. Legal with NULL. */
void health_record_destroy(struct health_record *r);

/** A backend's health as forwarding is told it, or the word of its agent. */
struct health_change {
	struct service_key service;
	struct ip_addr backend;
	uint8_t was; /**< enum backend_health. */
	uint8_t now;
	char why[CHECK_WHY_SIZE]; /**< For people; may be "". */
	const char *agent; /**< Not health, but what its agent has said; constant. NULL: health. */
	const char *suspect; /**< What the dataplane had against it just before; constant, or NULL. */
};

/** A copy is told later. */
void health_record_add(struct health_record *r, const struct health_change *change);

#endif
