/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_AS_YAML_H
#define CLI_AS_YAML_H

/**
 * @file
 * JSON as YAML 1.1, for people who read it. Reading it gives the same values again.
 */

#include <stdio.h>

#include <jansson.h>

/** Write one document. Out of memory ends the process; errors of writing are those of @p out. */
void yaml_print(const json_t *json, FILE *out);

#endif
