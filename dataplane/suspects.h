/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_SUSPECTS_H
#define DATAPLANE_SUSPECTS_H

/**
 * @file
 * From single signs to a suspicion: who has had enough of them, soon enough one after the
 * other, from enough flows, and no progress in between.
 *
 * What is enough:
 *
 *     SYN retransmissions   3 from 2 flows within a second, no flow opened meanwhile
 *     resets                5 from 3 flows within a second, no flow opened meanwhile
 *     unreachable           1
 *
 * A member under continued suspicion is reported again, each kind at most every
 * SUSPECTS_QUIET_MS.
 *
 * Memory and work are bounded whatever comes: SUSPECTS_MAX members and kinds are remembered;
 * who has been quiet for longest makes room.
 *
 * Thread safety: none; the control thread owns it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

/** Members, for each kind, of which something is remembered at a time. */
#define SUSPECTS_MAX 1024
/** Signs that are remembered of each: counts end here. */
#define SUSPECTS_SIGNS 16
/** Between two reports about a member of the same kind. */
#define SUSPECTS_QUIET_MS 100

struct suspects;

/** One sign against a member. */
struct suspects_sign {
	uint32_t member;   /**< Its statistics index. */
	uint32_t kind;	   /**< enum suspicion of channel/message.h. */
	uint32_t flow;	   /**< Tells flows apart. */
	uint64_t progress; /**< Flows that the member has opened until now: only a change counts. */
};

/** How bad it is. */
struct suspects_verdict {
	uint32_t count;	    /**< So many signs, at most SUSPECTS_SIGNS, */
	uint32_t window_ms; /**< within so many milliseconds, at least 1. */
};

/** @return NULL: out of memory. */
struct suspects *suspects_create(void);
void suspects_destroy(struct suspects *s); /**< Legal with NULL. */

/**
 * Take a sign.
 * @param now_ms Monotonic.
 * @return true: report it, @p out is filled.
 */
MUST_CHECK bool suspects_note(struct suspects *s, const struct suspects_sign *sign, uint64_t now_ms,
		struct suspects_verdict *out);

/** The index gets another member: forget what was. */
void suspects_forget(struct suspects *s, uint32_t member);

#endif
