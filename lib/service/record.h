/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_RECORD_H
#define SERVICE_RECORD_H

/**
 * @file
 * One version of one service, as the control thread sees it: its configuration,
 * its members, its Maglev tables, and the part of the snapshot made of them. A
 * change makes a new version next to the one in force; what did not change is
 * shared (tables) or copied (members). Private to lib/service.
 *
 * Thread safety: the control thread owns records; workers read record.part only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "service/member.h"
#include "service/service.h"
#include "service/snapshot.h"
#include "service/state.h"
#include "service/table.h"

struct record {
	struct service_conf conf;
	uint32_t id;	/**< Or NUMBER_NONE: not given yet. */
	bool live;	/**< False: removed, in quarantine; so are its members. */
	uint64_t batch; /**< If not live: with which batch it ends. */
	struct member_set members;
	uint32_t nb_live;	 /**< Members in the configuration; from record_build() on. */
	uint32_t nb_quarantined; /**< Members in quarantine; from record_build() on. */
	struct table *anchor;	 /**< NULL if not live. */
	struct table *slots;	 /**< NULL if not live; the anchor itself where they are equal. */
	struct snapshot_service *part;
};

/** A new service of this configuration, without members. @return NULL: out of memory. */
struct record *record_create(const struct service_conf *conf, const struct siphash_key *key);

/**
 * A copy to change and to build, with room for @p nb_more members; it has no
 * tables and no part yet. @return NULL: out of memory.
 */
struct record *record_copy(const struct record *from, uint32_t nb_more);

/** Routes and numbers are the caller's affair. Legal with NULL. */
void record_destroy(struct record *record);

/**
 * Make the tables and the part; numbers and routes are there.
 * @param base    The version in force, or NULL: its tables are shared if they still hold.
 * @param tick_ms See struct state_limits.
 * @return CONF_OK, CONF_NO_MEMORY, CONF_SLOTS_TOO_FEW, CONF_SAME_IDENTITY; on error
 *         the record is to be destroyed.
 */
MUST_CHECK enum conf_error record_build(
		struct record *record, const struct record *base, uint32_t tick_ms);

#endif
