/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/override.h"

#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

struct overrides *
overrides_create(uint32_t room)
{
	struct overrides *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->refs = 1;
	o->list = calloc(room + 1, sizeof(*o->list));
	if (o->list == NULL) {
		free(o);
		return NULL;
	}
	return o;
}

struct overrides *
overrides_ref(struct overrides *o)
{
	o->refs++;
	return o;
}

void
overrides_unref(struct overrides *o)
{
	if (o == NULL || --o->refs != 0)
		return;
	free(o->list);
	free(o);
}

static int
place_compare(const struct override *entry, const struct service_key *service,
		const struct ip_addr *backend)
{
	int order = service_key_compare(&entry->service, service);

	return order != 0 ? order : ip_addr_compare(&entry->backend, backend);
}

static int
compare(const void *a, const void *b)
{
	const struct override *second = b;

	return place_compare(a, &second->service, &second->backend);
}

const struct override *
overrides_find(const struct overrides *o, const struct service_key *service,
		const struct ip_addr *backend)
{
	uint32_t low = 0, high = o->nb;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = place_compare(&o->list[middle], service, backend);

		if (order == 0)
			return &o->list[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

void
overrides_append(struct overrides *o, const struct override *entry)
{
	o->list[o->nb++] = *entry;
}

void
overrides_sort(struct overrides *o)
{
	qsort(o->list, o->nb, sizeof(*o->list), compare);
}

struct overrides *
overrides_with(const struct overrides *o, const struct override *entry)
{
	struct overrides *new = overrides_create(o->nb + 1);

	if (new == NULL)
		return NULL;
	for (uint32_t i = 0; i < o->nb; i++) {
		if (compare(&o->list[i], entry) != 0)
			overrides_append(new, &o->list[i]);
	}
	if (entry->has_admin || entry->has_weight)
		overrides_append(new, entry);
	overrides_sort(new);
	return new;
}

struct overrides *
overrides_without(const struct overrides *o, const struct service_key *service,
		const struct ip_addr *backend)
{
	struct overrides *new = overrides_create(o->nb);

	if (new == NULL)
		return NULL;
	for (uint32_t i = 0; i < o->nb; i++) {
		const struct override *entry = &o->list[i];
		bool matches = (service == NULL ||
					       service_key_compare(&entry->service, service) ==
							       0) &&
				(backend == NULL || ip_addr_equal(&entry->backend, backend));

		if (!matches)
			overrides_append(new, entry);
	}
	return new;
}

bool
overrides_equal(const struct overrides *a, const struct overrides *b)
{
	if (a->nb != b->nb)
		return false;
	for (uint32_t i = 0; i < a->nb; i++) {
		const struct override *x = &a->list[i], *y = &b->list[i];

		if (compare(x, y) != 0 || x->has_admin != y->has_admin ||
				x->has_weight != y->has_weight ||
				(x->has_admin && x->admin != y->admin) ||
				(x->has_weight && x->weight != y->weight))
			return false;
	}
	return true;
}
