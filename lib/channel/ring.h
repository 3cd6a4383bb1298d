/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CHANNEL_RING_H
#define CHANNEL_RING_H

/**
 * @file
 * A lockless single-producer single-consumer ring of messages, by value, between
 * two processes that do not trust each other.
 *
 * Slots and head lie in memory that only the producer writes, the tail in memory
 * that only the consumer writes. Each side keeps its size, its mask and its own
 * index in private memory and never reads them back; the peer's index is read
 * once, and refused if it is further away than the ring is long. A message is
 * copied out before anything in it is looked at.
 *
 * Thread safety: one thread on each side.
 */

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/compiler.h"
#include "channel/message.h"

/** An index in shared memory, alone on its line; one writer. */
struct ring_index {
	alignas(CACHE_LINE) _Atomic uint32_t value; /**< Counts messages, wraps at 2^32. */
};

/** Producer's private end. */
struct ring_producer {
	struct message *slots;	      /**< Shared; we write. */
	_Atomic uint32_t *head;	      /**< Shared; we write. */
	const _Atomic uint32_t *tail; /**< Shared; the consumer writes. */
	uint32_t mask;
	uint32_t next;	   /**< Our head. */
	uint64_t sequence; /**< Of the next message. */
};

/** Consumer's private end. */
struct ring_consumer {
	const struct message *slots;  /**< Shared; the producer writes. */
	const _Atomic uint32_t *head; /**< Shared; the producer writes. */
	_Atomic uint32_t *tail;	      /**< Shared; we write. */
	uint32_t mask;
	uint32_t next; /**< Our tail. */
};

/** @param nb_slots A power of two; the shared indexes must be zero. */
void ring_producer_init(struct ring_producer *p, struct message *slots, _Atomic uint32_t *head,
		const _Atomic uint32_t *tail, uint32_t nb_slots);
void ring_consumer_init(struct ring_consumer *c, const struct message *slots,
		const _Atomic uint32_t *head, _Atomic uint32_t *tail, uint32_t nb_slots);

/**
 * Put a copy of @p m, with its sequence filled in.
 * @return 0; -EAGAIN: the ring is full, try again later; -EPROTO: the peer's index is impossible.
 */
MUST_CHECK int ring_put(struct ring_producer *p, const struct message *m);

/**
 * Take the next message.
 * @return 1: *m is a private copy, unchecked; 0: empty; -EPROTO: the peer's index is impossible.
 */
MUST_CHECK int ring_get(struct ring_consumer *c, struct message *m);

#endif
