/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_QUERY_H
#define CLI_QUERY_H

/**
 * @file
 * Commands that only read: ask for a resource, show its answer.
 */

#include "client.h"

/**
 * Ask for JSON. What is wrong is said.
 * @param request Without its path, which is filled in.
 * @param path    From client_path(); freed.
 * @param out     Filled if CLI_OK is returned; the caller's.
 */
int query_ask(const struct cli *cli, struct client_request *request, char *path, json_t **out);

/**
 * GET @p path; an error is shown.
 * @param path From client_path(); freed. @param out A reference, if CLI_OK.
 * @return enum cli_exit.
 */
int query_get(const struct cli *cli, char *path, json_t **out);

/**
 * GET @p path and show it: for programs as it came, else by @p show.
 * @param path From client_path(); freed.
 * @return enum cli_exit.
 */
int query_show(const struct cli *cli, char *path,
		void (*show)(const struct cli *cli, const json_t *answer));

#endif
