/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

/**
 * @file
 * A flow table in a contest (guideway-bench flow-table): one face for the table of
 * lib/flow and for DPDK's rte_hash.
 *
 * What a table remembers of a flow is its number, at most 32 bits. Keys are the same bytes
 * for both: contender_key().
 *
 * Thread safety: none. EAL must have been started.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/** Keys of a burst; of what rte_hash takes at once. */
#define CONTENDER_BURST_MAX 64
/** Bytes of a key, padding included. */
#define CONTENDER_KEY_SIZE 32

/** How rte_hash has its keys. */
enum contender_keys {
	KEYS_COMPARED, /**< 8 or 20 bytes, and a compare function for just these. */
	KEYS_PLAIN,    /**< 8 or 20 bytes: rte_hash compares them by memcmp(). */
	KEYS_PADDED,   /**< 16 or 32 bytes: rte_hash has vector compares for these. */
};

struct contender_conf {
	enum ip_family family;
	uint64_t capacity;	  /**< Flows that must fit. */
	uint64_t seed;		  /**< Of its hash. */
	bool beyond_capacity;	  /**< Go on until there is no place for a flow. */
	bool lock_free;		  /**< rte_hash: readers may run while another lcore writes. */
	enum contender_keys keys; /**< rte_hash's. */
};

/**
 * A kind of table. Of bits and entries i of a mask and of data[], each belongs to keys[i];
 * nb is at most CONTENDER_BURST_MAX.
 */
struct contender {
	const char *name;

	/** About how many bytes create() takes. */
	uint64_t (*memory)(const struct contender_conf *conf);
	/** @return NULL: no memory. */
	void *(*create)(const struct contender_conf *conf);
	void (*destroy)(void *table);
	/** Places for flows, those included that capacity leaves empty. */
	uint64_t (*slots)(const void *table);

	/** Look a burst up. @return bits of those found; data[]: their numbers. */
	uint64_t (*find)(void *table, const void **keys, uint32_t nb, void *data[]);
	/**
	 * A burst as of packets of new flows: looked up, and entered with the number in
	 * data[] if not found.
	 * @return bits of those entered.
	 */
	uint64_t (*enter)(void *table, const void **keys, uint32_t nb, void *data[]);
	/** @return how many were there, and now are not. */
	uint32_t (*remove)(void *table, const void **keys, uint32_t nb);
	/** Judge about @p nb flows from a random place on, keep all. @return how many it were. */
	uint32_t (*sweep)(void *table, uint64_t random, uint32_t nb);
	/**
	 * Sweep, and remove all that is met. NULL: this table can remove by key only.
	 * @param numbers Those of the flows removed: of at most @p nb.
	 */
	uint32_t (*expire)(void *table, uint64_t random, uint32_t nb, uint32_t *numbers);
};

/** The table of lib/flow, compiled as the pipeline of that name is. */
extern const struct contender contender_avx2;
extern const struct contender contender_portable;
extern const struct contender contender_rte_hash;

/** Key of flow @p number: bytes that the family does not need are 0. */
void contender_key(enum ip_family family, uint32_t number, uint8_t key[CONTENDER_KEY_SIZE]);

#endif
