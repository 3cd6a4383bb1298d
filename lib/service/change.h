/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_CHANGE_H
#define SERVICE_CHANGE_H

/**
 * @file
 * A set of changes on its way from the state in force to the next one: for each
 * service touched, the version in force and the version that follows. Made by
 * transactions, by the end of a quarantine and by new routes; all three go the
 * same way: add, build, then install or drop. Private to lib/service.
 *
 * Thread safety: none; the control thread owns it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "service/lookup.h"
#include "service/record.h"

struct state;

struct change {
	struct record *base; /**< In force; NULL: the service is new. */
	struct record *next; /**< What follows; NULL: its id becomes free. */
};

struct change_set {
	struct state *state;
	struct change *changes;
	uint32_t nb;
	uint32_t capacity;
	bool discounted; /**< Addresses of members that leave were taken off the count. */
	struct lookup *lookup;
	struct snapshot *snapshot; /**< Once built; else NULL. */
};

void change_set_init(struct change_set *set, struct state *state);

/** @p next belongs to the set from now on, even on error. @return 0 or -ENOMEM. */
MUST_CHECK int change_set_add(struct change_set *set, struct record *base, struct record *next);

/**
 * Check limits, find routes, make tables, parts and the root.
 * @return CONF_OK: set->snapshot is there. Else the set is to be dropped.
 */
MUST_CHECK enum conf_error change_set_build(struct change_set *set, uint64_t generation,
		const struct siphash_key *hash_key, bool has_hash_key);

/**
 * Make it the state: release what it replaces, tell the hooks, leave an empty set.
 * @return Did a service or member enter quarantine?
 */
bool change_set_install(struct change_set *set);

/** Give back all that the set took; leave an empty set. */
void change_set_drop(struct change_set *set);

#endif
