/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_HELP_H
#define CLI_HELP_H

/**
 * @file
 * --help, from the words of command.h.
 */

#include <stdio.h>

#include "command.h"

/** Is there a command that begins with this word? */
bool help_is_group(const char *word);

/** Summary of the commands. @param group Of those that begin with this word; NULL: of all. */
void help_print(FILE *out, const char *group);

/** All about one. */
void help_print_command(FILE *out, const struct cli_command *command);

/** "--weight N", "-f FILE": how to ask for it. @return @p out. */
const char *help_option(const struct cli_option *option, char *out, size_t size);

#endif
