/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_CONFIG_YAML_H
#define DATAPLANE_CONFIG_YAML_H

/**
 * @file
 * A strict reader of YAML mappings into structs, driven by tables: which keys a
 * mapping may have, what each value must be, and where it goes. Every mistake is
 * noted with its place and the reader goes on, so that one run shows all.
 *
 * Thread safety: a reader belongs to one thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "base/addr.h"
#include "base/compiler.h"

struct yaml_reader {
	const char *file;
	yaml_document_t *document;
	char path[256]; /**< Of the value being read: "ports[0].mtu". */
	char *errors;	/**< The caller's buffer; lines, without a newline at the end. */
	size_t errors_size;
	unsigned int nb_errors; /**< Also those that found no room. */
};

/** A word and the number that it stands for. */
struct yaml_word {
	const char *word;
	uint8_t value;
};

struct yaml_field;
/** Reads @p node into @p object (the whole struct, not a member). */
typedef void yaml_read_fn(struct yaml_reader *r, const yaml_node_t *node, void *object);

enum yaml_field_kind {
	YAML_FIELD_U16,	 /**< uint16_t, decimal, min..max. */
	YAML_FIELD_U32,	 /**< uint32_t, the same. */
	YAML_FIELD_BOOL, /**< bool: true or false. */
	YAML_FIELD_TEXT, /**< char[size]: neither empty nor longer. */
	YAML_FIELD_WORD, /**< uint8_t by a list of words. */
	YAML_FIELD_READ, /**< By a function. */
};

struct yaml_field {
	const char *key;
	enum yaml_field_kind kind;
	size_t offset; /**< Of the member in the struct. */
	size_t size;   /**< TEXT: of the member. */
	uint32_t min;
	uint32_t max;
	const struct yaml_word *words; /**< Ends with a NULL word. */
	yaml_read_fn *read;
};

/** Start on the document's root; errors go to @p errors. */
void yaml_reader_init(struct yaml_reader *r, const char *file, yaml_document_t *document,
		char *errors, size_t errors_size);

/** Note that something is wrong at @p node (NULL: the file as a whole). */
void yaml_error(struct yaml_reader *r, const yaml_node_t *node, const char *format, ...)
		PRINTF_LIKE(3, 4);
/** The same at the value of @p key in the mapping @p node, or at the mapping itself. */
void yaml_error_at_key(struct yaml_reader *r, const yaml_node_t *node, const char *key,
		const char *format, ...) PRINTF_LIKE(4, 5);

/** Read a mapping: unknown and repeated keys are errors; missing keys leave @p object as it is. */
void yaml_read_mapping(struct yaml_reader *r, const yaml_node_t *node,
		const struct yaml_field *fields, size_t nb_fields, void *object);

/** Reads element number @p index of a list that belongs to @p object. */
typedef void yaml_element_fn(
		struct yaml_reader *r, const yaml_node_t *node, void *object, unsigned int index);
/**
 * Call @p read for each element of a sequence, with the path set.
 * @return how many elements; 0 and an error if there are more than @p max: none is read then.
 */
unsigned int yaml_read_sequence(struct yaml_reader *r, const yaml_node_t *node, unsigned int max,
		yaml_element_fn *read, void *object);

/** Append to the path; the result is for yaml_path_pop(). */
size_t yaml_path_push(struct yaml_reader *r, const char *format, ...) PRINTF_LIKE(2, 3);
void yaml_path_pop(struct yaml_reader *r, size_t len);

/** Element @p index of a sequence; it must exist. */
const yaml_node_t *yaml_element(
		const struct yaml_reader *r, const yaml_node_t *node, unsigned int index);

/** Value of @p key in a mapping, or NULL. */
const yaml_node_t *yaml_child(
		const struct yaml_reader *r, const yaml_node_t *node, const char *key);

/* Scalars. Each notes what is wrong and returns false then. */
bool yaml_read_text(struct yaml_reader *r, const yaml_node_t *node, char *out, size_t size);
bool yaml_read_number(struct yaml_reader *r, const yaml_node_t *node, uint32_t min, uint32_t max,
		uint32_t *out);
bool yaml_read_address(struct yaml_reader *r, const yaml_node_t *node, struct ip_addr *out);
bool yaml_read_prefix(struct yaml_reader *r, const yaml_node_t *node, struct ip_prefix *out);
bool yaml_read_mac(struct yaml_reader *r, const yaml_node_t *node, uint8_t out[6]);

#endif
