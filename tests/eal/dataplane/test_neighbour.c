/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/bytes.h"
#include "dataplane/echo.h"
#include "fixture.h"
#include "frames.h"
#include "net/parse.h"
#include "random.h"
#include "service/state.h"

#define OUR_MAC 0x10  /* Of port 0. */
#define PEER_MAC 0x77 /* Of 10.0.0.7. */

static uint64_t now;

/* Run the clock by milliseconds, as the main lcore does. */
static void
run(unsigned int ms)
{
	for (; ms > 0; ms--) {
		now++;
		while (neighbour_tick(dp.neighbours, now))
			continue;
	}
}

static int
setup(void **state)
{
	int ret = fixture_setup(state);

	/* The announcements of the start are not of interest, but for their own test. */
	now = 1000;
	run(5000);
	sent_drop(0);
	sent_drop(1);
	return ret;
}

static enum neighbour_rest
receive(const struct frame *f, uint16_t port, uint16_t vlan)
{
	struct exception x = { .mbuf = mbuf_of(f->bytes, f->len), .port = port, .vlan = vlan };
	enum neighbour_rest rest = neighbour_receive(dp.neighbours, &x);

	if (rest != NEIGHBOUR_TAKEN)
		rte_pktmbuf_free(x.mbuf);
	return rest;
}

static uint32_t
acquire(const char *text)
{
	struct ip_addr a = addr_of(text);
	struct backend_route route;

	assert_true(neighbour_acquire(dp.neighbours, &a, false, &route));
	return route.nexthop;
}

static void
queue(uint32_t nexthop, const struct frame *packet)
{
	struct exception x = { .mbuf = mbuf_of(packet->bytes, packet->len), .nexthop = nexthop };

	neighbour_queue(dp.neighbours, &x);
}

static void
answer(const char *sender, uint8_t mac)
{
	struct frame reply = frame_arp(OUR_MAC, 0, 2, mac, sender, OUR_MAC, "10.0.0.1");

	assert_int_not_equal(receive(&reply, 0, PACKET_VLAN_NONE), NEIGHBOUR_TAKEN);
}

static bool
is_resolved(uint32_t nexthop, uint8_t mac)
{
	uint64_t entry = nexthop_get(dp.nexthops, nexthop);

	return nexthop_is_resolved(entry) && (uint8_t)(entry >> 40) == mac;
}

/* The same, behind an Ethernet header. */
static struct frame
framed(const struct frame *packet, uint8_t dst, uint16_t vlan, uint16_t type)
{
	struct frame f;

	frame_begin(&f, dst, OUR_MAC, vlan, type);
	memcpy(f.bytes + f.len, packet->bytes, packet->len);
	f.len += packet->len;
	return f;
}

static void
test_a_next_hop_is_asked_for_and_what_waited_is_sent_in_order(void **state)
{
	struct frame request = frame_arp(MAC_BROADCAST, 0, 1, OUR_MAC, "10.0.0.1", 0, "10.0.0.7");
	struct frame packets[3];
	uint32_t hop = acquire("10.0.0.7");
	uint64_t entry;

	(void)state;
	run(1);
	assert_sent(0, request.bytes, request.len);
	assert_nothing_sent(0);
	assert_false(nexthop_is_resolved(nexthop_get(dp.nexthops, hop)));
	for (uint16_t i = 0; i < 3; i++) {
		packets[i] = packet_udp("198.51.100.1", "10.0.0.80", i);
		queue(hop, &packets[i]);
	}
	assert_nothing_sent(0);
	answer("10.0.0.7", PEER_MAC);
	for (int i = 0; i < 3; i++) {
		struct frame f = framed(&packets[i], PEER_MAC, 0, 0x0800);

		assert_sent(0, f.bytes, f.len);
	}
	assert_nothing_sent(0);
	entry = nexthop_get(dp.nexthops, hop);
	assert_int_equal(entry, NEXTHOP_RESOLVED | (uint64_t)PEER_MAC << 40 | 2);
	/* What a worker raised a moment too late goes straight on. */
	queue(hop, &packets[0]);
	assert_int_equal(sent_drop(0), 1);
}

static void
test_on_a_vlan_everything_is_tagged(void **state)
{
	struct frame request =
			frame_arp(MAC_BROADCAST, 100, 1, OUR_MAC, "10.100.0.1", 0, "10.100.0.7");
	struct frame reply =
			frame_arp(OUR_MAC, 100, 2, PEER_MAC, "10.100.0.7", OUR_MAC, "10.100.0.1");
	struct frame packet = packet_udp("2001:db8:5::1", "2001:db8::80", 9);
	struct frame expected = framed(&packet, PEER_MAC, 100, 0x86dd);
	uint32_t hop = acquire("10.100.0.7");

	(void)state;
	run(1);
	assert_sent(0, request.bytes, request.len);
	queue(hop, &packet); /* IPv6 in the queue of an IPv4 next hop: mode direct does so. */
	/* The same words without the tag come from another host. */
	answer("10.100.0.7", 0x66);
	assert_false(nexthop_is_resolved(nexthop_get(dp.nexthops, hop)));
	receive(&reply, 0, 100);
	assert_int_equal(nexthop_interface(nexthop_get(dp.nexthops, hop)), 1);
	assert_sent(0, expected.bytes, expected.len);
}

static void
test_a_route_says_source_and_mtu(void **state)
{
	struct ip_addr a = addr_of("10.1.0.77"), far = addr_of("203.0.113.5");
	struct ip_addr v6 = addr_of("2001:db8:77::1"), expected = addr_of("10.1.0.1");
	struct backend_route route, second;

	(void)state;
	assert_true(neighbour_acquire(dp.neighbours, &a, true, &route));
	assert_true(ip_addr_equal(&route.source, &expected));
	assert_int_equal(route.mtu, 1499);
	assert_false(neighbour_acquire(dp.neighbours, &far, true, &route));
	/* Two backends behind one gateway share its next hop. */
	assert_true(neighbour_acquire(dp.neighbours, &far, false, &route));
	far = addr_of("203.0.113.6");
	assert_true(neighbour_acquire(dp.neighbours, &far, false, &second));
	assert_int_equal(route.nexthop, second.nexthop);
	assert_false(neighbour_acquire(dp.neighbours, &v6, false, &route));
}

static void
test_ipv6_is_resolved_and_answered_too(void **state)
{
	struct frame na = frame_na(OUR_MAC, PEER_MAC, "2001:db8::1", "2001:db8::7");
	struct frame ns = frame_ns(OUR_MAC, PEER_MAC, "2001:db8::7", "2001:db8::80");
	struct frame expected = frame_na(PEER_MAC, OUR_MAC, "2001:db8::7", "2001:db8::80");
	struct frame stranger = frame_ns(OUR_MAC, PEER_MAC, "2001:db8::7", "2001:db8::81");
	uint32_t hop = acquire("2001:db8::7");

	(void)state;
	run(1);
	assert_int_equal(sent_drop(0), 1);
	assert_int_equal(receive(&na, 0, PACKET_VLAN_NONE), NEIGHBOUR_KERNEL_TOO);
	assert_true(is_resolved(hop, PEER_MAC));
	assert_int_equal(receive(&ns, 0, PACKET_VLAN_NONE), NEIGHBOUR_TAKEN);
	assert_sent(0, expected.bytes, expected.len);
	receive(&stranger, 0, PACKET_VLAN_NONE);
	assert_nothing_sent(0);
	na.bytes[60] ^= 1; /* Its checksum is wrong now. */
	assert_int_equal(receive(&na, 0, PACKET_VLAN_NONE), NEIGHBOUR_TAKEN);
	assert_int_equal(drops(DROP_NEIGHBOUR_BAD), 1);
}

static void
test_the_ninth_packet_and_a_dead_next_hop_drop_for_their_reasons(void **state)
{
	struct frame packet = packet_udp("198.51.100.1", "10.0.0.80", 1);
	uint32_t hop = acquire("10.0.0.7");
	struct neighbour_change change;

	(void)state;
	run(1);
	for (int i = 0; i < 10; i++)
		queue(hop, &packet);
	assert_int_equal(drops(DROP_UNRESOLVED_FULL), 2);
	assert_int_equal(drops(DROP_UNRESOLVED), 0);
	run(3001);
	assert_int_equal(drops(DROP_UNRESOLVED), 8);
	assert_int_equal(sent_drop(0), 3);
	assert_true(neighbour_next_change(dp.neighbours, &change));
	assert_false(change.reachable);
	assert_int_equal(stat_get(&stats->neighbours_failed), 1);
	/* The next packet has it asked again at once, and waits. */
	queue(hop, &packet);
	run(1);
	assert_int_equal(sent_drop(0), 1);
	answer("10.0.0.7", PEER_MAC);
	assert_int_equal(sent_drop(0), 1);
	assert_true(neighbour_next_change(dp.neighbours, &change));
	assert_true(change.reachable);
	assert_int_equal(change.mac[5], PEER_MAC);
	assert_false(neighbour_next_change(dp.neighbours, &change));
}

static void
test_a_static_neighbour_is_there_at_once_and_stays(void **state)
{
	struct frame forged = frame_arp(0x11, 0, 2, 0x66, "10.1.0.9", 0x11, "10.1.0.1");
	uint32_t hop = acquire("10.1.0.9");

	(void)state;
	assert_true(is_resolved(hop, 0x99));
	receive(&forged, 1, PACKET_VLAN_NONE);
	run(60000);
	assert_true(is_resolved(hop, 0x99));
	assert_nothing_sent(1);
	neighbour_release(dp.neighbours, hop);
	run(10);
	assert_true(is_resolved(hop, 0x99));
}

static void
test_who_is_asked_for_vips_and_own_addresses_answers(void **state)
{
	static const struct {
		const char *target;
		uint16_t port;
		uint16_t vlan; /* 0: none. */
		bool answered;
	} cases[] = {
		{ "10.0.0.80", 0, 0, true },
		{ "192.0.2.80", 0, 0, true },
		{ "192.0.2.80", 0, 100, true },
		{ "192.0.2.80", 1, 0, true },
		{ "10.0.0.1", 0, 0, true },
		{ "10.100.0.1", 0, 100, true },
		{ "10.100.0.1", 0, 0, false },
		{ "10.0.0.1", 1, 0, false },
		{ "10.0.0.81", 0, 0, false },
		{ "10.0.0.9", 0, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint16_t vlan = cases[i].vlan;
		uint8_t mac = (uint8_t)(OUR_MAC + cases[i].port);
		struct frame ask = frame_arp(
				MAC_BROADCAST, vlan, 1, 0x55, "10.0.0.5", 0, cases[i].target);
		struct frame reply =
				frame_arp(0x55, vlan, 2, mac, cases[i].target, 0x55, "10.0.0.5");
		enum neighbour_rest rest =
				receive(&ask, cases[i].port, vlan == 0 ? PACKET_VLAN_NONE : vlan);

		assert_int_equal(rest, cases[i].answered ? NEIGHBOUR_TAKEN : NEIGHBOUR_NOT_OURS);
		if (cases[i].answered)
			assert_sent(cases[i].port, reply.bytes, reply.len);
		assert_nothing_sent(cases[i].port);
	}
	assert_int_equal(stat_get(&stats->neighbour_requests_answered), 6);
}

static void
test_a_duplicate_address_probe_for_a_vip_is_answered(void **state)
{
	struct frame probe = frame_arp(MAC_BROADCAST, 0, 1, 0x55, "0.0.0.0", 0, "10.0.0.80");
	struct rte_mbuf *m;

	(void)state;
	assert_int_equal(receive(&probe, 0, PACKET_VLAN_NONE), NEIGHBOUR_TAKEN);
	m = sent(0);
	assert_non_null(m);
	assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[21], 2);
	assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[27], OUR_MAC);
	rte_pktmbuf_free(m);
}

static void
test_forged_frames_are_not_answered_and_change_nothing(void **state)
{
	struct frame claim = frame_arp(MAC_BROADCAST, 0, 1, 0x66, "10.0.0.80", 0, "10.0.0.80");
	struct frame own_mac = frame_arp(MAC_BROADCAST, 0, 1, OUR_MAC, "10.0.0.7", 0, "10.0.0.80");
	struct frame other_port =
			frame_arp(MAC_BROADCAST, 0, 1, OUR_MAC + 1, "10.0.0.7", 0, "10.0.0.80");
	struct frame gratuitous = frame_arp(MAC_BROADCAST, 0, 1, 0x66, "10.0.0.7", 0, "10.0.0.7");
	struct frame unasked = frame_arp(OUR_MAC, 0, 2, 0x66, "10.0.0.7", OUR_MAC, "10.0.0.1");
	struct frame to_other = frame_arp(OUR_MAC, 0, 2, 0x66, "10.0.0.8", OUR_MAC, "10.0.0.2");
	uint32_t hop = acquire("10.0.0.7"), other = acquire("10.0.0.8");

	(void)state;
	run(1);
	receive(&to_other, 0, PACKET_VLAN_NONE);
	assert_false(nexthop_is_resolved(nexthop_get(dp.nexthops, other)));
	answer("10.0.0.7", PEER_MAC);
	run(5000);
	sent_drop(0);
	receive(&claim, 0, PACKET_VLAN_NONE);
	receive(&own_mac, 0, PACKET_VLAN_NONE);
	receive(&other_port, 0, PACKET_VLAN_NONE);
	assert_nothing_sent(0);
	receive(&gratuitous, 0, PACKET_VLAN_NONE);
	receive(&unasked, 0, PACKET_VLAN_NONE);
	assert_true(is_resolved(hop, PEER_MAC));
	assert_int_equal(drops(DROP_NEIGHBOUR_BAD), 2);
}

static void
test_a_released_next_hop_is_forgotten(void **state)
{
	uint32_t hop = acquire("10.0.0.7");

	(void)state;
	run(1);
	answer("10.0.0.7", PEER_MAC);
	assert_int_equal(acquire("10.0.0.7"), hop);
	neighbour_release(dp.neighbours, hop);
	run(10);
	assert_true(is_resolved(hop, PEER_MAC));
	neighbour_release(dp.neighbours, hop);
	run(1);
	assert_int_equal(nexthop_get(dp.nexthops, hop), 0);
	sent_drop(0);
	run(120000);
	assert_nothing_sent(0);
}

static void
test_a_flood_of_requests_is_cut_but_the_answer_we_wait_for_passes(void **state)
{
	struct frame ask = frame_arp(MAC_BROADCAST, 0, 1, 0x55, "10.0.0.5", 0, "10.0.0.80");
	uint32_t hop;

	(void)state;
	for (int i = 0; i < 5000; i++) {
		receive(&ask, 0, PACKET_VLAN_NONE);
		if (i % 1000 == 0)
			sent_drop(0);
	}
	assert_int_equal(drops(DROP_NEIGHBOUR_RATE), 3000);
	sent_drop(0);
	hop = acquire("10.0.0.7");
	run(1);
	for (int i = 0; i < 100; i++)
		receive(&ask, 0, PACKET_VLAN_NONE);
	answer("10.0.0.7", PEER_MAC);
	assert_true(is_resolved(hop, PEER_MAC));
}

/*
 * What a worker raised for a next hop, which is then released and whose index gets another
 * address, must not reach that one.
 */
static void
test_a_reused_index_never_sends_the_old_ones_packets(void **state)
{
	struct frame packet = packet_udp("198.51.100.1", "10.0.0.80", 1);
	uint32_t first = acquire("10.0.0.7"), hop, again = first;

	(void)state;
	run(1);
	for (int i = 0; i < 20; i++) {
		struct exception x = { .mbuf = mbuf_of(packet.bytes, packet.len),
			.nexthop = first };

		assert_true(exception_raise(&dp.exceptions, EXCEPTION_UNRESOLVED, &x));
	}
	neighbour_release(dp.neighbours, first);
	/* Use up the other indexes, so that this one comes back. */
	for (uint32_t i = 0; i < NEXTHOP_MAX; i++) {
		struct neighbour_change change;

		run(1);
		while (neighbour_next_change(dp.neighbours, &change))
			continue;
		hop = acquire("10.0.0.8");
		if (hop == first)
			break;
		again = hop;
		neighbour_release(dp.neighbours, hop);
		if (i % 256 == 0)
			sent_drop(0);
	}
	assert_int_equal(hop, first);
	assert_int_not_equal(again, first);
	sent_drop(0);
	run(1);
	answer("10.0.0.8", 0x88);
	assert_true(is_resolved(first, 0x88));
	run(10);
	for (struct rte_mbuf *m; (m = sent(0)) != NULL; rte_pktmbuf_free(m))
		assert_int_equal(load_be16(rte_pktmbuf_mtod(m, uint8_t *) + 12), 0x0806);
	assert_int_equal(drops(DROP_UNRESOLVED) + drops(DROP_UNRESOLVED_FULL), 20);
}

/* Which of the announcements on a port say that an address is ours? */
static unsigned int
announcements(unsigned int port, const char *text)
{
	struct ip_addr a = addr_of(text);
	unsigned int n = 0;

	for (struct rte_mbuf *m; (m = sent(port)) != NULL; rte_pktmbuf_free(m)) {
		const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
		unsigned int at = a.family == IP_V4 ? 28 : 62; /* Sender; target of an NA. */

		n += memcmp(frame + at, a.bytes, ip_family_size(a.family)) == 0;
	}
	return n;
}

static void
test_new_vips_are_announced_where_they_are_on_link(void **state)
{
	static const char *const more[] = { "10.0.0.80", "10.0.0.82", "192.0.2.80", "2001:db8::80",
		NULL };
	static const char *const v6[] = { "10.0.0.80", "10.0.0.82", "192.0.2.80", "2001:db8::80",
		"2001:db8::83", NULL };

	(void)state;
	fixture_vips(more);
	run(10000);
	assert_nothing_sent(1);
	assert_int_equal(announcements(0, "10.0.0.82"), 2);
	fixture_vips(more);
	run(10000);
	assert_nothing_sent(0);
	fixture_vips(v6);
	run(10000);
	assert_int_equal(announcements(0, "2001:db8::83"), 2);
	/* A link comes back: everything again. */
	neighbour_link_up(dp.neighbours, 0);
	run(10000);
	assert_int_equal(rte_ring_count(dp.ports[1].outbox), 2);
	assert_int_equal(announcements(1, "10.1.0.1"), 2);
	/* Three own addresses and four VIPs of connected networks; 192.0.2.80 is of none. */
	assert_int_equal(rte_ring_count(dp.ports[0].outbox), 2 * (3 + 4));
	assert_int_equal(announcements(0, "10.0.0.82"), 2);
}

static void
test_garbage_is_refused(void **state)
{
	struct frame f = frame_arp(OUR_MAC, 0, 2, PEER_MAC, "10.0.0.7", OUR_MAC, "10.0.0.1");

	(void)state;
	for (unsigned int len = 0; len < f.len; len++) {
		struct frame cut = f;

		cut.len = len;
		receive(&cut, 0, PACKET_VLAN_NONE);
	}
	f.bytes[21] = 3; /* RARP: nothing of ours. */
	assert_int_equal(receive(&f, 0, PACKET_VLAN_NONE), NEIGHBOUR_NOT_OURS);
}

static void
test_a_vlan_without_interface_is_the_kernels(void **state)
{
	struct frame ask = frame_arp(MAC_BROADCAST, 999, 1, 0x55, "10.0.0.5", 0, "10.0.0.80");

	(void)state;
	assert_int_equal(receive(&ask, 0, 999), NEIGHBOUR_NOT_OURS);
	assert_nothing_sent(0);
}

/* Valid frames with a few bytes changed and cut anywhere: no crash and no leak. */
static void
test_damaged_frames_do_no_harm(void **state)
{
	const struct frame frames[] = {
		frame_arp(MAC_BROADCAST, 0, 1, 0x55, "10.0.0.7", 0, "10.0.0.80"),
		frame_arp(OUR_MAC, 0, 2, PEER_MAC, "10.0.0.7", OUR_MAC, "10.0.0.1"),
		frame_arp(OUR_MAC, 100, 2, PEER_MAC, "10.100.0.7", OUR_MAC, "10.100.0.1"),
		frame_ns(OUR_MAC, PEER_MAC, "2001:db8::7", "2001:db8::80"),
		frame_na(OUR_MAC, PEER_MAC, "2001:db8::1", "2001:db8::7"),
		frame_echo4(OUR_MAC, 0x55, 8, "10.0.0.5", "192.0.2.80", 20),
		frame_echo6(OUR_MAC, 0x55, 128, "2001:db8::5", "2001:db8::80", 20),
	};

	(void)state;
	seed_random("damaged frames");
	acquire("10.0.0.7");
	acquire("2001:db8::7");
	for (int i = 0; i < 300000; i++) {
		struct frame f = frames[random_below(ARRAY_LEN(frames))];
		uint16_t vlan = random_below(4) == 0 ? 100 : PACKET_VLAN_NONE;
		struct exception x;

		for (uint32_t n = random_below(4); n > 0; n--)
			f.bytes[random_below(f.len)] ^= (uint8_t)(1U << random_below(8));
		if (random_below(8) == 0)
			f.len = random_below(f.len + 1);
		receive(&f, 0, vlan);
		x = (struct exception){ .mbuf = mbuf_of(f.bytes, f.len), .vlan = vlan };
		if (!echo_receive(&dp, &x))
			rte_pktmbuf_free(x.mbuf);
		if (i % 16 != 0)
			continue;
		run(1);
		sent_drop(0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_next_hop_is_asked_for_and_what_waited_is_sent_in_order),
		TEST(test_on_a_vlan_everything_is_tagged),
		TEST(test_a_route_says_source_and_mtu),
		TEST(test_ipv6_is_resolved_and_answered_too),
		TEST(test_the_ninth_packet_and_a_dead_next_hop_drop_for_their_reasons),
		TEST(test_a_static_neighbour_is_there_at_once_and_stays),
		TEST(test_who_is_asked_for_vips_and_own_addresses_answers),
		TEST(test_a_duplicate_address_probe_for_a_vip_is_answered),
		TEST(test_forged_frames_are_not_answered_and_change_nothing),
		TEST(test_a_released_next_hop_is_forgotten),
		TEST(test_a_flood_of_requests_is_cut_but_the_answer_we_wait_for_passes),
		TEST(test_a_reused_index_never_sends_the_old_ones_packets),
		TEST(test_new_vips_are_announced_where_they_are_on_link),
		TEST(test_garbage_is_refused),
		TEST(test_a_vlan_without_interface_is_the_kernels),
		TEST(test_damaged_frames_do_no_harm),
	};

	if (fixture_start_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
