/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CONFIG_HEALTH_H
#define DAEMON_CONFIG_HEALTH_H

/**
 * @file
 * The key `health` of a service: which checks, and what they may do to the service.
 * doc/guideway.yaml.md describes the keys.
 *
 * Immutable once read, reference-counted: copies of a service share it.
 *
 * Thread safety: the main thread only.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "controlplane/daemon/fields.h"
#include "controlplane/health/check.h"
#include "controlplane/health/guard.h"

/** Checks of one service. */
#define CONFIG_MAX_CHECKS 8

/** When is a backend with several checks up? */
enum health_combine {
	COMBINE_ALL, /**< When none of them says down. */
	COMBINE_ANY, /**< Until all of them say down. */
};

struct config_health {
	unsigned int refs;
	uint8_t combine;	   /**< enum health_combine. */
	bool initially_down;	   /**< What was never judged counts as down; else as up. */
	uint32_t slow_start_ms;	   /**< 0: none. */
	uint8_t advertise_failing; /**< enum service_advertise: while no backend is well. */
	struct guard_conf guard;
	uint32_t nb_checks;
	/** As given: no address = the backend's, port 0 = the service's; see config_check_for(). */
	struct check checks[CONFIG_MAX_CHECKS];
};

/** Read the map at `health`. @return one reference; NULL: complained, or out of memory. */
struct config_health *config_health_read(struct reader *r, const struct node *node);
struct config_health *config_health_ref(struct config_health *h); /**< Legal with NULL. */
void config_health_unref(struct config_health *h);		  /**< Legal with NULL. */
/** Both may be NULL. */
bool config_health_equal(const struct config_health *a, const struct config_health *b);

/** The check of one backend: @p given with what it leaves open filled in. */
struct check config_check_for(
		const struct check *given, const struct ip_addr *backend, uint16_t l4_port);

/** As the document has it; what is as by default is left out. */
json_t *config_health_to_json(const struct config_health *h);

#endif
