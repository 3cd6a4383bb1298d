/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_BACKEND_COUNT_H
#define SERVICE_BACKEND_COUNT_H

/**
 * @file
 * How many services name each backend address, to bound the distinct ones.
 * Private to lib/service.
 *
 * Thread safety: none; the control thread owns it.
 * Memory: allocated by backend_count_init() only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/compiler.h"
#include "hash/siphash.h"

struct backend_count_entry {
	struct ip_addr addr;
	uint32_t nb_refs; /**< 0: the entry is empty. */
};

struct backend_count {
	struct backend_count_entry *entries;
	uint32_t mask; /**< Entries − 1. */
	uint32_t nb;   /**< Distinct addresses. */
	uint32_t max;
	struct siphash_key key;
};

/** @param max Most distinct addresses. @return 0 or -ENOMEM. */
MUST_CHECK int backend_count_init(
		struct backend_count *count, uint32_t max, const struct siphash_key *key);
void backend_count_fini(struct backend_count *count);

/** @return false: @p addr would be one too many; nothing changed. */
MUST_CHECK bool backend_count_add(struct backend_count *count, const struct ip_addr *addr);

/** @p addr must have been added. */
void backend_count_remove(struct backend_count *count, const struct ip_addr *addr);

#endif
