/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_SPSC_RING_H
#define DATAPLANE_SPSC_RING_H

/**
 * @file
 * A lockless ring between two threads of this process: one puts, one takes, elements
 * of one size, by value. (Between processes: channel/ring.h, which trusts nobody.
 * rte_ring would do, but needs barriers that thread sanitizers do not see.)
 *
 * Thread safety: one thread on each side, but for spsc_ring_waits(). Memory: malloc() at creation only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"

struct spsc_ring;

/**
 * @param nb   Elements that fit; a power of two.
 * @param size Bytes of an element.
 * @return NULL: out of memory.
 */
struct spsc_ring *spsc_ring_create(uint32_t nb, uint32_t size);
void spsc_ring_destroy(struct spsc_ring *r); /**< Legal with NULL. */

/** @return false: full. */
MUST_CHECK bool spsc_ring_put(struct spsc_ring *r, const void *element);
/** Does something wait? Any thread may ask; the answer may be old already. */
bool spsc_ring_waits(const struct spsc_ring *r);
/** @return false: empty. */
MUST_CHECK bool spsc_ring_take(struct spsc_ring *r, void *element);

#endif
