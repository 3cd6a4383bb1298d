/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table that packets use: the anchor table under today's factors.
 *
 * Slot j asks owners in a fixed order, k = 0, 1, …: first its own (k = 0), then those of
 * slots (start + (k - 1) × step) mod M, start and step being hashes of j. An owner accepts
 * if a draw of 16 bits, the hash of (j, k, its key), is below its factor; the first one to
 * accept gets the slot.
 *
 * No question depends on anybody else's factor, so that the outcome is monotone: a lower
 * factor only takes acceptances away from its backend, hence moves only slots that it had;
 * a higher one only adds acceptances, hence moves slots only to it. The draw depends on k:
 * asked again, an owner may accept after all, and shares are proportional to weight × factor
 * even with two backends.
 *
 * The search must end, though all factors may be tiny (a whole service in slow start) or
 * only few backends be up. After PROBES_FAIR questions the factors count double, after 16 more
 * fourfold, and so on until any factor but 0 accepts: still a fixed threshold for each
 * question. If even then nobody did, all backends with a factor were missed, so they are a
 * small part, and weighted rendezvous hashing among them decides (the lowest score -log2(u) /
 * (weight × factor)): again a score that only its own factor changes.
 */

#include "hash/maglev.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "hash/maglev_mix.h"

/** Questions at the factors as they are. */
#define PROBES_FAIR 256
/** Questions at each doubling of the factors. */
#define PROBES_DOUBLING 16
/** After 16 doublings even a factor of 1 is MAGLEV_FACTOR_ONE. */
#define PROBES (PROBES_FAIR + 16 * PROBES_DOUBLING)

/** Slots that are settled at a time. */
#define BATCH 256

/** So many live backends are copied out, so that a rendezvous need not pass over all the dead. */
#define FEW_LIVE 64

/** What all slots have in common. */
struct resolve {
	const uint16_t *anchor;
	const struct maglev_backend *backends;
	uint32_t nb_slots;
	uint32_t nb_candidates;
	const struct maglev_backend *candidates; /* Of a rendezvous: all live ones, maybe others. */
};

/* Takes part today. */
static bool
backend_is_live(const struct maglev_backend *backend)
{
	return backend->weight != 0 && backend->factor != 0;
}

/* Does @p backend accept the slot of hash @p x at question @p k? */
static inline bool
backend_accepts(const struct maglev_backend *backend, uint64_t x, uint32_t k)
{
	uint64_t threshold = backend->factor;

	if (k > PROBES_FAIR)
		threshold <<= 1 + (k - PROBES_FAIR - 1) / PROBES_DOUBLING;
	if (threshold >= MAGLEV_FACTOR_ONE)
		return true;
	if (threshold == 0)
		return false;
	return maglev_mix((x + k * MAGLEV_GOLDEN) ^ backend->key) >> 48 < threshold;
}

/*
 * -log2(bits / 2^32) in 16.16 fixed point, linear between powers of two: the same on
 * every machine, near enough to make shares proportional, and never 0.
 */
static inline uint64_t
negative_log2(uint32_t bits)
{
	const unsigned int exponent = 31 - (unsigned int)__builtin_clz(bits | 1);
	const uint32_t mantissa = (uint32_t)((uint64_t)(bits | 1) << (32 - exponent));

	return ((uint64_t)(32 - exponent) << 16) - (mantissa >> 16);
}

/* The live backend of lowest score. */
static uint16_t
resolve_by_rendezvous(const struct resolve *r, uint64_t x)
{
	const struct maglev_backend *best = NULL;
	uint64_t best_log = 0, best_share = 1;

	for (uint32_t i = 0; i < r->nb_candidates; i++) {
		const struct maglev_backend *b = &r->candidates[i];
		uint64_t log, share, mine, its;

		if (!backend_is_live(b))
			continue;
		log = negative_log2((uint32_t)(maglev_mix(x ^ b->key) >> 32));
		share = (uint64_t)b->weight * b->factor;
		mine = log * best_share;
		its = best_log * share;
		if (best == NULL || mine < its || (mine == its && b->key < best->key)) {
			best = b;
			best_log = log;
			best_share = share;
		}
	}
	return best == NULL ? MAGLEV_NO_BACKEND : best->index;
}

/* The slot's owner does not keep it: ask others. */
static uint16_t
resolve_slot(const struct resolve *r, uint64_t x)
{
	const uint32_t m = r->nb_slots;
	const uint32_t step = 1 + maglev_scale((uint32_t)x, m - 1);
	uint32_t at = maglev_scale((uint32_t)(x >> 32), m);

	for (uint32_t k = 1; k <= PROBES; k++) {
		const struct maglev_backend *b = &r->backends[r->anchor[at]];

		if (backend_accepts(b, x, k))
			return b->index;
		at += step;
		at = at >= m ? at - m : at;
	}
	return resolve_by_rendezvous(r, x);
}

/** Slots that have to ask, and the hash of each. */
struct batch {
	uint32_t nb;
	uint32_t slots[BATCH + 1]; /* One more is written, not counted. */
	uint64_t x[BATCH];
};

/* What slot @p j gets: from its owner, else from those it asks. */
static uint16_t
settle(const struct resolve *r, uint32_t j, uint64_t x)
{
	const struct maglev_backend *owner = &r->backends[r->anchor[j]];

	return backend_accepts(owner, x, 0) ? owner->index : resolve_slot(r, x);
}

/* Work out who is asked first, and have it fetched. */
static void
batch_prepare(const struct resolve *r, struct batch *b)
{
	for (uint32_t i = 0; i < b->nb; i++) {
		b->x[i] = maglev_mix(b->slots[i] + MAGLEV_GOLDEN);
		__builtin_prefetch(
				&r->anchor[maglev_scale((uint32_t)(b->x[i] >> 32), r->nb_slots)]);
	}
	for (uint32_t i = 0; i < b->nb; i++)
		__builtin_prefetch(&r->backends[r->anchor[maglev_scale(
				(uint32_t)(b->x[i] >> 32), r->nb_slots)]]);
}

/*
 * @param few FEW_LIVE entries that live as long as @p r.
 * @return the number of live backends.
 */
static uint32_t
resolve_init(struct resolve *r, struct maglev_backend *few)
{
	uint32_t nb_live = 0;

	for (uint32_t i = 0; i < r->nb_candidates; i++) {
		if (!backend_is_live(&r->backends[i]))
			continue;
		if (nb_live < FEW_LIVE)
			few[nb_live] = r->backends[i];
		nb_live++;
	}
	if (nb_live <= FEW_LIVE) {
		r->candidates = few;
		r->nb_candidates = nb_live;
	}
	return nb_live;
}

/* At most one is live: whatever the questions, only one answer is left. */
static uint16_t
only_answer(const struct resolve *r)
{
	return r->nb_candidates == 0 ? MAGLEV_NO_BACKEND : r->candidates[0].index;
}

void
maglev_resolve(uint16_t *slots, const uint16_t *anchor, uint32_t nb_slots,
		const struct maglev_backend *backends, uint32_t nb_backends)
{
	struct maglev_backend few[FEW_LIVE];
	struct resolve r = { .anchor = anchor,
		.backends = backends,
		.nb_slots = nb_slots,
		.candidates = backends,
		.nb_candidates = nb_backends };
	struct batch b;

	if (resolve_init(&r, few) <= 1) {
		for (uint32_t j = 0; j < nb_slots; j++)
			slots[j] = only_answer(&r);
		return;
	}
	for (uint32_t begin = 0; begin < nb_slots; begin += BATCH) {
		uint32_t end = nb_slots - begin < BATCH ? nb_slots : begin + BATCH;

		b.nb = 0;
		for (uint32_t j = begin; j < end; j++) {
			const struct maglev_backend *owner = &backends[anchor[j]];

			slots[j] = owner->index;
			b.slots[b.nb] = j;
			b.nb += owner->factor < MAGLEV_FACTOR_ONE;
		}
		batch_prepare(&r, &b);
		for (uint32_t i = 0; i < b.nb; i++)
			slots[b.slots[i]] = settle(&r, b.slots[i], b.x[i]);
	}
}

/* What a change of factors has made of the backends; both are small enough for the nearest cache. */
struct change {
	uint8_t lowered[UINT16_MAX + 1]; /* By index: its slots may move away. */
	uint8_t asks[UINT16_MAX + 1]; /* By position: its slots ask others, or did, and may move. */
};

static void
change_init(struct change *c, const struct maglev_backend *backends, uint32_t nb_backends)
{
	bool any_raised = false;

	memset(c, 0, sizeof(*c));
	for (uint32_t i = 0; i < nb_backends; i++)
		any_raised |= backends[i].factor > backends[i].factor_before;
	for (uint32_t i = 0; i < nb_backends; i++) {
		const struct maglev_backend *b = &backends[i];

		c->lowered[b->index] = b->factor < b->factor_before;
		c->asks[i] = any_raised &&
				(b->factor < MAGLEV_FACTOR_ONE ||
						b->factor_before < MAGLEV_FACTOR_ONE);
	}
	/* With no backend of weight the anchor is empty, and so are the slots, for ever. */
	c->lowered[MAGLEV_NO_BACKEND] = 0;
	c->asks[MAGLEV_NO_BACKEND] = 0;
}

void
maglev_resolve_change(uint16_t *slots, const uint16_t *anchor, uint32_t nb_slots,
		const struct maglev_backend *backends, uint32_t nb_backends)
{
	struct maglev_backend few[FEW_LIVE];
	struct resolve r = { .anchor = anchor,
		.backends = backends,
		.nb_slots = nb_slots,
		.candidates = backends,
		.nb_candidates = nb_backends };
	bool any_asks = resolve_init(&r, few) > 1;
	struct change c;
	struct batch b;

	change_init(&c, backends, nb_backends);
	for (uint32_t begin = 0; begin < nb_slots; begin += BATCH) {
		uint32_t end = nb_slots - begin < BATCH ? nb_slots : begin + BATCH;

		b.nb = 0;
		for (uint32_t j = begin; j < end; j++) {
			b.slots[b.nb] = j;
			b.nb += c.lowered[slots[j]] | c.asks[anchor[j]];
		}
		if (any_asks)
			batch_prepare(&r, &b);
		for (uint32_t i = 0; i < b.nb; i++)
			slots[b.slots[i]] =
					any_asks ? settle(&r, b.slots[i], b.x[i]) : only_answer(&r);
	}
}
