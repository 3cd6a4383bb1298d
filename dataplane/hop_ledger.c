/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Free indexes wait in a queue, so that the one which rested longest is used next.
 *
 * A change is reported by a flag and an index in the ring; the main lcore puts the
 * index only if it found the flag down, so an index stands in the ring at most once.
 * The control thread takes the flag down before it looks up what is true: a later
 * change either is seen by that look-up or raises the flag again.
 */

#include "dataplane/hop_ledger.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "dataplane/spsc_ring.h"

enum hop_use {
	HOP_FREE = 0,
	HOP_IN_USE,
	HOP_REMOVING,
};

struct hop_record {
	struct hop_key key;
	uint8_t use; /* enum hop_use. */
	uint32_t refs;
};

struct hop_report {
	uint32_t index;
	bool removed; /* Else changed. */
};

struct hop_ledger {
	/* Control thread's. */
	uint32_t capacity;
	uint32_t free_first; /* Indexes run freely. */
	uint32_t nb_free;
	bool starved; /* Somebody was refused for lack of an index, and was not told since. */
	uint32_t *free;
	struct hop_record *records;
	struct hop_index *by_addr;
	/* Shared. */
	struct spsc_ring *requests; /* From the control thread to the main lcore. */
	struct spsc_ring *reports;  /* Back. */
	atomic_bool *changed; /* Raised by the main lcore, taken down by the control thread. */
};

struct hop_ledger *
hop_ledger_create(uint32_t capacity)
{
	struct hop_ledger *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->capacity = capacity;
	l->free = calloc(capacity, sizeof(*l->free));
	l->records = calloc(capacity, sizeof(*l->records));
	l->by_addr = hop_index_create(capacity);
	l->requests = spsc_ring_create(2 * capacity, sizeof(struct hop_request));
	l->reports = spsc_ring_create(2 * capacity, sizeof(struct hop_report));
	l->changed = calloc(capacity, sizeof(*l->changed));
	if (l->free == NULL || l->records == NULL || l->by_addr == NULL || l->requests == NULL ||
			l->reports == NULL || l->changed == NULL) {
		hop_ledger_destroy(l);
		return NULL;
	}
	for (uint32_t i = 0; i < capacity; i++)
		l->free[i] = i;
	l->nb_free = capacity;
	return l;
}

void
hop_ledger_destroy(struct hop_ledger *l)
{
	if (l == NULL)
		return;
	free(l->changed);
	spsc_ring_destroy(l->reports);
	spsc_ring_destroy(l->requests);
	hop_index_destroy(l->by_addr);
	free(l->records);
	free(l->free);
	free(l);
}

static uint32_t
free_take(struct hop_ledger *l)
{
	if (l->nb_free == 0)
		return HOP_NONE;
	l->nb_free--;
	return l->free[l->free_first++ & (l->capacity - 1)];
}

static void
free_put(struct hop_ledger *l, uint32_t index)
{
	l->free[(l->free_first + l->nb_free++) & (l->capacity - 1)] = index;
}

static uint32_t
record_begin(struct hop_ledger *l, const struct hop_key *key)
{
	uint32_t index = free_take(l);

	if (index == HOP_NONE)
		return HOP_NONE;
	l->records[index] = (struct hop_record){ .key = *key, .use = HOP_IN_USE, .refs = 1 };
	hop_index_insert(l->by_addr, key, index);
	return index;
}

uint32_t
hop_ledger_add_static(struct hop_ledger *l, const struct hop_key *key)
{
	if (hop_index_find(l->by_addr, key) != HOP_NONE)
		return HOP_NONE;
	return record_begin(l, key);
}

/* Cannot fail: the ring is as long as there can be requests. */
static void
request(struct hop_ledger *l, uint32_t index, bool removal)
{
	struct hop_request r = { .index = index, .remove = removal, .key = l->records[index].key };
	bool put = spsc_ring_put(l->requests, &r);

	assert(put);
	(void)put;
}

uint32_t
hop_ledger_acquire(struct hop_ledger *l, const struct hop_key *key)
{
	uint32_t index = hop_index_find(l->by_addr, key);

	if (index != HOP_NONE) {
		l->records[index].refs++;
		return index;
	}
	index = record_begin(l, key);
	if (index == HOP_NONE)
		l->starved = true;
	else
		request(l, index, false);
	return index;
}

bool
hop_ledger_take_relief(struct hop_ledger *l)
{
	if (!l->starved || l->nb_free == 0)
		return false;
	l->starved = false;
	return true;
}

void
hop_ledger_release(struct hop_ledger *l, uint32_t index)
{
	struct hop_record *record = &l->records[index];

	assert(record->use == HOP_IN_USE && record->refs > 0);
	if (--record->refs > 0)
		return;
	record->use = HOP_REMOVING;
	hop_index_remove(l->by_addr, index);
	request(l, index, true);
}

/* Is a report a change that somebody still cares about? */
static bool
report_apply(struct hop_ledger *l, const struct hop_report *report)
{
	struct hop_record *record = &l->records[report->index];

	if (report->removed) {
		record->use = HOP_FREE;
		free_put(l, report->index);
		return false;
	}
	/* Acquire, pairs with the release in hop_ledger_report_change(). */
	atomic_exchange_explicit(&l->changed[report->index], false, memory_order_acq_rel);
	return record->use == HOP_IN_USE;
}

bool
hop_ledger_next_change(struct hop_ledger *l, uint32_t *index, struct hop_key *key)
{
	struct hop_report report;

	while (spsc_ring_take(l->reports, &report)) {
		if (!report_apply(l, &report))
			continue;
		*index = report.index;
		*key = l->records[report.index].key;
		return true;
	}
	return false;
}

bool
hop_ledger_next_request(struct hop_ledger *l, struct hop_request *out)
{
	return spsc_ring_take(l->requests, out);
}

/* Cannot fail: the ring is as long as there can be reports. */
static void
report_put(struct hop_ledger *l, uint32_t index, bool removed)
{
	struct hop_report r = { .index = index, .removed = removed };
	bool put = spsc_ring_put(l->reports, &r);

	assert(put);
	(void)put;
}

void
hop_ledger_confirm_removed(struct hop_ledger *l, uint32_t index)
{
	report_put(l, index, true);
}

void
hop_ledger_report_change(struct hop_ledger *l, uint32_t index)
{
	/* Release, pairs with the acquire in report_apply(). */
	if (!atomic_exchange_explicit(&l->changed[index], true, memory_order_acq_rel))
		report_put(l, index, false);
}
