/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_DURATION_H
#define CLI_DURATION_H

/**
 * @file
 * Durations as people write them.
 */

#include <stdbool.h>

/** "60", "60s", "5m", "2h". @param max Of seconds. @return false: none from 1 to @p max. */
bool duration_parse(const char *text, long max, long *seconds);

#endif
