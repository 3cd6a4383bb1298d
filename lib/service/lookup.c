/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One piece of memory: struct lookup, IPv4 entries, IPv6 entries, VIPs; each on its
 * own cache lines.
 */
#include "service/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "net/encap.h"
#include "service/aligned.h"

/* At most half full, and one cache line at least. */
static uint32_t
entries_for(uint32_t nb)
{
	uint32_t size = 4;

	while (size < 2 * nb)
		size *= 2;
	return size;
}

static struct lookup *
lookup_alloc(uint32_t nb4, uint32_t nb6)
{
	uint32_t size4 = entries_for(nb4);
	uint32_t size6 = entries_for(nb6);
	size_t at4 = lines_size(sizeof(struct lookup));
	size_t at6 = at4 + lines_size(size4 * sizeof(struct snapshot_lookup4));
	size_t at_vips = at6 + lines_size(size6 * sizeof(struct snapshot_lookup6));
	size_t size = at_vips + (nb4 + nb6) * sizeof(struct ip_addr);
	struct lookup *lookup = lines_alloc(size);
	uint8_t *memory = (uint8_t *)lookup;

	if (lookup == NULL)
		return NULL;
	memset(lookup, 0, lines_size(size));
	lookup->nb_refs = 1;
	lookup->mask4 = size4 - 1;
	lookup->mask6 = size6 - 1;
	lookup->entries4 = (void *)(memory + at4);
	lookup->entries6 = (void *)(memory + at6);
	lookup->vips = (void *)(memory + at_vips);
	return lookup;
}

/* Of either outer header the first byte lies on the line in front of the frame. */
static uint16_t
growth(const struct snapshot_service *service)
{
	return service->mode == MODE_IPIP ? ENCAP_V4_LEN : 0;
}

static void
lookup_add4(struct lookup *lookup, uint64_t seed, const struct snapshot_service *service)
{
	struct snapshot_lookup4 entry = {
		.key = snapshot_key4(load_u32(service->key.vip.bytes),
				__builtin_bswap16(service->key.l4_port), service->key.protocol),
		.id = service->id,
		.grows = growth(service),
	};
	uint32_t at = lookup_hash4(seed, entry.key);

	while (lookup->entries4[at & lookup->mask4].key != 0)
		at++;
	lookup->entries4[at & lookup->mask4] = entry;
}

static void
lookup_add6(struct lookup *lookup, uint64_t seed, const struct snapshot_service *service)
{
	struct snapshot_lookup6 entry = {
		.port = snapshot_port6(
				__builtin_bswap16(service->key.l4_port), service->key.protocol),
		.id = service->id,
		.grows = growth(service),
	};
	uint32_t at = lookup_hash6(seed, service->key.vip.bytes, entry.port);

	memcpy(entry.vip, service->key.vip.bytes, sizeof(entry.vip));
	while (lookup->entries6[at & lookup->mask6].port != 0)
		at++;
	lookup->entries6[at & lookup->mask6] = entry;
}

static int
vip_compare(const void *a, const void *b)
{
	return ip_addr_compare(a, b);
}

static void
vips_sort(struct lookup *lookup)
{
	uint32_t kept = 0;

	qsort(lookup->vips, lookup->nb_vips, sizeof(*lookup->vips), vip_compare);
	for (uint32_t i = 0; i < lookup->nb_vips; i++)
		if (kept == 0 || !ip_addr_equal(&lookup->vips[kept - 1], &lookup->vips[i]))
			lookup->vips[kept++] = lookup->vips[i];
	lookup->nb_vips = kept;
}

struct lookup *
lookup_create(const struct snapshot_service *const *services, uint32_t nb_services, uint64_t seed)
{
	struct lookup *lookup;
	uint32_t nb4 = 0;
	uint32_t nb6 = 0;

	for (uint32_t i = 0; i < nb_services; i++) {
		if (services[i] == NULL || services[i]->removed)
			continue;
		if (services[i]->key.vip.family == IP_V4)
			nb4++;
		else
			nb6++;
	}
	lookup = lookup_alloc(nb4, nb6);
	if (lookup == NULL)
		return NULL;
	for (uint32_t i = 0; i < nb_services; i++) {
		if (services[i] == NULL || services[i]->removed)
			continue;
		lookup->vips[lookup->nb_vips++] = services[i]->key.vip;
		if (services[i]->key.vip.family == IP_V4)
			lookup_add4(lookup, seed, services[i]);
		else
			lookup_add6(lookup, seed, services[i]);
	}
	vips_sort(lookup);
	return lookup;
}

struct lookup *
lookup_get(struct lookup *lookup)
{
	lookup->nb_refs++;
	return lookup;
}

void
lookup_put(struct lookup *lookup)
{
	if (lookup != NULL && --lookup->nb_refs == 0)
		free(lookup);
}

void
lookup_apply(const struct lookup *lookup, struct snapshot *snapshot)
{
	snapshot->lookup4 = lookup->entries4;
	snapshot->lookup6 = lookup->entries6;
	snapshot->lookup4_mask = lookup->mask4;
	snapshot->lookup6_mask = lookup->mask6;
	snapshot->vips = lookup->vips;
	snapshot->nb_vips = lookup->nb_vips;
}
