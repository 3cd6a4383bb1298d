/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_WAIT_H
#define CLI_WAIT_H

/**
 * @file
 * --wait: asking the daemon again and again until something is so.
 */

#include <stdbool.h>

#include "cli.h"

/** Read cli->wait, if it was given: 1 to 86400 seconds, else *@p seconds is 0. @return CLI_OK, or misused. */
int wait_parse(const struct cli *cli, long *seconds);

/**
 * Ask for @p resource until @p over says so, at most so long from now.
 * @param last Of the answers; the caller's, if CLI_OK or CLI_TIMEOUT is returned.
 * @return CLI_OK; CLI_TIMEOUT: it is still not so, which the caller says; else an exit code: it
 *         was said why.
 */
int wait_for(const struct cli *cli, const char *resource, bool (*over)(const json_t *answer),
		long seconds, json_t **last);

#endif
