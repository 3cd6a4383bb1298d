/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

/**
 * @file
 * Reading the command line.
 */

#include "command.h"

/**
 * Read the options; the words that are left go to cli->words.
 * @param cli With its defaults.
 * @return -1, or an error, which was shown: enum cli_exit.
 */
int options_read(struct cli *cli, int argc, char **argv);

/** Do words and options fit the command? @return -1, or an error, which was shown. */
int options_check(const struct cli *cli, const struct cli_command *command);

/** Show that a command line is wrong. @param command Whose --help tells more; NULL: of all. @return CLI_USAGE. */
int options_misused(const struct cli *cli, const struct cli_command *command, const char *why,
		const char *what);

#endif
