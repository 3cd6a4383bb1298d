/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

/**
 * @file
 * The manual page, guideway(1): doc/man/guideway.1.in with its commands and options
 * filled in from the words of command.h.
 */

#include <stdio.h>

/**
 * Copy a template in mdoc(7); its lines "@COMMANDS@", "@OPTIONS_OF_ALL@" and
 * "@OPTIONS_OF_SOME@" become what they say.
 */
void manual_print(FILE *template, FILE *out);

#endif
