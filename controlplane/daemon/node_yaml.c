/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * YAML to nodes: libyaml's events drive a stack of open maps and lists. A map's
 * key waits in the frame until its value comes.
 */
#include "node.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/** An open map or list. */
struct frame {
	struct node *node;
	char *key; /* Map: waiting for its value. */
	uint32_t key_line, key_column;
};

struct builder {
	struct document *document;
	struct complaints *complaints;
	struct frame frames[DOCUMENT_MAX_DEPTH];
	unsigned int depth;
	bool has_root;
};

static struct place
place_of(const yaml_mark_t *mark)
{
	struct place place = { .line = (unsigned int)mark->line + 1,
		.column = (unsigned int)mark->column + 1 };

	return place;
}

static int
refuse(struct builder *b, const yaml_event_t *event, const char *hint, const char *text)
{
	struct place place = place_of(&event->start_mark);

	b->complaints->syntax = true;
	complain(b->complaints, &place, hint, "%s", text);
	return -EINVAL;
}

static bool
is_null(const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static enum node_kind
kind_of(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_MAPPING_START_EVENT:
		return NODE_MAP;
	case YAML_SEQUENCE_START_EVENT:
		return NODE_LIST;
	default:
		if (is_null(event))
			return NODE_NULL;
		return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? NODE_PLAIN
									   : NODE_STRING;
	}
}

/** Anchors and tags: what a value may not carry. */
static int
check_decoration(struct builder *b, const yaml_event_t *event)
{
	const yaml_char_t *anchor, *tag;

	if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
			return refuse(b, event, NULL, "a NUL character");
	}
	if (anchor != NULL)
		return refuse(b, event, "write the value out", "anchors are not supported");
	if (tag != NULL)
		return refuse(b, event, NULL, "tags are not supported");
	return 0;
}

/** A scalar where the open map awaits a key. */
static int
take_key(struct builder *b, const yaml_event_t *event, struct frame *top)
{
	struct place place = place_of(&event->start_mark);

	if (event->type != YAML_SCALAR_EVENT)
		return refuse(b, event, NULL, "a key must be a word");
	top->key = strdup((const char *)event->data.scalar.value);
	top->key_line = place.line;
	top->key_column = place.column;
	return top->key == NULL ? -ENOMEM : 0;
}

static int
take_value(struct builder *b, const yaml_event_t *event)
{
	struct frame *top = b->depth > 0 ? &b->frames[b->depth - 1] : NULL;
	enum node_kind kind = kind_of(event);
	struct place place = place_of(&event->start_mark);
	struct node *node;
	int ret;

	assert(top == NULL || top->node != NULL);
	ret = check_decoration(b, event);
	if (ret != 0)
		return ret;
	if (top != NULL && top->node->kind == NODE_MAP && top->key == NULL)
		return take_key(b, event, top);

	node = document_add(b->document, top != NULL ? top->node : NULL, kind,
			top != NULL ? top->key : NULL,
			event->type == YAML_SCALAR_EVENT ? (const char *)event->data.scalar.value
							 : "");
	if (node == NULL && document_is_full(b->document))
		return refuse(b, event, NULL, "too many values in one document");
	if (node == NULL)
		return -ENOMEM;
	node->line = place.line;
	node->column = place.column;
	if (top != NULL && top->key != NULL) {
		node->key_line = top->key_line;
		node->key_column = top->key_column;
		free(top->key);
		top->key = NULL;
	}
	if (kind != NODE_MAP && kind != NODE_LIST)
		return 0;
	if (b->depth == DOCUMENT_MAX_DEPTH)
		return refuse(b, event, NULL, "nested too deeply");
	b->frames[b->depth++] = (struct frame){ .node = node };
	return 0;
}

/** @return 1: the stream has ended; 0: go on; -errno. */
static int
take_event(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_STREAM_END_EVENT:
		return 1;
	case YAML_DOCUMENT_START_EVENT:
		if (b->has_root)
			return refuse(b, event, NULL, "a second document in one file");
		b->has_root = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return refuse(b, event, "write the value out", "aliases are not supported");
	case YAML_SCALAR_EVENT:
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		return take_value(b, event);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		b->depth--;
		return 0;
	default:
		return 0;
	}
}

static int
report_parser(const yaml_parser_t *parser, struct complaints *c)
{
	struct place place = place_of(&parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	c->syntax = true;
	if (parser->error == YAML_READER_ERROR) {
		place.line = 0;
		complain(c, &place, NULL, "not YAML in UTF-8: %s at byte %zu", parser->problem,
				parser->problem_offset);
	} else {
		complain(c, &place, NULL, "not YAML: %s%s%s",
				parser->context != NULL ? parser->context : "",
				parser->context != NULL ? ": " : "", parser->problem);
	}
	return -EINVAL;
}

int
document_parse_yaml(struct document *d, const char *text, size_t len, struct complaints *c)
{
	struct builder b = { .document = d, .complaints = c };
	yaml_parser_t parser;
	int ret = 0;

	if (len > DOCUMENT_MAX_SIZE) {
		c->syntax = true;
		complain(c, &(struct place){ .path = NULL }, NULL, "larger than %u bytes",
				DOCUMENT_MAX_SIZE);
		return -EINVAL;
	}
	if (yaml_parser_initialize(&parser) == 0)
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);

	while (ret == 0) {
		yaml_event_t event;

		if (yaml_parser_parse(&parser, &event) == 0) {
			ret = report_parser(&parser, c);
			break;
		}
		ret = take_event(&b, &event);
		yaml_event_delete(&event);
	}
	for (unsigned int i = 0; i < DOCUMENT_MAX_DEPTH; i++)
		free(b.frames[i].key);
	yaml_parser_delete(&parser);
	return ret < 0 ? ret : 0;
}
