/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

/**
 * @file
 * --watch: a command again and again. On a terminal each answer takes the place of the one
 * before; elsewhere it follows it, behind a line that begins with "---" (with -o json behind
 * nothing: documents are apart anyway).
 */

#include "command.h"

/**
 * Run until interrupted, or until an error that time does not heal: a daemon that is away or
 * slow is waited for.
 * @return enum cli_exit; a signal ends the process as such, the terminal restored.
 */
int watch_run(const struct cli *cli, const struct cli_command *command);

#endif
