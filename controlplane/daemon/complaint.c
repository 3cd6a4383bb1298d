/* SPDX-License-Identifier: BSD-3-Clause */
#include "complaint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
complaints_init(struct complaints *c, const char *document)
{
	memset(c, 0, sizeof(*c));
	c->document = document;
}

void
complaints_clear(struct complaints *c)
{
	for (unsigned int i = 0; i < c->nb; i++) {
		free(c->list[i].path);
		free(c->list[i].text);
	}
	c->nb = 0;
	c->nb_more = 0;
	c->syntax = false;
}

void
complain(struct complaints *c, const struct place *place, const char *hint, const char *format, ...)
{
	struct complaint *new = &c->list[c->nb];
	va_list args;
	int ret;

	if (c->nb == COMPLAINTS_MAX) {
		c->nb_more++;
		return;
	}
	va_start(args, format);
	ret = vasprintf(&new->text, format, args);
	va_end(args);
	if (ret < 0)
		new->text = NULL; /* Still counted: a refused document must not pass. */
	new->path = strdup(place->path != NULL ? place->path : "");
	new->line = place->line;
	new->column = place->column;
	new->hint = hint != NULL ? hint : "";
	c->nb++;
}

static int
compare(const void *a, const void *b)
{
	const struct complaint *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

void
complaints_sort(struct complaints *c)
{
	qsort(c->list, c->nb, sizeof(c->list[0]), compare);
}

char *
complaint_line(const struct complaints *c, unsigned int i)
{
	const struct complaint *e = &c->list[i];
	const char *text = e->text != NULL ? e->text : "out of memory";
	const char *path = e->path != NULL ? e->path : "";
	const char *colon = path[0] != '\0' ? ": " : "";
	char *line;
	int ret;

	if (e->line != 0)
		ret = asprintf(&line, "%s:%u:%u: %s%s%s", c->document, e->line, e->column, path,
				colon, text);
	else
		ret = asprintf(&line, "%s: %s%s%s", c->document, path, colon, text);
	return ret < 0 ? NULL : line;
}
