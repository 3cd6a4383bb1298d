/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_COMPLAINT_H
#define DAEMON_COMPLAINT_H

/**
 * @file
 * What is wrong with a document, and where: up to COMPLAINTS_MAX errors at once.
 *
 * Thread safety: a list belongs to one thread.
 * Memory: malloc(); complaints_clear() gives it back.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/compiler.h"

#define COMPLAINTS_MAX 20

struct complaint {
	unsigned int line;   /**< From 1; 0: not known. */
	unsigned int column; /**< From 1; 0: not known. */
	char *path;	     /**< "services[2].backends[1].weight"; "" = the document. */
	char *text;
	const char *hint; /**< Constant text; "" = none. */
};

struct complaints {
	const char *document; /**< Name of the file, in front of every line; the caller's. */
	bool syntax;	      /**< The document could not even be parsed. */
	unsigned int nb;
	unsigned int nb_more; /**< Found, but not kept. */
	struct complaint list[COMPLAINTS_MAX];
};

void complaints_init(struct complaints *c, const char *document);
void complaints_clear(struct complaints *c);

/** Where something stands. */
struct place {
	unsigned int line;
	unsigned int column;
	const char *path;
};

/** Add an error. @param hint Constant text, or NULL. */
void complain(struct complaints *c, const struct place *place, const char *hint, const char *format,
		...) PRINTF_LIKE(4, 5);

/** In the order of the document. */
void complaints_sort(struct complaints *c);

/**
 * "FILE:LINE:COLUMN: path: text", without what is not known.
 * @return malloc()ed; NULL: out of memory.
 */
char *complaint_line(const struct complaints *c, unsigned int i);

/** Any error at all? */
static inline bool
complaints_any(const struct complaints *c)
{
	return c->nb != 0;
}

#endif
