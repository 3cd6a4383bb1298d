/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_HEALTH_RECORD_H
#define DAEMON_HEALTH_RECORD_H

/**
 * @file
 * Changes of health, told to who follows events at once, and written into log and audit trail after they have taken effect:
 * an observation needs no permission, and a database must not delay it. What comes within
 * a moment is one record, so that a thousand backends that vanish at once cost one write.
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>

#include "controlplane/daemon/events.h"
#include "controlplane/daemon/store.h"

struct health_record;

/** @param store, events Borrowed. @return NULL: out of memory. */
struct health_record *health_record_create(
		struct ev_loop *loop, struct store *store, struct events *events);
/** Writes what waits. Legal with NULL. */
void health_record_destroy(struct health_record *r);

/** A backend's health as forwarding is told it. */
struct health_change {
	const struct service_key *service;
	const struct ip_addr *backend;
	uint8_t was; /**< enum backend_health. */
	uint8_t now;
	const char *why;     /**< For people; may be "". */
	const char *suspect; /**< What the dataplane had against it just before; NULL: nothing. */
};

void health_record_add(struct health_record *r, const struct health_change *change);

#endif
