/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A hash table with few places for each key: PROBES in a row from where it belongs. Who finds
 * none takes the place of the one whose last sign is the oldest. So a flood against many
 * members costs memory of others, never time.
 */
#include "dataplane/suspects.h"

#include <stdlib.h>

#include "channel/message.h"

#define PROBES 4

/* What is enough, by enum suspicion. */
static const struct rule {
	uint32_t signs;
	uint32_t flows;
	uint32_t window_ms;
	bool progress_clears;
} rules[] = {
	[SUSPECT_SYN_RETRANSMISSIONS] = { 3, 2, 1000, true },
	[SUSPECT_RESETS] = { 5, 3, 1000, true },
	[SUSPECT_UNREACHABLE] = { 1, 1, 1000, false },
};

struct suspect {
	uint32_t member;
	uint32_t kind; /* 0: a free place. */
	uint32_t nb;   /* Signs in the ring. */
	uint32_t next; /* Where the next one goes. */
	uint64_t progress;
	uint64_t last_ms;  /* The last sign. */
	uint64_t quiet_ms; /* No report until then. */
	struct {
		uint64_t at_ms;
		uint32_t flow;
	} signs[SUSPECTS_SIGNS];
};

struct suspects {
	struct suspect places[SUSPECTS_MAX];
};

_Static_assert((SUSPECTS_MAX & (SUSPECTS_MAX - 1)) == 0, "places wrap by a mask");

struct suspects *
suspects_create(void)
{
	return calloc(1, sizeof(struct suspects));
}

void
suspects_destroy(struct suspects *s)
{
	free(s);
}

static struct suspect *
place(struct suspects *s, uint32_t member, uint32_t kind, uint32_t probe)
{
	uint32_t hash = (member * 4 + kind) * UINT32_C(0x9e3779b1);

	return &s->places[((hash >> 16) + probe) & (SUSPECTS_MAX - 1)];
}

static struct suspect *
find(struct suspects *s, uint32_t member, uint32_t kind)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		struct suspect *p = place(s, member, kind, i);

		if (p->kind == kind && p->member == member)
			return p;
	}
	return NULL;
}

static struct suspect *
enter(struct suspects *s, const struct suspects_sign *sign)
{
	struct suspect *oldest = place(s, sign->member, sign->kind, 0);

	for (uint32_t i = 1; i < PROBES; i++) {
		struct suspect *p = place(s, sign->member, sign->kind, i);

		if (oldest->kind == 0)
			break;
		if (p->kind == 0 || p->last_ms < oldest->last_ms)
			oldest = p;
	}
	*oldest = (struct suspect){
		.member = sign->member, .kind = sign->kind, .progress = sign->progress
	};
	return oldest;
}

/* @p age 0: the last sign. */
static uint32_t
sign_at(const struct suspect *p, uint32_t age)
{
	return (p->next + SUSPECTS_SIGNS - 1 - age) % SUSPECTS_SIGNS;
}

/* Is there none of this flow among the @p nb last signs? */
static bool
flow_is_new(const struct suspect *p, uint32_t flow, uint32_t nb)
{
	for (uint32_t age = 0; age < nb; age++)
		if (p->signs[sign_at(p, age)].flow == flow)
			return false;
	return true;
}

static bool
is_enough(const struct suspect *p, const struct rule *rule, uint64_t now_ms,
		struct suspects_verdict *out)
{
	uint32_t nb_flows = 0;
	uint32_t nb = 0;

	for (; nb < p->nb && now_ms - p->signs[sign_at(p, nb)].at_ms < rule->window_ms; nb++)
		nb_flows += flow_is_new(p, p->signs[sign_at(p, nb)].flow, nb);
	if (nb < rule->signs || nb_flows < rule->flows)
		return false;
	out->count = nb;
	out->window_ms = (uint32_t)(now_ms - p->signs[sign_at(p, nb - 1)].at_ms) + 1;
	return true;
}

static void
add(struct suspect *p, const struct suspects_sign *sign, uint64_t now_ms)
{
	p->signs[p->next].at_ms = now_ms;
	p->signs[p->next].flow = sign->flow;
	p->next = (p->next + 1) % SUSPECTS_SIGNS;
	p->nb += p->nb < SUSPECTS_SIGNS;
	p->last_ms = now_ms;
}

bool
suspects_note(struct suspects *s, const struct suspects_sign *sign, uint64_t now_ms,
		struct suspects_verdict *out)
{
	const struct rule *rule = &rules[sign->kind];
	struct suspect *p = find(s, sign->member, sign->kind);

	if (p == NULL)
		p = enter(s, sign);
	if (rule->progress_clears && p->progress != sign->progress) {
		p->progress = sign->progress;
		p->nb = 0;
	}
	add(p, sign, now_ms);
	if (now_ms < p->quiet_ms || !is_enough(p, rule, now_ms, out))
		return false;
	p->quiet_ms = now_ms + SUSPECTS_QUIET_MS;
	return true;
}

void
suspects_forget(struct suspects *s, uint32_t member)
{
	for (uint32_t kind = SUSPECT_SYN_RETRANSMISSIONS; kind <= SUSPECT_UNREACHABLE; kind++) {
		struct suspect *p = find(s, member, kind);

		if (p != NULL)
			*p = (struct suspect){ .kind = 0 };
	}
}
