/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libyaml's document API: the whole file becomes a tree of nodes with marks (line and
 * column), which is walked along the tables. Only keys that a table names are followed,
 * so aliases cannot make the walk longer than the tables are deep.
 */
#include "dataplane/config_yaml.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
yaml_reader_init(struct yaml_reader *r, const char *file, yaml_document_t *document, char *errors,
		size_t errors_size)
{
	*r = (struct yaml_reader){
		.file = file,
		.document = document,
		.errors = errors,
		.errors_size = errors_size,
	};
	errors[0] = '\0';
}

static void
error_add(struct yaml_reader *r, const char *line)
{
	size_t len = strlen(r->errors);
	static const char more[] = "\n(more errors follow)";

	r->nb_errors++;
	if (len + strlen(line) + sizeof(more) + 1 < r->errors_size)
		snprintf(r->errors + len, r->errors_size - len, "%s%s", len > 0 ? "\n" : "", line);
	else if (strstr(r->errors, more) == NULL && len + sizeof(more) < r->errors_size)
		memcpy(r->errors + len, more, sizeof(more));
}

static void PRINTF_LIKE(3, 0) error_format(
		struct yaml_reader *r, const yaml_node_t *node, const char *format, va_list args)
{
	char text[512];
	char line[1024];
	int n;

	vsnprintf(text, sizeof(text), format, args);
	n = node == NULL ? snprintf(line, sizeof(line), "%s: ", r->file)
			 : snprintf(line, sizeof(line), "%s:%zu:%zu: ", r->file,
					   node->start_mark.line + 1, node->start_mark.column + 1);
	if (n < 0 || (size_t)n >= sizeof(line))
		n = 0;
	snprintf(line + n, sizeof(line) - (size_t)n, "%s%s%s", r->path,
			r->path[0] != '\0' ? ": " : "", text);
	error_add(r, line);
}

void
yaml_error(struct yaml_reader *r, const yaml_node_t *node, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	error_format(r, node, format, args);
	va_end(args);
}

size_t
yaml_path_push(struct yaml_reader *r, const char *format, ...)
{
	size_t len = strlen(r->path);
	va_list args;

	va_start(args, format);
	vsnprintf(r->path + len, sizeof(r->path) - len, format, args);
	va_end(args);
	return len;
}

static size_t
path_push_key(struct yaml_reader *r, const char *key)
{
	return yaml_path_push(r, "%s%.60s", r->path[0] != '\0' ? "." : "", key);
}

void
yaml_path_pop(struct yaml_reader *r, size_t len)
{
	r->path[len] = '\0';
}

void
yaml_error_at_key(struct yaml_reader *r, const yaml_node_t *node, const char *key,
		const char *format, ...)
{
	const yaml_node_t *child = yaml_child(r, node, key);
	size_t len = path_push_key(r, key);
	va_list args;

	va_start(args, format);
	error_format(r, child != NULL ? child : node, format, args);
	va_end(args);
	yaml_path_pop(r, len);
}

/* Text of a scalar without NUL bytes inside, or NULL. */
static const char *
scalar_text(const yaml_node_t *node)
{
	const char *text;

	if (node == NULL || node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

const yaml_node_t *
yaml_child(const struct yaml_reader *r, const yaml_node_t *node, const char *key)
{
	if (node == NULL || node->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
			pair < node->data.mapping.pairs.top; pair++) {
		const char *text = scalar_text(yaml_document_get_node(r->document, pair->key));

		if (text != NULL && strcmp(text, key) == 0)
			return yaml_document_get_node(r->document, pair->value);
	}
	return NULL;
}

bool
yaml_read_text(struct yaml_reader *r, const yaml_node_t *node, char *out, size_t size)
{
	const char *text = scalar_text(node);
	size_t len;

	if (text == NULL || text[0] == '\0') {
		yaml_error(r, node, "must be text");
		return false;
	}
	len = strlen(text);
	if (len >= size) {
		yaml_error(r, node, "is longer than %zu bytes", size - 1);
		return false;
	}
	memcpy(out, text, len + 1);
	return true;
}

bool
yaml_read_number(struct yaml_reader *r, const yaml_node_t *node, uint32_t min, uint32_t max,
		uint32_t *out)
{
	const char *text = scalar_text(node);
	const char *digits;
	uint64_t value = 0;
	size_t len;

	if (text == NULL || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
		yaml_error(r, node, "must be a number in %u..%u", min, max);
		return false;
	}
	digits = text[0] == '-' ? text + 1 : text;
	len = strspn(digits, "0123456789");
	if (len == 0 || digits[len] != '\0') {
		yaml_error(r, node, "\"%.40s\" is not a number (wanted: %u..%u)", text, min, max);
		return false;
	}
	/* Longer than any range: the exact value does not matter. */
	value = len > 12 ? UINT64_MAX : strtoull(digits, NULL, 10);
	if ((text[0] == '-' && value != 0) || value < min || value > max) {
		yaml_error(r, node, "%.40s is not in %u..%u", text, min, max);
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

bool
yaml_read_address(struct yaml_reader *r, const yaml_node_t *node, struct ip_addr *out)
{
	const char *text = scalar_text(node);
	struct ip_addr addr;

	if (text == NULL || ip_addr_parse(text, &addr) < 0) {
		yaml_error(r, node, "\"%.60s\" is not an IP address", text != NULL ? text : "");
		return false;
	}
	if (!ip_addr_is_unicast(&addr)) {
		yaml_error(r, node, "%.60s is not a unicast address", text);
		return false;
	}
	*out = addr;
	return true;
}

bool
yaml_read_prefix(struct yaml_reader *r, const yaml_node_t *node, struct ip_prefix *out)
{
	const char *text = scalar_text(node);
	struct ip_prefix prefix;

	if (text == NULL || ip_prefix_parse(text, &prefix) < 0) {
		yaml_error(r, node,
				"\"%.60s\" is not an address with the length of its network "
				"(as in 10.0.0.2/24)",
				text != NULL ? text : "");
		return false;
	}
	if (!ip_addr_is_unicast(&prefix.addr) || prefix.len == 0) {
		yaml_error(r, node, "%.60s is not a unicast address in a network", text);
		return false;
	}
	*out = prefix;
	return true;
}

/* Six pairs of hex digits with colons between; sscanf() would take spaces and signs. */
static bool
parse_mac(const char *text, uint8_t out[6])
{
	if (strlen(text) != 17)
		return false;
	for (unsigned int i = 0; i < 6; i++) {
		const char *pair = text + 3 * i;
		char digits[3] = { pair[0], pair[1], '\0' };

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]) ||
				(i < 5 && pair[2] != ':'))
			return false;
		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

bool
yaml_read_mac(struct yaml_reader *r, const yaml_node_t *node, uint8_t out[6])
{
	const char *text = scalar_text(node);
	uint8_t byte[6];

	if (text == NULL || !parse_mac(text, byte)) {
		yaml_error(r, node, "\"%.40s\" is not a MAC address (as in \"02:00:00:00:00:01\")",
				text != NULL ? text : "");
		return false;
	}
	if ((byte[0] & 1) != 0 ||
			(byte[0] | byte[1] | byte[2] | byte[3] | byte[4] | byte[5]) == 0) {
		yaml_error(r, node, "%s is not a unicast MAC address", text);
		return false;
	}
	memcpy(out, byte, sizeof(byte));
	return true;
}

static void
read_bool(struct yaml_reader *r, const yaml_node_t *node, bool *out)
{
	const char *text = scalar_text(node);

	if (text != NULL && strcmp(text, "true") == 0)
		*out = true;
	else if (text != NULL && strcmp(text, "false") == 0)
		*out = false;
	else
		yaml_error(r, node, "must be true or false");
}

static void
read_word(struct yaml_reader *r, const yaml_node_t *node, const struct yaml_word *words,
		uint8_t *out)
{
	const char *text = scalar_text(node);
	char list[256] = "";

	for (const struct yaml_word *w = words; w->word != NULL; w++) {
		if (text != NULL && strcmp(text, w->word) == 0) {
			*out = w->value;
			return;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
				w == words ? "" : ", ", w->word);
	}
	yaml_error(r, node, "\"%.40s\" is none of: %s", text != NULL ? text : "", list);
}

static void
read_field(struct yaml_reader *r, const yaml_node_t *node, const struct yaml_field *field,
		void *object)
{
	char *member = (char *)object + field->offset;
	uint32_t number;
	uint16_t number16;

	switch (field->kind) {
	case YAML_FIELD_U16:
		if (yaml_read_number(r, node, field->min, field->max, &number)) {
			number16 = (uint16_t)number;
			memcpy(member, &number16, sizeof(number16));
		}
		break;
	case YAML_FIELD_U32:
		if (yaml_read_number(r, node, field->min, field->max, &number))
			memcpy(member, &number, sizeof(number));
		break;
	case YAML_FIELD_BOOL:
		read_bool(r, node, (bool *)member);
		break;
	case YAML_FIELD_TEXT:
		yaml_read_text(r, node, member, field->size);
		break;
	case YAML_FIELD_WORD:
		read_word(r, node, field->words, (uint8_t *)member);
		break;
	case YAML_FIELD_READ:
		field->read(r, node, object);
		break;
	}
}

static void
unknown_key(struct yaml_reader *r, const yaml_node_t *node, const struct yaml_field *fields,
		size_t nb_fields)
{
	const char *text = scalar_text(node);
	char list[320] = "";

	for (size_t i = 0; i < nb_fields; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
				i == 0 ? "" : ", ", fields[i].key);
	yaml_error(r, node, "unknown key \"%.60s\" (known: %s)", text != NULL ? text : "?", list);
}

void
yaml_read_mapping(struct yaml_reader *r, const yaml_node_t *node, const struct yaml_field *fields,
		size_t nb_fields, void *object)
{
	uint64_t seen = 0; /* Bit i: fields[i]; no table is longer than 64. */

	if (node == NULL || node->type != YAML_MAPPING_NODE) {
		yaml_error(r, node, "must be a mapping (key: value)");
		return;
	}
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
			pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
		const char *text = scalar_text(key);
		size_t i = 0;
		size_t len;

		while (i < nb_fields && (text == NULL || strcmp(text, fields[i].key) != 0))
			i++;
		if (i == nb_fields) {
			unknown_key(r, key, fields, nb_fields);
			continue;
		}
		len = path_push_key(r, fields[i].key);
		if ((seen & (UINT64_C(1) << i)) != 0)
			yaml_error(r, key, "stands there twice");
		else
			read_field(r, yaml_document_get_node(r->document, pair->value), &fields[i],
					object);
		seen |= UINT64_C(1) << i;
		yaml_path_pop(r, len);
	}
}

const yaml_node_t *
yaml_element(const struct yaml_reader *r, const yaml_node_t *node, unsigned int index)
{
	return yaml_document_get_node(r->document, node->data.sequence.items.start[index]);
}

unsigned int
yaml_read_sequence(struct yaml_reader *r, const yaml_node_t *node, unsigned int max,
		yaml_element_fn *read, void *object)
{
	size_t nb;

	if (node == NULL || node->type != YAML_SEQUENCE_NODE) {
		yaml_error(r, node, "must be a list");
		return 0;
	}
	nb = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (nb > max) {
		yaml_error(r, node, "has %zu elements, at most %u are possible", nb, max);
		return 0;
	}
	for (unsigned int i = 0; i < nb; i++) {
		size_t len = yaml_path_push(r, "[%u]", i);

		read(r, yaml_element(r, node, i), object, i);
		yaml_path_pop(r, len);
	}
	return (unsigned int)nb;
}
