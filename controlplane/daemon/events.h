/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_EVENTS_H
#define DAEMON_EVENTS_H

/**
 * @file
 * What has just happened, for whoever follows: the last EVENTS_KEPT events, each a JSON
 * object with `id`, `at`, `kind`, a sentence `text`, and fields of its kind (doc/api.md lists
 * them). Nothing here is durable: that is the audit trail's business.
 *
 * Ids count up by one; over restarts they only grow, unless the clock was set back. Who reads
 * too slowly loses events, and can tell by their ids; nobody is waited for.
 *
 * Thread safety: the main thread only.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/compiler.h"

#define EVENTS_KEPT 1024

struct events;

/** Somebody who wants to know when there is more. */
struct events_follower {
	void (*more)(struct events_follower *follower); /**< May unfollow itself, nobody else. */
	LIST_ENTRY(events_follower) link;
};

/** @return NULL: out of memory. */
struct events *events_create(void);
/** Nobody follows any more. Legal with NULL. */
void events_destroy(struct events *e);

/**
 * It has happened.
 * @param kind   Constant text, "backend.health".
 * @param fields An object, taken; NULL: none.
 * @param format The sentence; what is not UTF-8 in it becomes '?'.
 */
void events_add(struct events *e, const char *kind, json_t *fields, const char *format, ...)
		PRINTF_LIKE(4, 5);

uint64_t events_begin(const struct events *e); /**< The id of the first one of all. */
uint64_t events_first(const struct events *e); /**< The id of the oldest that is kept. */
uint64_t events_next(const struct events *e);  /**< The id that the next one will have. */
/**
 * @param id From events_first() to below events_next().
 * @return borrowed; NULL: there was no memory for it.
 */
const json_t *events_get(const struct events *e, uint64_t id);

void events_follow(struct events *e, struct events_follower *follower);
void events_unfollow(struct events_follower *follower);

#endif
