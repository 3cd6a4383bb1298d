/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_DESIRED_H
#define DAEMON_DESIRED_H

/**
 * @file
 * Desired state: configuration and overrides put together, as the dataplane is to
 * have it. Sorted, so that two of them can be compared in one pass (diff.h).
 *
 * Immutable once made, reference-counted.
 *
 * Thread safety: a state and its count belong to the main thread.
 */

#include <stdint.h>

#include "service/service.h"

#include "controlplane/daemon/config.h"
#include "controlplane/daemon/override.h"

struct desired_service {
	struct service_conf conf;
	uint32_t first; /**< Of its members in desired.members. */
	uint32_t nb;
};

struct desired {
	unsigned int refs;
	uint32_t nb_services;
	uint32_t nb_members;
	struct desired_service *services; /**< By service_key_compare(). */
	struct backend_conf *members;	  /**< Of each service: by address. */
};

/**
 * Health is not known here: unknown, or down where a service says so initially
 * (health_judge() knows more).
 * @return one reference; NULL: out of memory.
 */
struct desired *desired_make(const struct config *config, const struct overrides *overrides);
struct desired *desired_ref(struct desired *d);
void desired_unref(struct desired *d); /**< Legal with NULL. */

/** What is wanted of one backend: the configuration's, as far as it is not overridden. */
struct backend_conf desired_backend(
		const struct config_backend *backend, const struct override *override);

#endif
