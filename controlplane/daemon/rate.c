/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/rate.h"

/**
 * FNV-1a (Fowler, Noll, Vo) of a certificate's subject, or the uid. Those with certificates are
 * known by an authority of ours: nobody picks names to collide with others.
 */
static uint64_t
identity(const struct peer *peer)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (!peer->has_certificate)
		return (uint64_t)peer->uid + 1;
	for (const char *at = peer->subject; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	return hash | UINT64_C(1) << 63;
}

/** Of @p who, else the one that was not used for longest. */
static struct rate_bucket *
find(struct rate *rate, uint64_t who)
{
	struct rate_bucket *oldest = &rate->buckets[0];

	for (unsigned int i = 0; i < RATE_REMEMBERED; i++) {
		struct rate_bucket *b = &rate->buckets[i];

		if (b->who == who)
			return b;
		if (b->seen_us < oldest->seen_us)
			oldest = b;
	}
	return oldest;
}

bool
rate_take(struct rate *rate, const struct peer *peer, uint32_t per_s, uint64_t now_us)
{
	uint64_t who = identity(peer);
	struct rate_bucket *b = find(rate, who);

	if (b->who != who)
		*b = (struct rate_bucket){ .who = who, .seen_us = now_us, .tokens = per_s };
	b->tokens += (double)(now_us - b->seen_us) * per_s / 1e6;
	if (b->tokens > per_s)
		b->tokens = per_s;
	b->seen_us = now_us;
	if (b->tokens < 1)
		return false;
	b->tokens -= 1;
	return true;
}
