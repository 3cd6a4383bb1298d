/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_HOP_INDEX_H
#define DATAPLANE_HOP_INDEX_H

/**
 * @file
 * From (address, interface) to the index of a next hop. The main lcore and the control
 * thread keep one each.
 *
 * Thread safety: one thread owns it. Memory: malloc() at creation only.
 */

#include <stdint.h>

#include "base/addr.h"

#define HOP_NONE UINT32_MAX

/** What is looked up. */
struct hop_key {
	struct ip_addr addr;
	uint8_t interface;
};

struct hop_index;

/** For indexes 0..@p capacity - 1; a power of two. @return NULL: out of memory. */
struct hop_index *hop_index_create(uint32_t capacity);
void hop_index_destroy(struct hop_index *h); /**< Legal with NULL. */

/** @return the index, or HOP_NONE. */
uint32_t hop_index_find(const struct hop_index *h, const struct hop_key *key);
/** Neither @p key nor @p index may be in it. */
void hop_index_insert(struct hop_index *h, const struct hop_key *key, uint32_t index);
/** @p index must be in it. */
void hop_index_remove(struct hop_index *h, uint32_t index);

#endif
