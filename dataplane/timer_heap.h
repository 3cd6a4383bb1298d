/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_TIMER_HEAP_H
#define DATAPLANE_TIMER_HEAP_H

/**
 * @file
 * Timers by index: at most one for each of a fixed set of numbers; the earliest
 * first. A binary heap that knows where each number stands, so that a timer is
 * moved or stopped in O(log n).
 *
 * Thread safety: one thread owns a heap. Memory: malloc() at creation only.
 */

#include <stdbool.h>
#include <stdint.h>

struct timer_heap;

/** Timers for 0..@p capacity - 1. @return NULL: out of memory. */
struct timer_heap *timer_heap_create(uint32_t capacity);
void timer_heap_destroy(struct timer_heap *heap); /**< Legal with NULL. */

/** Start or move the timer of @p index. */
void timer_heap_set(struct timer_heap *heap, uint32_t index, uint64_t at);
/** Stop it. Legal if it does not run. */
void timer_heap_clear(struct timer_heap *heap, uint32_t index);
/** The earliest timer. @return false: none runs. */
bool timer_heap_first(const struct timer_heap *heap, uint32_t *index, uint64_t *at);

#endif
