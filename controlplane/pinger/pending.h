/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PINGER_PENDING_H
#define PINGER_PENDING_H

/**
 * @file
 * Echo requests that are out. Bounded: the oldest makes room for the newest, after
 * PENDING_MAX more, which at PING_MAX_PER_S is thirteen seconds.
 *
 * Thread safety: one thread owns a table.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#include "controlplane/pinger/echo.h"

#define PENDING_MAX (1U << 18)

/** Somebody waits for it. */
struct pending_echo {
	uint64_t cookie;
	uint32_t number;
	uint32_t id;	 /**< The client's. */
	uint32_t client; /**< Its number; 0: nobody waits. */
	struct ip_addr addr;
};

struct pending;

/** @param first The first number that is given; random. @return NULL: out of memory. */
struct pending *pending_create(uint32_t first);
void pending_destroy(struct pending *p); /**< Legal with NULL. */

/** @param cookie Random. @return the place of the next request, numbered; fill in the rest. */
struct pending_echo *pending_next(struct pending *p, uint64_t cookie);

/**
 * Whose reply or error is this? It is waited for no more.
 * @param out A copy. @return false: nobody's.
 */
bool pending_take(struct pending *p, enum echo_kind kind, const struct echo_heard *heard,
		struct pending_echo *out);

#endif
