/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slots form singly linked lists: one of free slots, one for each next hop that waits
 * (linked in a circle from its last slot, so that one number a next hop is enough).
 * Numbers are slot + 1, so that fresh zeroed memory is an empty queue.
 */

#include "dataplane/wait_queue.h"

#include <stddef.h>
#include <stdlib.h>

struct wait_slot {
	void *packet;
	uint32_t next;
};

struct wait_queue {
	uint32_t free;
	struct wait_slot *slots; /* Slot number n is slots[n - 1]. */
	struct {
		uint32_t last;
		uint32_t nb;
	} * hops;
};

struct wait_queue *
wait_queue_create(uint32_t nb_hops, uint32_t nb_packets)
{
	struct wait_queue *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->slots = calloc(nb_packets, sizeof(*q->slots));
	q->hops = calloc(nb_hops, sizeof(*q->hops));
	if (q->slots == NULL || q->hops == NULL) {
		wait_queue_destroy(q);
		return NULL;
	}
	for (uint32_t n = 1; n <= nb_packets; n++)
		q->slots[n - 1].next = n < nb_packets ? n + 1 : 0;
	q->free = 1;
	return q;
}

void
wait_queue_destroy(struct wait_queue *q)
{
	if (q == NULL)
		return;
	free(q->slots);
	free(q->hops);
	free(q);
}

void *
wait_queue_put(struct wait_queue *q, uint32_t hop, void *packet)
{
	void *oldest = NULL;
	uint32_t slot, last;

	if (q->hops[hop].nb == WAIT_QUEUE_DEPTH)
		oldest = wait_queue_take(q, hop);
	slot = q->free;
	if (slot == 0)
		return packet;
	q->free = q->slots[slot - 1].next;
	q->slots[slot - 1].packet = packet;
	last = q->hops[hop].last;
	if (last == 0) {
		q->slots[slot - 1].next = slot;
	} else {
		q->slots[slot - 1].next = q->slots[last - 1].next;
		q->slots[last - 1].next = slot;
	}
	q->hops[hop].last = slot;
	q->hops[hop].nb++;
	return oldest;
}

void *
wait_queue_take(struct wait_queue *q, uint32_t hop)
{
	uint32_t last = q->hops[hop].last;
	uint32_t first;

	if (last == 0)
		return NULL;
	first = q->slots[last - 1].next;
	q->slots[last - 1].next = q->slots[first - 1].next;
	if (first == last)
		q->hops[hop].last = 0;
	q->hops[hop].nb--;
	q->slots[first - 1].next = q->free;
	q->free = first;
	return q->slots[first - 1].packet;
}
