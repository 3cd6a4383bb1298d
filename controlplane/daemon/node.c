/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* Nodes and texts live in chunks that are freed together. A text longer than a
 * chunk gets one of its own. */
#define CHUNK_SIZE (64U << 10)

struct chunk {
	struct chunk *next;
	size_t used;
	size_t size;
	alignas(16) char bytes[];
};

struct document {
	struct chunk *chunks;
	struct node *root;
	uint32_t nb_nodes;
};

struct document *
document_create(void)
{
	return calloc(1, sizeof(struct document));
}

void
document_destroy(struct document *d)
{
	if (d == NULL)
		return;
	while (d->chunks != NULL) {
		struct chunk *chunk = d->chunks;

		d->chunks = chunk->next;
		free(chunk);
	}
	free(d);
}

const struct node *
document_root(const struct document *d)
{
	return d->root;
}

const struct node *
node_child_or_self(const struct node *map, const char *key)
{
	for (const struct node *child = map->first; child != NULL; child = child->next) {
		if (child->key != NULL && strcmp(child->key, key) == 0)
			return child;
	}
	return map;
}

static void *
arena_take(struct document *d, size_t size)
{
	struct chunk *chunk = d->chunks;
	void *at;

	size = (size + 15) & ~(size_t)15;
	if (chunk == NULL || chunk->size - chunk->used < size) {
		size_t chunk_size = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		chunk = malloc(sizeof(*chunk) + chunk_size);
		if (chunk == NULL)
			return NULL;
		chunk->size = chunk_size;
		chunk->used = 0;
		chunk->next = d->chunks;
		d->chunks = chunk;
	}
	at = chunk->bytes + chunk->used;
	chunk->used += size;
	return at;
}

static const char *
arena_text(struct document *d, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy;

	if (size == 1)
		return "";
	copy = arena_take(d, size);
	if (copy != NULL)
		memcpy(copy, text, size);
	return copy;
}

int
document_is_full(const struct document *d)
{
	return d->nb_nodes >= DOCUMENT_MAX_NODES;
}

struct node *
document_add(struct document *d, struct node *parent, enum node_kind kind, const char *key,
		const char *text)
{
	struct node *node;

	if (document_is_full(d))
		return NULL;
	node = arena_take(d, sizeof(*node));
	if (node == NULL)
		return NULL;
	memset(node, 0, sizeof(*node));
	node->kind = kind;
	node->text = arena_text(d, text != NULL ? text : "");
	node->key = key != NULL ? arena_text(d, key) : NULL;
	if (node->text == NULL || (key != NULL && node->key == NULL))
		return NULL;

	d->nb_nodes++;
	if (parent == NULL) {
		d->root = node;
		return node;
	}
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->nb++;
	return node;
}
