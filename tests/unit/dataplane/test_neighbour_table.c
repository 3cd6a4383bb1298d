/* SPDX-License-Identifier: BSD-3-Clause */
/* A simulated link: hosts that answer, or not, and a clock of milliseconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/neighbour_table.h"
#include "random.h"

#define CAPACITY 4096
#define INTERFACE 3
#define HOUR (3600 * UINT64_C(1000))

/* A host of the link, with the address of the next hop of the same number. */
struct host {
	bool up;
	bool silent; /* Answers nothing by unicast: a lost MAC address or a filter. */
	bool no_mac; /* Leaves the MAC address out of answers to unicast (Linux's NA). */
	uint8_t mac; /* Last byte. */
};

static struct neighbour_table *table;
static struct host hosts[CAPACITY];
static uint64_t now;

/* What was seen on the link. */
static unsigned int broadcasts, unicasts, given_up, learned;
static uint64_t first_broadcast_ms, last_learned_ms;

static int
setup(void **state)
{
	(void)state;
	table = neighbour_table_create(CAPACITY, 42);
	assert_non_null(table);
	memset(hosts, 0, sizeof(hosts));
	now = 1000000;
	broadcasts = unicasts = given_up = learned = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	neighbour_table_destroy(table);
	neighbour_table_destroy(NULL);
	return 0;
}

static struct ip_addr
addr_of(uint32_t i)
{
	uint8_t bytes[4] = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i };

	return ip_addr_from_bytes(IP_V4, bytes);
}

static void
add(uint32_t i)
{
	struct ip_addr a = addr_of(i);

	neighbour_table_add(table, i, &a, INTERFACE, now);
}

static struct neighbour_claim
claim_of(uint32_t i, uint8_t mac, bool answer)
{
	struct neighbour_claim c = { .addr = addr_of(i),
		.mac = { 2, 0, 0, 0, 0, mac },
		.has_mac = true,
		.interface = INTERFACE,
		.answer = answer,
		.override = true };

	return c;
}

static enum neighbour_verdict
learn(const struct neighbour_claim *claim)
{
	uint32_t index;
	enum neighbour_verdict verdict = neighbour_table_learn(table, claim, now, &index);

	if (verdict == NEIGHBOUR_LEARNED) {
		learned++;
		last_learned_ms = now;
	}
	return verdict;
}

static enum neighbour_verdict
say(uint32_t i, uint8_t mac, bool answer)
{
	struct neighbour_claim c = claim_of(i, mac, answer);

	return learn(&c);
}

static const struct neighbour *
hop(uint32_t i)
{
	return neighbour_table_get(table, i);
}

static void
assert_resolved(uint32_t i, uint8_t mac)
{
	assert_true(neighbour_is_resolved(hop(i)));
	assert_int_equal(hop(i)->mac[5], mac);
}

static void
link_carries(uint32_t i, bool unicast)
{
	const struct host *host = &hosts[i];
	struct neighbour_claim c = claim_of(i, host->mac, true);

	if (unicast)
		unicasts++;
	else if (broadcasts++ == 0)
		first_broadcast_ms = now;
	if (!host->up || (unicast && (host->silent || hop(i)->mac[5] != host->mac)))
		return;
	c.has_mac = !(unicast && host->no_mac);
	assert_true(neighbour_table_expects(table, &c, now));
	learn(&c);
}

/* One millisecond of the main lcore. */
static void
tick(void)
{
	enum neighbour_action action;
	uint32_t i;

	while (neighbour_table_due(table, now, &i, &action)) {
		if (action == NEIGHBOUR_GIVE_UP)
			given_up++;
		else
			link_carries(i, action == NEIGHBOUR_ASK_ONE);
	}
}

static void
run(uint64_t ms)
{
	for (; ms > 0; ms--) {
		tick();
		now++;
	}
}

static void
test_a_living_host_is_resolved_by_one_request(void **state)
{
	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	assert_int_equal(neighbour_table_want(table, 7, now), NEIGHBOUR_WAIT);
	run(1);
	assert_resolved(7, 77);
	assert_int_equal(broadcasts, 1);
	assert_int_equal(neighbour_table_want(table, 7, now), NEIGHBOUR_SEND);
}

static void
test_a_living_host_stays_resolved_by_unicast_alone(void **state)
{
	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(1);
	for (uint64_t ms = 0; ms < HOUR; ms++) {
		run(1);
		assert_resolved(7, 77);
	}
	assert_int_equal(broadcasts, 1);
	assert_int_equal(learned, 1);
	/* Every 15 to 45 s, 30 s on average. */
	assert_in_range(unicasts, 3600 / 45, 3600 / 15);
	assert_in_range(unicasts, 100, 140);
}

static void
test_an_answer_without_mac_confirms_a_unicast_probe_only(void **state)
{
	struct neighbour_claim c = claim_of(7, 0, true);

	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77, .no_mac = true };
	add(7);
	c.has_mac = false;
	hosts[7].up = false;
	run(1);
	assert_int_equal(learn(&c), NEIGHBOUR_IGNORED);
	assert_false(neighbour_is_resolved(hop(7)));
	hosts[7].up = true;
	run(HOUR / 4);
	assert_resolved(7, 77);
	assert_int_equal(learned, 1);
	assert_int_equal(given_up, 0);
	/* It is dead and asked by broadcast: whoever answers that must say where he is. */
	hosts[7].up = false;
	while (hop(7)->state != NEIGHBOUR_PROBE || hop(7)->asked <= NEIGHBOUR_MAX_REQUESTS)
		run(1);
	assert_int_equal(learn(&c), NEIGHBOUR_IGNORED);
}

static void
test_a_dead_host_is_asked_three_times_then_with_back_off(void **state)
{
	(void)state;
	add(7);
	run(2999);
	assert_int_equal(broadcasts, 3);
	assert_int_equal(given_up, 0);
	run(2);
	assert_int_equal(given_up, 1);
	assert_int_equal(hop(7)->state, NEIGHBOUR_FAILED);
	/* Rests of 1, 2, 4, 8, 16, 30, 30, … seconds, each followed by one second of asking. */
	run(1 + 2 + 4 + 8 + 16 + (UINT64_C(1) + 2 + 4 + 8 + 16 + 5) * 1000 + 25000);
	assert_int_equal(broadcasts, 3 + 5);
	broadcasts = 0;
	run(HOUR);
	assert_in_range(broadcasts, 3600 / 31 - 1, 3600 / 31 + 1);
	assert_int_equal(unicasts, 0);
	hosts[7] = (struct host){ .up = true, .mac = 5 };
	run(31001);
	assert_resolved(7, 5);
	assert_int_equal(hop(7)->backoff_s, 0);
}

static void
test_a_packet_makes_a_failed_host_be_asked_at_once_but_once_a_second(void **state)
{
	(void)state;
	add(7);
	run(HOUR / 10);
	assert_int_equal(hop(7)->state, NEIGHBOUR_FAILED);
	broadcasts = 0;
	for (int ms = 0; ms < 10000; ms++) {
		assert_int_equal(neighbour_table_want(table, 7, now), NEIGHBOUR_WAIT);
		run(1);
	}
	assert_in_range(broadcasts, 9, 11);
	hosts[7] = (struct host){ .up = true, .mac = 5 };
	for (int ms = 0; ms < 1001; ms++) {
		neighbour_table_want(table, 7, now);
		run(1);
	}
	assert_resolved(7, 5);
}

static void
test_traffic_flows_on_while_a_host_is_probed_and_stops_when_it_is_dead(void **state)
{
	uint64_t died, lost = 0;

	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(60000);
	hosts[7].up = false;
	died = now;
	unicasts = broadcasts = 0;
	for (int ms = 0; ms < 60000 && lost == 0; ms++) {
		run(1);
		if (!neighbour_is_resolved(hop(7)))
			lost = now;
	}
	assert_in_range(lost - died, 6000, 45000 + 6000 + 2);
	assert_int_equal(unicasts, 3);
	assert_int_equal(broadcasts, 3);
	assert_int_equal(given_up, 1);
}

static void
test_a_host_that_ignores_unicast_is_kept_by_broadcast(void **state)
{
	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77, .silent = true };
	add(7);
	run(1);
	for (uint64_t ms = 0; ms < HOUR / 4; ms++) {
		run(1);
		assert_resolved(7, 77);
	}
	assert_int_equal(learned, 1);
}

static void
test_a_forged_gratuitous_message_costs_one_probe_and_changes_nothing(void **state)
{
	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(10000);
	unicasts = broadcasts = 0;
	assert_int_equal(say(7, 66, false), NEIGHBOUR_HINT);
	run(2);
	assert_resolved(7, 77);
	assert_int_equal(unicasts, 1);
	/* A flood of them, 10,000 a second, and of forged answers too. */
	for (int ms = 0; ms < 10000; ms++) {
		for (int i = 0; i < 10; i++) {
			say(7, 66, false);
			say(7, 66, true);
		}
		run(1);
		assert_resolved(7, 77);
	}
	assert_in_range(unicasts, 5, 12);
	assert_int_equal(broadcasts, 0);
	assert_int_equal(learned, 1);
}

static void
test_an_announcement_of_what_is_known_is_no_news(void **state)
{
	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(5000);
	assert_int_equal(say(7, 77, false), NEIGHBOUR_IGNORED);
	run(5000);
	assert_int_equal(unicasts, 0);
}

static void
test_a_second_answer_with_another_mac_is_a_hint(void **state)
{
	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(10);
	assert_int_equal(say(7, 66, true), NEIGHBOUR_HINT);
	run(10);
	assert_int_equal(unicasts, 1);
	assert_resolved(7, 77);
}

static void
test_a_moved_host_is_followed_within_a_second_of_its_announcement(void **state)
{
	uint64_t moved;

	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(10000);
	hosts[7].mac = 88;
	moved = now;
	assert_int_equal(say(7, 88, false), NEIGHBOUR_HINT);
	assert_resolved(7, 77); /* Not believed yet. */
	run(3000);
	assert_resolved(7, 88);
	assert_int_equal(learned, 2);
	assert_in_range(last_learned_ms - moved, 500, 1000);
}

static void
test_a_silently_moved_host_is_found_at_the_next_probe(void **state)
{
	uint64_t moved;

	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(10000);
	hosts[7].mac = 88;
	moved = now;
	run(60000);
	assert_resolved(7, 88);
	assert_in_range(last_learned_ms - moved, 0, 45000 + 3001);
	assert_int_equal(given_up, 0);
}

static void
test_an_announcement_hastens_a_probe_that_runs_already(void **state)
{
	uint64_t moved;

	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(1);
	hosts[7].mac = 88;
	while (hop(7)->state != NEIGHBOUR_PROBE)
		run(1);
	run(100);
	moved = now;
	assert_int_equal(say(7, 88, false), NEIGHBOUR_HINT);
	run(3000);
	assert_in_range(last_learned_ms - moved, 500, 1000);
	assert_resolved(7, 88);
}

static void
test_the_old_owner_wins_over_a_second_one_that_answers_too(void **state)
{
	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(1);
	/* The other one answers each of our requests, before and after the owner. */
	for (int ms = 0; ms < 600000; ms++) {
		say(7, 66, true);
		run(1);
		say(7, 66, true);
		assert_resolved(7, 77);
	}
	assert_int_equal(learned, 1);
}

static void
test_without_override_a_living_entry_is_not_replaced(void **state)
{
	struct neighbour_claim proxy = claim_of(7, 66, true);

	(void)state;
	proxy.override = false;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(1);
	hosts[7].up = false;
	while (neighbour_is_resolved(hop(7))) {
		learn(&proxy);
		run(1);
	}
	assert_int_equal(hop(7)->mac[5], 77);
	/* Nobody else there: now the proxy is as good as any. */
	run(1001);
	assert_int_equal(learn(&proxy), NEIGHBOUR_LEARNED);
	assert_resolved(7, 66);
}

static void
test_nobody_is_believed_who_was_not_asked(void **state)
{
	(void)state;
	add(7);
	/* Not asked yet. */
	assert_int_equal(say(7, 66, true), NEIGHBOUR_IGNORED);
	run(1);
	/* Asked, but this is no answer. */
	assert_int_equal(say(7, 66, false), NEIGHBOUR_IGNORED);
	assert_false(neighbour_is_resolved(hop(7)));
	/* An answer on another interface is about another host. */
	struct neighbour_claim elsewhere = claim_of(7, 66, true);
	elsewhere.interface = INTERFACE + 1;
	assert_int_equal(learn(&elsewhere), NEIGHBOUR_UNKNOWN);
	/* Too late. */
	run(HOUR / 2);
	while (hop(7)->state != NEIGHBOUR_FAILED || now < hop(7)->asked_ms + NEIGHBOUR_ANSWER_MS)
		run(1);
	assert_int_equal(say(7, 66, true), NEIGHBOUR_HINT);
	assert_false(neighbour_is_resolved(hop(7)));
}

static void
test_a_message_about_a_stranger_creates_nothing(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < CAPACITY; i++) {
		assert_int_equal(say(i, 66, false), NEIGHBOUR_UNKNOWN);
		assert_int_equal(say(i, 66, true), NEIGHBOUR_UNKNOWN);
	}
	run(5000);
	assert_int_equal(broadcasts + unicasts, 0);
}

static void
test_a_failed_host_that_speaks_is_asked_at_once(void **state)
{
	(void)state;
	add(7);
	run(HOUR / 10);
	assert_int_equal(hop(7)->state, NEIGHBOUR_FAILED);
	hosts[7] = (struct host){ .up = true, .mac = 5 };
	assert_int_equal(say(7, 5, false), NEIGHBOUR_HINT);
	run(1);
	assert_resolved(7, 5);
	/* A forged one without a host costs one request a second at most. */
	add(8);
	run(HOUR / 10);
	broadcasts = 0;
	for (int ms = 0; ms < 10000; ms++) {
		say(8, 66, false);
		run(1);
	}
	assert_in_range(broadcasts, 9, 11);
}

static void
test_static_ones_are_never_asked_and_never_changed(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 99 };
	struct ip_addr a = addr_of(7);

	(void)state;
	neighbour_table_add_static(table, 7, &a, INTERFACE, mac);
	assert_resolved(7, 99);
	assert_int_equal(say(7, 66, true), NEIGHBOUR_IGNORED);
	assert_int_equal(say(7, 66, false), NEIGHBOUR_IGNORED);
	run(HOUR / 10);
	assert_resolved(7, 99);
	assert_int_equal(broadcasts + unicasts, 0);
}

static void
test_a_removed_index_is_nobody_and_serves_another_address(void **state)
{
	struct ip_addr other = addr_of(9);

	(void)state;
	hosts[7] = (struct host){ .up = true, .mac = 77 };
	add(7);
	run(1);
	neighbour_table_remove(table, 7);
	neighbour_table_remove(table, 7);
	assert_false(neighbour_is_resolved(hop(7)));
	assert_int_equal(neighbour_table_want(table, 7, now), NEIGHBOUR_NOBODY);
	assert_int_equal(say(7, 77, true), NEIGHBOUR_UNKNOWN);
	run(HOUR / 10);
	assert_int_equal(broadcasts + unicasts, 1);
	neighbour_table_add(table, 7, &other, INTERFACE, now);
	assert_int_equal(neighbour_table_want(table, 7, now), NEIGHBOUR_WAIT);
	/* The old address's answer, late. */
	assert_int_equal(say(7, 77, true), NEIGHBOUR_UNKNOWN);
	assert_false(neighbour_is_resolved(hop(7)));
}

static void
test_a_link_that_comes_back_asks_its_failed_hosts_at_once(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		add(i);
	run(HOUR / 10);
	for (uint32_t i = 0; i < 10; i++)
		hosts[i] = (struct host){ .up = true, .mac = 5 };
	neighbour_table_link_up(table, INTERFACE + 1, now);
	run(1);
	assert_false(neighbour_is_resolved(hop(0)));
	neighbour_table_link_up(table, INTERFACE, now);
	run(1);
	for (uint32_t i = 0; i < 10; i++)
		assert_resolved(i, 5);
}

static void
test_a_probe_storm_is_paced_and_everybody_is_resolved(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < CAPACITY; i++) {
		hosts[i] = (struct host){ .up = true, .mac = 5 };
		add(i);
	}
	tick();
	assert_int_equal(broadcasts, NEIGHBOUR_REQUEST_BURST);
	run(100);
	assert_in_range(broadcasts, NEIGHBOUR_REQUEST_BURST + 90 * 8,
			NEIGHBOUR_REQUEST_BURST + 110 * 8);
	run(1000);
	for (uint32_t i = 0; i < CAPACITY; i++)
		assert_resolved(i, 5);
	/* From then on the jitter spreads them: no second has more than twice the average. */
	run(200000);
	for (int s = 0; s < 60; s++) {
		unicasts = 0;
		run(1000);
		assert_in_range(unicasts, CAPACITY / 30 / 2, CAPACITY / 30 * 2);
	}
	assert_int_equal(given_up, 0);
}

/* Random flapping, moving, forging: what holds at every moment. */
static void
test_whatever_happens_the_table_ends_up_right(void **state)
{
	enum {
		HOSTS = 40
	};

	(void)state;
	seed_random("neighbour_table");
	for (uint32_t i = 0; i < HOSTS; i++)
		add(i);
	for (int step = 0; step < 20000; step++) {
		uint32_t i = random_below(HOSTS);

		switch (random_below(8)) {
		case 0:
			hosts[i].up = !hosts[i].up;
			break;
		case 1:
			hosts[i].mac = (uint8_t)(1 + random_below(100));
			if (hosts[i].up)
				say(i, hosts[i].mac, false);
			break;
		case 2:
			say(i, 200, false);
			break;
		case 3:
			neighbour_table_want(table, i, now);
			break;
		case 4:
			neighbour_table_remove(table, i);
			add(i);
			break;
		case 5:
			hosts[i].silent = !hosts[i].silent;
			hosts[i].no_mac = random_below(2) == 0;
			break;
		default:
			run(random_below(2000));
			break;
		}
		for (uint32_t k = 0; k < HOSTS; k++)
			assert_false(neighbour_is_resolved(hop(k)) && hop(k)->mac[5] == 200);
	}
	run(HOUR / 10);
	for (uint32_t i = 0; i < HOSTS; i++) {
		assert_int_equal(neighbour_is_resolved(hop(i)), hosts[i].up);
		if (hosts[i].up)
			assert_resolved(i, hosts[i].mac);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_living_host_is_resolved_by_one_request),
		TEST(test_a_living_host_stays_resolved_by_unicast_alone),
		TEST(test_an_answer_without_mac_confirms_a_unicast_probe_only),
		TEST(test_a_dead_host_is_asked_three_times_then_with_back_off),
		TEST(test_a_packet_makes_a_failed_host_be_asked_at_once_but_once_a_second),
		TEST(test_traffic_flows_on_while_a_host_is_probed_and_stops_when_it_is_dead),
		TEST(test_a_host_that_ignores_unicast_is_kept_by_broadcast),
		TEST(test_a_forged_gratuitous_message_costs_one_probe_and_changes_nothing),
		TEST(test_an_announcement_of_what_is_known_is_no_news),
		TEST(test_a_second_answer_with_another_mac_is_a_hint),
		TEST(test_a_moved_host_is_followed_within_a_second_of_its_announcement),
		TEST(test_a_silently_moved_host_is_found_at_the_next_probe),
		TEST(test_an_announcement_hastens_a_probe_that_runs_already),
		TEST(test_the_old_owner_wins_over_a_second_one_that_answers_too),
		TEST(test_without_override_a_living_entry_is_not_replaced),
		TEST(test_nobody_is_believed_who_was_not_asked),
		TEST(test_a_message_about_a_stranger_creates_nothing),
		TEST(test_a_failed_host_that_speaks_is_asked_at_once),
		TEST(test_static_ones_are_never_asked_and_never_changed),
		TEST(test_a_removed_index_is_nobody_and_serves_another_address),
		TEST(test_a_link_that_comes_back_asks_its_failed_hosts_at_once),
		TEST(test_a_probe_storm_is_paced_and_everybody_is_resolved),
		TEST(test_whatever_happens_the_table_ends_up_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
