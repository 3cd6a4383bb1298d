/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Node k's children are 2k + 1 and 2k + 2. place[index] is the node of an index, plus
 * one, so that fresh zeroed memory says "does not run".
 */

#include "dataplane/timer_heap.h"

#include <stdlib.h>

struct timer {
	uint64_t at;
	uint32_t index;
};

struct timer_heap {
	uint32_t nb;
	struct timer *nodes;
	uint32_t *place;
};

struct timer_heap *
timer_heap_create(uint32_t capacity)
{
	struct timer_heap *heap = calloc(1, sizeof(*heap));

	if (heap == NULL)
		return NULL;
	heap->nodes = calloc(capacity, sizeof(*heap->nodes));
	heap->place = calloc(capacity, sizeof(*heap->place));
	if (heap->nodes == NULL || heap->place == NULL) {
		timer_heap_destroy(heap);
		return NULL;
	}
	return heap;
}

void
timer_heap_destroy(struct timer_heap *heap)
{
	if (heap == NULL)
		return;
	free(heap->nodes);
	free(heap->place);
	free(heap);
}

static void
node_put(struct timer_heap *heap, uint32_t node, struct timer timer)
{
	heap->nodes[node] = timer;
	heap->place[timer.index] = node + 1;
}

/* A timer belongs at node or above it. */
static void
sift_up(struct timer_heap *heap, uint32_t node, struct timer timer)
{
	while (node > 0) {
		uint32_t parent = (node - 1) / 2;

		if (heap->nodes[parent].at <= timer.at)
			break;
		node_put(heap, node, heap->nodes[parent]);
		node = parent;
	}
	node_put(heap, node, timer);
}

/* A timer belongs at node or below it. */
static void
sift_down(struct timer_heap *heap, uint32_t node, struct timer timer)
{
	for (;;) {
		uint32_t child = 2 * node + 1;

		if (child >= heap->nb)
			break;
		if (child + 1 < heap->nb && heap->nodes[child + 1].at < heap->nodes[child].at)
			child++;
		if (timer.at <= heap->nodes[child].at)
			break;
		node_put(heap, node, heap->nodes[child]);
		node = child;
	}
	node_put(heap, node, timer);
}

static void
node_settle(struct timer_heap *heap, uint32_t node, struct timer timer)
{
	if (node > 0 && timer.at < heap->nodes[(node - 1) / 2].at)
		sift_up(heap, node, timer);
	else
		sift_down(heap, node, timer);
}

void
timer_heap_set(struct timer_heap *heap, uint32_t index, uint64_t at)
{
	struct timer timer = { .at = at, .index = index };

	if (heap->place[index] == 0)
		sift_up(heap, heap->nb++, timer);
	else
		node_settle(heap, heap->place[index] - 1, timer);
}

void
timer_heap_clear(struct timer_heap *heap, uint32_t index)
{
	uint32_t node = heap->place[index];

	if (node == 0)
		return;
	node--;
	heap->place[index] = 0;
	heap->nb--;
	if (node < heap->nb)
		node_settle(heap, node, heap->nodes[heap->nb]);
}

bool
timer_heap_first(const struct timer_heap *heap, uint32_t *index, uint64_t *at)
{
	if (heap->nb == 0)
		return false;
	*index = heap->nodes[0].index;
	*at = heap->nodes[0].at;
	return true;
}
