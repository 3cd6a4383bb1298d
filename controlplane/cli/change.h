/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

/**
 * @file
 * Requests that change something, and how their answers are shown.
 */

#include "cli.h"
#include "client.h"

/**
 * Send a change, with --dry-run if it was given, and show what became of it.
 * @param path From client_path(); freed.
 * @param body A reference that is taken; NULL: none.
 * @return enum cli_exit.
 */
int change_send(const struct cli *cli, const char *method, char *path, json_t *body);

/** The same for a document as it is. @param path Freed. */
int change_send_document(const struct cli *cli, const char *method, char *path,
		const char *document, size_t len, const char *content_type);

#endif
