/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <rte_mbuf.h>
#include <rte_rcu_qsbr.h>

#include "channel/message.h"
#include "dataplane/main_lcore.h"
#include "dataplane/port_watch.h"
#include "dataplane/spsc_ring.h"
#include "fixture.h"
#include "frames.h"
#include "net/parse.h"
#include "net/unreachable.h"
#include "service/state.h"

#define OUR_MAC 0x10

static void *
stop_later(void *ms)
{
	usleep(*(const unsigned int *)ms * 1000);
	atomic_store(&dp.stop, true);
	return NULL;
}

static void
run_for(unsigned int ms)
{
	pthread_t thread;

	atomic_store(&dp.stop, false);
	assert_int_equal(pthread_create(&thread, NULL, stop_later, &ms), 0);
	main_lcore_run(&dp);
	pthread_join(thread, NULL);
}

/* Let the announcements of the start pass. */
static int
setup(void **state)
{
	int ret = fixture_setup(state);

	run_for(30);
	sent_drop(0);
	sent_drop(1);
	return ret;
}

static void
raise_frame(enum exception_class class, const struct frame *f, uint16_t port)
{
	struct exception x = {
		.mbuf = mbuf_of(f->bytes, f->len), .port = port, .vlan = PACKET_VLAN_NONE
	};

	if (!exception_raise(&dp.exceptions, class, &x))
		rte_pktmbuf_free(x.mbuf);
}

static void
test_echo_is_answered_for_vips_and_own_addresses_only(void **state)
{
	struct frame vip4 = frame_echo4(OUR_MAC, 0x55, 8, "10.0.0.5", "192.0.2.80", 100);
	struct frame own4 = frame_echo4(OUR_MAC, 0x55, 8, "10.0.0.5", "10.1.0.1", 0);
	struct frame vip6 = frame_echo6(OUR_MAC, 0x55, 128, "2001:db8::5", "2001:db8::80", 33);
	struct frame other = frame_echo4(OUR_MAC, 0x55, 8, "10.0.0.5", "10.0.0.81", 8);
	struct frame to_all = frame_echo4(MAC_BROADCAST, 0x55, 8, "10.0.0.5", "10.0.0.80", 8);
	struct frame reply = frame_echo4(OUR_MAC, 0x55, 0, "10.0.0.5", "10.0.0.80", 8);
	struct frame expected;

	(void)state;
	raise_frame(EXCEPTION_ECHO, &vip4, 1);
	raise_frame(EXCEPTION_ECHO, &own4, 1);
	raise_frame(EXCEPTION_ECHO, &vip6, 1);
	raise_frame(EXCEPTION_ECHO, &other, 1);
	raise_frame(EXCEPTION_ECHO, &to_all, 1);
	raise_frame(EXCEPTION_ECHO, &reply, 1);
	run_for(20);
	expected = frame_echo4(0x55, OUR_MAC + 1, 0, "192.0.2.80", "10.0.0.5", 100);
	assert_sent(1, expected.bytes, expected.len);
	expected = frame_echo4(0x55, OUR_MAC + 1, 0, "10.1.0.1", "10.0.0.5", 0);
	assert_sent(1, expected.bytes, expected.len);
	expected = frame_echo6(0x55, OUR_MAC + 1, 129, "2001:db8::80", "2001:db8::5", 33);
	assert_sent(1, expected.bytes, expected.len);
	assert_nothing_sent(1);
	assert_int_equal(stat_get(&stats->echo_answered), 3);
	/* Port 1 does not punt. */
	assert_int_equal(drops(DROP_NO_SERVICE), 3);
}

static void
test_punts_go_to_the_tap_and_come_from_it_unchanged(void **state)
{
	struct frame packet = frame_echo4(OUR_MAC, 0x55, 0, "10.0.0.5", "10.0.0.200", 64);
	struct frame arp = frame_arp(MAC_BROADCAST, 0, 1, 0x55, "10.0.0.5", 0, "10.0.0.200");

	(void)state;
	/* The TAP of this test gives back what it gets: it leaves by the port again. */
	raise_frame(EXCEPTION_PUNT, &packet, 0);
	raise_frame(EXCEPTION_PUNT, &packet, 1);
	run_for(20);
	assert_sent(0, packet.bytes, packet.len);
	assert_nothing_sent(1);
	assert_int_equal(stat_get(&stats->punted_to_kernel), 1);
	assert_int_equal(stat_get(&stats->from_kernel), 1);
	assert_int_equal(drops(DROP_NO_SERVICE), 1);
	/* A request for an address that is not ours is the kernel's. */
	raise_frame(EXCEPTION_NEIGHBOUR, &arp, 0);
	raise_frame(EXCEPTION_NEIGHBOUR, &arp, 1);
	run_for(20);
	assert_sent(0, arp.bytes, arp.len);
	assert_int_equal(drops(DROP_NO_SERVICE), 2);
}

static void
test_a_reply_is_used_and_given_to_the_kernel_too(void **state)
{
	struct frame reply = frame_arp(OUR_MAC, 0, 2, 0x77, "10.0.0.7", OUR_MAC, "10.0.0.1");
	struct frame ask = frame_arp(MAC_BROADCAST, 0, 1, 0x77, "10.0.0.7", 0, "10.0.0.80");
	struct ip_addr a = addr_of("10.0.0.7");
	struct backend_route route;

	(void)state;
	assert_true(neighbour_acquire(dp.neighbours, &a, true, &route));
	run_for(10);
	assert_int_equal(sent_drop(0), 1);
	raise_frame(EXCEPTION_NEIGHBOUR, &reply, 0);
	run_for(20);
	assert_true(nexthop_is_resolved(nexthop_get(dp.nexthops, route.nexthop)));
	assert_sent(0, reply.bytes, reply.len);
	/* A request for a VIP is ours alone. */
	raise_frame(EXCEPTION_NEIGHBOUR, &ask, 0);
	run_for(20);
	assert_int_equal(sent_drop(0), 1);
	assert_int_equal(stat_get(&stats->punted_to_kernel), 1);
}

#define FLOOD 20000
#define FLOOD_MS 200

/* A worker that finds echo requests without end. */
static void *
echo_flood(void *arg)
{
	struct frame echo = frame_echo4(OUR_MAC, 0x55, 8, "10.0.0.5", "192.0.2.80", 8);

	(void)arg;
	for (int i = 0; i < FLOOD; i++) {
		raise_frame(EXCEPTION_ECHO, &echo, 1);
		if (i % 100 == 0)
			usleep(FLOOD_MS * 1000 / (FLOOD / 100) / 2);
	}
	return NULL;
}

static void
test_an_echo_flood_is_cut_and_leaves_neighbours_alone(void **state)
{
	struct frame ask = frame_arp(MAC_BROADCAST, 0, 1, 0x55, "10.0.0.5", 0, "10.0.0.80");
	uint64_t answered;
	pthread_t thread;

	(void)state;
	for (int i = 0; i < 100; i++)
		raise_frame(EXCEPTION_NEIGHBOUR, &ask, 0);
	assert_int_equal(pthread_create(&thread, NULL, echo_flood, NULL), 0);
	run_for(FLOOD_MS);
	pthread_join(thread, NULL);
	answered = stat_get(&stats->echo_answered);
	/* The burst and 10 a millisecond, on a machine that may pause us. */
	assert_in_range(answered, 1000, 1000 + 10 * 10 * FLOOD_MS);
	assert_true(drops(DROP_ECHO_RATE) > 0);
	assert_int_equal(sent_drop(1), answered);
	assert_int_equal(stat_get(&stats->neighbour_requests_answered), 100);
	assert_int_equal(sent_drop(0), 100);
}

/* The next frame on a port must be a RST that the client takes; a VLAN tag is 4 bytes more. */
static void
assert_rst_sent(unsigned int port, unsigned int l3)
{
	static const uint8_t tcp[] = { 0, 80, 4, 0, 0, 0, 7, 0xd0, 0, 0, 0, 0, 0x50, 4, 0, 0 };
	struct rte_mbuf *m = sent(port);
	const uint8_t *f;

	assert_non_null(m);
	assert_int_equal(m->pkt_len, l3 + 40);
	assert_int_equal(m->data_len, l3 + 40);
	assert_int_equal(m->nb_segs, 1);
	f = rte_pktmbuf_mtod(m, const uint8_t *);
	assert_int_equal(f[5], 0x55);
	assert_int_equal(f[11], OUR_MAC + port);
	assert_memory_equal(f + l3 + 20, tcp, sizeof(tcp));
	rte_pktmbuf_free(m);
}

static void
test_a_client_is_told_by_a_rst_on_its_own_interface(void **state)
{
	struct frame plain = frame_tcp(OUR_MAC, 0x55, 0, TCP_ACK, "10.0.0.5", "192.0.2.80");
	struct frame tagged = frame_tcp(OUR_MAC, 0x55, 100, TCP_ACK, "10.0.0.5", "192.0.2.80");
	struct exception x = { .port = 0, .vlan = 100 };

	(void)state;
	raise_frame(EXCEPTION_RESET, &plain, 1);
	x.mbuf = mbuf_of(tagged.bytes, tagged.len);
	/* Data in further segments; cut off. */
	assert_int_equal(rte_pktmbuf_chain(x.mbuf, mbuf_of(plain.bytes, 10)), 0);
	assert_true(exception_raise(&dp.exceptions, EXCEPTION_RESET, &x));
	run_for(20);
	assert_rst_sent(1, 14);
	assert_rst_sent(0, 18);
	assert_nothing_sent(0);
	assert_int_equal(stat_get(&((struct stats_header *)dp.stats)->resets_sent), 2);
}

static void
test_who_cannot_be_answered_by_a_rst_is_dropped(void **state)
{
	struct frame many = frame_tcp(OUR_MAC, 0x55, 0, TCP_ACK, "224.0.0.5", "192.0.2.80");
	struct frame rst = frame_tcp(OUR_MAC, 0x55, 0, TCP_RST, "10.0.0.5", "192.0.2.80");

	(void)state;
	raise_frame(EXCEPTION_RESET, &many, 0);
	raise_frame(EXCEPTION_RESET, &rst, 0);
	run_for(20);
	assert_nothing_sent(0);
	assert_int_equal(drops(DROP_RESET_BAD), 2);
}

#define RESET_BURST 5000

static void *
reset_flood(void *arg)
{
	struct frame f = frame_tcp(OUR_MAC, 0x55, 0, TCP_ACK, "10.0.0.5", "192.0.2.80");

	(void)arg;
	while (!atomic_load(&dp.stop) || stat_get(&stats->drops[DROP_RESET_RATE]) == 0) {
		for (int i = 0; i < 200; i++)
			raise_frame(EXCEPTION_RESET, &f, 1);
		sent_drop(1);
		usleep(50);
	}
	return NULL;
}

static void
test_a_flood_of_resets_is_cut(void **state)
{
	uint64_t resets;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, reset_flood, NULL), 0);
	while (drops(DROP_RESET_RATE) == 0)
		run_for(50);
	atomic_store(&dp.stop, true);
	pthread_join(thread, NULL);
	resets = stat_get(&((struct stats_header *)dp.stats)->resets_sent) + drops(DROP_TX_FULL);
	assert_true(resets >= RESET_BURST);
}

/* 10.0.0.254: what was sent in an outer header by 10.0.0.1, or 10.0.0.77, did not reach 10.0.1.11. */
static const uint8_t error_ours[] = { 0x02, 0x00, 0x00, 0x00, 0x00, 0x10, 0x02, 0x00, 0x00, 0x00,
	0x00, 0x55, 0x08, 0x00, 0x45, 0x00, 0x00, 0x58, 0x00, 0x01, 0x00, 0x00, 0x40, 0x01, 0x65,
	0xa6, 0x0a, 0x00, 0x00, 0xfe, 0x0a, 0x00, 0x00, 0x01, 0x03, 0x01, 0xe9, 0xa4, 0x00, 0x00,
	0x00, 0x00, 0x45, 0x00, 0x00, 0x3c, 0x00, 0x00, 0x40, 0x00, 0x3c, 0x04, 0x29, 0xb3, 0x0a,
	0x00, 0x00, 0x01, 0x0a, 0x00, 0x01, 0x0b, 0x45, 0x00, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00,
	0x40, 0x06, 0x8e, 0x44, 0xc6, 0x33, 0x64, 0x07, 0xc0, 0x00, 0x02, 0x50, 0x9c, 0x40, 0x01,
	0xbb, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x50, 0x02, 0x20, 0x00, 0x05, 0x5b,
	0x00, 0x00 };
static const uint8_t error_others[] = { 0x02, 0x00, 0x00, 0x00, 0x00, 0x10, 0x02, 0x00, 0x00, 0x00,
	0x00, 0x55, 0x08, 0x00, 0x45, 0x00, 0x00, 0x58, 0x00, 0x01, 0x00, 0x00, 0x40, 0x01, 0x65,
	0x5a, 0x0a, 0x00, 0x00, 0xfe, 0x0a, 0x00, 0x00, 0x4d, 0x03, 0x01, 0xe9, 0xa4, 0x00, 0x00,
	0x00, 0x00, 0x45, 0x00, 0x00, 0x3c, 0x00, 0x00, 0x40, 0x00, 0x3c, 0x04, 0x29, 0x67, 0x0a,
	0x00, 0x00, 0x4d, 0x0a, 0x00, 0x01, 0x0b, 0x45, 0x00, 0x00, 0x28, 0x00, 0x01, 0x00, 0x00,
	0x40, 0x06, 0x8e, 0x44, 0xc6, 0x33, 0x64, 0x07, 0xc0, 0x00, 0x02, 0x50, 0x9c, 0x40, 0x01,
	0xbb, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x50, 0x02, 0x20, 0x00, 0x05, 0x5b,
	0x00, 0x00 };

static void
raise_error(const uint8_t *bytes, uint16_t port)
{
	struct exception x = {
		.mbuf = mbuf_of(bytes, sizeof(error_ours)), .port = port, .vlan = PACKET_VLAN_NONE
	};

	assert_true(exception_raise(&dp.exceptions, EXCEPTION_ICMP_ERROR, &x));
}

static void
test_an_error_about_a_tunnel_goes_to_the_control_thread(void **state)
{
	const struct stats_header *header = dp.stats;
	struct ip_addr backend = addr_of("10.0.1.11");
	struct unreachable error;

	(void)state;
	raise_error(error_ours, 0);
	raise_error(error_ours, 1);
	run_for(20);
	for (int i = 0; i < 2; i++) {
		assert_true(spsc_ring_take(dp.evidence.unreachables, &error));
		assert_true(ip_addr_equal(&error.backend, &backend));
		assert_int_equal(error.l4_port, 443);
	}
	assert_false(spsc_ring_take(dp.evidence.unreachables, &error));
	assert_int_equal(stat_get(&header->unreachables), 2);
	assert_int_equal(stat_get(&stats->punted_to_kernel), 0);
	assert_nothing_sent(0);
}

static bool
control_thread_is_woken(void)
{
	struct pollfd p = { .fd = dp.evidence.wake_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void
test_the_control_thread_is_woken_for_evidence_and_not_without(void **state)
{
	const struct evidence_sign sign = { .stats = 0, .kind = SUSPECT_RESETS };
	struct evidence_sign taken;

	(void)state;
	run_for(20);
	assert_false(control_thread_is_woken());
	assert_true(spsc_ring_put(dp.evidence.signs[0], &sign));
	run_for(20);
	assert_true(control_thread_is_woken());
	evidence_woken(&dp.evidence);
	assert_false(control_thread_is_woken());
	/* It has not looked: it is woken again. */
	run_for(20);
	assert_true(control_thread_is_woken());
	evidence_woken(&dp.evidence);
	assert_true(spsc_ring_take(dp.evidence.signs[0], &taken));
	run_for(20);
	assert_false(control_thread_is_woken());
	raise_error(error_ours, 0);
	run_for(20);
	assert_true(control_thread_is_woken());
}

static void
test_other_errors_are_the_kernels(void **state)
{
	struct frame reply = frame_echo4(OUR_MAC, 0x55, 3, "10.0.0.5", "10.0.0.1", 64);
	struct unreachable error;

	(void)state;
	raise_error(error_others, 0);
	raise_frame(EXCEPTION_ICMP_ERROR, &reply, 0);
	raise_error(error_others, 1); /* Which has no kernel. */
	run_for(20);
	assert_false(spsc_ring_take(dp.evidence.unreachables, &error));
	assert_sent(0, error_others, sizeof(error_others));
	assert_sent(0, reply.bytes, reply.len);
	assert_int_equal(stat_get(&stats->punted_to_kernel), 2);
	assert_int_equal(drops(DROP_NO_SERVICE), 1);
}

#define ERROR_BURST 100

static void
test_a_flood_of_errors_is_looked_at_up_to_its_rate(void **state)
{
	const struct stats_header *header = dp.stats;
	uint64_t seen, punted;

	(void)state;
	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < 50; k++)
			raise_error(error_ours, 0);
		run_for(5);
		sent_drop(0);
	}
	do { /* However slow the machine is. */
		run_for(5);
		sent_drop(0);
		seen = stat_get(&header->unreachables) + stat_get(&header->unreachables_lost);
		punted = stat_get(&stats->punted_to_kernel) + drops(DROP_PUNT_FULL);
	} while (seen + punted < 500);
	assert_true(seen >= ERROR_BURST);
	assert_int_equal(seen + punted, 500);
	assert_true(stat_get(&header->unreachables) <= EVIDENCE_RING);
}

static void
test_ports_are_watched_and_changes_of_links_told_once(void **state)
{
	const struct port_stats *ports = ((struct stats_header *)dp.stats)->ports;
	struct link_change change;

	(void)state;
	assert_true(stat_get(&ports[0].link_up));
	assert_int_equal(stat_get(&ports[0].mtu), 1500);
	assert_true(port_next_link_change(&dp, &change));
	assert_int_equal(change.port, 0);
	assert_true(change.up);
	assert_true(port_next_link_change(&dp, &change));
	assert_int_equal(change.port, 1);
	assert_false(port_next_link_change(&dp, &change));
	stat_set(&((struct stats_header *)dp.stats)->ports[1].link_up, 0);
	assert_true(port_next_link_change(&dp, &change));
	assert_int_equal(change.port, 1);
	assert_false(change.up);
	assert_false(port_next_link_change(&dp, &change));
}

static void *
grace_periods(void *count)
{
	while (!atomic_load(&dp.stop)) {
		rte_rcu_qsbr_synchronize(dp.qsbr, RTE_QSBR_THRID_INVALID);
		++*(uint64_t *)count;
		usleep(100);
	}
	return NULL;
}

static void
test_grace_periods_pass_while_it_runs_and_while_it_sleeps(void **state)
{
	uint64_t count = 0;
	pthread_t thread;

	(void)state;
	atomic_store(&dp.stop, false);
	assert_int_equal(pthread_create(&thread, NULL, grace_periods, &count), 0);
	run_for(200);
	pthread_join(thread, NULL);
	assert_true(count > 50);
}

/* No assertion on time; the figure is for people. */
static void
test_it_sleeps_when_there_is_nothing_to_do(void **state)
{
	struct timespec before, after;
	double percent;

	(void)state;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
	run_for(1000);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
	percent = (double)(after.tv_sec - before.tv_sec) * 100 +
			(double)(after.tv_nsec - before.tv_nsec) / 1e7;
	printf("idle: %.2f %% of a core\n", percent);
	assert_true(percent < 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_echo_is_answered_for_vips_and_own_addresses_only),
		TEST(test_punts_go_to_the_tap_and_come_from_it_unchanged),
		TEST(test_a_reply_is_used_and_given_to_the_kernel_too),
		TEST(test_an_echo_flood_is_cut_and_leaves_neighbours_alone),
		TEST(test_a_client_is_told_by_a_rst_on_its_own_interface),
		TEST(test_who_cannot_be_answered_by_a_rst_is_dropped),
		TEST(test_a_flood_of_resets_is_cut),
		TEST(test_an_error_about_a_tunnel_goes_to_the_control_thread),
		TEST(test_the_control_thread_is_woken_for_evidence_and_not_without),
		TEST(test_other_errors_are_the_kernels),
		TEST(test_a_flood_of_errors_is_looked_at_up_to_its_rate),
		TEST(test_ports_are_watched_and_changes_of_links_told_once),
		TEST(test_grace_periods_pass_while_it_runs_and_while_it_sleeps),
		TEST(test_it_sleeps_when_there_is_nothing_to_do),
	};

	if (fixture_start_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
