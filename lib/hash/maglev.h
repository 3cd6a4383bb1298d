/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HASH_MAGLEV_H
#define HASH_MAGLEV_H

/**
 * @file
 * Weighted Maglev look-up tables in two steps (Eisenbud et al., "Maglev: A Fast
 * and Reliable Software Network Load Balancer", NSDI 2016, section 3.4; weights
 * and factors are ours, see maglev.c and doc/maglev.md).
 *
 * The *anchor table* follows from the configuration alone: identity and weight
 * of every backend. Health, drains and slow start never rebuild it. They set a
 * backend's *factor* in 0…MAGLEV_FACTOR_ONE, and maglev_resolve() derives the
 * table that packets use: the owner o of a slot keeps it iff its acceptance hash
 * for the slot is below its factor; else other owners are asked in a fixed order.
 * Lowering a factor moves only that backend's slots, raising it moves slots only
 * to that backend, and a backend that returns gets its old slots back.
 *
 * Both tables are pure functions of their arguments: the order of the backends,
 * their indexes and the CPU do not matter.
 *
 * Thread safety: a table is the caller's memory; no function keeps state.
 * Memory: scratch memory comes from malloc() and is given back before return.
 */

#include <stdint.h>

#include "base/compiler.h"

/** In a slot: nobody takes new flows. */
#define MAGLEV_NO_BACKEND UINT16_MAX
/** Most backends in one table: indexes are 16 bits, and 65,535 means nobody. */
#define MAGLEV_MAX_BACKENDS 65534
/** Largest table: the largest prime below 2^20. */
#define MAGLEV_MAX_SLOTS 1048573
/** Smallest table that maglev_build() takes. */
#define MAGLEV_MIN_SLOTS 251
#define MAGLEV_MAX_WEIGHT 65535
/** The factor of a backend that takes its whole share. */
#define MAGLEV_FACTOR_ONE 65536U

/** One backend, as the tables see it. */
struct maglev_backend {
	uint64_t key;		/**< Identity that survives a restart: see maglev_backend_key(). */
	uint32_t weight;	/**< Share of the slots; 0 takes none. At most MAGLEV_MAX_WEIGHT. */
	uint32_t factor;	/**< 0…MAGLEV_FACTOR_ONE; maglev_build() does not look at it. */
	uint32_t factor_before; /**< Likewise; only maglev_resolve_change() looks at it. */
	uint16_t index;		/**< What a slot holds for this backend. */
};

/**
 * The identity of a backend: a fixed (unkeyed) 64-bit hash of @p len bytes,
 * documented in doc/maglev.md, so that two balancers build the same table.
 */
uint64_t maglev_backend_key(const void *id, unsigned int len);

/**
 * The number of slots that a service gets unless its configuration says
 * otherwise: the smallest prime of a fixed list that is at least
 * max(100 × backends, 50 × ΣW / W_min) over backends of non-zero weight, or the
 * list's last. The list: 1021, 1543, 2053, 3079, 4099, 6151, 8209, 12289, 16411,
 * 24593, 32771, 49157, 65537, 98317, 131101, 196613, 262147, 393241, 524309, 786433,
 * 1048573. No floor of 65537: ten thousand services of ten backends would need 1.3 GB.
 */
uint32_t maglev_default_slots(const struct maglev_backend *backends, uint32_t nb_backends);

/** Is @p nb_slots a prime in MAGLEV_MIN_SLOTS…MAGLEV_MAX_SLOTS? */
int maglev_slots_valid(uint32_t nb_slots);

/**
 * Build the anchor table.
 *
 * Every backend gets within one slot of nb_slots × weight / Σ weights.
 *
 * @param anchor
 *   nb_slots entries; filled with @em positions in @p backends (not with
 *   maglev_backend.index). All MAGLEV_NO_BACKEND where no weight is non-zero.
 * @param nb_slots
 *   maglev_slots_valid().
 * @param backends
 *   Read only during the call. Keys must be distinct.
 * @param nb_backends
 *   0…MAGLEV_MAX_BACKENDS.
 * @return
 *   - 0: built.
 *   - -EINVAL: @p nb_slots, @p nb_backends or a weight is out of range.
 *   - -EEXIST: two keys are equal.
 *   - -ENOMEM: no scratch memory.
 *   On error the content of @p anchor is undefined.
 */
MUST_CHECK int maglev_build(uint16_t *anchor, uint32_t nb_slots,
		const struct maglev_backend *backends, uint32_t nb_backends);

/**
 * Derive the table that packets use from an anchor table and today's factors.
 *
 * @param slots
 *   nb_slots entries; filled with maglev_backend.index, or MAGLEV_NO_BACKEND in
 *   every slot if every factor (of backends with weight) is zero. May not overlap
 *   @p anchor.
 * @param anchor
 *   From maglev_build() with the same @p backends, in the same order, with the
 *   same keys and weights.
 */
void maglev_resolve(uint16_t *slots, const uint16_t *anchor, uint32_t nb_slots,
		const struct maglev_backend *backends, uint32_t nb_backends);

/**
 * As maglev_resolve(), from the table under other factors: the same result, at a cost that
 * follows what the change can move.
 *
 * @param slots
 *   In: resolved from @p anchor with the same @p backends, but for their factors, which
 *   were factor_before then. Out: with the factors of now.
 */
void maglev_resolve_change(uint16_t *slots, const uint16_t *anchor, uint32_t nb_slots,
		const struct maglev_backend *backends, uint32_t nb_backends);

/** The slot of a flow: its 64-bit slot hash (see service/slot_hash.h) scaled to the table. */
static inline uint32_t
maglev_slot(uint64_t slot_hash, uint32_t nb_slots)
{
	return (uint32_t)(((slot_hash >> 32) * nb_slots) >> 32);
}

#endif
