/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Evidence against backends: what workers count, what the control thread makes of it.
 */
#include "client.h"

#include <string.h>

#include <rte_mbuf.h>

#include "channel/message.h"
#include "dataplane/spsc_ring.h"
#include "net/parse.h"
#include "net/unreachable.h"

/* What is known against the backend whose address ends in @p last. */
static const struct member_evidence *
evidence(uint8_t last)
{
	return &worker->evidence[stats_index(client_addrs[last - 1])];
}

static void
test_a_flood_of_syns_is_no_evidence_but_syns_sent_again_are(void **state)
{
	uint16_t ports[20];

	(void)state;
	for (int i = 0; i < 20; i++) {
		ports[i] = port_for(2, i == 0 ? 1000 : (uint16_t)(ports[i - 1] + 1));
		assert_int_equal(syn(ports[i]), 2);
	}
	assert_int_equal(stat_get(&evidence(2)->syn_retransmissions), 0);
	for (int i = 0; i < 20; i++)
		syn(ports[i]);
	assert_int_equal(stat_get(&evidence(2)->syn_retransmissions), 20);
	assert_int_equal(stat_get(&evidence(2)->opened), 0);
	assert_int_equal(stat_get(&evidence(1)->syn_retransmissions), 0);
}

static void
test_syns_sent_again_count_within_a_burst_too(void **state)
{
	uint16_t port = port_for(1, 1000);
	struct rte_mbuf *burst[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		burst[i] = packet(PROTOCOL_TCP, port, TCP_SYN, 0);
	rig_run(0, burst, 3);
	assert_int_equal(stat_get(&evidence(1)->syn_retransmissions), 2);
}

static void
test_progress_and_early_resets_are_counted_and_open_flows_are_not_looked_at(void **state)
{
	uint16_t open = port_for(1, 1000);
	uint16_t reset = port_for(1, (uint16_t)(open + 1));
	uint16_t closed = port_for(1, (uint16_t)(reset + 1));

	(void)state;
	syn(open);
	data(open);
	for (int i = 0; i < 3; i++) {
		data(open);
		syn(open); /* Changes no open flow. */
	}
	ask(PROTOCOL_TCP, open, TCP_RST, 0);
	syn(reset);
	ask(PROTOCOL_TCP, reset, TCP_RST | TCP_ACK, 0);
	ask(PROTOCOL_TCP, reset, TCP_RST | TCP_ACK, 0); /* It was closing already. */
	syn(closed);
	ask(PROTOCOL_TCP, closed, TCP_SYN | TCP_ACK, 0);
	ask(PROTOCOL_TCP, closed, TCP_FIN, 0);
	ask(PROTOCOL_UDP, open, 0, 0);
	ask(PROTOCOL_UDP, open, 0, 0);
	assert_int_equal(stat_get(&evidence(1)->opened), 1);
	assert_int_equal(stat_get(&evidence(1)->resets), 1);
	assert_int_equal(stat_get(&evidence(1)->syn_retransmissions), 0);
}

static void
test_evidence_is_against_whose_flow_it_was(void **state)
{
	uint16_t port = port_for(1, 1000);
	struct backend_conf one = rig_backend(client_addrs[0]);

	(void)state;
	syn(port);
	one.health = HEALTH_DOWN;
	set_backend(&one);
	assert_int_not_equal(syn(port), 1); /* Sent again, and moved. */
	assert_int_equal(stat_get(&evidence(1)->syn_retransmissions), 1);
	assert_int_equal(stat_get(&evidence(2)->syn_retransmissions) +
					stat_get(&evidence(3)->syn_retransmissions),
			0);
}

/* Suspicions that are due now, of at most @p budget signs; the last one is @p m. */
static uint32_t
suspicions(struct message *m, uint32_t budget)
{
	uint32_t nb = 0;

	for (; control_next_suspicion(&control, &budget, m); nb++)
		assert_int_equal(message_check(m, 0), 0);
	return nb;
}

static void
assert_suspect(const struct message *m, uint8_t last, uint32_t kind, uint32_t count)
{
	const struct service_conf s = service(PROTOCOL_TCP);
	const struct ip_addr backend = rig_addr(client_addrs[last - 1]);

	assert_int_equal(m->type, MSG_SUSPECT_EVENT);
	assert_memory_equal(&m->SUSPECT_EVENT.service, &s.key, sizeof(s.key));
	assert_memory_equal(&m->SUSPECT_EVENT.backend, &backend, sizeof(backend));
	assert_int_equal(m->SUSPECT_EVENT.kind, kind);
	assert_int_equal(m->SUSPECT_EVENT.count, count);
	assert_in_range(m->SUSPECT_EVENT.window_ms, 1, 1000);
}

static void
test_a_flood_of_syns_makes_nobody_suspect(void **state)
{
	struct message m;

	(void)state;
	for (uint16_t port = 1000; port < 1060; port++)
		syn(port);
	assert_int_equal(suspicions(&m, 1000), 0);
}

static void
test_syns_sent_again_by_two_clients_make_their_backend_suspect(void **state)
{
	uint16_t a = port_for(2, 1000);
	uint16_t b = port_for(2, (uint16_t)(a + 1));
	struct message m;

	(void)state;
	for (int i = 0; i < 10; i++)
		syn(a);
	assert_int_equal(suspicions(&m, 1000), 0); /* One client alone. */
	syn(b);
	syn(b);
	assert_int_equal(suspicions(&m, 1000), 1);
	assert_suspect(&m, 2, SUSPECT_SYN_RETRANSMISSIONS, 10);
	/* Not again at once. */
	syn(b);
	assert_int_equal(suspicions(&m, 1000), 0);
}

static void
test_a_backend_that_opens_flows_is_not_suspect(void **state)
{
	uint16_t port = 1000;
	struct message m;

	(void)state;
	for (int i = 0; i < 30; i++) {
		uint16_t lossy = port_for(1, port);
		uint16_t fine = port_for(1, (uint16_t)(lossy + 1));

		port = (uint16_t)(fine + 1);
		syn(lossy);
		syn(lossy);
		syn(fine);
		data(fine);
		if (i < 15) /* Then all together: it may be busy. */
			assert_int_equal(suspicions(&m, 1000), 0);
	}
	assert_int_equal(suspicions(&m, 1000), 0);
	assert_int_equal(stat_get(&evidence(1)->syn_retransmissions), 30);
	assert_int_equal(stat_get(&evidence(1)->opened), 30);
}

static void
test_early_resets_of_three_clients_make_a_backend_suspect(void **state)
{
	uint16_t port = 1000;
	struct message m;

	(void)state;
	for (int i = 0; i < 5; i++) {
		port = port_for(3, port);
		syn(port);
		assert_int_equal(suspicions(&m, 1000), 0);
		ask(PROTOCOL_TCP, port++, TCP_RST, 0);
	}
	assert_int_equal(suspicions(&m, 1000), 1);
	assert_suspect(&m, 3, SUSPECT_RESETS, 5);
}

static void
test_nobody_hears_of_a_backend_that_was_removed(void **state)
{
	uint16_t a = port_for(1, 1000);
	uint16_t b = port_for(1, (uint16_t)(a + 1));
	struct message m;

	(void)state;
	syn(a);
	syn(b);
	for (int i = 0; i < 3; i++) {
		syn(a);
		syn(b);
	}
	remove_backend(&(struct ip_addr[]){ rig_addr(client_addrs[0]) }[0]);
	assert_int_equal(suspicions(&m, 1000), 0);
}

static void
test_signs_beyond_the_ring_are_counted_and_the_work_is_bounded(void **state)
{
	uint16_t a = port_for(1, 1000);
	uint16_t b = port_for(1, (uint16_t)(a + 1));
	struct message m;

	(void)state;
	for (int i = 0; i <= EVIDENCE_RING; i++) {
		syn(a);
		syn(b);
	}
	assert_int_equal(stat_get(&evidence(1)->syn_retransmissions), 2 * EVIDENCE_RING);
	assert_int_equal(suspicions(&m, 2), 0);
	assert_int_equal(suspicions(&m, 1), 1); /* By the third sign. */
	assert_int_equal(suspicions(&m, EVIDENCE_RING - 4), 0);
	assert_int_equal(suspicions(&m, 1000), 0);
	assert_int_equal(stat_get(&evidence(1)->syn_retransmissions), 2 * EVIDENCE_RING);
}

/* A service in mode ipip on port 81 with one backend, and an error about it. */
static struct unreachable
tunnel(void)
{
	struct service_conf s = rig_service(CLIENT_VIP, PROTOCOL_TCP, MODE_IPIP);
	struct backend_conf b = rig_backend(client_addrs[0]);
	struct txn *txn = rig_begin(false);

	s.key.l4_port = 81;
	assert_int_equal(txn_service_set(txn, &s), CONF_OK);
	b.addr = rig_addr("10.0.0.16");
	assert_int_equal(txn_backend_set(txn, &s.key, &b), CONF_OK);
	rig_commit(txn);
	return (struct unreachable){ .source = rig_own(IP_V4),
		.backend = b.addr,
		.vip = s.key.vip,
		.l4_port = 81,
		.protocol = PROTOCOL_TCP };
}

/* Suspicions that an error makes. */
static uint32_t
tell(const struct unreachable *error, struct message *m)
{
	assert_true(spsc_ring_put(dp.evidence.unreachables, error));
	return suspicions(m, 1000);
}

static void
test_an_error_about_a_tunnel_makes_its_backend_suspect_at_once(void **state)
{
	struct unreachable error = tunnel();
	const struct stats_member *member = stats_member(dp.stats, stats_index("10.0.0.16"));
	struct message m;

	(void)state;
	assert_int_equal(tell(&error, &m), 1);
	assert_int_equal(m.SUSPECT_EVENT.kind, SUSPECT_UNREACHABLE);
	assert_int_equal(m.SUSPECT_EVENT.count, 1);
	assert_int_equal(m.SUSPECT_EVENT.service.l4_port, 81);
	assert_memory_equal(&m.SUSPECT_EVENT.service.vip, &error.vip, sizeof(error.vip));
	assert_memory_equal(&m.SUSPECT_EVENT.backend, &error.backend, sizeof(error.backend));
	assert_int_equal(member->unreachables, 1);
	assert_int_equal(tell(&error, &m), 0); /* Not again at once, but it is counted. */
	assert_int_equal(member->unreachables, 2);
}

static void
test_an_error_about_what_we_never_sent_says_nothing(void **state)
{
	const struct unreachable right = tunnel();
	const struct stats_member *member = stats_member(dp.stats, stats_index("10.0.0.16"));
	struct unreachable wrong[7];
	struct message m;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		wrong[i] = right;
	wrong[0].source = rig_addr("10.1.0.1"); /* Ours, but not on the way to it. */
	wrong[1].source = rig_own(IP_V6);
	wrong[2].backend = rig_addr("10.0.0.17");
	wrong[3].vip = rig_addr("192.0.2.99");
	wrong[4].l4_port = 82;
	wrong[5].protocol = PROTOCOL_UDP;
	/* A backend of another service, which has no tunnel. */
	wrong[6].l4_port = 80;
	wrong[6].backend = rig_addr(client_addrs[0]);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(tell(&wrong[i], &m), 0);
	assert_int_equal(member->unreachables, 0);
	assert_int_equal(tell(&right, &m), 1);
}

static void
test_a_change_keeps_the_count_of_errors_and_a_new_member_starts_from_zero(void **state)
{
	struct unreachable error = tunnel();
	uint32_t index = stats_index("10.0.0.16");
	struct backend_conf b = rig_backend("10.0.0.16");
	struct service_key key = service(PROTOCOL_TCP).key;
	struct message m;
	struct txn *txn;

	(void)state;
	key.l4_port = 81;
	assert_int_equal(tell(&error, &m), 1);
	b.weight = 7;
	txn = rig_begin(false);
	assert_int_equal(txn_backend_set(txn, &key, &b), CONF_OK);
	rig_commit(txn);
	assert_int_equal(stats_member(dp.stats, index)->unreachables, 1);
	txn = rig_begin(false);
	assert_int_equal(txn_backend_remove(txn, &key, &b.addr), CONF_OK);
	rig_commit(txn);
	assert_int_equal(tell(&error, &m), 0);
	rig_sweep();
	rig_sweep();
	control_quarantine_check(&control);
	txn = rig_begin(false);
	assert_int_equal(txn_backend_set(txn, &key, &b), CONF_OK);
	rig_commit(txn);
	assert_int_equal(stats_index("10.0.0.16"), index);
	assert_int_equal(stats_member(dp.stats, index)->unreachables, 0);
	assert_int_equal(tell(&error, &m), 1); /* Although it was heard of a moment ago. */
}

static void
test_errors_beyond_their_ring_are_dropped_for_their_reason(void **state)
{
	uint8_t f[14 + 20 + 8] = { 2, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 0, 0x77, 8, 0, 0x45 };
	uint32_t sent = 0;

	(void)state;
	f[17] = 28;
	f[22] = 64;
	f[23] = 1;
	memcpy(f + 26, (uint8_t[]){ 10, 0, 0, 254 }, 4);
	memcpy(f + 30, rig_own(IP_V4).bytes, 4);
	f[34] = 3;
	for (; rig_drops(DROP_ICMP_ERROR_RING) < 10 && sent < 3000; sent++) {
		struct rte_mbuf *m = rig_mbuf(f, sizeof(f));

		rig_run(0, &m, 1);
	}
	assert_int_equal(rig_drops(DROP_ICMP_ERROR_RING), 10);
	assert_int_equal(stat_get(&worker->stats->exceptions), sent - 10);
	assert_int_equal(rig_in_use(), sent - 10);
}

static void
test_segments_to_reset_beyond_their_ring_are_dropped_for_their_reason(void **state)
{
	uint16_t port = port_for(1, 1000);
	struct backend_conf one = rig_backend(client_addrs[0]);
	struct service_conf s = service(PROTOCOL_TCP);
	uint32_t sent = 0;
	struct txn *txn;

	(void)state;
	syn(port);
	/* All are down, so the flow stays where it is. */
	s.on_down = ON_DOWN_RESET;
	txn = rig_begin(false);
	assert_int_equal(txn_service_set(txn, &s), CONF_OK);
	for (size_t i = 0; i < CLIENT_BACKENDS; i++) {
		one = rig_backend(client_addrs[i]);
		one.health = HEALTH_DOWN;
		assert_int_equal(txn_backend_set(txn, &s.key, &one), CONF_OK);
	}
	rig_commit(txn);
	for (; rig_drops(DROP_RESET_RING) < 10 && sent < 3000; sent++) {
		struct rte_mbuf *m = packet(PROTOCOL_TCP, port, TCP_ACK, 10);

		rig_run(0, &m, 1);
	}
	assert_int_equal(rig_drops(DROP_RESET_RING), 10);
	assert_int_equal(stat_get(&worker->stats->exceptions), sent - 10);
	assert_int_equal(rig_in_use(), sent - 10);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_flood_of_syns_is_no_evidence_but_syns_sent_again_are),
		TEST(test_syns_sent_again_count_within_a_burst_too),
		TEST(test_progress_and_early_resets_are_counted_and_open_flows_are_not_looked_at),
		TEST(test_evidence_is_against_whose_flow_it_was),
		TEST(test_a_flood_of_syns_makes_nobody_suspect),
		TEST(test_syns_sent_again_by_two_clients_make_their_backend_suspect),
		TEST(test_a_backend_that_opens_flows_is_not_suspect),
		TEST(test_early_resets_of_three_clients_make_a_backend_suspect),
		TEST(test_nobody_hears_of_a_backend_that_was_removed),
		TEST(test_signs_beyond_the_ring_are_counted_and_the_work_is_bounded),
		TEST(test_an_error_about_a_tunnel_makes_its_backend_suspect_at_once),
		TEST(test_an_error_about_what_we_never_sent_says_nothing),
		TEST(test_a_change_keeps_the_count_of_errors_and_a_new_member_starts_from_zero),
		TEST(test_errors_beyond_their_ring_are_dropped_for_their_reason),
		TEST(test_segments_to_reset_beyond_their_ring_are_dropped_for_their_reason),
	};

	if (rig_start_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
