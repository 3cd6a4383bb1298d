/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "service/lookup.h"
#include "service/slot_hash.h"
#include "service/snapshot.h"

#define NB_SERVICES 3000

static struct snapshot_service services[NB_SERVICES];
static const struct snapshot_service *pointers[NB_SERVICES];

static uint32_t
random_below(uint32_t below)
{
	return (uint32_t)random() % below;
}

/* A VIP out of few, so that keys differ in one field only, often. */
static struct ip_addr
random_vip(void)
{
	uint8_t bytes[16] = { 10, 0, (uint8_t)random_below(4), (uint8_t)random_below(200) };

	if (random_below(2) == 0)
		return ip_addr_from_bytes(IP_V4, bytes);
	bytes[15] = (uint8_t)random_below(3);
	return ip_addr_from_bytes(IP_V6, bytes);
}

static struct service_key
random_key(void)
{
	return (struct service_key){
		.vip = random_vip(),
		.l4_port = (uint16_t)(random_below(3) == 0 ? 1 + random_below(3)
							   : 1 + random_below(65535)),
		.protocol = random_below(2) == 0 ? PROTOCOL_TCP : PROTOCOL_UDP,
	};
}

/* No service has this id. */
#define NONE UINT16_MAX

static uint16_t
linear_find(uint32_t nb, const struct service_key *key)
{
	for (uint32_t i = 0; i < nb; i++)
		if (pointers[i] != NULL && !pointers[i]->removed &&
				memcmp(&pointers[i]->key, key, sizeof(*key)) == 0)
			return (uint16_t)i;
	return NONE;
}

static uint16_t
find(const struct snapshot *s, const struct service_key *key)
{
	uint16_t port_be = __builtin_bswap16(key->l4_port);

	if (key->vip.family == IP_V4) {
		const struct snapshot_lookup4 *found = snapshot_find4(
				s, snapshot_key4(load_u32(key->vip.bytes), port_be, key->protocol));

		return found != NULL ? found->id : NONE;
	} else {
		const struct snapshot_lookup6 *found = snapshot_find6(
				s, key->vip.bytes, snapshot_port6(port_be, key->protocol));

		return found != NULL ? found->id : NONE;
	}
}

static void
services_fill(uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++) {
		pointers[i] = NULL;
		services[i] = (struct snapshot_service){ .id = (uint16_t)i };
		do
			services[i].key = random_key();
		while (linear_find(i, &services[i].key) != NONE);
		services[i].removed = random_below(10) == 0;
		if (random_below(10) != 0)
			pointers[i] = &services[i];
	}
}

static struct snapshot
snapshot_of(const struct lookup *lookup, uint64_t seed)
{
	struct snapshot s = { .lookup_seed = seed };

	lookup_apply(lookup, &s);
	return s;
}

static void
test_lookup_finds_what_a_linear_search_finds(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 2, 3, 5, 17, 100, NB_SERVICES };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
		uint64_t seed = (uint64_t)random() << 33 ^ (uint64_t)random();
		struct lookup *lookup;
		struct snapshot s;

		services_fill(sizes[k]);
		lookup = lookup_create(pointers, sizes[k], seed);
		assert_non_null(lookup);
		s = snapshot_of(lookup, seed);
		assert_int_equal((uintptr_t)s.lookup4 % CACHE_LINE, 0);
		assert_int_equal((uintptr_t)s.lookup6 % CACHE_LINE, 0);
		for (uint32_t i = 0; i < sizes[k]; i++)
			assert_int_equal(find(&s, &services[i].key),
					linear_find(sizes[k], &services[i].key));
		for (uint32_t i = 0; i < 3000; i++) {
			struct service_key key = random_key();

			assert_int_equal(find(&s, &key), linear_find(sizes[k], &key));
		}
		lookup_put(lookup);
	}
}

static void
test_lookup_tables_are_at_most_half_full_and_hold_live_services_only(void **state)
{
	uint32_t nb4 = 0, nb6 = 0, used4 = 0, used6 = 0;
	struct lookup *lookup;

	(void)state;
	services_fill(NB_SERVICES);
	lookup = lookup_create(pointers, NB_SERVICES, 1);
	for (uint32_t i = 0; i < NB_SERVICES; i++) {
		if (pointers[i] == NULL || pointers[i]->removed)
			continue;
		nb4 += services[i].key.vip.family == IP_V4;
		nb6 += services[i].key.vip.family == IP_V6;
	}
	for (uint32_t i = 0; i <= lookup->mask4; i++)
		used4 += lookup->entries4[i].key != 0;
	for (uint32_t i = 0; i <= lookup->mask6; i++)
		used6 += lookup->entries6[i].port != 0;
	assert_int_equal(used4, nb4);
	assert_int_equal(used6, nb6);
	assert_true(2 * nb4 <= lookup->mask4 + 1);
	assert_true(2 * nb6 <= lookup->mask6 + 1);
	lookup_put(lookup);
}

static void
test_a_run_of_colliding_services_is_found_and_ends(void **state)
{
	uint64_t seed = 0;
	struct lookup *lookup;
	struct snapshot s;

	(void)state;
	/* Four services in a table of eight that all want the last entry. */
	for (uint32_t nb = 0; nb < 4;) {
		services[nb] = (struct snapshot_service){ .id = (uint16_t)nb };
		services[nb].key = random_key();
		services[nb].key.vip = ip_addr_from_bytes(IP_V4, "\x0a\x00\x00\x01");
		pointers[nb] = &services[nb];
		if ((lookup_hash4(seed,
				     snapshot_key4(load_u32(services[nb].key.vip.bytes),
						     __builtin_bswap16(services[nb].key.l4_port),
						     services[nb].key.protocol)) &
				    7) == 7 &&
				linear_find(nb, &services[nb].key) == NONE)
			nb++;
	}
	lookup = lookup_create(pointers, 4, seed);
	s = snapshot_of(lookup, seed);
	assert_int_equal(s.lookup4_mask, 7);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(find(&s, &services[i].key), i);
	for (uint32_t i = 0; i < 1000; i++) {
		struct service_key key = random_key();

		assert_int_equal(find(&s, &key), linear_find(4, &key));
	}
	lookup_put(lookup);
}

/* Longest distance of an entry from its home. */
static uint32_t
longest_run(uint32_t nb, struct service_key (*make)(uint32_t i), uint64_t seed)
{
	static struct snapshot_service many[SERVICE_MAX];
	static const struct snapshot_service *many_pointers[SERVICE_MAX];
	struct lookup *lookup;
	uint32_t longest = 0;

	for (uint32_t i = 0; i < nb; i++) {
		many[i] = (struct snapshot_service){ .id = (uint16_t)i, .key = make(i) };
		many_pointers[i] = &many[i];
	}
	lookup = lookup_create(many_pointers, nb, seed);
	for (uint32_t at = 0; at <= lookup->mask4; at++) {
		const struct snapshot_lookup4 *e = &lookup->entries4[at];
		uint32_t run;

		if (e->key == 0)
			continue;
		run = (at - lookup_hash4(seed, e->key)) & lookup->mask4;
		longest = run > longest ? run : longest;
	}
	for (uint32_t at = 0; at <= lookup->mask6; at++) {
		const struct snapshot_lookup6 *e = &lookup->entries6[at];
		uint32_t run;

		if (e->port == 0)
			continue;
		run = (at - lookup_hash6(seed, e->vip, e->port)) & lookup->mask6;
		longest = run > longest ? run : longest;
	}
	lookup_put(lookup);
	return longest;
}

static struct service_key
consecutive_vips4(uint32_t i)
{
	uint8_t bytes[4] = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i };

	return (struct service_key){ ip_addr_from_bytes(IP_V4, bytes), 443, PROTOCOL_TCP, 0 };
}

static struct service_key
consecutive_ports4(uint32_t i)
{
	return (struct service_key){ ip_addr_from_bytes(IP_V4, "\x0a\x00\x00\x01"),
		(uint16_t)(i + 1), PROTOCOL_UDP, 0 };
}

static struct service_key
consecutive_vips6(uint32_t i)
{
	uint8_t bytes[16] = { 0x20, 1, 0xd, 0xb8, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i };

	return (struct service_key){ ip_addr_from_bytes(IP_V6, bytes), 443, PROTOCOL_TCP, 0 };
}

static struct service_key
consecutive_networks6(uint32_t i)
{
	uint8_t bytes[16] = { 0x20, 1, 0xd, 0xb8, 0, 0, (uint8_t)(i >> 8), (uint8_t)i, [15] = 1 };

	return (struct service_key){ ip_addr_from_bytes(IP_V6, bytes), 443, PROTOCOL_TCP, 0 };
}

static void
test_usual_sets_of_services_spread_over_the_tables(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed != 0 && seed < UINT64_MAX / 977; seed *= 977) {
		assert_true(longest_run(SERVICE_MAX, consecutive_vips4, seed) < 64);
		assert_true(longest_run(SERVICE_MAX, consecutive_ports4, seed) < 64);
		assert_true(longest_run(SERVICE_MAX, consecutive_vips6, seed) < 64);
		assert_true(longest_run(SERVICE_MAX, consecutive_networks6, seed) < 64);
	}
}

static void
test_slot_hash_is_siphash_over_the_documented_bytes(void **state)
{
	const struct siphash_key key = { 0x0123456789abcdef, 0xfedcba9876543210 };
	const uint8_t packet4[16] = { 192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0x01, 0xbb, 6, 0, 0,
		0 };
	const uint8_t packet6[40] = { 0x20, 1, 0xd, 0xb8, [15] = 7, 0x20, 1, 0xd, 0xb8, [31] = 1,
		0x30, 0x39, 0x01, 0xbb, 17, 0, 0, 0 };

	(void)state;
	assert_int_equal(slot_hash_v4(&key, load_u32(packet4), load_u32(packet4 + 4),
					 load_u32(packet4 + 8), 6),
			siphash13(&key, packet4, sizeof(packet4)));
	assert_int_equal(slot_hash_v6(&key, packet6, packet6 + 16, load_u32(packet6 + 32), 17),
			siphash13(&key, packet6, sizeof(packet6)));
}

static void
test_a_new_flow_gets_the_member_of_its_slot(void **state)
{
	static uint16_t slots[251];
	struct snapshot s = { .hash_key = { 1, 2 } };
	struct snapshot_service service = { .slots = slots, .nb_slots = ARRAY_LEN(slots) };
	uint8_t client[16] = { 0x20, 1 };
	uint8_t vip[16] = { 0x20, 2 };

	(void)state;
	for (uint32_t i = 0; i < ARRAY_LEN(slots); i++)
		slots[i] = (uint16_t)(i * 7);
	for (uint32_t i = 0; i < 1000; i++) {
		uint64_t hash4 = slot_hash_v4(&s.hash_key, i, 5, 6, 17);
		uint64_t hash6;

		store_u32(client + 12, i);
		hash6 = slot_hash_v6(&s.hash_key, client, vip, 6, 17);
		assert_int_equal(snapshot_choose4(&s, &service, i, 5, 6, 17),
				slots[((hash4 >> 32) * ARRAY_LEN(slots)) >> 32]);
		assert_int_equal(snapshot_choose6(&s, &service, client, vip, 6, 17),
				slots[((hash6 >> 32) * ARRAY_LEN(slots)) >> 32]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup_finds_what_a_linear_search_finds),
		cmocka_unit_test(
				test_lookup_tables_are_at_most_half_full_and_hold_live_services_only),
		cmocka_unit_test(test_a_run_of_colliding_services_is_found_and_ends),
		cmocka_unit_test(test_usual_sets_of_services_spread_over_the_tables),
		cmocka_unit_test(test_slot_hash_is_siphash_over_the_documented_bytes),
		cmocka_unit_test(test_a_new_flow_gets_the_member_of_its_slot),
	};
	unsigned int seed = (unsigned int)time(NULL);

	if (getenv("TEST_SEED") != NULL)
		seed = (unsigned int)strtoul(getenv("TEST_SEED"), NULL, 0);
	printf("TEST_SEED=%u\n", seed);
	srandom(seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
