/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "channel/stats.h"

#define NB_WORKERS 3U
#define NB_SERVICES 7U
#define NB_MEMBERS 13U

static void *
region_new(void)
{
	size_t size = stats_region_size(NB_WORKERS, NB_SERVICES, NB_MEMBERS);
	void *region = aligned_alloc(4096, size);

	assert_non_null(region);
	memset(region, 0, size);
	stats_region_init(region, NB_WORKERS, NB_SERVICES, NB_MEMBERS);
	return region;
}

static size_t
region_size(void)
{
	return stats_region_size(NB_WORKERS, NB_SERVICES, NB_MEMBERS);
}

static void
test_every_part_lies_apart_and_inside(void **state)
{
	struct stats_header *h = region_new();
	uint8_t *region = (uint8_t *)h;
	uint8_t *seen = calloc(1, region_size());
	struct {
		void *at;
		size_t size;
	} parts[3 * NB_WORKERS + 3] = {
		{ h, sizeof(*h) },
		{ stats_service(region, 0), NB_SERVICES * sizeof(struct stats_service) },
		{ stats_member(region, 0), NB_MEMBERS * sizeof(struct stats_member) },
	};

	(void)state;
	assert_int_equal(region_size() % 4096, 0);
	assert_int_equal(stats_region_check(region, region_size()), 0);
	for (uint32_t w = 0; w < NB_WORKERS; w++) {
		parts[3 + 3 * w].at = stats_worker(region, w);
		parts[3 + 3 * w].size = sizeof(struct worker_stats);
		parts[4 + 3 * w].at = stats_worker_members(region, w);
		parts[4 + 3 * w].size = NB_MEMBERS * sizeof(struct member_stats);
		parts[5 + 3 * w].at = stats_worker_evidence(region, w);
		parts[5 + 3 * w].size = NB_MEMBERS * sizeof(struct member_evidence);
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		size_t at = (size_t)((uint8_t *)parts[i].at - region);

		assert_int_equal(at % CACHE_LINE, 0);
		assert_true(at + parts[i].size <= region_size());
		for (size_t b = at; b < at + parts[i].size; b++)
			assert_int_equal(seen[b]++, 0);
	}
	assert_ptr_equal(stats_service(region, 6), stats_service(region, 0) + 6);
	assert_ptr_equal(stats_member(region, 12), stats_member(region, 0) + 12);
	free(seen);
	free(region);
}

static void
test_no_two_workers_share_a_cache_line(void **state)
{
	uint8_t *region = region_new();

	(void)state;
	for (uint32_t w = 0; w + 1 < NB_WORKERS; w++) {
		uintptr_t last = (uintptr_t)(stats_worker_evidence(region, w) + NB_MEMBERS) - 1;

		assert_true(last / CACHE_LINE <
				(uintptr_t)stats_worker(region, w + 1) / CACHE_LINE);
	}
	free(region);
}

static void
test_sizes_of_the_largest_dataplane_do_not_overflow(void **state)
{
	size_t size = stats_region_size(STATS_MAX_WORKERS, UINT32_MAX, UINT32_MAX);

	(void)state;
	assert_true(size > (size_t)UINT32_MAX * (64 + 64 + 64 * (32 + 32)));
	assert_true(size < (size_t)1 << 45);
}

struct field {
	size_t offset;
	size_t size;
};

static const struct field claims[] = {
#define CLAIM(name)                                                                              \
	{                                                                                        \
		offsetof(struct stats_header, name), sizeof(((struct stats_header *)NULL)->name) \
	}
	CLAIM(magic),
	CLAIM(size),
	CLAIM(nb_workers),
	CLAIM(nb_ports),
	CLAIM(max_services),
	CLAIM(max_members),
	CLAIM(services_offset),
	CLAIM(members_offset),
	CLAIM(workers_offset),
	CLAIM(worker_stride),
	CLAIM(worker_members_offset),
	CLAIM(worker_evidence_offset),
#undef CLAIM
};

static void
claim(void *region, size_t i, uint64_t value)
{
	memcpy((uint8_t *)region + claims[i].offset, &value, claims[i].size);
}

/* A twin of the check that cannot overflow. */
static bool
twin_fits(const struct stats_header *h, size_t size)
{
	unsigned __int128 end = size;
	unsigned __int128 block = (unsigned __int128)h->worker_members_offset +
			(unsigned __int128)h->max_members * sizeof(struct member_stats);
	unsigned __int128 evidence = (unsigned __int128)h->worker_evidence_offset +
			(unsigned __int128)h->max_members * sizeof(struct member_evidence);

	if (h->worker_evidence_offset != 0 &&
			(h->worker_evidence_offset < sizeof(struct worker_stats) ||
					h->worker_evidence_offset % CACHE_LINE != 0 ||
					evidence > h->worker_stride))
		return false;
	return h->magic == STATS_MAGIC && h->size == size && h->nb_workers <= STATS_MAX_WORKERS &&
			h->nb_ports <= STATS_MAX_PORTS && h->services_offset >= sizeof(*h) &&
			h->members_offset >= sizeof(*h) && h->workers_offset >= sizeof(*h) &&
			h->worker_members_offset >= sizeof(struct worker_stats) &&
			(h->services_offset | h->members_offset | h->workers_offset |
					h->worker_stride | h->worker_members_offset) %
					CACHE_LINE ==
			0 &&
			(unsigned __int128)h->services_offset +
					(unsigned __int128)h->max_services * 64 <=
			end &&
			(unsigned __int128)h->members_offset +
					(unsigned __int128)h->max_members * 64 <=
			end &&
			block <= h->worker_stride &&
			(unsigned __int128)h->workers_offset +
					(unsigned __int128)h->nb_workers * h->worker_stride <=
			end;
}

static uint64_t
random_claim(unsigned int *seed)
{
	uint64_t random = (uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed) << 11 ^
			(uint64_t)rand_r(seed);

	switch (rand_r(seed) % 6) {
	case 0:
		return random;
	case 1:
		return random % 70;
	case 2:
		return random % (region_size() / 64 + 2) * 64;
	case 3:
		return -(random % 64 * 64);
	case 4:
		return UINT64_C(1) << random % 64;
	default:
		return region_size() - random % 3 * 4096;
	}
}

static void
test_headers_that_do_not_fit_the_mapping_are_refused(void **state)
{
	unsigned int seed = 4711, nb_fit = 0, nb_refused = 0;
	void *region = region_new();

	(void)state;
	for (int round = 0; round < 1000000; round++) {
		memset(region, 0, sizeof(struct stats_header));
		stats_region_init(region, NB_WORKERS, NB_SERVICES, NB_MEMBERS);
		for (int n = 1 + rand_r(&seed) % 3; n > 0; n--)
			claim(region, 2 + (size_t)rand_r(&seed) % (ARRAY_LEN(claims) - 2),
					random_claim(&seed));
		if (stats_region_check(region, region_size()) == 0) {
			assert_true(twin_fits(region, region_size()));
			nb_fit++;
		} else {
			assert_false(twin_fits(region, region_size()));
			nb_refused++;
		}
	}
	assert_true(nb_fit > 1000);
	assert_true(nb_refused > 1000);
	free(region);
}

static void
test_a_wrong_magic_size_or_unended_text_is_refused(void **state)
{
	struct stats_header *h = region_new();

	(void)state;
	assert_int_equal(stats_region_check(h, region_size()), 0);
	assert_int_equal(stats_region_check(h, region_size() - 1), -EPROTO);
	assert_int_equal(stats_region_check(h, sizeof(*h) - 1), -EPROTO);
	assert_int_equal(stats_region_check(h, 0), -EPROTO);
	h->magic ^= 1;
	assert_int_equal(stats_region_check(h, region_size()), -EPROTO);
	h->magic ^= 1;
	memset(h->version, 'v', sizeof(h->version));
	assert_int_equal(stats_region_check(h, region_size()), -EPROTO);
	h->version[31] = '\0';
	h->nb_ports = 2;
	memset(h->ports[1].name, 'p', sizeof(h->ports[1].name));
	assert_int_equal(stats_region_check(h, region_size()), -EPROTO);
	h->nb_ports = 1;
	assert_int_equal(stats_region_check(h, region_size()), 0);
	free(h);
}

static void
test_the_region_of_an_older_dataplane_has_no_evidence(void **state)
{
	struct stats_header *h = region_new();

	(void)state;
	h->worker_evidence_offset = 0;
	assert_int_equal(stats_region_check(h, region_size()), 0);
	for (uint32_t w = 0; w < NB_WORKERS; w++)
		assert_null(stats_worker_evidence(h, w));
	free(h);
}

static void
test_more_workers_than_there_can_be_are_refused(void **state)
{
	(void)state;
	for (uint32_t nb = STATS_MAX_WORKERS; nb <= STATS_MAX_WORKERS + 1; nb++) {
		size_t size = stats_region_size(nb, 1, 1);
		void *region = aligned_alloc(4096, size);

		assert_non_null(region);
		memset(region, 0, size);
		stats_region_init(region, nb, 1, 1);
		assert_int_equal(stats_region_check(region, size),
				nb <= STATS_MAX_WORKERS ? 0 : -EPROTO);
		free(region);
	}
}

static void
test_a_written_entry_is_read_back(void **state)
{
	void *region = region_new();
	struct stats_service service = { .used = 1, .mode = 2, .nb_members = 3, .nb_slots = 251 };
	struct stats_member member = { .used = 1, .service_id = 4, .slots = 99, .member = 65533 };
	struct stats_service service_out;
	struct stats_member member_out;

	(void)state;
	service.key.l4_port = 443;
	member.conf.weight = 65535;
	for (int round = 1; round <= 3; round++) {
		service.nb_slots += 1;
		stats_service_write(stats_service(region, 6), &service);
		stats_member_write(stats_member(region, 12), &member);
		assert_int_equal(stats_service_read(stats_service(region, 6), &service_out), 0);
		assert_int_equal(stats_member_read(stats_member(region, 12), &member_out), 0);
		assert_int_equal(atomic_load(&service_out.sequence), 2 * round);
		assert_memory_equal((char *)&service_out + 4, (char *)&service + 4,
				sizeof(service) - 4);
		assert_memory_equal(
				(char *)&member_out + 4, (char *)&member + 4, sizeof(member) - 4);
	}
	free(region);
}

static void
test_a_writer_that_died_half_way_does_not_hold_the_reader(void **state)
{
	void *region = region_new();
	struct stats_service out;

	(void)state;
	atomic_store(&stats_service(region, 0)->sequence, 5);
	assert_int_equal(stats_service_read(stats_service(region, 0), &out), -EAGAIN);
	free(region);
}

struct writing {
	struct stats_member *entry;
	atomic_bool stop;
};

static void *
write_on(void *arg)
{
	struct writing *w = arg;
	struct stats_member value;

	memset(&value, 0, sizeof(value));
	for (uint8_t n = 0; !atomic_load(&w->stop); n++) {
		memset((char *)&value + 4, n, sizeof(value) - 4);
		stats_member_write(w->entry, &value);
		for (int i = 0; i < 100; i++)
			__builtin_ia32_pause();
	}
	return NULL;
}

static void
test_readers_never_see_half_an_entry(void **state)
{
	void *region = region_new();
	struct writing w = { .entry = stats_member(region, 3) };
	unsigned int nb_different = 0;
	uint8_t last = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, write_on, &w), 0);
	for (int i = 0; i < 1000000 || nb_different < 10; i++) {
		struct stats_member out;
		const uint8_t *bytes = (const uint8_t *)&out;

		if (stats_member_read(w.entry, &out) != 0)
			continue;
		for (size_t b = 5; b < sizeof(out); b++)
			assert_int_equal(bytes[b], bytes[4]);
		nb_different += bytes[4] != last;
		last = bytes[4];
	}
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	free(region);
}

static void
test_counters_add_without_losing(void **state)
{
	stat_counter counter = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		stat_add(&counter, i);
	assert_int_equal(stat_get(&counter), 499500);
	stat_set(&counter, UINT64_MAX);
	stat_add(&counter, 2);
	assert_int_equal(stat_get(&counter), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_part_lies_apart_and_inside),
		cmocka_unit_test(test_no_two_workers_share_a_cache_line),
		cmocka_unit_test(test_sizes_of_the_largest_dataplane_do_not_overflow),
		cmocka_unit_test(test_headers_that_do_not_fit_the_mapping_are_refused),
		cmocka_unit_test(test_a_wrong_magic_size_or_unended_text_is_refused),
		cmocka_unit_test(test_the_region_of_an_older_dataplane_has_no_evidence),
		cmocka_unit_test(test_more_workers_than_there_can_be_are_refused),
		cmocka_unit_test(test_a_written_entry_is_read_back),
		cmocka_unit_test(test_a_writer_that_died_half_way_does_not_hold_the_reader),
		cmocka_unit_test(test_readers_never_see_half_an_entry),
		cmocka_unit_test(test_counters_add_without_losing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
