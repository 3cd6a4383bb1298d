/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

/**
 * @file
 * What C11 lacks: branch hints, cache lines, array sizes.
 */

#define CACHE_LINE 64

/* DPDK's headers define the same two names with the same meaning. */
#ifndef likely
#define likely(x) __builtin_expect(!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect(!!(x), 0)
#endif

/** Number of elements of an array (not of a pointer). */
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define MUST_CHECK __attribute__((warn_unused_result))

#endif
