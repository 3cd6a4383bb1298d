/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_DURATION_H
#define DAEMON_DURATION_H

/**
 * @file
 * Durations as people write them: "30s", "15m", "1h", "7d". Whole seconds; where
 * so said, milliseconds: "100ms", "2s".
 *
 * Thread safety: pure functions.
 */

#include <stdint.h>

/** Longest text with its NUL. */
#define DURATION_STRLEN 16

/** @return 0; -EINVAL: no number with a unit; -ERANGE: over 2^32 − 1 seconds. */
int duration_parse(const char *text, uint32_t *seconds);

/** In the largest unit that leaves no rest. @param buf DURATION_STRLEN bytes. @return @p buf. */
const char *duration_format(uint32_t seconds, char *buf);

/** As duration_parse(), in milliseconds, with "ms" as one more unit. */
int duration_parse_ms(const char *text, uint32_t *ms);

/** As duration_format(), of milliseconds. */
const char *duration_format_ms(uint32_t ms, char *buf);

#endif
