/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_NODE_H
#define DAEMON_NODE_H

/**
 * @file
 * A document as a tree of maps, lists and scalars, with the place of each: the
 * common form of YAML and JSON, so that both are checked by the same code
 * (config_read.h).
 *
 * Bounded: DOCUMENT_MAX_SIZE bytes, DOCUMENT_MAX_DEPTH levels,
 * DOCUMENT_MAX_NODES values. YAML anchors, aliases, tags, merge keys and second
 * documents are refused: none is needed, and aliases multiply.
 *
 * Thread safety: a document belongs to one thread.
 * Memory: an arena of its own, from malloc(); document_destroy() gives it back.
 */

#include <stddef.h>
#include <stdint.h>

#include "complaint.h"

#define DOCUMENT_MAX_SIZE (16U << 20)
#define DOCUMENT_MAX_DEPTH 16
#define DOCUMENT_MAX_NODES 2000000

enum node_kind {
	NODE_NULL = 0, /**< YAML: nothing, ~ or null. */
	NODE_MAP,
	NODE_LIST,
	NODE_PLAIN,  /**< YAML, without quotes: text or number, as the reader wants it. */
	NODE_STRING, /**< Quoted. */
	NODE_NUMBER, /**< JSON. */
	NODE_BOOL,   /**< JSON. */
};

struct node {
	uint8_t kind; /**< enum node_kind. */
	uint32_t nb;  /**< Children of a map or list. */
	uint32_t line;
	uint32_t column;
	uint32_t key_line;
	uint32_t key_column;
	const char *key;  /**< Within a map; NUL-terminated. */
	const char *text; /**< Scalars; NUL-terminated, "" for NULL. */
	struct node *first;
	struct node *last;
	struct node *next;
};

struct document;

struct document *document_create(void);	   /**< @return NULL: out of memory. */
void document_destroy(struct document *d); /**< Legal with NULL. */

/** The root, or NULL: an empty document. */
const struct node *document_root(const struct document *d);

/** The child @p key of a map, else @p map itself: where a complaint belongs. */
const struct node *node_child_or_self(const struct node *map, const char *key);

/** Parse YAML (UTF-8). @return 0; -EINVAL: see @p c; -ENOMEM. */
int document_parse_yaml(struct document *d, const char *text, size_t len, struct complaints *c);

/** Parse JSON. @return as document_parse_yaml(). Places are 0 (not known). */
int document_parse_json(struct document *d, const char *text, size_t len, struct complaints *c);

/* For the two parsers. */

/**
 * A new node under @p parent (NULL: the root). @p key and @p text are copied.
 * @param key NULL outside maps.
 * @return NULL: out of memory, or one too many: see document_is_full().
 */
struct node *document_add(struct document *d, struct node *parent, enum node_kind kind,
		const char *key, const char *text);
int document_is_full(const struct document *d);

#endif
