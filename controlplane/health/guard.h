/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_GUARD_H
#define HEALTH_GUARD_H

/**
 * @file
 * What checks may do to a service: between what was observed of its backends and what
 * forwarding is told.
 *
 *  - Fail open: with fewer than min-healthy backends up, no backend counts as down, nor as
 *    drained by its agent. It ends when none is down, or when enough have been up for so long
 *    that the others had their chance too: what heals all of them is seen of one first, and
 *    flows of the rest must not move.
 *  - Pace: at most max-leave backends go down in leave-interval; the others wait.
 *  - Hold-down: a backend that went down often within a minute comes back later and
 *    later, each time twice as late (as RFC 2439 damps routes, but by count).
 *
 * Thread safety: plain values; one thread owns a guard. Times are milliseconds of a
 * monotonic clock that the caller reads.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

/** A number of backends, or a share of them. */
struct guard_limit {
	uint32_t value;
	bool percent;
};

/** Policy of one service. */
struct guard_conf {
	struct guard_limit min_healthy; /**< A share is rounded up. */
	struct guard_limit max_leave; /**< A share is rounded up; at least one; 100 %: no limit. */
	uint32_t leave_interval_ms;
	uint32_t settle_ms;	   /**< Enough are up for so long before fail open ends. */
	uint32_t hold_down_ms;	   /**< First hold-down; 0: none. */
	uint32_t max_hold_down_ms; /**< Where doubling ends. */
};

/** A backend that goes down for the third time within this is held down. */
#define GUARD_FLAP_WINDOW_MS 60000
#define GUARD_FLAPS_FREE 2

/** One backend under a guard. */
struct guard_member {
	uint8_t observed; /**< enum backend_health; the caller's. Unknown: judged stays. */
	bool counts;	  /**< Enabled and with weight: it counts for the limits; the caller's. */
	bool drained; /**< Its agent wants no new flows: not healthy, but not down; the caller's. */
	uint8_t judged;		/**< What the guard made of it, before failing open. */
	uint8_t effective;	/**< What forwarding is to be told. */
	uint32_t nb_downs;	/**< How often judged went down since the start: the flap count. */
	uint32_t nb_flaps;	/**< Downs in a row without a quiet window between them. */
	uint64_t changed_ms;	/**< When judged changed last. */
	uint64_t hold_until_ms; /**< Not up before; 0: it may. */
};

struct guard {
	bool fail_open;	      /**< Every backend counts as not down. */
	uint32_t nb_up;	      /**< Of those that count: judged up or unknown, and not drained. */
	uint32_t nb_members;  /**< Those that count. */
	uint32_t nb_waiting;  /**< Observed down, but max-leave keeps them. */
	uint32_t nb_left;     /**< Went down in the current interval. */
	uint64_t interval_ms; /**< When the current interval began. */
	uint64_t enough_ms;   /**< Failing open: since when enough are up; 0: they are not. */
	uint64_t again_ms;    /**< Call guard_update() then; 0: when something is observed. */
};

void guard_init(struct guard *guard);
/** A new backend: nothing observed, judged and effective unknown. */
void guard_member_init(struct guard_member *m);

/** How many of @p nb backends @p limit is, rounded up. */
uint32_t guard_limit_of(const struct guard_limit *limit, uint32_t nb);

/**
 * Judge every backend of a service anew.
 * @param members All of them, in the same order as before but for those that came or went.
 * @return true: some effective health, or fail_open, is another than before.
 */
bool guard_update(struct guard *guard, const struct guard_conf *conf, struct guard_member *members,
		uint32_t nb, uint64_t now_ms);

#endif
