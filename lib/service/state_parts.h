/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_STATE_PARTS_H
#define SERVICE_STATE_PARTS_H

/**
 * @file
 * What state.h hides. Private to lib/service.
 *
 * Thread safety: none; the control thread owns it.
 */

#include "service/backend_count.h"
#include "service/change.h"
#include "service/lookup.h"
#include "service/number.h"
#include "service/record.h"
#include "service/state.h"

struct state {
	struct state_limits limits;
	struct state_hooks hooks;
	struct siphash_key index_key; /**< Random: of all hash tables here. */
	uint64_t lookup_seed;	      /**< Random: of the snapshots' look-up tables. */
	struct siphash_key hash_key;  /**< The group's, for slots. */
	bool has_hash_key;

	struct record **records; /**< By service id: max_services entries, NULL where free. */
	uint16_t *key_index;	 /**< Open addressing by key: service id + 1; 0 = empty. */
	uint32_t key_index_mask;
	struct number_pool ids;	  /**< Of services. */
	struct number_pool stats; /**< Of members. */
	struct backend_count backends;

	struct lookup *lookup;
	struct snapshot *snapshot; /**< In force. */
	uint32_t nb_services;	   /**< Live. */
	uint32_t nb_members;	   /**< Live. */
	uint32_t nb_quarantined;   /**< Services and members. */
	uint64_t open_batch;	   /**< What is removed now belongs to this batch. */

	struct txn *txn;	   /**< The one under way, or NULL. */
	struct change_set pending; /**< Of the end of a quarantine or of new routes. */
};

/** @return the service's record, live or in quarantine, or NULL. */
struct record *state_find(const struct state *state, const struct service_key *key);

/** Is @p txn between txn_prepare() and its end? False for NULL. */
bool txn_is_prepared(const struct txn *txn);

/** Make the index of keys anew from the records. */
void state_reindex(struct state *state);

#endif
