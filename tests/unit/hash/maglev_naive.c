/* SPDX-License-Identifier: BSD-3-Clause */
#include "maglev_naive.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define G UINT64_C(0x9e3779b97f4a7c15)

uint64_t
naive_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t
naive_random(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return *seed * UINT64_C(0x2545f4914f6cdd1d);
}

void
naive_backends(struct maglev_backend *backends, uint32_t nb_backends, uint64_t set, uint32_t weight)
{
	for (uint32_t i = 0; i < nb_backends; i++)
		backends[i] = (struct maglev_backend){
			.key = naive_mix(set * 100000 + i + 1),
			.weight = weight,
			.factor = MAGLEV_FACTOR_ONE,
			.index = (uint16_t)(1000 + i),
		};
}

static uint64_t
scale(uint64_t bits, uint64_t n)
{
	return bits * n >> 32;
}

static void
naive_quotas(uint32_t *quotas, uint32_t nb_slots, const struct maglev_backend *b, uint32_t n)
{
	uint64_t sum = 0, left = nb_slots;
	bool *got = calloc(n, sizeof(*got));

	for (uint32_t i = 0; i < n; i++)
		sum += b[i].weight;
	for (uint32_t i = 0; i < n; i++) {
		quotas[i] = (uint32_t)((uint64_t)nb_slots * b[i].weight / sum);
		left -= quotas[i];
	}
	for (; left > 0; left--) {
		uint32_t best = n;
		uint64_t best_rest = 0;

		for (uint32_t i = 0; i < n; i++) {
			uint64_t rest = (uint64_t)nb_slots * b[i].weight % sum;

			if (got[i] || b[i].weight == 0)
				continue;
			if (best == n || rest > best_rest ||
					(rest == best_rest && b[i].key < b[best].key)) {
				best = i;
				best_rest = rest;
			}
		}
		got[best] = true;
		quotas[best]++;
	}
	free(got);
}

/* The backend below its quota whose next look comes first. */
static uint32_t
naive_next(const uint32_t *quotas, const uint64_t *looks, const struct maglev_backend *b,
		uint32_t n)
{
	uint32_t best = n;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t mine, its;

		if (quotas[i] == 0)
			continue;
		if (best == n) {
			best = i;
			continue;
		}
		mine = (looks[i] + 1) * b[best].weight;
		its = (looks[best] + 1) * b[i].weight;
		if (mine < its || (mine == its && b[i].key < b[best].key))
			best = i;
	}
	assert(best != n);
	return best;
}

void
naive_build(uint16_t *anchor, uint32_t nb_slots, const struct maglev_backend *b, uint32_t n)
{
	uint32_t *quotas = calloc(n + 1, sizeof(*quotas));
	uint64_t *looks = calloc(n + 1, sizeof(*looks));
	uint64_t sum = 0;
	uint32_t nb_free = nb_slots;

	memset(anchor, 0xff, nb_slots * sizeof(*anchor));
	for (uint32_t i = 0; i < n; i++)
		sum += b[i].weight;
	if (sum == 0)
		nb_free = 0;
	else
		naive_quotas(quotas, nb_slots, b, n);
	while (nb_free > 0) {
		uint32_t i = naive_next(quotas, looks, b, n);
		uint64_t offset = scale(naive_mix(b[i].key) >> 32, nb_slots);
		uint64_t skip = 1 + scale(naive_mix(b[i].key ^ G) >> 32, nb_slots - 1);
		uint64_t slot = (offset + looks[i]++ * skip) % nb_slots;

		if (anchor[slot] != MAGLEV_NO_BACKEND)
			continue;
		anchor[slot] = (uint16_t)i;
		quotas[i]--;
		nb_free--;
	}
	free(looks);
	free(quotas);
}

static uint16_t
naive_rendezvous(uint64_t x, const struct maglev_backend *b, uint32_t n)
{
	uint32_t best = n;
	uint64_t best_log = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t bits = naive_mix(x ^ b[i].key) >> 32 | 1, log, mine, its;
		unsigned int e = 31;

		if (b[i].weight == 0 || b[i].factor == 0)
			continue;
		while ((bits >> e & 1) == 0)
			e--;
		log = (32 - e) * 65536 - ((bits << (32 - e) & UINT32_MAX) >> 16);
		if (best != n) {
			mine = log * b[best].weight * b[best].factor;
			its = best_log * b[i].weight * b[i].factor;
			if (mine > its || (mine == its && b[i].key > b[best].key))
				continue;
		}
		best = i;
		best_log = log;
	}
	return best == n ? MAGLEV_NO_BACKEND : b[best].index;
}

static uint16_t
naive_resolve_slot(uint64_t j, const uint16_t *anchor, uint64_t m, const struct maglev_backend *b,
		uint32_t n)
{
	uint64_t x = naive_mix(j + G);

	for (uint64_t k = 0; k <= 512; k++) {
		uint64_t step = 1 + scale(x & UINT32_MAX, m - 1);
		uint64_t at = k == 0 ? j : (scale(x >> 32, m) + (k - 1) * step) % m;
		const struct maglev_backend *p;
		uint64_t threshold;

		if (anchor[at] == MAGLEV_NO_BACKEND)
			return MAGLEV_NO_BACKEND;
		p = &b[anchor[at]];
		threshold = (uint64_t)p->factor << (k <= 256 ? 0 : (k - 257) / 16 + 1);
		if (threshold >= 65536 || naive_mix((x + k * G) ^ p->key) >> 48 < threshold)
			return p->index;
	}
	return naive_rendezvous(x, b, n);
}

void
naive_resolve(uint16_t *slots, const uint16_t *anchor, uint32_t nb_slots,
		const struct maglev_backend *b, uint32_t n)
{
	for (uint32_t j = 0; j < nb_slots; j++)
		slots[j] = naive_resolve_slot(j, anchor, nb_slots, b, n);
}
