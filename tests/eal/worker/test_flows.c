/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows one by one: who keeps them, who gets them, when they go, and when numbers are free
 * again.
 */
#include "rig.h"

#include <string.h>

#include <rte_mbuf.h>

#include "base/bytes.h"
#include "net/parse.h"

#define VIP "192.0.2.1"
/* Rounded up. */
#define TICKS(seconds) (((seconds)*1000U + FLOW_TICK_MS - 1) / FLOW_TICK_MS)

static const struct rig_conf small = { .flows4 = 64, .flows6 = 64 };

/* Three enabled backends, one interface each. */
static const char *const addrs[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };

static struct rte_mbuf *
packet(uint8_t protocol, uint16_t client_port, uint8_t flags, uint32_t payload)
{
	uint8_t f[14 + 20 + 20 + 100] = { 2, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 0, 0x77, 8, 0, 0x45 };
	uint32_t l4 = protocol == PROTOCOL_TCP ? 20 : 8;

	store_be16(f + 16, (uint16_t)(20 + l4 + payload));
	f[22] = 64;
	f[23] = protocol;
	memcpy(f + 26, (uint8_t[]){ 198, 51, 100, 1 }, 4);
	memcpy(f + 30, rig_addr(VIP).bytes, 4);
	store_be16(f + 34, client_port);
	store_be16(f + 36, 80);
	if (protocol == PROTOCOL_TCP) {
		f[46] = 0x50;
		f[47] = flags;
	} else {
		store_be16(f + 38, (uint16_t)(8 + payload));
	}
	return rig_mbuf(f, 34 + l4 + payload);
}

/* Send one packet. @return the last byte of the backend's address that it went to; 0: nowhere. */
static uint8_t
ask(uint8_t protocol, uint16_t client_port, uint8_t flags, uint32_t payload)
{
	struct rte_mbuf *m = packet(protocol, client_port, flags, payload);
	struct exception x;
	uint8_t to = 0;

	rig_run(0, &m, 1);
	while (exception_take(&dp.exceptions, EXCEPTION_PUNT, &x, 1) == 1)
		rte_pktmbuf_free(x.mbuf);
	for (uint16_t port = 0; port < 2; port++) {
		struct rte_mbuf *sent = rig_sent(port);

		if (sent == NULL)
			continue;
		to = rte_pktmbuf_mtod(sent, uint8_t *)[5];
		rte_pktmbuf_free(sent);
	}
	assert_int_equal(rig_in_use(), 0);
	assert_int_equal(rig_active_flows(), worker->flows4.nb_flows + worker->flows6.nb_flows);
	return to;
}

static uint8_t
syn(uint16_t client_port)
{
	return ask(PROTOCOL_TCP, client_port, TCP_SYN, 0);
}

static uint8_t
data(uint16_t client_port)
{
	return ask(PROTOCOL_TCP, client_port, TCP_ACK, 10);
}

static struct service_conf
service(uint8_t protocol)
{
	return rig_service(VIP, protocol, MODE_DIRECT);
}

static void
set_backend(const struct backend_conf *conf)
{
	struct service_conf s = service(PROTOCOL_TCP);
	struct txn *txn = rig_begin(false);

	assert_int_equal(txn_backend_set(txn, &s.key, conf), CONF_OK);
	rig_commit(txn);
}

static void
remove_backend(const struct ip_addr *addr)
{
	struct service_conf s = service(PROTOCOL_TCP);
	struct txn *txn = rig_begin(false);

	assert_int_equal(txn_backend_remove(txn, &s.key, addr), CONF_OK);
	rig_commit(txn);
}

static void
add_service(uint8_t protocol)
{
	struct service_conf s = service(protocol);
	struct txn *txn = rig_begin(false);

	assert_int_equal(txn_service_set(txn, &s), CONF_OK);
	for (size_t i = 0; i < ARRAY_LEN(addrs); i++) {
		struct backend_conf b = rig_backend(addrs[i]);

		assert_int_equal(txn_backend_set(txn, &s.key, &b), CONF_OK);
	}
	rig_commit(txn);
}

static void
remove_service(void)
{
	struct service_conf s = service(PROTOCOL_TCP);
	struct txn *txn = rig_begin(false);

	assert_int_equal(txn_service_remove(txn, &s.key), CONF_OK);
	rig_commit(txn);
}

static int
setup(void **state)
{
	(void)state;
	rig_setup(&small);
	add_service(PROTOCOL_TCP);
	add_service(PROTOCOL_UDP);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	rig_teardown();
	return 0;
}

/* The first client port from @p from on that the table gives to backend @p to. */
static uint16_t
port_for(uint8_t to, uint16_t from)
{
	const struct snapshot *s = atomic_load(&dp.snapshot);

	for (uint16_t p = from;; p++) {
		uint8_t ports[4];
		uint16_t id, member;

		store_be16(ports, p);
		store_be16(ports + 2, 80);
		id = snapshot_find4(s,
				snapshot_key4(load_u32(rig_addr(VIP).bytes), load_u16(ports + 2),
						PROTOCOL_TCP))
				     ->id;
		member = snapshot_choose4(s, s->services[id],
				load_u32(rig_addr("198.51.100.1").bytes),
				load_u32(rig_addr(VIP).bytes), load_u32(ports), PROTOCOL_TCP);
		if (s->services[id]->members[member].nexthop == to)
			return p;
	}
}

static void
test_a_flow_stays_when_its_slot_goes_to_another(void **state)
{
	uint16_t port = port_for(1, 1000);
	struct backend_conf one = rig_backend(addrs[0]);

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
	struct ip_addr from = rig_addr(addrs[0]);
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
	struct backend_conf one = rig_backend(addrs[0]);

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
	struct backend_conf one = rig_backend(addrs[0]);

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
	remove_backend(&(struct ip_addr[]){ rig_addr(addrs[0]) }[0]);
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
	for (size_t i = 0; i < ARRAY_LEN(addrs); i++) {
		struct backend_conf b = rig_backend(addrs[i]);

		b.health = HEALTH_DOWN;
		set_backend(&b);
	}
	assert_int_equal(data(port), 0);
	assert_int_equal(syn((uint16_t)(port + 1)), 0);
	assert_int_equal(rig_drops(DROP_NO_BACKEND), 2);
	set_backend(&(struct backend_conf[]){ rig_backend(addrs[0]) }[0]);
	assert_int_equal(data(port), 1);
	assert_int_equal(stat_get(&worker->stats->flows_moved), 0);
}

static void
test_a_syn_on_an_open_flow_changes_nothing(void **state)
{
	uint16_t port = port_for(1, 1000);
	struct backend_conf one = rig_backend(addrs[0]);

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
	struct backend_conf one = rig_backend(addrs[0]);

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
	set_backend(&(struct backend_conf[]){ rig_backend(addrs[0]) }[0]);
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

static uint32_t
stats_index(const char *addr)
{
	struct ip_addr a = rig_addr(addr);

	for (uint32_t i = 0; i < RIG_MAX_MEMBERS; i++)
		if (stats_member(dp.stats, i)->used &&
				ip_addr_equal(&stats_member(dp.stats, i)->conf.addr, &a))
			return i;
	return UINT32_MAX;
}

static void
test_a_number_rests_for_two_sweeps_then_starts_from_zero(void **state)
{
	uint16_t port = port_for(1, 1000);
	uint32_t before = stats_index(addrs[0]);
	struct backend_conf new = rig_backend("10.0.0.4");

	(void)state;
	syn(port);
	syn(port);
	remove_backend(&(struct ip_addr[]){ rig_addr(addrs[0]) }[0]);
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
	struct backend_conf back = rig_backend(addrs[0]);
	struct txn *txn;

	(void)state;
	remove_backend(&(struct ip_addr[]){ rig_addr(addrs[0]) }[0]);
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

/* What is known against the backend whose address ends in @p last. */
static const struct member_evidence *
evidence(uint8_t last)
{
	return &worker->evidence[stats_index(addrs[last - 1])];
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
	struct backend_conf one = rig_backend(addrs[0]);

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
		TEST(test_a_flood_of_syns_is_no_evidence_but_syns_sent_again_are),
		TEST(test_syns_sent_again_count_within_a_burst_too),
		TEST(test_progress_and_early_resets_are_counted_and_open_flows_are_not_looked_at),
		TEST(test_evidence_is_against_whose_flow_it_was),
		TEST(test_a_full_ring_drops_for_the_reason_of_its_class),
		TEST(test_a_full_outbox_drops_and_is_not_counted_as_forwarded),
	};

	if (rig_start_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
