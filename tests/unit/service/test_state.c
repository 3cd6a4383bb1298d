/* SPDX-License-Identifier: BSD-3-Clause */
/* Single properties and limits; the random comparison with a twin is test_state_twin.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "hash/maglev.h"
#include "service/state.h"

static struct world {
	int nb_routes; /* References held. */
	int nb_asked;  /* Calls of route_get(). */
	int nb_told;   /* Calls of service_changed() and member_changed(). */
	int nb_freed;  /* Calls of service_freed() and member_freed(). */
	bool wrong_source;
	uint32_t slots[16]; /* By statistics index. */
} world;

static bool
route_get(void *context, const struct ip_addr *addr, bool on_link, struct backend_route *out)
{
	struct world *w = context;

	w->nb_asked++;
	w->nb_routes++;
	*out = (struct backend_route){ .nexthop = on_link, .mtu = 1500 };
	out->source = ip_addr_from_bytes(addr->family, "\x0a\x63\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01");
	if (w->wrong_source)
		out->source.family = IP_NONE;
	return true;
}

static void
route_put(void *context, uint32_t nexthop)
{
	struct world *w = context;

	(void)nexthop;
	w->nb_routes--;
}

static void
service_changed(void *context, uint16_t id, const struct service_conf *conf,
		const struct snapshot_service *service)
{
	struct world *w = context;

	(void)id;
	(void)conf;
	(void)service;
	w->nb_told++;
}

static void
member_changed(void *context, uint32_t stats, uint16_t service_id, uint16_t member,
		const struct backend_conf *conf, bool routed)
{
	struct world *w = context;

	(void)stats;
	(void)service_id;
	(void)member;
	(void)conf;
	(void)routed;
	w->nb_told++;
}

static void
service_freed(void *context, uint16_t id)
{
	struct world *w = context;

	(void)id;
	w->nb_freed++;
}

static void
member_freed(void *context, uint32_t stats)
{
	struct world *w = context;

	(void)stats;
	w->nb_freed++;
}

static void
slots_changed(void *context, uint32_t stats, uint32_t slots)
{
	struct world *w = context;

	if (stats < ARRAY_LEN(w->slots))
		w->slots[stats] = slots;
}

static struct state *
state_make(uint32_t max_services, uint32_t max_members)
{
	const struct state_limits limits = { max_services, max_members, 250 };
	const struct state_hooks hooks = {
		.context = &world,
		.route_get = route_get,
		.route_put = route_put,
		.service_changed = service_changed,
		.member_changed = member_changed,
		.service_freed = service_freed,
		.member_freed = member_freed,
		.slots_changed = slots_changed,
	};
	struct state *s;

	memset(&world, 0, sizeof(world));
	s = state_create(&limits, &hooks);
	assert_non_null(s);
	return s;
}

static void
state_end(struct state *s)
{
	state_destroy(s);
	assert_int_equal(world.nb_routes, 0);
}

static struct service_conf
service(uint32_t i)
{
	uint8_t vip[4] = { 192, 168, (uint8_t)(i >> 8), (uint8_t)i };
	struct service_conf conf = { .nb_slots = 251, .mode = MODE_DIRECT };

	conf.key.vip = ip_addr_from_bytes(IP_V4, vip);
	conf.key.l4_port = 80;
	conf.key.protocol = PROTOCOL_TCP;
	return conf;
}

static struct backend_conf
backend(uint32_t i)
{
	uint8_t bytes[4] = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
	struct backend_conf conf = { .weight = 1,
		.factor = BACKEND_FACTOR_ONE,
		.admin = ADMIN_ENABLED,
		.health = HEALTH_UP };

	conf.addr = ip_addr_from_bytes(IP_V4, bytes);
	return conf;
}

static struct backend_conf
backend6(uint32_t i)
{
	uint8_t bytes[16] = { 0x20, 1, 0xd, 0xb8, [15] = (uint8_t)i };
	struct backend_conf conf = backend(i);

	conf.addr = ip_addr_from_bytes(IP_V6, bytes);
	return conf;
}

static struct txn *
begin(struct state *s, bool replace_all)
{
	static const struct siphash_key key = { 1, 2 };
	struct txn *t = txn_begin(s, replace_all);

	assert_non_null(t);
	assert_int_equal(txn_hash_key_set(t, &key), CONF_OK);
	return t;
}

static void
set_service(struct txn *t, struct service_conf conf)
{
	assert_int_equal(txn_service_set(t, &conf), CONF_OK);
}

static void
set_backend(struct txn *t, uint32_t i, struct backend_conf conf)
{
	struct service_conf of = service(i);

	assert_int_equal(txn_backend_set(t, &of.key, &conf), CONF_OK);
}

static void
remove_backend(struct txn *t, uint32_t i, struct backend_conf conf)
{
	struct service_conf of = service(i);

	assert_int_equal(txn_backend_remove(t, &of.key, &conf.addr), CONF_OK);
}

static enum conf_error
prepare(struct state *s, struct txn *t)
{
	const struct snapshot *snapshot;

	return txn_prepare(t, state_snapshot(s)->generation + 1, &snapshot);
}

static bool
commit(struct state *s, struct txn *t)
{
	assert_int_equal(prepare(s, t), CONF_OK);
	return txn_finish(t);
}

static void
refused(struct state *s, struct txn *t, enum conf_error error)
{
	const struct snapshot *before = state_snapshot(s);

	assert_int_equal(prepare(s, t), error);
	/* Nothing has changed: asked again, the answer is the same. */
	assert_int_equal(prepare(s, t), error);
	txn_abort(t);
	assert_ptr_equal(state_snapshot(s), before);
}

static void
quarantine_end(struct state *s)
{
	const struct snapshot *snapshot;
	uint64_t batch = state_quarantine_begin(s);

	assert_int_equal(state_quarantine_end(s, batch, &snapshot), CONF_OK);
	state_quarantine_finish(s);
	assert_false(state_quarantine_any(s));
}

/* Services 0..n-1, each with the backends first..first+nb-1. */
static void
fill(struct txn *t, uint32_t nb_services, uint32_t nb_backends, uint32_t first)
{
	for (uint32_t i = 0; i < nb_services; i++) {
		set_service(t, service(i));
		for (uint32_t j = 0; j < nb_backends; j++)
			set_backend(t, i, backend(first + j));
	}
}

static uint32_t
slots_of(const struct snapshot_service *part, uint16_t member)
{
	uint32_t n = 0;

	for (uint32_t j = 0; j < part->nb_slots; j++)
		n += part->slots[j] == member;
	return n;
}

static void
test_services_need_a_hash_key(void **state)
{
	struct state *s = state_make(4, 16);
	struct txn *t = txn_begin(s, false);

	(void)state;
	fill(t, 1, 1, 1);
	refused(s, t, CONF_NO_HASH_KEY);
	assert_false(state_has_hash_key(s));
	t = begin(s, false);
	fill(t, 1, 1, 1);
	commit(s, t);
	assert_true(state_has_hash_key(s));
	/* The whole state need not repeat the key. */
	t = txn_begin(s, true);
	fill(t, 1, 1, 1);
	commit(s, t);
	assert_true(state_has_hash_key(s));
	state_end(s);
}

static void
test_the_whole_state_once_more_leaves_every_part_and_tells_nobody(void **state)
{
	const struct snapshot_service *parts[5];
	struct state *s = state_make(8, 64);
	const struct ip_addr *vips;
	struct txn *t = begin(s, true);

	(void)state;
	fill(t, 5, 4, 1);
	assert_false(commit(s, t));
	memcpy(parts, state_snapshot(s)->services, sizeof(parts));
	vips = state_snapshot(s)->vips;
	world.nb_told = 0;
	world.nb_asked = 0;
	t = begin(s, true);
	fill(t, 5, 4, 1);
	assert_false(commit(s, t));
	assert_int_equal(state_snapshot(s)->generation, 2);
	assert_memory_equal(parts, state_snapshot(s)->services, sizeof(parts));
	assert_ptr_equal(vips, state_snapshot(s)->vips);
	assert_int_equal(world.nb_told, 0);
	assert_int_equal(world.nb_asked, 0);
	state_end(s);
}

static void
test_a_weight_change_leaves_the_parts_of_other_services(void **state)
{
	const struct snapshot_service *parts[5];
	struct state *s = state_make(8, 64);
	struct backend_conf b = backend(1);
	const struct ip_addr *vips;
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, 5, 4, 1);
	commit(s, t);
	memcpy(parts, state_snapshot(s)->services, sizeof(parts));
	vips = state_snapshot(s)->vips;
	world.nb_told = 0;
	t = begin(s, false);
	b.weight = 5;
	set_backend(t, 2, b);
	commit(s, t);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(parts[i] == state_snapshot(s)->services[i], i != 2);
	assert_ptr_equal(vips, state_snapshot(s)->vips);
	assert_int_equal(world.nb_told, 1);
	/* 5 + 1 + 1 + 1 shares of 251. */
	assert_in_range(slots_of(state_snapshot(s)->services[2], 0), 156, 157);
	state_end(s);
}

static void
test_life_times_change_without_new_slots(void **state)
{
	struct state *s = state_make(8, 64);
	struct service_conf conf = service(0);
	const uint16_t *slots;
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, 1, 4, 1);
	commit(s, t);
	slots = state_snapshot(s)->services[0]->slots;
	conf.lifetime_s[FLOW_UDP] = 5;
	t = begin(s, false);
	set_service(t, conf);
	commit(s, t);
	assert_ptr_equal(state_snapshot(s)->services[0]->slots, slots);
	assert_int_equal(state_snapshot(s)->services[0]->lifetime_ticks[FLOW_UDP], 20);
	state_end(s);
}

static void
test_a_backend_that_is_down_moves_no_slot_of_others_and_gets_its_own_back(void **state)
{
	struct state *s = state_make(8, 64);
	uint16_t before[251];
	struct backend_conf b = backend(3);
	const struct snapshot_service *part;
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, 1, 10, 1);
	commit(s, t);
	memcpy(before, state_snapshot(s)->services[0]->slots, sizeof(before));
	b.health = HEALTH_DOWN;
	t = begin(s, false);
	set_backend(t, 0, b);
	commit(s, t);
	part = state_snapshot(s)->services[0];
	assert_int_equal(slots_of(part, 2), 0);
	assert_int_equal(part->members[2].flags, 0);
	assert_int_equal(world.slots[part->members[2].stats], 0);
	for (uint32_t j = 0; j < 251; j++)
		assert_true(before[j] == 2 || before[j] == part->slots[j]);
	t = begin(s, false);
	set_backend(t, 0, backend(3));
	commit(s, t);
	assert_memory_equal(before, state_snapshot(s)->services[0]->slots, sizeof(before));
	state_end(s);
}

static void
test_what_comes_back_in_quarantine_has_the_same_numbers(void **state)
{
	struct state *s = state_make(8, 64);
	struct service_conf conf = service(1);
	struct snapshot_member old;
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, 3, 4, 1);
	commit(s, t);
	old = state_snapshot(s)->services[1]->members[3];
	t = begin(s, false);
	assert_int_equal(txn_service_remove(t, &conf.key), CONF_OK);
	assert_true(commit(s, t));
	assert_int_equal(state_snapshot(s)->services[1]->removed, 1);
	assert_int_equal(state_snapshot(s)->services[1]->members[3].flags, MEMBER_REMOVED);
	assert_int_equal(world.nb_routes, 8);
	t = begin(s, false);
	set_service(t, conf);
	set_backend(t, 1, backend(4));
	assert_false(commit(s, t));
	assert_int_equal(state_snapshot(s)->services[1]->removed, 0);
	assert_memory_equal(&state_snapshot(s)->services[1]->members[3], &old, sizeof(old));
	assert_int_equal(state_snapshot(s)->services[1]->members[0].flags, MEMBER_REMOVED);
	assert_int_equal(world.nb_freed, 0);
	quarantine_end(s);
	assert_int_equal(world.nb_freed, 3);
	/* A hole now, and the first backend that comes takes it. */
	assert_int_equal(state_snapshot(s)->services[1]->nb_members, 4);
	t = begin(s, false);
	set_backend(t, 1, backend(9));
	commit(s, t);
	assert_int_equal(state_snapshot(s)->services[1]->members[0].flags, MEMBER_KEEPS_FLOWS);
	state_end(s);
}

static void
test_removed_and_set_again_in_one_transaction_means_without_backends(void **state)
{
	struct state *s = state_make(8, 64);
	struct service_conf conf = service(0);
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, 1, 3, 1);
	commit(s, t);
	t = begin(s, false);
	assert_int_equal(txn_service_remove(t, &conf.key), CONF_OK);
	set_service(t, conf);
	set_backend(t, 0, backend(2));
	assert_true(commit(s, t));
	assert_int_equal(state_nb_members(s), 1);
	assert_int_equal(state_snapshot(s)->services[0]->members[0].flags, MEMBER_REMOVED);
	assert_int_equal(state_snapshot(s)->services[0]->members[1].flags, MEMBER_KEEPS_FLOWS);
	state_end(s);
}

static void
test_mode_direct_does_not_cross_families_whatever_the_order(void **state)
{
	struct state *s = state_make(8, 64);
	struct service_conf conf = service(0);
	struct backend_conf b = backend6(1);
	struct txn *t = begin(s, false);

	(void)state;
	set_service(t, conf);
	assert_int_equal(txn_backend_set(t, &conf.key, &b), CONF_FAMILY_MISMATCH);
	conf.mode = MODE_IPIP;
	set_service(t, conf);
	set_backend(t, 0, b);
	set_backend(t, 0, backend(1));
	commit(s, t);
	conf.mode = MODE_DIRECT;
	t = begin(s, false);
	set_service(t, conf);
	refused(s, t, CONF_FAMILY_MISMATCH);
	t = begin(s, false);
	set_service(t, conf);
	remove_backend(t, 0, b);
	commit(s, t);
	assert_int_equal(state_snapshot(s)->services[0]->members[1].encap_len, 0);
	/* On link now: the way was found anew. */
	assert_int_equal(state_snapshot(s)->services[0]->members[1].nexthop, 1);
	state_end(s);
}

static void
test_a_tunnel_without_a_source_of_the_family_is_no_way(void **state)
{
	struct state *s = state_make(8, 64);
	struct service_conf conf = service(0);
	struct txn *t = begin(s, false);

	(void)state;
	world.wrong_source = true;
	conf.mode = MODE_IPIP;
	set_service(t, conf);
	set_backend(t, 0, backend(1));
	commit(s, t);
	assert_int_equal(world.nb_routes, 0);
	assert_int_equal(state_snapshot(s)->services[0]->members[0].flags, 0);
	assert_int_equal(slots_of(state_snapshot(s)->services[0], MAGLEV_NO_BACKEND), 251);
	state_end(s);
}

static void
test_more_services_than_the_limit_are_refused(void **state)
{
	struct state *s = state_make(SERVICE_MAX, 16);
	struct service_conf conf = service(0);
	const struct snapshot *snapshot;
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, SERVICE_MAX, 0, 0);
	commit(s, t);
	assert_int_equal(state_nb_services(s), SERVICE_MAX);
	snapshot = state_snapshot(s);
	for (uint32_t i = 0; i < SERVICE_MAX; i++) {
		struct service_conf c = service(i);

		const struct snapshot_lookup4 *found = snapshot_find4(snapshot,
				snapshot_key4(load_u32(c.key.vip.bytes), __builtin_bswap16(80),
						PROTOCOL_TCP));

		assert_non_null(found);
		assert_int_equal(found->id, i);
	}
	t = begin(s, false);
	set_service(t, service(SERVICE_MAX));
	refused(s, t, CONF_TOO_MANY_SERVICES);
	/* Even in exchange for one, until its quarantine has ended. */
	t = begin(s, false);
	assert_int_equal(txn_service_remove(t, &conf.key), CONF_OK);
	set_service(t, service(SERVICE_MAX));
	refused(s, t, CONF_TOO_MANY_SERVICES);
	t = begin(s, false);
	assert_int_equal(txn_service_remove(t, &conf.key), CONF_OK);
	commit(s, t);
	quarantine_end(s);
	t = begin(s, false);
	set_service(t, service(SERVICE_MAX));
	commit(s, t);
	state_end(s);
}

static void
test_distinct_backends_are_limited_and_one_in_two_services_counts_once(void **state)
{
	struct state *s = state_make(4, 300000);
	struct service_conf conf = service(0);
	struct txn *t = begin(s, false);

	(void)state;
	conf.nb_slots = 0;
	set_service(t, conf);
	set_service(t, service(1));
	for (uint32_t i = 0; i < BACKEND_MAX; i++) {
		struct backend_conf b = backend(i);

		b.weight = i < 2000; /* So that the table stays small. */
		set_backend(t, 0, b);
	}
	set_backend(t, 1, backend(0));
	set_backend(t, 1, backend(BACKEND_MAX - 1));
	commit(s, t);
	assert_int_equal(state_nb_members(s), BACKEND_MAX + 2);
	t = begin(s, false);
	set_backend(t, 1, backend(BACKEND_MAX));
	refused(s, t, CONF_TOO_MANY_BACKENDS);
	/* One leaves, another comes: legal, although the former is still in quarantine. */
	t = begin(s, false);
	set_backend(t, 1, backend(BACKEND_MAX));
	remove_backend(t, 0, backend(1));
	commit(s, t);
	/* But a service's own numbers are used up until then. */
	t = begin(s, false);
	remove_backend(t, 1, backend(BACKEND_MAX));
	set_backend(t, 0, backend(BACKEND_MAX + 1));
	refused(s, t, CONF_TOO_MANY_BACKENDS);
	quarantine_end(s);
	t = begin(s, false);
	remove_backend(t, 1, backend(BACKEND_MAX));
	set_backend(t, 0, backend(BACKEND_MAX + 1));
	commit(s, t);
	state_end(s);
}

static void
test_more_members_than_statistics_are_refused(void **state)
{
	struct state *s = state_make(4, 6);
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, 2, 3, 1);
	commit(s, t);
	t = begin(s, false);
	set_backend(t, 0, backend(9));
	refused(s, t, CONF_TOO_MANY_BACKENDS);
	t = begin(s, false);
	remove_backend(t, 1, backend(1));
	commit(s, t);
	quarantine_end(s);
	t = begin(s, false);
	set_backend(t, 0, backend(9));
	commit(s, t);
	state_end(s);
}

static void
test_fewer_slots_than_backends_are_refused(void **state)
{
	struct state *s = state_make(4, 300);
	struct backend_conf b = backend(252);
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, 1, 251, 1);
	b.weight = 0;
	set_backend(t, 0, b);
	commit(s, t);
	t = begin(s, false);
	set_backend(t, 0, backend(252));
	refused(s, t, CONF_SLOTS_TOO_FEW);
	state_end(s);
}

static void
test_an_error_leaves_the_transaction_as_it_was(void **state)
{
	struct state *s = state_make(4, 16);
	struct service_conf conf = service(0);
	struct backend_conf b = backend(1);
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, 1, 2, 1);
	conf.mode = 7;
	assert_int_equal(txn_service_set(t, &conf), CONF_BAD_MODE);
	b.weight = BACKEND_MAX_WEIGHT + 1;
	assert_int_equal(txn_backend_set(t, &conf.key, &b), CONF_BAD_WEIGHT);
	b = backend(5);
	assert_int_equal(txn_backend_remove(t, &conf.key, &b.addr), CONF_NO_SUCH_BACKEND);
	b.addr.reserved[0] = 1;
	assert_int_equal(txn_backend_remove(t, &conf.key, &b.addr), CONF_BAD_ADDRESS);
	conf = service(1);
	assert_int_equal(txn_service_remove(t, &conf.key), CONF_NO_SUCH_SERVICE);
	b = backend(1);
	assert_int_equal(txn_backend_set(t, &conf.key, &b), CONF_NO_SUCH_SERVICE);
	conf.key.l4_port = 0;
	assert_int_equal(txn_backend_set(t, &conf.key, &b), CONF_BAD_PORT);
	commit(s, t);
	assert_int_equal(state_nb_services(s), 1);
	assert_int_equal(state_nb_members(s), 2);
	assert_int_equal(state_snapshot(s)->services[0]->members[0].mode, MODE_DIRECT);
	state_end(s);
}

static void
test_a_state_can_end_in_the_middle_of_everything(void **state)
{
	struct state *s = state_make(8, 64);
	const struct snapshot *snapshot;
	struct txn *t = begin(s, false);

	(void)state;
	fill(t, 2, 3, 1);
	commit(s, t);
	t = begin(s, false);
	fill(t, 4, 3, 2);
	assert_int_equal(prepare(s, t), CONF_OK);
	state_end(s);

	s = state_make(8, 64);
	t = begin(s, false);
	fill(t, 2, 3, 1);
	commit(s, t);
	t = begin(s, true);
	commit(s, t);
	assert_int_equal(state_quarantine_end(s, state_quarantine_begin(s), &snapshot), CONF_OK);
	state_end(s);
	state_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_services_need_a_hash_key),
		cmocka_unit_test(test_the_whole_state_once_more_leaves_every_part_and_tells_nobody),
		cmocka_unit_test(test_a_weight_change_leaves_the_parts_of_other_services),
		cmocka_unit_test(test_life_times_change_without_new_slots),
		cmocka_unit_test(
				test_a_backend_that_is_down_moves_no_slot_of_others_and_gets_its_own_back),
		cmocka_unit_test(test_what_comes_back_in_quarantine_has_the_same_numbers),
		cmocka_unit_test(
				test_removed_and_set_again_in_one_transaction_means_without_backends),
		cmocka_unit_test(test_mode_direct_does_not_cross_families_whatever_the_order),
		cmocka_unit_test(test_a_tunnel_without_a_source_of_the_family_is_no_way),
		cmocka_unit_test(test_more_services_than_the_limit_are_refused),
		cmocka_unit_test(
				test_distinct_backends_are_limited_and_one_in_two_services_counts_once),
		cmocka_unit_test(test_more_members_than_statistics_are_refused),
		cmocka_unit_test(test_fewer_slots_than_backends_are_refused),
		cmocka_unit_test(test_an_error_leaves_the_transaction_as_it_was),
		cmocka_unit_test(test_a_state_can_end_in_the_middle_of_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
