/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layout: header, services, members, then a block a worker, each part on a page of
 * its own: no two workers share a cache line, and readers of the directory do not
 * disturb them. The directory is guarded by sequence locks after Boehm, "Can seqlocks
 * get along with programming language memory models?" (MSPC 2012): all words are
 * relaxed atomics between two fences.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "channel/stats.h"

#define PART_ALIGN 4096
/* A writer needs well under a microsecond; one that was killed half-way never ends. */
#define READ_ATTEMPTS 1000

typedef uint32_t __attribute__((may_alias)) entry_word;
#define ENTRY_WORDS (CACHE_LINE / sizeof(entry_word))

_Static_assert(sizeof(struct worker_stats) % 8 == 0, "shared layout");
_Static_assert(offsetof(struct stats_service, key) == 12, "shared layout");
_Static_assert(offsetof(struct stats_member, conf) == 8, "shared layout");
_Static_assert(offsetof(struct stats_member, member) == 44, "shared layout");
_Static_assert(offsetof(struct stats_member, unreachables) == 48, "shared layout");
_Static_assert(sizeof(struct port_stats) == 128, "shared layout");
_Static_assert(sizeof(stat_counter) == 8, "shared layout");

static uint64_t
align_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* Counts and offsets of a region, as one builds it or another claims it. */
struct layout {
	uint64_t size;
	uint32_t nb_workers;
	uint32_t nb_ports;
	uint32_t max_services;
	uint32_t max_members;
	uint64_t services_offset;
	uint64_t members_offset;
	uint64_t workers_offset;
	uint64_t worker_stride;
	uint64_t worker_members_offset;
	uint64_t worker_evidence_offset; /* 0: none. */
};

/* Nothing overflows: counts are 32 bits, elements at most 64 bytes, workers few. */
static struct layout
layout_make(uint32_t nb_workers, uint32_t max_services, uint32_t max_members)
{
	struct layout l = {
		.nb_workers = nb_workers,
		.max_services = max_services,
		.max_members = max_members,
	};

	l.services_offset = STATS_HEADER_ROOM;
	l.members_offset = l.services_offset +
			align_up(max_services * sizeof(struct stats_service), PART_ALIGN);
	l.workers_offset = l.members_offset +
			align_up(max_members * sizeof(struct stats_member), PART_ALIGN);
	l.worker_members_offset = align_up(sizeof(struct worker_stats), CACHE_LINE);
	l.worker_evidence_offset = align_up(
			l.worker_members_offset + max_members * sizeof(struct member_stats),
			CACHE_LINE);
	l.worker_stride = align_up(
			l.worker_evidence_offset + max_members * sizeof(struct member_evidence),
			PART_ALIGN);
	l.size = l.workers_offset + nb_workers * l.worker_stride;
	return l;
}

size_t
stats_region_size(uint32_t nb_workers, uint32_t max_services, uint32_t max_members)
{
	return layout_make(nb_workers, max_services, max_members).size;
}

void
stats_region_init(void *region, uint32_t nb_workers, uint32_t max_services, uint32_t max_members)
{
	struct layout l = layout_make(nb_workers, max_services, max_members);
	struct stats_header *h = region;

	h->magic = STATS_MAGIC;
	h->size = l.size;
	h->nb_workers = l.nb_workers;
	h->max_services = l.max_services;
	h->max_members = l.max_members;
	h->services_offset = l.services_offset;
	h->members_offset = l.members_offset;
	h->workers_offset = l.workers_offset;
	h->worker_stride = l.worker_stride;
	h->worker_members_offset = l.worker_members_offset;
	h->worker_evidence_offset = l.worker_evidence_offset;
}

/* Do @p n elements of @p size bytes at @p offset, lined up, end at or before @p end? */
static bool
array_fits(uint64_t offset, uint64_t n, uint64_t size, uint64_t end)
{
	uint64_t bytes;

	if (offset % CACHE_LINE != 0 || __builtin_mul_overflow(n, size, &bytes))
		return false;
	return offset <= end && bytes <= end - offset;
}

static bool
layout_fits(const struct layout *l)
{
	if (l->nb_workers > STATS_MAX_WORKERS || l->nb_ports > STATS_MAX_PORTS)
		return false;
	if (l->services_offset < sizeof(struct stats_header) ||
			l->members_offset < sizeof(struct stats_header) ||
			l->workers_offset < sizeof(struct stats_header))
		return false;
	if (l->worker_stride % CACHE_LINE != 0 ||
			l->worker_members_offset < sizeof(struct worker_stats))
		return false;
	/* Version 1 has no evidence. */
	if (l->worker_evidence_offset != 0 &&
			(l->worker_evidence_offset < sizeof(struct worker_stats) ||
					!array_fits(l->worker_evidence_offset, l->max_members,
							sizeof(struct member_evidence),
							l->worker_stride)))
		return false;
	return array_fits(l->services_offset, l->max_services, sizeof(struct stats_service),
			       l->size) &&
			array_fits(l->members_offset, l->max_members, sizeof(struct stats_member),
					l->size) &&
			array_fits(l->worker_members_offset, l->max_members,
					sizeof(struct member_stats), l->worker_stride) &&
			array_fits(l->workers_offset, l->nb_workers, l->worker_stride, l->size);
}

int
stats_region_check(const void *region, size_t size)
{
	const struct stats_header *h = region;
	struct layout l;

	if (size < sizeof(*h) || h->magic != STATS_MAGIC || h->size != size)
		return -EPROTO;
	l = (struct layout){
		.size = size,
		.nb_workers = h->nb_workers,
		.nb_ports = h->nb_ports,
		.max_services = h->max_services,
		.max_members = h->max_members,
		.services_offset = h->services_offset,
		.members_offset = h->members_offset,
		.workers_offset = h->workers_offset,
		.worker_stride = h->worker_stride,
		.worker_members_offset = h->worker_members_offset,
		.worker_evidence_offset = h->worker_evidence_offset,
	};
	if (!layout_fits(&l))
		return -EPROTO;

	if (memchr(h->version, '\0', sizeof(h->version)) == NULL)
		return -EPROTO;
	for (uint32_t i = 0; i < l.nb_ports; i++) {
		if (memchr(h->ports[i].name, '\0', sizeof(h->ports[i].name)) == NULL)
			return -EPROTO;
	}
	return 0;
}

/* The caller knows whether its mapping may be written; the type cannot. */
static void *
region_at(const void *region, uint64_t offset)
{
	return (void *)((uintptr_t)region + offset);
}

struct worker_stats *
stats_worker(const void *region, uint32_t worker)
{
	const struct stats_header *h = region;

	return region_at(region, h->workers_offset + worker * h->worker_stride);
}

struct member_stats *
stats_worker_members(const void *region, uint32_t worker)
{
	const struct stats_header *h = region;

	return region_at(stats_worker(region, worker), h->worker_members_offset);
}

struct member_evidence *
stats_worker_evidence(const void *region, uint32_t worker)
{
	const struct stats_header *h = region;

	if (h->worker_evidence_offset == 0)
		return NULL;
	return region_at(stats_worker(region, worker), h->worker_evidence_offset);
}

struct stats_service *
stats_service(const void *region, uint32_t id)
{
	const struct stats_header *h = region;

	return region_at(region, h->services_offset + id * sizeof(struct stats_service));
}

struct stats_member *
stats_member(const void *region, uint32_t index)
{
	const struct stats_header *h = region;

	return region_at(region, h->members_offset + index * sizeof(struct stats_member));
}

/* Word 0 of an entry is its sequence. */
static int
entry_read(const _Atomic uint32_t *sequence, const entry_word *entry, entry_word *out)
{
	for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
		/* Pairs with the last store of entry_write(). */
		uint32_t before = atomic_load_explicit(sequence, memory_order_acquire);

		for (size_t i = 1; i < ENTRY_WORDS; i++)
			out[i] = __atomic_load_n(&entry[i], __ATOMIC_RELAXED);
		/* Pairs with the fence of entry_write(): a word of a later write shows its
		 * sequence too. */
		atomic_thread_fence(memory_order_acquire);
		if (before % 2 == 0 &&
				before == atomic_load_explicit(sequence, memory_order_relaxed)) {
			out[0] = before;
			return 0;
		}
		__builtin_ia32_pause();
	}
	return -EAGAIN;
}

static void
entry_write(_Atomic uint32_t *sequence, entry_word *entry, const entry_word *value)
{
	uint32_t before = atomic_load_explicit(sequence, memory_order_relaxed);

	atomic_store_explicit(sequence, before + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (size_t i = 1; i < ENTRY_WORDS; i++)
		__atomic_store_n(&entry[i], value[i], __ATOMIC_RELAXED);
	atomic_store_explicit(sequence, before + 2, memory_order_release);
}

int
stats_service_read(const struct stats_service *entry, struct stats_service *out)
{
	return entry_read(&entry->sequence, (const entry_word *)entry, (entry_word *)out);
}

int
stats_member_read(const struct stats_member *entry, struct stats_member *out)
{
	return entry_read(&entry->sequence, (const entry_word *)entry, (entry_word *)out);
}

void
stats_service_write(struct stats_service *entry, const struct stats_service *value)
{
	entry_write(&entry->sequence, (entry_word *)entry, (const entry_word *)value);
}

void
stats_member_write(struct stats_member *entry, const struct stats_member *value)
{
	entry_write(&entry->sequence, (entry_word *)entry, (const entry_word *)value);
}
