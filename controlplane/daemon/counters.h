/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_COUNTERS_H
#define DAEMON_COUNTERS_H

/**
 * @file
 * What the dataplane counts, by service and backend: read from the statistics region
 * (channel/stats.h), without asking. What a member had counted when its number was given
 * back is remembered here as its service's "retired" totals, so that a service's sums
 * never run backwards while the dataplane lives.
 *
 * Thread safety: the main thread only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

struct counters;

struct counters_sum {
	uint64_t packets;
	uint64_t bytes;
	uint64_t new_flows;
	uint64_t active_flows; /**< A gauge; 0 in retired totals. */
	/* Evidence against backends; 0 of a dataplane that is too old for it. */
	uint64_t syn_retransmissions;
	uint64_t resets;
	uint64_t unreachables;
};

struct counters_member {
	struct service_key service;
	struct ip_addr addr;
	bool routed;
	uint8_t health;	 /**< As it is in force: enum backend_health. */
	uint32_t factor; /**< As it is in force. */
	uint32_t slots;
	struct counters_sum sum;
};

struct counters_service {
	struct service_key key;
	uint32_t nb_slots;
	struct counters_sum sum; /**< Members and retired. */
	struct counters_sum retired;
};

/** @return NULL: out of memory. */
struct counters *counters_create(void);
void counters_destroy(struct counters *c); /**< Legal with NULL. */

/**
 * A session began: count from @p stats from now on. If it is another dataplane than
 * before, what was remembered is forgotten.
 */
void counters_attach(struct counters *c, const void *stats);
/** The session ended: @p stats of counters_attach() must not be read any more. */
void counters_detach(struct counters *c);

/** Call about once a second: notices what goes before its number is used again; loads. */
void counters_tick(struct counters *c);

/**
 * Read everything now; the find functions look at this. Call again before the next use.
 * @return false: no session, or out of memory: nothing will be found.
 */
bool counters_read(struct counters *c);
const struct counters_service *counters_find_service(
		const struct counters *c, const struct service_key *key);
const struct counters_member *counters_find_member(const struct counters *c,
		const struct service_key *service, const struct ip_addr *addr);

/** Busy share of @p worker in the last second, 0…1; negative: not known yet. */
double counters_load(const struct counters *c, uint32_t worker);

/** The statistics region, for counters that need no memory; NULL: no session. */
void *counters_region(const struct counters *c);

#endif
