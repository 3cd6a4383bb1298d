/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/json_text.h"

#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/duration.h"

json_t *
json_text(const char *text)
{
	json_t *json = json_string(text);
	char *copy;

	if (json != NULL)
		return json;
	copy = strdup(text);
	if (copy == NULL)
		return NULL;
	for (char *c = copy; *c != '\0'; c++) {
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	}
	json = json_string(copy);
	free(copy);
	return json;
}

void
json_set_ms(json_t *json, const char *key, uint32_t ms, uint32_t usual)
{
	char text[DURATION_STRLEN];

	if (ms != usual)
		json_object_set_new(json, key, json_string(duration_format_ms(ms, text)));
}
