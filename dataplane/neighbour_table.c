/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every next hop that is not free or static has exactly one timer; whatever wants a
 * request sets it to now, so that there is one place that sends requests
 * (neighbour_table_due()) and one pace. Being asked again after a failure is state
 * incomplete with all requests but one used up.
 *
 * A quick probe's unicasts are 250 ms apart although RFC 4861 wants a second between
 * multicasts: they go to one host, and only a hint starts them, at most once a second.
 */

#include "dataplane/neighbour_table.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/hop_index.h"
#include "dataplane/timer_heap.h"
#include "dataplane/token_bucket.h"

#define NEVER 0

struct neighbour_table {
	uint32_t capacity;
	uint64_t random;
	struct token_bucket pace;
	struct neighbour *neighbours;
	struct timer_heap *timers;
	struct hop_index *by_addr;
};

struct neighbour_table *
neighbour_table_create(uint32_t capacity, uint64_t seed)
{
	struct neighbour_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->capacity = capacity;
	t->random = seed | 1;
	token_bucket_init(&t->pace, NEIGHBOUR_REQUEST_RATE, NEIGHBOUR_REQUEST_BURST, 0);
	t->neighbours = calloc(capacity, sizeof(*t->neighbours));
	t->timers = timer_heap_create(capacity);
	t->by_addr = hop_index_create(capacity);
	if (t->neighbours == NULL || t->timers == NULL || t->by_addr == NULL) {
		neighbour_table_destroy(t);
		return NULL;
	}
	return t;
}

void
neighbour_table_destroy(struct neighbour_table *t)
{
	if (t == NULL)
		return;
	hop_index_destroy(t->by_addr);
	timer_heap_destroy(t->timers);
	free(t->neighbours);
	free(t);
}

const struct neighbour *
neighbour_table_get(const struct neighbour_table *t, uint32_t index)
{
	return &t->neighbours[index];
}

bool
neighbour_is_resolved(const struct neighbour *n)
{
	return n->state == NEIGHBOUR_REACHABLE || n->state == NEIGHBOUR_PROBE ||
			n->state == NEIGHBOUR_STATIC;
}

static void
neighbour_enter(struct neighbour_table *t, uint32_t index, const struct ip_addr *addr,
		uint8_t interface)
{
	struct hop_key key = { .addr = *addr, .interface = interface };
	struct neighbour *n = &t->neighbours[index];

	memset(n, 0, sizeof(*n));
	n->addr = *addr;
	n->interface = interface;
	hop_index_insert(t->by_addr, &key, index);
}

void
neighbour_table_add(struct neighbour_table *t, uint32_t index, const struct ip_addr *addr,
		uint8_t interface, uint64_t now_ms)
{
	neighbour_enter(t, index, addr, interface);
	t->neighbours[index].state = NEIGHBOUR_INCOMPLETE;
	timer_heap_set(t->timers, index, now_ms);
}

void
neighbour_table_add_static(struct neighbour_table *t, uint32_t index, const struct ip_addr *addr,
		uint8_t interface, const uint8_t *mac)
{
	neighbour_enter(t, index, addr, interface);
	t->neighbours[index].state = NEIGHBOUR_STATIC;
	memcpy(t->neighbours[index].mac, mac, sizeof(t->neighbours[index].mac));
}

void
neighbour_table_remove(struct neighbour_table *t, uint32_t index)
{
	if (t->neighbours[index].state == NEIGHBOUR_FREE)
		return;
	timer_heap_clear(t->timers, index);
	hop_index_remove(t->by_addr, index);
	t->neighbours[index].state = NEIGHBOUR_FREE;
}

/* RFC 4861 section 6.3.2: uniform between 0.5 and 1.5 of the base. */
static uint64_t
reachable_time(struct neighbour_table *t)
{
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return NEIGHBOUR_REACHABLE_MS / 2 + (t->random >> 32) % (NEIGHBOUR_REACHABLE_MS + 1);
}

static void
become_reachable(struct neighbour_table *t, uint32_t index, uint64_t now_ms)
{
	struct neighbour *n = &t->neighbours[index];

	n->state = NEIGHBOUR_REACHABLE;
	n->asked = 0;
	n->backoff_s = 0;
	timer_heap_set(t->timers, index, now_ms + reachable_time(t));
}

static void
become_probe(struct neighbour_table *t, uint32_t index, bool quick, uint64_t now_ms)
{
	struct neighbour *n = &t->neighbours[index];

	n->state = NEIGHBOUR_PROBE;
	n->asked = 0;
	n->quick = quick;
	timer_heap_set(t->timers, index, now_ms);
}

static void
become_failed(struct neighbour_table *t, uint32_t index, uint64_t now_ms)
{
	struct neighbour *n = &t->neighbours[index];

	n->state = NEIGHBOUR_FAILED;
	n->backoff_s = n->backoff_s == 0 ? 1 : n->backoff_s * 2;
	if (n->backoff_s > NEIGHBOUR_BACKOFF_MAX_S)
		n->backoff_s = NEIGHBOUR_BACKOFF_MAX_S;
	timer_heap_set(t->timers, index, now_ms + n->backoff_s * UINT64_C(1000));
}

/* Ask a failed next hop once more, now. */
static void
retry_failed(struct neighbour_table *t, uint32_t index, uint64_t now_ms)
{
	struct neighbour *n = &t->neighbours[index];

	n->state = NEIGHBOUR_INCOMPLETE;
	n->asked = NEIGHBOUR_MAX_REQUESTS - 1;
	timer_heap_set(t->timers, index, now_ms);
}

/* Requests that a state may send before it gives up; the unicasts of a probe come first. */
static unsigned int
max_requests(const struct neighbour *n)
{
	return n->state == NEIGHBOUR_PROBE ? 2 * NEIGHBOUR_MAX_REQUESTS : NEIGHBOUR_MAX_REQUESTS;
}

static bool
asks_by_unicast(const struct neighbour *n)
{
	return n->state == NEIGHBOUR_PROBE && n->asked < NEIGHBOUR_MAX_REQUESTS;
}

static enum neighbour_action
neighbour_ask(struct neighbour_table *t, uint32_t index, uint64_t now_ms)
{
	struct neighbour *n = &t->neighbours[index];
	bool unicast = asks_by_unicast(n);

	n->asked++;
	n->asked_ms = now_ms;
	timer_heap_set(t->timers, index,
			now_ms + (unicast && n->quick ? NEIGHBOUR_QUICK_MS : NEIGHBOUR_RETRANS_MS));
	return unicast ? NEIGHBOUR_ASK_ONE : NEIGHBOUR_ASK_ALL;
}

bool
neighbour_table_due(struct neighbour_table *t, uint64_t now_ms, uint32_t *index,
		enum neighbour_action *action)
{
	struct neighbour *n;
	uint64_t at;

	if (!timer_heap_first(t->timers, index, &at) || at > now_ms)
		return false;
	n = &t->neighbours[*index];
	if (n->state == NEIGHBOUR_REACHABLE)
		become_probe(t, *index, false, now_ms);
	else if (n->state == NEIGHBOUR_FAILED)
		retry_failed(t, *index, now_ms);

	if (n->asked >= max_requests(n)) {
		become_failed(t, *index, now_ms);
		*action = NEIGHBOUR_GIVE_UP;
		return true;
	}
	if (!token_bucket_take(&t->pace, now_ms * 1000))
		return false;
	*action = neighbour_ask(t, *index, now_ms);
	return true;
}

static bool
is_recent(uint64_t then_ms, uint64_t now_ms, uint64_t within_ms)
{
	return then_ms != NEVER && now_ms < then_ms + within_ms;
}

static bool
may_start_quick_probe(const struct neighbour *n)
{
	return n->state == NEIGHBOUR_REACHABLE || (n->state == NEIGHBOUR_PROBE && !n->quick);
}

/*
 * A message that is no answer: at most a reason to ask. (A next hop stays failed for a
 * second at least after it was last asked, so that asking it at once floods nobody.)
 */
static enum neighbour_verdict
learn_hint(struct neighbour_table *t, uint32_t index, const uint8_t *mac, uint64_t now_ms)
{
	struct neighbour *n = &t->neighbours[index];

	if (n->state == NEIGHBOUR_FAILED) {
		retry_failed(t, index, now_ms);
		return NEIGHBOUR_HINT;
	}
	if (!may_start_quick_probe(n) || memcmp(n->mac, mac, sizeof(n->mac)) == 0 ||
			is_recent(n->hinted_ms, now_ms, NEIGHBOUR_RETRANS_MS))
		return NEIGHBOUR_IGNORED;
	n->hinted_ms = now_ms;
	become_probe(t, index, true, now_ms);
	return NEIGHBOUR_HINT;
}

static enum neighbour_verdict
learn_mac(struct neighbour_table *t, uint32_t index, const uint8_t *mac, uint64_t now_ms)
{
	memcpy(t->neighbours[index].mac, mac, sizeof(t->neighbours[index].mac));
	become_reachable(t, index, now_ms);
	return NEIGHBOUR_LEARNED;
}

/*
 * An answer without a MAC address: whom we asked by unicast is where we asked. (In
 * answer to a multicast the option is mandatory.)
 */
static enum neighbour_verdict
learn_presence(struct neighbour_table *t, uint32_t index, uint64_t now_ms)
{
	struct neighbour *n = &t->neighbours[index];

	if (n->state != NEIGHBOUR_PROBE || n->asked > NEIGHBOUR_MAX_REQUESTS)
		return NEIGHBOUR_IGNORED;
	become_reachable(t, index, now_ms);
	return NEIGHBOUR_CONFIRMED;
}

/* A claim about a next hop that is neither free nor static. */
static enum neighbour_verdict
learn_claim(struct neighbour_table *t, uint32_t index, const struct neighbour_claim *claim,
		uint64_t now_ms)
{
	struct neighbour *n = &t->neighbours[index];
	bool answers = claim->answer && is_recent(n->asked_ms, now_ms, NEIGHBOUR_ANSWER_MS);

	if (!claim->has_mac)
		return answers ? learn_presence(t, index, now_ms) : NEIGHBOUR_IGNORED;
	if (!answers)
		return learn_hint(t, index, claim->mac, now_ms);
	if (!neighbour_is_resolved(n))
		return learn_mac(t, index, claim->mac, now_ms);
	if (memcmp(n->mac, claim->mac, sizeof(n->mac)) == 0) {
		if (n->state == NEIGHBOUR_PROBE)
			become_reachable(t, index, now_ms);
		return NEIGHBOUR_CONFIRMED;
	}
	if (n->state == NEIGHBOUR_REACHABLE)
		return learn_hint(t, index, claim->mac, now_ms);
	if (n->asked <= NEIGHBOUR_MAX_REQUESTS || !claim->override)
		return NEIGHBOUR_IGNORED;
	return learn_mac(t, index, claim->mac, now_ms);
}

static uint32_t
claim_find(const struct neighbour_table *t, const struct neighbour_claim *claim)
{
	struct hop_key key = { .addr = claim->addr, .interface = claim->interface };

	return hop_index_find(t->by_addr, &key);
}

enum neighbour_verdict
neighbour_table_learn(struct neighbour_table *t, const struct neighbour_claim *claim,
		uint64_t now_ms, uint32_t *index)
{
	*index = claim_find(t, claim);
	if (*index == HOP_NONE)
		return NEIGHBOUR_UNKNOWN;
	if (t->neighbours[*index].state == NEIGHBOUR_STATIC)
		return NEIGHBOUR_IGNORED;
	return learn_claim(t, *index, claim, now_ms);
}

bool
neighbour_table_expects(const struct neighbour_table *t, const struct neighbour_claim *claim,
		uint64_t now_ms)
{
	uint32_t index = claim->answer ? claim_find(t, claim) : HOP_NONE;
	const struct neighbour *n;

	if (index == HOP_NONE)
		return false;
	n = &t->neighbours[index];
	return n->state != NEIGHBOUR_STATIC && n->state != NEIGHBOUR_REACHABLE &&
			is_recent(n->asked_ms, now_ms, NEIGHBOUR_ANSWER_MS);
}

enum neighbour_want
neighbour_table_want(struct neighbour_table *t, uint32_t index, uint64_t now_ms)
{
	const struct neighbour *n = &t->neighbours[index];

	if (n->state == NEIGHBOUR_FREE)
		return NEIGHBOUR_NOBODY;
	if (neighbour_is_resolved(n))
		return NEIGHBOUR_SEND;
	if (n->state == NEIGHBOUR_FAILED)
		retry_failed(t, index, now_ms);
	return NEIGHBOUR_WAIT;
}

void
neighbour_table_link_up(struct neighbour_table *t, uint8_t interface, uint64_t now_ms)
{
	for (uint32_t i = 0; i < t->capacity; i++)
		if (t->neighbours[i].interface == interface &&
				t->neighbours[i].state == NEIGHBOUR_FAILED)
			retry_failed(t, i, now_ms);
}
