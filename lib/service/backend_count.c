/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open addressing with linear probing, at most half full. Deletion closes the gap
 * by moving later entries of the same run back (Knuth, TAOCP vol. 3, 6.4,
 * algorithm R), so there are no tombstones to collect.
 */
#include "service/backend_count.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int
backend_count_init(struct backend_count *count, uint32_t max, const struct siphash_key *key)
{
	uint32_t size = 4;

	while (size < 2 * max)
		size *= 2;
	count->mask = size - 1;
	count->nb = 0;
	count->max = max;
	count->key = *key;
	count->entries = calloc(size, sizeof(*count->entries));
	return count->entries == NULL ? -ENOMEM : 0;
}

void
backend_count_fini(struct backend_count *count)
{
	free(count->entries);
	count->entries = NULL;
}

static uint32_t
entry_home(const struct backend_count *count, const struct ip_addr *addr)
{
	return (uint32_t)siphash13(&count->key, addr, sizeof(*addr)) & count->mask;
}

/* The entry of @p addr, or the empty one where it belongs. */
static uint32_t
entry_find(const struct backend_count *count, const struct ip_addr *addr)
{
	uint32_t at = entry_home(count, addr);

	while (count->entries[at].nb_refs != 0 && !ip_addr_equal(&count->entries[at].addr, addr))
		at = (at + 1) & count->mask;
	return at;
}

bool
backend_count_add(struct backend_count *count, const struct ip_addr *addr)
{
	struct backend_count_entry *entry = &count->entries[entry_find(count, addr)];

	if (entry->nb_refs == 0) {
		if (count->nb == count->max)
			return false;
		count->nb++;
		entry->addr = *addr;
	}
	entry->nb_refs++;
	return true;
}

void
backend_count_remove(struct backend_count *count, const struct ip_addr *addr)
{
	uint32_t gap = entry_find(count, addr);

	assert(count->entries[gap].nb_refs != 0);
	if (--count->entries[gap].nb_refs != 0)
		return;
	count->nb--;
	for (uint32_t at = (gap + 1) & count->mask; count->entries[at].nb_refs != 0;
			at = (at + 1) & count->mask) {
		uint32_t home = entry_home(count, &count->entries[at].addr);

		/* It may move back only if its home is not behind the gap. */
		if (((at - home) & count->mask) >= ((at - gap) & count->mask)) {
			count->entries[gap] = count->entries[at];
			gap = at;
		}
	}
	count->entries[gap].nb_refs = 0;
}
