/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The anchor table: which backend owns which slot, by the configuration alone.
 *
 * Like Maglev, every backend walks through all slots in an order of its own (offset
 * and skip from its key) and claims free ones. Unlike Maglev, what a turn buys is one
 * *look* at a slot, not one free slot: backend i looks at its r-th slot (r = 0, 1, …)
 * at virtual time (r + 1) / W_i, claims it if nobody did before (ties: the smaller
 * key), and stops for good at its quota. Quotas are M × W_i / ΣW rounded down, the
 * slots left over going to the largest remainders (ties: the smaller key), so that
 * every backend is within one slot of its share.
 *
 * Why: Maglev's claims depend on how long each earlier search took, so one backend
 * less shifts every later claim. Here the time at which a backend looks at a slot is
 * fixed by the two alone, and a change only ripples where quotas bind. Slots moved
 * by removing one of 100 equal backends at M = 65537, as a multiple of the minimum:
 * 1.30 against Maglev's 1.56; by a weight 10 -> 9: 2.3 against 4.2.
 *
 * In other words the table is the stable matching of backends (with quotas) and slots
 * in which both sides prefer the pair with the earlier look; as no two looks are
 * equal, it is unique, and by Gale and Shapley's theorem ("College Admissions and the
 * Stability of Marriage", 1962) proposals may be made in any order, if a slot that gets a
 * better proposal drops the worse. Two steps use that freedom:
 *
 * 1. Rounds of about one look per backend, collected without a branch, settled
 *    afterwards; only looks of one round can come in the wrong order. That fills all
 *    but 2 sqrt(M) slots with about M ln(sqrt(M) / 2) looks.
 * 2. Finding the last slots by looking would take most of the time. Instead each backend
 *    that still wants some works out where each free slot stands in its order (the
 *    inverse of the skip mod M: one multiplication, eight at a time by the compiler),
 *    and the earliest look of all is settled first, from a heap.
 */

#include "hash/maglev.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hash/maglev_mix.h"
#include "hash/siphash.h"

/** Bits for the place in the list of free slots; a rank (below 2^20) takes the others. */
#define FREE_BITS 12
_Static_assert(MAGLEV_MAX_SLOTS < 1 << (32 - FREE_BITS), "a rank and a place share 32 bits");

/** A backend that takes part; sorted by key. */
struct claimant {
	uint64_t key;
	uint32_t weight; /* Divided by the greatest common divisor: time has no unit. */
	uint32_t quota;
	uint32_t held;
	uint32_t offset;
	uint32_t skip;
	uint32_t inverse; /* Of skip, mod M. */
	uint16_t position;
};

/** What step 1 touches of a claimant that is below its quota. */
struct lane {
	uint32_t slot; /* The next to look at. */
	uint32_t skip;
	uint32_t weight;
	uint32_t looked;
	uint16_t id;
};

/** A look of this round at a slot that was free when the round began. */
struct claim {
	uint32_t slot;
	uint32_t id;
};

/** Step 2: the earliest free slot of a claimant. */
struct wish {
	uint32_t rank;
	uint32_t slot;
	uint16_t id;
};

struct remainder {
	uint64_t rest;
	uint32_t id;
};

struct build {
	uint16_t *anchor;
	uint32_t nb_slots;
	uint32_t nb_free;
	uint32_t nb_claimants;
	uint32_t nb_lanes;
	uint32_t nb_wishes;
	uint32_t shift; /* A round is 2^-shift of virtual time… */
	uint64_t end;	/* …and this one ends at end × 2^-shift. */
	bool equal_weights;
	bool quota_met;	  /* Somebody met its quota in this round. */
	uint64_t *vacant; /* A bit a slot: nobody owns it. */
	struct claimant *claimants;
	uint16_t *ids; /* Number of the claimant at a position. */
	struct lane *lanes;
	struct claim *claims;
	struct remainder *remainders;
	struct wish *wishes;
	uint32_t *free_slots;
};

/** The tables that maglev_default_slots() chooses from: steps of about a half. */
static const uint32_t default_slots[] = { 1021, 1543, 2053, 3079, 4099, 6151, 8209, 12289, 16411,
	24593, 32771, 49157, 65537, 98317, 131101, 196613, 262147, 393241, 524309, 786433,
	MAGLEV_MAX_SLOTS };

uint64_t
maglev_backend_key(const void *id, unsigned int len)
{
	static const struct siphash_key none = { 0, 0 };

	return siphash13(&none, id, len);
}

uint32_t
maglev_default_slots(const struct maglev_backend *backends, uint32_t nb_backends)
{
	uint64_t sum = 0, nb_weighted = 0;
	uint32_t min = UINT32_MAX;

	for (uint32_t i = 0; i < nb_backends; i++) {
		if (backends[i].weight == 0)
			continue;
		nb_weighted++;
		sum += backends[i].weight;
		if (backends[i].weight < min)
			min = backends[i].weight;
	}
	for (uint32_t i = 0; i < ARRAY_LEN(default_slots); i++) {
		uint64_t m = default_slots[i];

		if (m >= 100 * nb_weighted && m * min >= 50 * sum)
			return default_slots[i];
	}
	return MAGLEV_MAX_SLOTS;
}

int
maglev_slots_valid(uint32_t nb_slots)
{
	if (nb_slots < MAGLEV_MIN_SLOTS || nb_slots > MAGLEV_MAX_SLOTS || nb_slots % 2 == 0)
		return 0;
	for (uint32_t d = 3; d * d <= nb_slots; d += 2)
		if (nb_slots % d == 0)
			return 0;
	return 1;
}

static int
claimant_compare(const void *a, const void *b)
{
	const struct claimant *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

/* Largest remainder first; claimants are sorted by key. */
static int
remainder_compare(const void *a, const void *b)
{
	const struct remainder *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest < y->rest ? 1 : -1;
	return (x->id > y->id) - (x->id < y->id);
}

/* Sort by key, refuse equal keys, then forget who has no weight. */
static int
claimants_init(struct build *b, const struct maglev_backend *backends, uint32_t nb_backends)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < nb_backends; i++)
		b->claimants[i] = (struct claimant){ .key = backends[i].key,
			.weight = backends[i].weight,
			.position = (uint16_t)i };
	qsort(b->claimants, nb_backends, sizeof(*b->claimants), claimant_compare);
	for (uint32_t i = 1; i < nb_backends; i++)
		if (b->claimants[i].key == b->claimants[i - 1].key)
			return -EEXIST;
	for (uint32_t i = 0; i < nb_backends; i++) {
		if (b->claimants[i].weight == 0)
			continue;
		b->ids[b->claimants[i].position] = (uint16_t)kept;
		b->claimants[kept++] = b->claimants[i];
	}
	b->nb_claimants = kept;
	return 0;
}

static uint32_t
gcd(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Weights to lowest terms; quotas by largest remainder. */
static void
quotas_init(struct build *b)
{
	uint32_t divisor = 0;
	uint32_t left = b->nb_slots;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->nb_claimants; i++)
		divisor = gcd(b->claimants[i].weight, divisor);
	for (uint32_t i = 0; i < b->nb_claimants; i++) {
		b->claimants[i].weight /= divisor;
		sum += b->claimants[i].weight;
	}
	for (uint32_t i = 0; i < b->nb_claimants; i++) {
		uint64_t share = (uint64_t)b->nb_slots * b->claimants[i].weight;

		b->claimants[i].quota = (uint32_t)(share / sum);
		b->remainders[i] = (struct remainder){ share % sum, i };
		left -= b->claimants[i].quota;
	}
	qsort(b->remainders, b->nb_claimants, sizeof(*b->remainders), remainder_compare);
	for (uint32_t i = 0; i < left; i++)
		b->claimants[b->remainders[i].id].quota++;
}

static uint32_t
mul_mod(uint32_t a, uint32_t b, uint32_t m)
{
	return (uint32_t)((uint64_t)a * b % m);
}

/* By Fermat: a^(m-2) mod m, for a prime m. */
static uint32_t
inverse_mod(uint32_t a, uint32_t m)
{
	uint32_t result = 1;

	for (uint32_t e = m - 2; e != 0; e >>= 1) {
		if (e & 1)
			result = mul_mod(result, a, m);
		a = mul_mod(a, a, m);
	}
	return result;
}

/* Every claimant's order of slots; all inverses by one (Montgomery's trick). */
static void
orders_init(struct build *b)
{
	const uint32_t m = b->nb_slots;
	uint32_t product = 1, inverse;

	for (uint32_t i = 0; i < b->nb_claimants; i++) {
		struct claimant *c = &b->claimants[i];

		c->offset = maglev_scale((uint32_t)(maglev_mix(c->key) >> 32), m);
		c->skip = 1 +
				maglev_scale((uint32_t)(maglev_mix(c->key ^ MAGLEV_GOLDEN) >> 32),
						m - 1);
		c->inverse = product; /* Of all skips before this one. */
		product = mul_mod(product, c->skip, m);
	}
	inverse = inverse_mod(product, m);
	for (uint32_t i = b->nb_claimants; i-- > 0;) {
		struct claimant *c = &b->claimants[i];

		c->inverse = mul_mod(c->inverse, inverse, m);
		inverse = mul_mod(inverse, c->skip, m);
	}
}

/* A round is so long that a lane of mean weight looks once or twice; see build_alloc(). */
static void
lanes_init(struct build *b)
{
	uint64_t sum = 0;

	b->nb_lanes = 0;
	b->shift = 0;
	b->end = 1;
	for (uint32_t i = 0; i < b->nb_claimants; i++) {
		const struct claimant *c = &b->claimants[i];

		if (c->quota == 0)
			continue;
		b->lanes[b->nb_lanes++] = (struct lane){
			.slot = c->offset, .skip = c->skip, .weight = c->weight, .id = (uint16_t)i
		};
		sum += c->weight;
	}
	/* In lowest terms, equal weights are one. */
	b->equal_weights = sum == b->nb_lanes;
	while (sum >> (b->shift + 1) >= b->nb_lanes)
		b->shift++;
}

/* Drop the lanes whose claimant met its quota; if only light ones stay, lengthen the rounds. */
static void
lanes_compact(struct build *b)
{
	uint64_t sum = 0;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < b->nb_lanes; i++) {
		const struct claimant *c = &b->claimants[b->lanes[i].id];

		if (c->held == c->quota)
			continue;
		b->lanes[kept++] = b->lanes[i];
		sum += c->weight;
	}
	b->nb_lanes = kept;
	while (b->shift > 0 && sum >> b->shift < kept) {
		b->shift--;
		b->end >>= 1;
	}
}

/* Which of two claimants looks at its slot of this rank first? */
static inline bool
look_before(const struct build *b, uint32_t id, uint32_t rank, uint32_t other, uint32_t other_rank)
{
	uint64_t mine = (uint64_t)(rank + 1) * b->claimants[other].weight;
	uint64_t its = (uint64_t)(other_rank + 1) * b->claimants[id].weight;

	return mine < its || (mine == its && id < other);
}

/* The place of a slot in a claimant's order. */
static uint32_t
rank_of(const struct build *b, uint32_t id, uint32_t slot)
{
	const struct claimant *c = &b->claimants[id];

	return mul_mod(slot + b->nb_slots - c->offset, c->inverse, b->nb_slots);
}

static inline unsigned int
bit_get(const uint64_t *bits, uint32_t at)
{
	return bits[at / 64] >> at % 64 & 1;
}

static inline void
slot_take(struct build *b, uint32_t slot, uint32_t id)
{
	struct claimant *c = &b->claimants[id];

	b->vacant[slot / 64] &= ~(UINT64_C(1) << slot % 64);
	b->anchor[slot] = c->position;
	b->nb_free--;
	b->quota_met |= ++c->held == c->quota;
}

/*
 * Note a look at the slot where @p lane stands, if it is free, and go on to the next. Whether
 * it is free is unpredictable, hence no branch on it: what is not counted is overwritten.
 * @return the number of claims.
 */
static inline uint32_t
lane_look(struct lane *lane, uint32_t m, const uint64_t *vacant, struct claim *claims,
		uint32_t nb_claims)
{
	const uint32_t slot = lane->slot, next = slot + lane->skip;

	claims[nb_claims] = (struct claim){ slot, lane->id };
	lane->slot = next >= m ? next - m : next;
	return nb_claims + bit_get(vacant, slot);
}

/*
 * All looks of one round: those whose virtual time is at most end × 2^-shift and was
 * not before. Most of the time is spent here.
 */
static uint32_t
round_collect(struct build *b)
{
	/* In registers: the compiler cannot know that claims do not overwrite *b. */
	const uint32_t m = b->nb_slots, shift = b->shift;
	const uint64_t end = b->end;
	const uint64_t *const vacant = b->vacant;
	struct lane *const lanes = b->lanes, *const lanes_end = lanes + b->nb_lanes;
	struct claim *const claims = b->claims;
	uint32_t n = 0;

	if (b->equal_weights) {
		for (struct lane *lane = lanes; lane < lanes_end; lane++)
			n = lane_look(lane, m, vacant, claims, n);
		return n;
	}
	for (struct lane *lane = lanes; lane < lanes_end; lane++) {
		const uint64_t until = lane->weight * end >> shift;

		for (; lane->looked < until; lane->looked++)
			n = lane_look(lane, m, vacant, claims, n);
	}
	return n;
}

/* Propose; @return true if that took a slot from a claimant that was at its quota. */
static bool
claim_propose(struct build *b, struct claim claim)
{
	uint32_t holder;
	bool was_full;

	if (likely(bit_get(b->vacant, claim.slot))) {
		slot_take(b, claim.slot, claim.id);
		return false;
	}
	/* Claimed in this round, perhaps by a look that comes after this one. */
	holder = b->ids[b->anchor[claim.slot]];
	if (!look_before(b, claim.id, rank_of(b, claim.id, claim.slot), holder,
			    rank_of(b, holder, claim.slot)))
		return false;
	was_full = b->claimants[holder].held-- == b->claimants[holder].quota;
	b->nb_free++;
	slot_take(b, claim.slot, claim.id);
	return was_full;
}

/*
 * Settle a round's looks. A claimant at its quota holds its claims back, and proposes them
 * after all if it loses a slot to an earlier look.
 */
static void
round_settle(struct build *b, uint32_t nb_claims)
{
	bool again;

	do {
		uint32_t held_back = 0;

		again = false;
		for (uint32_t i = 0; i < nb_claims; i++) {
			const struct claim claim = b->claims[i];
			const struct claimant *c = &b->claimants[claim.id];

			if (c->held == c->quota)
				b->claims[held_back++] = claim;
			else
				again |= claim_propose(b, claim);
		}
		nb_claims = held_back;
	} while (unlikely(again));
}

static uint32_t
square_root(uint32_t x)
{
	uint32_t root = 0;

	while ((root + 1) * (root + 1) <= x)
		root++;
	return root;
}

/* Step 1: all but the last slots. */
static void
slots_fill(struct build *b, uint32_t nb_last)
{
	while (b->nb_free > nb_last) {
		round_settle(b, round_collect(b));
		if (b->quota_met) {
			lanes_compact(b);
			b->quota_met = false;
		}
		b->end++;
	}
}

/*
 * The earliest free slot in a claimant's order: rank = (slot - offset) × inverse mod M.
 * The quotient is estimated by multiplying with inverse × 2^32 / M (Shoup), which is
 * at most one too small; a subtraction that wraps to a huge number marks the wrong case.
 */
static struct wish
wish_find(const struct build *b, uint16_t id)
{
	const struct claimant *c = &b->claimants[id];
	const uint32_t m = b->nb_slots, offset = c->offset, inverse = c->inverse;
	const uint32_t ratio = (uint32_t)(((uint64_t)inverse << 32) / m);
	const uint32_t *slots = b->free_slots;
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < b->nb_free; i++) {
		uint32_t distance = slots[i] - offset;
		uint32_t rank, found;

		distance = distance < distance + m ? distance : distance + m;
		rank = distance * inverse - (uint32_t)((uint64_t)distance * ratio >> 32) * m;
		rank = rank < rank - m ? rank : rank - m;
		found = rank << FREE_BITS | i;
		best = found < best ? found : best;
	}
	return (struct wish){
		.rank = best >> FREE_BITS, .slot = slots[best & ((1 << FREE_BITS) - 1)], .id = id
	};
}

/* Restore the heap order below wish @p at: the earliest look is wish 0. */
static void
wishes_sift(struct build *b, uint32_t at)
{
	const struct wish moved = b->wishes[at];

	for (;;) {
		uint32_t child = 2 * at + 1;
		const struct wish *w;

		if (child >= b->nb_wishes)
			break;
		w = &b->wishes[child];
		if (child + 1 < b->nb_wishes &&
				look_before(b, w[1].id, w[1].rank, w[0].id, w[0].rank)) {
			child++;
			w++;
		}
		if (!look_before(b, w->id, w->rank, moved.id, moved.rank))
			break;
		b->wishes[at] = *w;
		at = child;
	}
	b->wishes[at] = moved;
}

static void
wishes_init(struct build *b)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < b->nb_slots; slot++)
		if (bit_get(b->vacant, slot))
			b->free_slots[n++] = slot;
	b->nb_wishes = 0;
	for (uint32_t i = 0; i < b->nb_lanes; i++)
		b->wishes[b->nb_wishes++] = wish_find(b, b->lanes[i].id);
	for (uint32_t i = b->nb_wishes / 2; i-- > 0;)
		wishes_sift(b, i);
}

static void
free_slot_remove(struct build *b, uint32_t slot)
{
	uint32_t at = 0;

	while (b->free_slots[at] != slot)
		at++;
	b->free_slots[at] = b->free_slots[b->nb_free - 1];
}

/* Step 2: the last slots, earliest look first. */
static void
slots_finish(struct build *b)
{
	wishes_init(b);
	while (b->nb_free > 0) {
		struct wish *first = &b->wishes[0];
		const struct claimant *c = &b->claimants[first->id];

		if (bit_get(b->vacant, first->slot)) {
			free_slot_remove(b, first->slot);
			slot_take(b, first->slot, first->id);
		}
		if (c->held == c->quota)
			*first = b->wishes[--b->nb_wishes];
		else
			*first = wish_find(b, first->id);
		wishes_sift(b, 0);
	}
}

static void
build_free(struct build *b)
{
	free(b->free_slots);
	free(b->wishes);
	free(b->remainders);
	free(b->claims);
	free(b->lanes);
	free(b->ids);
	free(b->claimants);
	free(b->vacant);
}

/* @return 0, or -ENOMEM: build_free() frees what there is. */
static int
build_alloc(struct build *b, uint32_t nb_backends, uint32_t nb_last)
{
	const size_t nb_words = b->nb_slots / 64 + 1;

	b->vacant = malloc(nb_words * sizeof(*b->vacant));
	b->claimants = malloc(nb_backends * sizeof(*b->claimants));
	b->ids = malloc(nb_backends * sizeof(*b->ids));
	b->lanes = malloc(nb_backends * sizeof(*b->lanes));
	b->remainders = malloc(nb_backends * sizeof(*b->remainders));
	/* A round's looks: below ΣW / 2^shift + n < 3n; one more is written, not counted. */
	b->claims = malloc((3 * (size_t)nb_backends + 1) * sizeof(*b->claims));
	/* Who is below its quota wants at least one free slot. */
	b->wishes = malloc(nb_last * sizeof(*b->wishes));
	b->free_slots = malloc(nb_last * sizeof(*b->free_slots));
	if (b->vacant == NULL || b->claimants == NULL || b->ids == NULL || b->lanes == NULL ||
			b->remainders == NULL || b->claims == NULL || b->wishes == NULL ||
			b->free_slots == NULL)
		return -ENOMEM;
	memset(b->vacant, 0xff, nb_words * sizeof(*b->vacant));
	return 0;
}

static void
anchor_fill_none(uint16_t *anchor, uint32_t nb_slots)
{
	for (uint32_t i = 0; i < nb_slots; i++)
		anchor[i] = MAGLEV_NO_BACKEND;
}

int
maglev_build(uint16_t *anchor, uint32_t nb_slots, const struct maglev_backend *backends,
		uint32_t nb_backends)
{
	struct build b = { .anchor = anchor, .nb_slots = nb_slots, .nb_free = nb_slots };
	uint32_t nb_last;
	int ret;

	if (!maglev_slots_valid(nb_slots) || nb_backends > MAGLEV_MAX_BACKENDS)
		return -EINVAL;
	for (uint32_t i = 0; i < nb_backends; i++)
		if (backends[i].weight > MAGLEV_MAX_WEIGHT)
			return -EINVAL;
	if (nb_backends == 0) {
		anchor_fill_none(anchor, nb_slots);
		return 0;
	}

	/* Where looking for a free slot begins to cost more than working it out. */
	nb_last = square_root(4 * nb_slots);
	ret = build_alloc(&b, nb_backends, nb_last);
	if (ret == 0)
		ret = claimants_init(&b, backends, nb_backends);
	if (ret < 0)
		goto out;
	if (b.nb_claimants == 0) {
		anchor_fill_none(anchor, nb_slots);
		goto out;
	}
	quotas_init(&b);
	orders_init(&b);
	lanes_init(&b);
	slots_fill(&b, nb_last);
	slots_finish(&b);
out:
	build_free(&b);
	return ret;
}
