/* SPDX-License-Identifier: BSD-3-Clause */

/* The memory of an element is free again before the next one is made. */
#include "controlplane/daemon/api_list.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/api_text.h"

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(9))

struct list_text {
	struct api_list list;
	json_t *head; /* NULL: it was written. */
	const char *key;
	bool any; /* An element was written. */
};

/** The text up to the first element. @return as struct api_text has it. */
static int
write_head(struct list_text *l, FILE *out)
{
	char *text = json_dumps(l->head, DUMP_FLAGS);

	if (text == NULL)
		return -1;
	text[strlen(text) - 1] = '\0'; /* Its end comes later. */
	fprintf(out, "%s%s\"%s\":[", text, json_object_size(l->head) > 0 ? "," : "", l->key);
	free(text);
	json_decref(l->head);
	l->head = NULL;
	return 1;
}

static int
write_piece(void *context, FILE *out)
{
	struct list_text *l = context;
	json_t *element;
	int ret;

	if (l->head != NULL)
		return write_head(l, out);
	element = l->list.next(l->list.context);
	if (element == NULL) {
		fputs("]}\n", out);
		return 0;
	}
	if (l->any)
		fputc(',', out);
	l->any = true;
	ret = json_dumpf(element, out, DUMP_FLAGS);
	json_decref(element);
	return ret == 0 ? 1 : -1;
}

static void
list_end(void *context)
{
	struct list_text *l = context;

	l->list.end(l->list.context);
	json_decref(l->head);
	free(l);
}

void
api_list_reply(struct request *r, json_t *head, const char *key, const struct api_list *list)
{
	struct list_text *l = calloc(1, sizeof(*l));

	if (head == NULL)
		head = json_object();
	if (l == NULL || head == NULL) {
		list->end(list->context);
		json_decref(head);
		free(l);
		request_reply(r, 500, NULL);
		return;
	}
	*l = (struct list_text){ .list = *list, .head = head, .key = key };
	api_text_reply(r, &(struct api_text){ .context = l, .write = write_piece, .end = list_end },
			"application/json");
}
