/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_JSON_TEXT_H
#define DAEMON_JSON_TEXT_H

/**
 * @file
 * Text of unknown origin as a JSON string.
 *
 * Thread safety: pure functions but for malloc().
 */

#include <jansson.h>

/** As json_string(), but what is not UTF-8 (or was cut within a character) becomes '?'. */
json_t *json_text(const char *text);

#endif
