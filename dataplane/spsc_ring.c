/* SPDX-License-Identifier: BSD-3-Clause */
/* Indexes run freely and wrap at 2^32; head - tail is the number of elements. */

#include "dataplane/spsc_ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): a line for each writer. */
struct spsc_ring {
	/* Written at creation only. */
	uint32_t mask;
	uint32_t size;
	uint8_t *slots;
	/* Written by the producer; release, pairs with the acquire in spsc_ring_take(). */
	alignas(CACHE_LINE) _Atomic uint32_t head;
	/* Written by the consumer; release, pairs with the acquire in spsc_ring_put(). */
	alignas(CACHE_LINE) _Atomic uint32_t tail;
};

struct spsc_ring *
spsc_ring_create(uint32_t nb, uint32_t size)
{
	struct spsc_ring *r = aligned_alloc(CACHE_LINE, sizeof(*r));

	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->mask = nb - 1;
	r->size = size;
	r->slots = calloc(nb, size);
	if (r->slots == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
spsc_ring_destroy(struct spsc_ring *r)
{
	if (r == NULL)
		return;
	free(r->slots);
	free(r);
}

static void *
slot_at(const struct spsc_ring *r, uint32_t at)
{
	return r->slots + (size_t)(at & r->mask) * r->size;
}

bool
spsc_ring_put(struct spsc_ring *r, const void *element)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) > r->mask)
		return false;
	memcpy(slot_at(r, head), element, r->size);
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

bool
spsc_ring_take(struct spsc_ring *r, void *element)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (atomic_load_explicit(&r->head, memory_order_acquire) == tail)
		return false;
	memcpy(element, slot_at(r, tail), r->size);
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	return true;
}

bool
spsc_ring_waits(const struct spsc_ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_relaxed) !=
			atomic_load_explicit(&r->tail, memory_order_relaxed);
}
