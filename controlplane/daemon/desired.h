/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_DESIRED_H
#define DAEMON_DESIRED_H

/**
 * @file
 * Desired state: configuration and overrides put together, as the dataplane is to
 * have it. Sorted, so that two of them can be compared in one pass (diff.h).
 *
 * A state is a list of services, each a part of its own: states share those that are the
 * same in both, so that a change of one backend costs one service and the list. States and
 * services are immutable once anybody but their maker has seen them, and reference-counted.
 *
 * Thread safety: states, services and their counts belong to the main thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

#include "controlplane/daemon/config.h"
#include "controlplane/daemon/override.h"

/** A service and its backends. */
struct desired_service {
	unsigned int refs; /**< States that have it. */
	uint32_t nb;
	struct service_conf conf;
	struct backend_conf members[]; /**< By address. */
};

struct desired {
	unsigned int refs;
	uint32_t nb_services;
	uint32_t nb_members;		   /**< Of all services. */
	struct desired_service **services; /**< By service_key_compare(); read only. */
};

/**
 * Health is not known here: unknown, or down where a service says so initially
 * (health_judge() knows more).
 * @return one reference; NULL: out of memory.
 */
struct desired *desired_make(const struct config *config, const struct overrides *overrides);
/** A new state of the same services. @return one reference; NULL: out of memory. */
struct desired *desired_copy(const struct desired *d);
struct desired *desired_ref(struct desired *d);
void desired_unref(struct desired *d); /**< Legal with NULL. */

/** @return the place of a service in @p d; -1: it has none of this key. */
int desired_find(const struct desired *d, const struct service_key *key);

/**
 * A service of @p d to be changed, by the maker of @p d, who has shown it to nobody yet: a
 * copy takes its place if another state has it, too.
 * @return NULL: out of memory, @p d is as it was.
 */
struct desired_service *desired_own(struct desired *d, uint32_t place);

/** Put those services of @p from into @p d that are equal there. Likewise by its maker. */
void desired_share(struct desired *d, const struct desired *from);

/** Do both share every service? Where one is made from the other, they are then equal. */
bool desired_shares_all(const struct desired *a, const struct desired *b);

/**
 * Let routers hear of every service as @p least at best. Likewise by the maker of @p d.
 * @return false: out of memory.
 */
bool desired_advertise(struct desired *d, uint8_t least);

/** What is wanted of one backend: the configuration's, as far as it is not overridden. */
struct backend_conf desired_backend(
		const struct config_backend *backend, const struct override *override);

#endif
