/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_HEALTH_H
#define DAEMON_HEALTH_H

/**
 * @file
 * Health of the configured backends: which checks (health/checker.h) serve which of them,
 * what their verdicts together mean for a backend, and what the service's guard
 * (health/guard.h) lets through to forwarding. Changes are logged and go into the audit
 * trail, many at once as one record.
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "controlplane/daemon/config.h"
#include "controlplane/daemon/desired.h"
#include "controlplane/daemon/store.h"
#include "controlplane/health/checker.h"

struct counters;
struct events;
struct health;
struct msg_suspect_event;

/**
 * @param store   For the audit trail; borrowed.
 * @param events  Hear of changes; borrowed.
 * @param pinger  Path of guideway-pinger's socket; copied.
 * @param changed Called when health_judge_changes() has something to say; @p since_us is
 *                when the first check came to the verdict that is the cause, if one is, else now
 *                (clock_monotonic_us()); 0 if only slow starts have gone on.
 * @return NULL: out of memory, or no thread.
 */
struct health *health_create(struct ev_loop *loop, struct store *store, struct events *events,
		const char *pinger, void (*changed)(void *context, uint64_t since_us),
		void *context);
void health_destroy(struct health *h); /**< Legal with NULL. */

/**
 * Check the backends of this configuration from now on. What is checked already, with the
 * same checks, goes on. Cheap if both are the same as before. References are taken.
 * @return true: health_judge() may say something else of any backend, also of those that have
 *         lost their checks.
 */
bool health_use(struct health *h, struct config *config, struct overrides *overrides);

/**
 * Take the health and the shares that are in force in a dataplane for those of backends that
 * were not judged yet. @return true: some were taken over.
 */
bool health_adopt(struct health *h, struct counters *counters);

/**
 * The dataplane suspects a backend: check it at once. Only the checks' verdicts move anything.
 * @param event Checked by message_check(); about no backend that is checked: nothing happens.
 */
void health_suspect(struct health *h, const struct msg_suspect_event *event);
/** The next hop of this address no longer answers: check at once who is reached there. */
void health_suspect_next_hop(struct health *h, const struct ip_addr *addr);

/** Set health and factor of every backend that is known here. @param desired Being made, shares nothing. */
void health_judge(const struct health *h, struct desired *desired);
/**
 * Set it in a copy of a state that is as this function or health_judge() made it, of services with
 * changes since the last call.
 * @return false: out of memory; drop @p desired: the next call looks at the same services again.
 */
bool health_judge_changes(struct health *h, struct desired *desired);

/** Set health and factor as forwarding is told them; of backends that are not checked, unknown and one. */
void health_tell(const struct health *h, const struct service_key *service,
		struct backend_conf *backend);

/** For people: verdicts, last results, latency, time in state, flaps. @return null if not checked. */
json_t *health_view(const struct health *h, const struct service_key *service,
		const struct ip_addr *backend);
/** How the checks of a backend went, in numbers. */
struct health_summary {
	uint64_t nb_downs;
	uint64_t nb_suspicions;
	uint64_t nb_attempts; /**< Of all its checks. */
	uint64_t nb_bad;
	uint32_t latency_us; /**< The average of the slowest check; 0: none was good yet. */
};

/** @return false: it is not checked; @p out is untouched. */
bool health_summarize(const struct health *h, const struct service_key *service,
		const struct ip_addr *backend, struct health_summary *out);
/** @return NULL: its backends are not checked. Valid until the loop goes on. */
const struct guard *health_guard(const struct health *h, const struct service_key *service);
void health_checker_state(const struct health *h, struct checker_state *out);

/** For people: the guard of a service. @return null if its backends are not checked. */
json_t *health_service_view(const struct health *h, const struct service_key *service);

/** Services that fail open, and trouble of the checker within the last minute, as sentences. */
void health_problems(const struct health *h, json_t *list);

#endif
