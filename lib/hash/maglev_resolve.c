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

#include "hash/maglev_mix.h"

/** Questions at the factors as they are. */
#define PROBES_FAIR 256
/** Questions at each doubling of the factors. */
#define PROBES_DOUBLING 16
/** After 16 doublings even a factor of 1 is MAGLEV_FACTOR_ONE. */
#define PROBES (PROBES_FAIR + 16 * PROBES_DOUBLING)

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
	uint32_t nb_live = 0;

	for (uint32_t i = 0; i < nb_backends; i++) {
		if (!backend_is_live(&backends[i]))
			continue;
		if (nb_live < FEW_LIVE)
			few[nb_live] = backends[i];
		nb_live++;
	}
	if (nb_live <= 1) {
		/* Whatever the questions, only one answer is left. */
		for (uint32_t j = 0; j < nb_slots; j++)
			slots[j] = nb_live == 0 ? MAGLEV_NO_BACKEND : few[0].index;
		return;
	}
	if (nb_live <= FEW_LIVE) {
		r.candidates = few;
		r.nb_candidates = nb_live;
	}

	for (uint32_t j = 0; j < nb_slots; j++) {
		const struct maglev_backend *owner = &backends[anchor[j]];
		uint64_t x;

		slots[j] = owner->index;
		if (likely(owner->factor >= MAGLEV_FACTOR_ONE))
			continue;
		x = maglev_mix(j + MAGLEV_GOLDEN);
		if (!backend_accepts(owner, x, 0))
			slots[j] = resolve_slot(&r, x);
	}
}
