/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CONTROLPLANE_CLOCK_H
#define CONTROLPLANE_CLOCK_H

/**
 * @file
 * Time: what the clock on the wall says, for records, and what passes, for intervals.
 *
 * Thread safety: pure but for the clocks.
 */

#include <stdint.h>

/** "2026-11-25T22:43:01.123Z" and its NUL. */
#define CLOCK_TEXT_SIZE 32

/** Unix time in milliseconds. */
int64_t clock_wall_ms(void);

/** Microseconds since some moment; never jumps. */
uint64_t clock_monotonic_us(void);

/** RFC 3339 in UTC with milliseconds. @return @p buf, CLOCK_TEXT_SIZE bytes. */
const char *clock_format(int64_t wall_ms, char *buf);

#endif
