/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_PLAN_PRIVATE_H
#define DAEMON_PLAN_PRIVATE_H

/**
 * @file
 * What plan.c (its life), plan_warn.c (what is dangerous) and plan_view.c (how it is shown)
 * share.
 */

#include "controlplane/daemon/job.h"
#include "controlplane/daemon/plan.h"
#include "controlplane/daemon/plan_effect.h"

/** A service that differs, in the document or in what the dataplane is to have. */
struct plan_service {
	const struct config_service *before; /**< NULL: it comes. */
	const struct config_service *after;  /**< NULL: it goes. */
	const struct desired_service *from;  /**< As before. */
	const struct desired_service *to;
	struct plan_effect effect; /**< Of none where it comes, or only the document differs. */
	uint64_t flows;		   /**< In workers' tables; if plan.counted. */
	uint64_t flows_moved;	   /**< Of those, that go to another backend. */
};

struct plan {
	struct plan_conf conf;
	uint32_t nb;
	struct plan_service *services; /**< By address. */
	json_t *warnings;
	bool needs_force;
	bool counted;	/**< A dataplane says how many flows there are. */
	bool no_memory; /**< Written by the thread. */
	struct job job; /**< Makes the effects. */
};

/** Fill plan.warnings and plan.needs_force. */
void plan_warn(struct plan *plan);

#endif
