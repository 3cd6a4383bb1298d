/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * JSON to nodes, by way of jansson's tree: a duplicate key and what is not JSON are
 * refused there. Recursion is bounded by DOCUMENT_MAX_DEPTH here and by jansson's
 * own bound (2048) there.
 */
#include "node.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

static int
refuse(struct complaints *c, const char *text)
{
	c->syntax = true;
	complain(c, &(struct place){ .path = NULL }, NULL, "%s", text);
	return -EINVAL;
}

static struct node *
add_scalar(struct document *d, struct node *parent, const char *key, const json_t *json)
{
	char number[64];

	switch (json_typeof(json)) {
	case JSON_STRING:
		return document_add(d, parent, NODE_STRING, key, json_string_value(json));
	case JSON_INTEGER:
		snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(json));
		return document_add(d, parent, NODE_NUMBER, key, number);
	case JSON_REAL:
		snprintf(number, sizeof(number), "%.17g", json_real_value(json));
		return document_add(d, parent, NODE_NUMBER, key, number);
	case JSON_TRUE:
	case JSON_FALSE:
		return document_add(
				d, parent, NODE_BOOL, key, json_is_true(json) ? "true" : "false");
	case JSON_OBJECT:
		return document_add(d, parent, NODE_MAP, key, "");
	case JSON_ARRAY:
		return document_add(d, parent, NODE_LIST, key, "");
	default:
		return document_add(d, parent, NODE_NULL, key, "");
	}
}

/** A JSON value whose node is made and whose children are under way. */
struct frame {
	json_t *json;
	struct node *node;
	void *iterator;	 /* Object: the next pair. */
	size_t position; /* Array: the next element. */
};

/** @return the next child of the frame, or NULL. */
static json_t *
next_child(struct frame *f, const char **key)
{
	json_t *child = NULL;

	*key = NULL;
	if (json_is_array(f->json))
		return json_array_get(f->json, f->position++);
	if (f->iterator != NULL) {
		*key = json_object_iter_key(f->iterator);
		child = json_object_iter_value(f->iterator);
		f->iterator = json_object_iter_next(f->json, f->iterator);
	}
	return child;
}

static int
convert(struct document *d, json_t *root, struct complaints *c)
{
	struct frame frames[DOCUMENT_MAX_DEPTH];
	unsigned int depth = 0;
	json_t *json = root;
	const char *key = NULL;
	struct node *parent = NULL;

	for (;;) {
		struct node *node = add_scalar(d, parent, key, json);

		if (node == NULL)
			return document_is_full(d) ? refuse(c, "too many values in one document")
						   : -ENOMEM;
		if (node->kind == NODE_MAP || node->kind == NODE_LIST) {
			if (depth == DOCUMENT_MAX_DEPTH)
				return refuse(c, "nested too deeply");
			frames[depth++] = (struct frame){ .json = json,
				.node = node,
				.iterator = json_is_object(json) ? json_object_iter(json) : NULL };
		}
		do {
			if (depth == 0)
				return 0;
			json = next_child(&frames[depth - 1], &key);
			parent = frames[depth - 1].node;
			if (json == NULL)
				depth--;
		} while (json == NULL);
	}
}

int
document_parse_json(struct document *d, const char *text, size_t len, struct complaints *c)
{
	json_error_t error;
	json_t *root;
	int ret;

	if (len > DOCUMENT_MAX_SIZE) {
		c->syntax = true;
		complain(c, &(struct place){ .path = NULL }, NULL, "larger than %u bytes",
				DOCUMENT_MAX_SIZE);
		return -EINVAL;
	}
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (root == NULL) {
		struct place place = { .line = error.line > 0 ? (unsigned int)error.line : 0,
			.column = error.column > 0 ? (unsigned int)error.column : 0 };

		if (json_error_code(&error) == json_error_out_of_memory)
			return -ENOMEM;
		c->syntax = true;
		complain(c, &place, NULL, "not JSON: %s", error.text);
		return -EINVAL;
	}
	ret = convert(d, root, c);
	json_decref(root);
	return ret;
}
