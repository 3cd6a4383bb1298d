/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H

/**
 * @file
 * The file of -f.
 */

#include <stddef.h>

#include "cli.h"

struct document {
	char *text;
	size_t len;
	const char *type; /**< Content-Type, by the file's name. */
};

/** Read cli->file. @return CLI_OK: the caller frees it; else an exit code: it was said why. */
int document_read(const struct cli *cli, struct document *out);
void document_free(struct document *d);

/** Add what the API calls it in errors to a path. @return it, moved. */
char *document_name(const struct cli *cli, char *path);

#endif
