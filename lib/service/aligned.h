/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_ALIGNED_H
#define SERVICE_ALIGNED_H

/**
 * @file
 * Memory on cache lines of its own, for what workers read. Private to lib/service.
 */

#include <stddef.h>
#include <stdlib.h>

#include "base/compiler.h"

/** Bytes up to whole cache lines. */
static inline size_t
lines_size(size_t size)
{
	return (size + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

/** Undefined content; to be freed by free(). @return NULL: out of memory. */
static inline void *
lines_alloc(size_t size)
{
	return aligned_alloc(CACHE_LINE, lines_size(size));
}

#endif
