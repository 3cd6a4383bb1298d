/* SPDX-License-Identifier: BSD-3-Clause */
#include "as_yaml.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <yaml.h>

static void
emit(yaml_emitter_t *emitter, yaml_event_t *event)
{
	if (!yaml_emitter_emit(emitter, event) && emitter->error == YAML_MEMORY_ERROR)
		abort();
}

static bool
is_ipv4(const char *text)
{
	int nb_dots = 0;

	for (const char *c = text; *c != '\0'; c++)
		nb_dots += *c == '.';
	return nb_dots == 3 && text[strspn(text, "0123456789.")] == '\0';
}

/* Would a reader take the plain word for a number, a time, a truth value or nothing at all? */
static bool
is_ambiguous(const char *text)
{
	static const char *const words[] = { "", "~", "null", "true", "false", "yes", "no", "on",
		"off", "y", "n", "<<", "=" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return strchr("0123456789+-.", text[0]) != NULL && !is_ipv4(text);
}

static void
emit_scalar(yaml_emitter_t *emitter, const char *text, bool quoted)
{
	yaml_event_t event;

	yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
			(int)strlen(text), !quoted, 1,
			quoted ? YAML_DOUBLE_QUOTED_SCALAR_STYLE : YAML_PLAIN_SCALAR_STYLE);
	emit(emitter, &event);
}

/* Numbers, truth values and null are written as in JSON. */
static void
emit_other(yaml_emitter_t *emitter, const json_t *json)
{
	char *text = json_dumps(json, JSON_ENCODE_ANY);

	if (text == NULL)
		abort();
	emit_scalar(emitter, text, false);
	free(text);
}

static void
emit_value(yaml_emitter_t *emitter, const json_t *json)
{
	yaml_event_t event;
	const char *name;
	json_t *child;
	size_t i;

	if (json_is_object(json)) {
		yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_ANY_MAPPING_STYLE);
		emit(emitter, &event);
		/* Only a reading iteration, for which jansson has no const. */
		json_object_foreach((json_t *)(uintptr_t)json, name, child)
		{
			emit_scalar(emitter, name, is_ambiguous(name));
			emit_value(emitter, child);
		}
		yaml_mapping_end_event_initialize(&event);
		emit(emitter, &event);
	} else if (json_is_array(json)) {
		yaml_sequence_start_event_initialize(
				&event, NULL, NULL, 1, YAML_ANY_SEQUENCE_STYLE);
		emit(emitter, &event);
		json_array_foreach(json, i, child) emit_value(emitter, child);
		yaml_sequence_end_event_initialize(&event);
		emit(emitter, &event);
	} else if (json_is_string(json)) {
		emit_scalar(emitter, json_string_value(json),
				is_ambiguous(json_string_value(json)));
	} else {
		emit_other(emitter, json);
	}
}

void
yaml_print(const json_t *json, FILE *out)
{
	yaml_emitter_t emitter;
	yaml_event_t event;

	if (!yaml_emitter_initialize(&emitter))
		abort();
	yaml_emitter_set_output_file(&emitter, out);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_width(&emitter, -1);
	yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING);
	emit(&emitter, &event);
	yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1);
	emit(&emitter, &event);
	emit_value(&emitter, json);
	yaml_document_end_event_initialize(&event, 1);
	emit(&emitter, &event);
	yaml_stream_end_event_initialize(&event);
	emit(&emitter, &event);
	yaml_emitter_delete(&emitter);
}
