/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chained hashing where the chain runs through the indexes themselves: nothing is
 * allocated after creation and removal leaves no tombstone. Keys come from the
 * configuration, not from packets, so an unkeyed hash cannot be attacked: strangers
 * can only look up what is not there.
 */

#include "dataplane/hop_index.h"

#include <stdlib.h>

#include "base/bytes.h"

struct hop_node {
	struct hop_key key;
	uint32_t next; /* Index + 1; 0 ends the chain. */
};

struct hop_index {
	uint32_t mask;
	uint32_t *heads; /* Index + 1; 0: empty. */
	struct hop_node *nodes;
};

struct hop_index *
hop_index_create(uint32_t capacity)
{
	struct hop_index *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->mask = capacity - 1;
	h->heads = calloc(capacity, sizeof(*h->heads));
	h->nodes = calloc(capacity, sizeof(*h->nodes));
	if (h->heads == NULL || h->nodes == NULL) {
		hop_index_destroy(h);
		return NULL;
	}
	return h;
}

void
hop_index_destroy(struct hop_index *h)
{
	if (h == NULL)
		return;
	free(h->heads);
	free(h->nodes);
	free(h);
}

static uint32_t *
hop_head(const struct hop_index *h, const struct hop_key *key)
{
	uint64_t x = load_u64(key->addr.bytes) ^ key->interface;

	x = (x ^ x >> 32) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 32 ^ load_u64(key->addr.bytes + 8)) * UINT64_C(0x9e3779b97f4a7c15);
	return &h->heads[x >> 32 & h->mask];
}

static bool
hop_equal(const struct hop_key *a, const struct hop_key *b)
{
	return a->interface == b->interface && ip_addr_equal(&a->addr, &b->addr);
}

uint32_t
hop_index_find(const struct hop_index *h, const struct hop_key *key)
{
	for (uint32_t at = *hop_head(h, key); at != 0; at = h->nodes[at - 1].next)
		if (hop_equal(&h->nodes[at - 1].key, key))
			return at - 1;
	return HOP_NONE;
}

void
hop_index_insert(struct hop_index *h, const struct hop_key *key, uint32_t index)
{
	uint32_t *head = hop_head(h, key);

	h->nodes[index].key = *key;
	h->nodes[index].next = *head;
	*head = index + 1;
}

void
hop_index_remove(struct hop_index *h, uint32_t index)
{
	uint32_t *link = hop_head(h, &h->nodes[index].key);

	while (*link != index + 1)
		link = &h->nodes[*link - 1].next;
	*link = h->nodes[index].next;
}
