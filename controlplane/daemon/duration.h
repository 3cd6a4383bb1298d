/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_DURATION_H
#define DAEMON_DURATION_H

/**
 * @file
 * Durations as people write them: "30s", "15m", "1h", "7d". Whole seconds.
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

#endif
