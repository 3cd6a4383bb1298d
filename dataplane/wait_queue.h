/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_WAIT_QUEUE_H
#define DATAPLANE_WAIT_QUEUE_H

/**
 * @file
 * Packets that wait for a next hop's MAC address: a short first-in first-out queue
 * for each next hop, all in one pool of bounded size.
 *
 * Thread safety: one thread owns it. Packets are opaque; whoever takes one out owns
 * it again. Memory: malloc() at creation only.
 */

#include <stdbool.h>
#include <stdint.h>

/** Packets that may wait for one next hop. */
#define WAIT_QUEUE_DEPTH 8

struct wait_queue;

/** @param nb_hops Next hops. @param nb_packets All together. @return NULL: out of memory. */
struct wait_queue *wait_queue_create(uint32_t nb_hops, uint32_t nb_packets);
/** It must be empty. Legal with NULL. */
void wait_queue_destroy(struct wait_queue *q);

/**
 * Let @p packet wait for @p hop.
 * @return NULL: it waits, and nothing else changed. Else a packet to be dropped: the
 *         oldest of the same next hop, which had WAIT_QUEUE_DEPTH already, or
 *         @p packet itself if the pool is exhausted.
 */
void *wait_queue_put(struct wait_queue *q, uint32_t hop, void *packet);

/** The oldest packet of @p hop, or NULL: none waits. */
void *wait_queue_take(struct wait_queue *q, uint32_t hop);

#endif
