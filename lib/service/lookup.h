/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_LOOKUP_H
#define SERVICE_LOOKUP_H

/**
 * @file
 * The part of a snapshot that finds services by what packets carry: the two hash
 * tables and the list of VIPs. Shared by all snapshots with the same set of
 * services. Private to lib/service.
 *
 * Thread safety: references are the control thread's; the rest is immutable.
 */

#include <stdint.h>

#include "service/snapshot.h"

struct lookup {
	uint32_t nb_refs;
	uint32_t mask4, mask6; /**< Entries − 1. */
	uint32_t nb_vips;
	struct snapshot_lookup4 *entries4;
	struct snapshot_lookup6 *entries6;
	struct ip_addr *vips;
};

/**
 * With one reference, for those of @p services that are not removed.
 * @param services By id; may hold NULL.
 * @param seed     snapshot.lookup_seed.
 * @return NULL: out of memory.
 */
struct lookup *lookup_create(const struct snapshot_service *const *services, uint32_t nb_services,
		uint64_t seed);
struct lookup *lookup_get(struct lookup *lookup);
/** Legal with NULL. */
void lookup_put(struct lookup *lookup);

/** Let @p snapshot use it. */
void lookup_apply(const struct lookup *lookup, struct snapshot *snapshot);

#endif
