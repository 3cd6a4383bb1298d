/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_OVERRIDE_H
#define DAEMON_OVERRIDE_H

/**
 * @file
 * What operators have set on a backend of a service, apart from the
 * configuration: a state, a weight, or both. An override wins until it is reset.
 *
 * A list is immutable once made, sorted by service and backend, and
 * reference-counted; a change makes a new one.
 *
 * Thread safety: lists and their counts belong to the main thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"

#define OVERRIDE_BY_SIZE 64

struct override {
	struct service_key service;
	struct ip_addr backend;
	bool has_admin;
	bool has_weight;
	uint8_t admin;		   /**< enum backend_admin, if has_admin. */
	uint32_t weight;	   /**< If has_weight. */
	int64_t since_ms;	   /**< Unix time. */
	char by[OVERRIDE_BY_SIZE]; /**< "uid 0 (root)". */
};

struct overrides {
	unsigned int refs;
	uint32_t nb;
	struct override *list;
};

/** An empty list of one reference with room for @p room. @return NULL: out of memory. */
struct overrides *overrides_create(uint32_t room);
struct overrides *overrides_ref(struct overrides *o);
void overrides_unref(struct overrides *o); /**< Legal with NULL. */

/** @return NULL: none. */
const struct override *overrides_find(const struct overrides *o, const struct service_key *service,
		const struct ip_addr *backend);

/** A sorted list under construction: append at the end, in any order, then overrides_sort(). */
void overrides_append(struct overrides *o, const struct override *entry);
void overrides_sort(struct overrides *o);

/** A copy with @p entry put or replaced; removed, if it overrides nothing. @return NULL: no memory. */
struct overrides *overrides_with(const struct overrides *o, const struct override *entry);

/**
 * A copy without those of @p service (NULL: any) and @p backend (NULL: any).
 * @return NULL: out of memory.
 */
struct overrides *overrides_without(const struct overrides *o, const struct service_key *service,
		const struct ip_addr *backend);

/** The same states and weights, whoever set them? */
bool overrides_equal(const struct overrides *a, const struct overrides *b);

#endif
