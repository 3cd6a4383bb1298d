/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Indexes count messages and wrap at 2^32, so head - tail is the number of messages
 * in the ring as long as nobody lies; a peer that lies either names a distance
 * beyond the ring, which is refused, or one within it, and then the consumer reads
 * slots that hold something else: old messages or garbage, but never memory outside
 * the ring. Nothing here loops over anything that the peer can write.
 *
 * Each release store of an index pairs with the acquire load of it on the other
 * side. Slots are copied by relaxed atomic words: the peer may scribble meanwhile,
 * and what was read once must not be read again by the compiler's choice.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "channel/ring.h"

#define MESSAGE_WORDS (MESSAGE_SIZE / sizeof(uint64_t))

typedef uint64_t __attribute__((may_alias)) slot_word;

void
ring_producer_init(struct ring_producer *p, struct message *slots, _Atomic uint32_t *head,
		const _Atomic uint32_t *tail, uint32_t nb_slots)
{
	assert(nb_slots != 0 && (nb_slots & (nb_slots - 1)) == 0);
	*p = (struct ring_producer){
		.slots = slots, .head = head, .tail = tail, .mask = nb_slots - 1
	};
}

void
ring_consumer_init(struct ring_consumer *c, const struct message *slots,
		const _Atomic uint32_t *head, _Atomic uint32_t *tail, uint32_t nb_slots)
{
	assert(nb_slots != 0 && (nb_slots & (nb_slots - 1)) == 0);
	*c = (struct ring_consumer){
		.slots = slots, .head = head, .tail = tail, .mask = nb_slots - 1
	};
}

int
ring_put(struct ring_producer *p, const struct message *m)
{
	/* Pairs with the store in ring_get(): the slot was copied out before it is reused. */
	uint32_t used = p->next - atomic_load_explicit(p->tail, memory_order_acquire);
	slot_word *slot = (slot_word *)&p->slots[p->next & p->mask];
	struct message copy = *m;
	const slot_word *words = (const slot_word *)&copy;

	if (unlikely(used > p->mask + 1))
		return -EPROTO;
	if (used == p->mask + 1)
		return -EAGAIN;

	copy.sequence = p->sequence++;
	for (size_t i = 0; i < MESSAGE_WORDS; i++)
		__atomic_store_n(&slot[i], words[i], __ATOMIC_RELAXED);
	atomic_store_explicit(p->head, ++p->next, memory_order_release);
	return 0;
}

int
ring_get(struct ring_consumer *c, struct message *m)
{
	/* Pairs with the store in ring_put(): the slot is complete before it is counted. */
	uint32_t available = atomic_load_explicit(c->head, memory_order_acquire) - c->next;
	const slot_word *slot = (const slot_word *)&c->slots[c->next & c->mask];
	slot_word *words = (slot_word *)m;

	if (unlikely(available > c->mask + 1))
		return -EPROTO;
	if (available == 0)
		return 0;

	for (size_t i = 0; i < MESSAGE_WORDS; i++)
		words[i] = __atomic_load_n(&slot[i], __ATOMIC_RELAXED);
	atomic_store_explicit(c->tail, ++c->next, memory_order_release);
	return 1;
}
