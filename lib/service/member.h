/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_MEMBER_H
#define SERVICE_MEMBER_H

/**
 * @file
 * The backends of one service as the control thread sees them: an array by member
 * index, and a hash from address to index. Private to lib/service.
 *
 * Thread safety: none; the control thread owns it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "hash/siphash.h"
#include "service/service.h"
#include "service/state.h"

enum member_presence {
	PRESENCE_NONE = 0,    /**< The index is free. */
	PRESENCE_LIVE,	      /**< In the configuration. */
	PRESENCE_QUARANTINED, /**< Removed; flow tables may still name the index. */
};

struct member {
	struct backend_conf conf;
	struct backend_route route; /**< If routed; only live members are. */
	uint32_t stats;		    /**< Statistics index, or NUMBER_NONE: not given yet. */
	uint32_t slots;		    /**< Of the resolved table. */
	uint64_t identity;	    /**< maglev_backend_key() of family and address. */
	uint64_t batch;		    /**< If quarantined: with which batch it ends. */
	uint8_t presence;	    /**< enum member_presence. */
	bool routed;		    /**< route is valid, a reference on its next hop is held. */
	/* About the transaction that made this version of the service: */
	bool route_taken; /**< The reference is this version's own, not its predecessor's. */
	bool counted;	  /**< Its address was added to the count of distinct backends. */
};

struct member_set {
	struct member *at;   /**< By member index. */
	uint32_t *index;     /**< Open addressing: member index + 1; 0 = empty. */
	uint32_t nb;	     /**< Entries of at in use, holes included. */
	uint32_t capacity;   /**< Entries of at; index has twice as many at least. */
	uint32_t index_mask; /**< Entries of index − 1. */
	uint32_t first_hole; /**< No hole before this. */
	const struct siphash_key *key;
};

/**
 * Find the way to a live member and take a reference on it, whatever it has now.
 * @param mode enum service_mode of its service.
 */
void member_find_route(struct member *member, const struct state_hooks *hooks, uint8_t mode);

/** An empty set without memory. @param key Must outlive the set. */
void member_set_init(struct member_set *set, const struct siphash_key *key);
void member_set_fini(struct member_set *set);

/**
 * Make @p set a copy of @p from, with room for @p nb_more further members.
 * @return 0; -ENOMEM: @p set is empty.
 */
MUST_CHECK int member_set_copy(
		struct member_set *set, const struct member_set *from, uint32_t nb_more);

/** @return the member with this address, live or quarantined, or NULL. */
struct member *member_set_find(const struct member_set *set, const struct ip_addr *addr);

/**
 * Add an address that is not there yet, at the lowest free index: live, not
 * routed, without a statistics index, conf.addr set.
 * @return NULL: out of memory. Pointers to members are invalid after any add.
 */
struct member *member_set_add(struct member_set *set, const struct ip_addr *addr);

/** Free the indexes of quarantined members of batches up to @p batch. */
void member_set_end_batch(struct member_set *set, uint64_t batch);

#endif
