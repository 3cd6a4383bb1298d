/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef HEALTH_CHECKER_H
#define HEALTH_CHECKER_H

/**
 * @file
 * Does checks, each at its interval, and tells verdicts.
 *
 * A thread of its own runs them, so that a daemon that is busy with a large configuration
 * neither delays a check nor mistakes its own delay for the backend's. When the thread
 * itself is late (starved of CPU), or has no descriptors or no route, an attempt says
 * nothing about the backend: it is counted as trouble, and the verdict stays as it is.
 *
 * Thread safety: functions are called on the main thread, hooks too. Times are microseconds of
 * clock_monotonic_us() where nothing else is said.
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

#include "controlplane/health/check.h"
#include "controlplane/health/probe.h"

struct checker;

/** So many of the last attempts are remembered. */
#define CHECKER_RECENT 16

/** Room for why an attempt was not good, with its NUL. */
#define CHECK_WHY_SIZE 64

/** What is known of one check. */
struct check_state {
	uint8_t health; /**< enum backend_health: the verdict. */
	bool last_good;
	bool tried; /**< At least one attempt has ended; else the following is empty. */
	char why[CHECK_WHY_SIZE];    /**< Why the last attempt was not good; "". */
	uint32_t latency_us;	     /**< Of the last good attempt. */
	uint32_t latency_average_us; /**< Of good ones, each weighing an eighth. */
	uint8_t nb_recent;
	uint8_t recent[CHECKER_RECENT]; /**< enum probe_result, the newest first. */
	uint32_t streak;		/**< Attempts in a row that speak against the verdict. */
	uint64_t nb_attempts;
	uint64_t nb_bad;
	uint64_t nb_trouble; /**< Attempts that say nothing, because of this host. */
	int64_t last_ms;     /**< Unix time of the last attempt's end. */
	int64_t changed_ms;  /**< Unix time of the verdict; 0: none yet. */
	/** Unix time at which the certificate ends that was seen last; 0: none was. */
	int64_t certificate_ends_s;
	struct agent_word agent; /**< Of CHECK_AGENT; else as if nothing was said. */
};

/** How the checker itself is. */
struct checker_state {
	uint32_t nb_checks;
	uint64_t nb_attempts;
	uint64_t nb_trouble;
	uint64_t nb_late;   /**< Moments in which the thread was late. */
	int64_t trouble_ms; /**< Unix time of the last trouble; 0: never. */
	char trouble[64];   /**< What it was. */
};

/**
 * @param loop   The main thread's.
 * @param pinger Path of guideway-pinger's socket; copied.
 * @param changed Called when verdicts have changed or a set was taken over:
 *                checker_take() has them.
 * @return NULL: no thread, no memory.
 */
struct checker *checker_create(struct ev_loop *loop, const char *pinger,
		void (*changed)(void *context), void *context);
void checker_destroy(struct checker *c); /**< Legal with NULL. Waits for the thread. */

/** Do these checks from now on; takes a reference. Those that were there go on undisturbed. */
void checker_set(struct checker *c, struct check_set *set);

/** What a check has come to. */
struct checker_verdict {
	uint32_t index;
	uint8_t health;	 /**< enum backend_health. */
	uint8_t percent; /**< Of CHECK_AGENT: agent_word_percent(). */
};

/**
 * Verdicts that have changed since they were last taken.
 * @param out      Room for @p room of them.
 * @param first_us When the first of them did, or one taken before them; untouched if there is none.
 * @return how many, at most @p room; 0: none; or the set of checker_set() is not yet taken over.
 */
uint32_t checker_take(
		struct checker *c, struct checker_verdict *out, uint32_t room, uint64_t *first_us);

/** Look at one check of the set. @return false: the set is not yet taken over. */
bool checker_look(struct checker *c, uint32_t index, struct check_state *out);

/**
 * Somebody suspects whom this check of the set asks: attempt it at once, and then at half the fast
 * interval, until it has passed `rise` times in a row: who is dying may still say yes. If it says
 * no (PROBE_REFUSED) meanwhile, that suffices for down; silence counts as ever.
 * Beyond CHECKER_SUSPECTS_PER_S, and while the set is not yet taken over, nothing happens:
 * it is attempted at its interval.
 */
void checker_suspect(struct checker *c, uint32_t index);

/** Whoever can provoke suspicion shall not be able to make the checker busy with it. */
#define CHECKER_SUSPECTS_PER_S 1000

void checker_state(struct checker *c, struct checker_state *out);

#endif
