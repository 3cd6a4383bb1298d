/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_JSON_TEXT_H
#define DAEMON_JSON_TEXT_H

/**
 * @file
 * Texts as JSON: those of unknown origin, and durations.
 *
 * Thread safety: pure functions but for malloc().
 */

#include <jansson.h>
#include <stdint.h>

/** As json_string(), but what is not UTF-8 (or was cut within a character) becomes '?'. */
json_t *json_text(const char *text);

/** Set @p key to "100ms" and the like, unless it is as @p usual. */
void json_set_ms(json_t *json, const char *key, uint32_t ms, uint32_t usual);

#endif
