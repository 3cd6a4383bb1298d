/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_HOP_LEDGER_H
#define DATAPLANE_HOP_LEDGER_H

/**
 * @file
 * The control thread's ledger of next hops: who has which index and how many
 * references, and what the control thread and the main lcore tell each other.
 *
 * An index goes free → in use (first acquire; the main lcore is told) → being removed
 * (last release; the main lcore is told) → free (the main lcore has confirmed). So an
 * index never gets another address while the main lcore, or a packet that it holds,
 * knows the old one. An address that is acquired again while its index is being
 * removed gets another index.
 *
 * Nothing is ever lost or refused between the two: an index has at most two requests
 * (add, remove) and two reports (changed, removed) under way, and the rings hold so
 * many for all. Changes coalesce: the control thread learns of a change, and looks up
 * itself what is true now.
 *
 * Thread safety: each function says whose it is. Memory: malloc() at creation only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/hop_index.h"

struct hop_ledger;

/** @param capacity Indexes 0..capacity - 1; a power of two. @return NULL: out of memory. */
struct hop_ledger *hop_ledger_create(uint32_t capacity);
void hop_ledger_destroy(struct hop_ledger *l); /**< Legal with NULL. */

/**
 * Before both threads start: a next hop that stays for ever. The main lcore is not told.
 * @return its index; HOP_NONE: no index is free, or it is there already.
 */
uint32_t hop_ledger_add_static(struct hop_ledger *l, const struct hop_key *key);

/** Control thread: take a reference. @return the index; HOP_NONE: none is free. */
uint32_t hop_ledger_acquire(struct hop_ledger *l, const struct hop_key *key);
/**
 * Control thread: was an acquire refused for lack of an index, and is one free by now?
 * @return true once: ask again for what was refused.
 */
bool hop_ledger_take_relief(struct hop_ledger *l);
/** Control thread: give a reference back. */
void hop_ledger_release(struct hop_ledger *l, uint32_t index);
/**
 * Control thread: the next change of a next hop in use; on the way, removed indexes
 * become free. @return false: none.
 */
bool hop_ledger_next_change(struct hop_ledger *l, uint32_t *index, struct hop_key *key);

/** What the control thread wants of the main lcore. */
struct hop_request {
	uint32_t index;
	bool remove; /**< Else add. */
	struct hop_key key;
};

/** Main lcore: the next request. @return false: none. */
bool hop_ledger_next_request(struct hop_ledger *l, struct hop_request *out);
/** Main lcore: @p index is removed, and nothing here names it any more. */
void hop_ledger_confirm_removed(struct hop_ledger *l, uint32_t index);
/** Main lcore: @p index got or lost its MAC address (which is published already). */
void hop_ledger_report_change(struct hop_ledger *l, uint32_t index);

#endif
