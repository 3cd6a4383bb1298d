/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

/**
 * @file
 * What could stand at the cursor, for the shells (doc/completion): from the words of
 * command.h, and names from the daemon that the command line is meant for.
 */

#include "cli.h"

/**
 * Print what the last of @p words could become, one a line: the whole word, a tab and what it
 * is; or a line ":files" if it is a file's name. Never an error: there may be no daemon.
 * @param cli With its defaults; takes what the words say.
 */
void complete(struct cli *cli, int nb_words, char **words);

#endif
