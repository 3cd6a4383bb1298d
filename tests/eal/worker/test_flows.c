/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows one by one: who keeps them, who gets them, when they go, and when numbers are free
 * again.
 */
#include "client.h"

#include <string.h>

#include <rte_mbuf.h>

#include "base/bytes.h"
#include "net/parse.h"

/* Rounded up. */
#define TICKS(seconds) (((seconds)*1000U + FLOW_TICK_MS - 1) / FLOW_TICK_MS)

static void
remove_service(void)
{
	struct service_conf s = service(PROTOCOL_TCP);
	struct txn *txn = rig_begin(false);

	assert_int_equal(txn_service_remove(txn, &s.key), CONF_OK);
	rig_commit(txn);
}

static void
test_a_flow_stays_when_its_slot_goes_to_another(void **state)
{
	uint16_t port = port_for(1, 1000);
	struct backend_conf one = rig_backend(client_addrs[0]);

	(void)state;
	assert_int_equal(syn(port), 1);
	assert_int_equal(data(port), 1);
	one.factor = 0;
	set_backend(&one);
	for (uint16_t p = 20000; p < 20020; p++)
		assert_int_not_equal(syn(p), 1);
	assert_int_equal(data(port), 1);
	one.admin = ADMIN_DRAINING;
	set_backend(&one);
	assert_int_equal(data(port), 1);
	one.weight = 0;
	set_backend(&one);
	assert_int_equal(data(port), 1);
	assert_int_equal(stat_get(&worker->stats->flows_moved), 0);
}

static void
assert_moves(uint16_t port)
{
	struct service_conf s = service(PROTOCOL_TCP);
	struct ip_addr from = rig_addr(client_addrs[0]);
	uint8_t to = data(port);

	assert_int_not_equal(to, 0);
	assert_int_not_equal(to, 1);
	assert_int_equal(data(port), to);
	assert_int_equal(stat_get(&worker->stats->flows_moved), 1);
	assert_int_equal(rig_active_flows(), 1);
	assert_int_equal(rig_member_flows(&s.key, &from), 0);
}

static void
test_a_flow_moves_once_when_its_backend_is_down(void **state)
{
	uint16_t port = port_for(1, 1000);
	struct backend_conf one = rig_backend(client_addrs[0]);

	(void)state;
	syn(port);
	one.health = HEALTH_DOWN;
	set_backend(&one);
	assert_moves(port);
	one.health = HEALTH_UP;
	set_backend(&one);
	assert_int_not_equal(data(port), 1); /* It stays where it went. */
}

static void
test_a_flow_moves_once_when_its_backend_is_disabled(void **state)
{
	uint16_t port = port_for(1, 1000);
	struct backend_conf one = rig_backend(client_addrs[0]);

	(void)state;
	syn(port);
	one.admin = ADMIN_DISABLED;
	set_backend(&one);
	assert_moves(port);
}

static void
test_a_flow_moves_once_when_its_backend_is_removed(void **state)
{
	uint16_t port = port_for(1, 1000);
	uint8_t to;

	(void)state;
	syn(port);
	remove_backend(&(struct ip_addr[]){ rig_addr(client_addrs[0]) }[0]);
	to = data(port);
	assert_true(to == 2 || to == 3);
	assert_int_equal(data(port), to);
	assert_int_equal(stat_get(&worker->stats->flows_moved), 1);
	rig_sweep();
	assert_int_equal(data(port), to);
	assert_int_equal(worker->flows4.nb_flows, 1);
}

static void
test_nobody_takes_a_flow_when_all_are_down_and_it_returns_to_the_first_that_is_up(void **state)
{
	uint16_t port = port_for(1, 1000);

	(void)state;
	syn(port);
	for (size_t i = 0; i < ARRAY_LEN(client_addrs); i++) {
		struct backend_conf b = rig_backend(client_addrs[i]);

		b.health = HEALTH_DOWN;
		set_backend(&b);
	}
	assert_int_equal(data(port), 0);
	assert_int_equal(syn((uint16_t)(port + 1)), 0);
	assert_int_equal(rig_drops(DROP_NO_BACKEND), 2);
	set_backend(&(struct backend_conf[]){ rig_backend(client_addrs[0]) }[0]);
	assert_int_equal(data(port), 1);
	assert_int_equal(stat_get(&worker->stats->flows_moved), 0);
}

static void
test_a_syn_on_an_open_flow_changes_nothing(void **state)
{
	uint16_t port = port_for(1, 1000);
	struct backend_conf one = rig_backend(client_addrs[0]);

	(void)state;
	syn(port);
	data(port);
	one.factor = 0;
	set_backend(&one);
	assert_int_equal(syn(port), 1);
	assert_int_equal(data(port), 1);
	assert_int_equal(stat_get(&worker->stats->flows_reselected), 0);
}

static void
test_a_syn_on_a_closing_or_idle_flow_chooses_anew(void **state)
{
	uint16_t closing = port_for(1, 1000);
	uint16_t idle = port_for(1, (uint16_t)(closing + 1));
	struct backend_conf one = rig_backend(client_addrs[0]);

	(void)state;
	syn(closing);
	data(closing);
	syn(idle);
	data(idle);
	assert_int_equal(ask(PROTOCOL_TCP, closing, TCP_FIN | TCP_ACK, 0), 1);
	one.admin = ADMIN_DRAINING;
	set_backend(&one);
	assert_int_equal(ask(PROTOCOL_TCP, closing, TCP_ACK, 0), 1);
	assert_int_not_equal(syn(closing), 1);
	worker->now += TICKS(3);
	assert_int_equal(syn(idle), 1);
	worker->now += 1;
	assert_int_not_equal(syn(idle), 1);
	assert_int_equal(stat_get(&worker->stats->flows_reselected), 2);
	assert_int_equal(rig_active_flows(), 2);
}

static void
test_rst_and_fin_without_a_flow_are_forwarded_and_not_remembered(void **state)
{
	uint16_t port = port_for(2, 1000);

	(void)state;
	assert_int_equal(ask(PROTOCOL_TCP, port, TCP_RST, 0), 2);
	assert_int_equal(ask(PROTOCOL_TCP, port, TCP_FIN | TCP_ACK, 0), 2);
	assert_int_equal(ask(PROTOCOL_TCP, port, TCP_SYN | TCP_ACK, 0), 2);
	assert_int_equal(worker->flows4.nb_flows, 0);
	assert_int_equal(stat_get(&worker->stats->flow_misses_other), 3);
	assert_int_equal(ask(PROTOCOL_TCP, port, TCP_ACK, 0), 2); /* In mid-connection. */
	assert_int_equal(worker->flows4.nb_flows, 1);
	assert_int_equal(stat_get(&worker->stats->flow_misses_other), 4);
	assert_int_equal(stat_get(&worker->stats->flow_misses_syn), 0);
}

static void
test_a_full_table_forwards_by_maglev_and_keeps_what_it_has(void **state)
{
	uint16_t first = port_for(1, 1000);
	uint16_t late;

	(void)state;
	syn(first);
	for (uint16_t p = 20000; p < 20000 + 63; p++)
		syn(p);
	assert_int_equal(worker->flows4.nb_flows, 64);
	late = port_for(3, 30000);
	assert_int_equal(syn(late), 3);
	assert_int_equal(data(late), 3);
	assert_int_equal(stat_get(&worker->stats->flow_table_full), 2);
	assert_int_equal(worker->flows4.nb_flows, 64);
	set_backend(&(struct backend_conf[]){ rig_backend(client_addrs[0]) }[0]);
	assert_int_equal(data(first), 1);
}

static void
test_flows_expire_by_state(void **state)
{
	const uint32_t lifetimes_s[] = { 30, 900, 30, 60 }; /* By enum flow_state. */

	(void)state;
	for (uint32_t s = 0; s < NB_FLOW_STATES; s++) {
		uint8_t protocol = s == FLOW_UDP ? PROTOCOL_UDP : PROTOCOL_TCP;

		ask(protocol, 1000, TCP_SYN, 0);
		if (s == FLOW_OPEN || s == FLOW_CLOSING)
			data(1000);
		if (s == FLOW_CLOSING)
			ask(PROTOCOL_TCP, 1000, TCP_FIN | TCP_ACK, 0);
		worker->now += TICKS(lifetimes_s[s]);
		rig_sweep();
		assert_int_equal(worker->flows4.nb_flows, 1);
		worker->now += 1;
		rig_sweep();
		assert_int_equal(worker->flows4.nb_flows, 0);
		assert_int_equal(rig_active_flows(), 0);
		assert_int_equal(stat_get(&worker->stats->flows_expired), s + 1);
	}
}

static void
test_a_pass_looks_at_both_tables_whole_and_once_a_second(void **state)
{
	uint64_t ms = worker->tsc_per_second / 1000;
	uint64_t passes = stat_get(&worker->stats->sweeps);

	(void)state;
	for (int i = 0; i < 10000; i++)
		worker_sweep(worker, ms);
	assert_in_range(stat_get(&worker->stats->sweeps) - passes, 9, 10);
	worker_sweep(worker, 1000 * ms); /* Ever so late: one pass at most. */
	assert_in_range(stat_get(&worker->stats->sweeps) - passes, 10, 11);
}

static void
test_a_number_rests_for_two_sweeps_then_starts_from_zero(void **state)
{
	uint16_t port = port_for(1, 1000);
	uint32_t before = stats_index(client_addrs[0]);
	struct backend_conf new = rig_backend("10.0.0.4");

	(void)state;
	syn(port);
	syn(port);
	remove_backend(&(struct ip_addr[]){ rig_addr(client_addrs[0]) }[0]);
	rig_sweep();
	control_quarantine_check(&control);
	assert_true(state_quarantine_any(control.state));
	set_backend(&new);
	assert_int_not_equal(stats_index("10.0.0.4"), before);
	rig_sweep();
	control_quarantine_check(&control);
	assert_false(state_quarantine_any(control.state));
	assert_int_equal(worker->flows4.nb_flows, 0);
	assert_int_equal(stat_get(&worker->members[before].packets), 0);
	assert_int_equal(stat_get(&worker->evidence[before].syn_retransmissions), 0);
	new.addr = rig_addr("10.0.0.5");
	set_backend(&new);
	assert_int_equal(stats_index("10.0.0.5"), before);
}

static void
test_a_quarantine_ends_while_a_transaction_is_open(void **state)
{
	struct service_conf s = service(PROTOCOL_TCP);
	struct backend_conf back = rig_backend(client_addrs[0]);
	struct txn *txn;

	(void)state;
	remove_backend(&(struct ip_addr[]){ rig_addr(client_addrs[0]) }[0]);
	txn = rig_begin(false);
	control.txn.txn = txn;
	assert_int_equal(txn_backend_set(txn, &s.key, &back), CONF_OK);
	rig_sweep();
	rig_sweep();
	control_quarantine_check(&control);
	assert_false(state_quarantine_any(control.state));
	rig_commit(txn);
	control.txn.txn = NULL;
	assert_int_equal(syn(port_for(1, 1000)), 1);
}

static void
test_batches_beyond_those_told_apart_end_with_the_last(void **state)
{
	struct backend_conf b = rig_backend("10.0.0.16");

	(void)state;
	for (int i = 0; i < CONTROL_MAX_BATCHES + 10; i++) {
		b.addr.bytes[2] = (uint8_t)(i + 1);
		set_backend(&b);
		remove_backend(&b.addr);
	}
	rig_sweep();
	control_quarantine_check(&control);
	assert_true(state_quarantine_any(control.state));
	rig_sweep();
	control_quarantine_check(&control);
	assert_false(state_quarantine_any(control.state));
	assert_int_equal(control.nb_batches, 0);
}

static void
test_a_service_that_comes_back_in_quarantine_keeps_its_flows(void **state)
{
	uint16_t port = port_for(1, 1000);

	(void)state;
	syn(port);
	data(port);
	remove_service();
	assert_int_equal(data(port), 0);
	add_service(PROTOCOL_TCP);
	assert_int_equal(data(port), 1);
	assert_int_equal(worker->flows4.nb_flows, 1);
	assert_int_equal(stat_get(&worker->stats->flows_inserted), 1);
}

static void
test_a_service_that_comes_back_after_its_quarantine_is_new(void **state)
{
	uint16_t port = port_for(1, 1000);

	(void)state;
	syn(port);
	remove_service();
	rig_sweep();
	rig_sweep();
	control_quarantine_check(&control);
	assert_int_equal(rig_active_flows(), 0);
	add_service(PROTOCOL_TCP);
	assert_int_equal(data(port), 1);
	assert_int_equal(stat_get(&worker->stats->flows_inserted), 2);
}

static void
test_a_full_ring_drops_for_the_reason_of_its_class(void **state)
{
	uint8_t arp[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 0x77, 8, 6, 0, 1, 8,
		0, 6, 4, 0, 1 };
	uint32_t sent = 0;

	(void)state;
	for (; rig_drops(DROP_NEIGHBOUR_RING) < 10 && sent < 3000; sent++) {
		struct rte_mbuf *m = rig_mbuf(arp, sizeof(arp));

		rig_run(0, &m, 1);
	}
	assert_int_equal(rig_drops(DROP_NEIGHBOUR_RING), 10);
	assert_int_equal(stat_get(&worker->stats->exceptions), sent - 10);
	assert_int_equal(rig_in_use(), sent - 10);
}

static void
test_a_full_outbox_drops_and_is_not_counted_as_forwarded(void **state)
{
	uint16_t port = port_for(1, 1000);

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct rte_mbuf *m = packet(PROTOCOL_TCP, port, TCP_SYN, 0);

		rig_run(0, &m, 1);
	}
	assert_int_equal(stat_get(&worker->stats->forwarded), 63); /* A ring's room. */
	assert_int_equal(rig_drops(DROP_HANDOVER_RING), 37);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, client_setup, client_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_flow_stays_when_its_slot_goes_to_another),
		TEST(test_a_flow_moves_once_when_its_backend_is_down),
		TEST(test_a_flow_moves_once_when_its_backend_is_disabled),
		TEST(test_a_flow_moves_once_when_its_backend_is_removed),
		TEST(test_nobody_takes_a_flow_when_all_are_down_and_it_returns_to_the_first_that_is_up),
		TEST(test_a_syn_on_an_open_flow_changes_nothing),
		TEST(test_a_syn_on_a_closing_or_idle_flow_chooses_anew),
		TEST(test_rst_and_fin_without_a_flow_are_forwarded_and_not_remembered),
		TEST(test_a_full_table_forwards_by_maglev_and_keeps_what_it_has),
		TEST(test_flows_expire_by_state),
		TEST(test_a_pass_looks_at_both_tables_whole_and_once_a_second),
		TEST(test_a_number_rests_for_two_sweeps_then_starts_from_zero),
		TEST(test_a_quarantine_ends_while_a_transaction_is_open),
		TEST(test_batches_beyond_those_told_apart_end_with_the_last),
		TEST(test_a_service_that_comes_back_in_quarantine_keeps_its_flows),
		TEST(test_a_service_that_comes_back_after_its_quarantine_is_new),
		TEST(test_a_full_ring_drops_for_the_reason_of_its_class),
		TEST(test_a_full_outbox_drops_and_is_not_counted_as_forwarded),
	};

	if (rig_start_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
