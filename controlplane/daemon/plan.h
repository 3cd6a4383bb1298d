/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_PLAN_H
#define DAEMON_PLAN_H

/**
 * @file
 * A change of the configuration looked at before it is made: what differs, and what that does
 * to traffic. Tables of large services take a while: they are made in a thread of the plan's
 * own, which reads only what cannot change.
 *
 * Thread safety: the main thread only, but for what happens inside.
 */

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>

#include "controlplane/daemon/config.h"
#include "controlplane/daemon/counters.h"
#include "controlplane/daemon/desired.h"

/** Services in the JSON of a plan, and backends of each; more are counted. */
#define PLAN_MAX_LISTED 1000

struct plan;

struct plan_conf {
	struct ev_loop *loop;
	struct config *before; /**< As a document; a reference is taken. */
	struct config *after;
	struct desired *from; /**< As it is wanted of the dataplane; a reference is taken. */
	struct desired *to;
	struct overrides *overrides; /**< After; a reference is taken. */
	struct counters *counters;   /**< Borrowed: flows that are there when it is done. */
	double max_change;	     /**< Larger parts of a service's traffic need force; 0…1. */
	/** Called once, from the loop; plan_end() is for the caller. */
	void (*done)(void *context);
	void *context;
};

/** @return NULL: no memory, or no thread; nothing is called. */
struct plan *plan_start(const struct plan_conf *conf);
/** Waits for the thread, which gives up after the service it is at; conf.done is not called any more. Legal with NULL. */
void plan_end(struct plan *plan);

/**
 * {"services": [config_diff()'s objects with "effect" and, of each backend, slots and flows],
 * "services_not_listed", "warnings": [{"code", "service", "message", "needs_force"}],
 * "needs_force"}. Only when it is done.
 * @return a new reference; NULL: out of memory.
 */
json_t *plan_view(const struct plan *plan);

/** The warnings alone. @return borrowed; NULL: out of memory while it was made. */
json_t *plan_warnings(const struct plan *plan);
bool plan_needs_force(const struct plan *plan);

#endif
