/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <string.h>

#include <rte_mbuf.h>

#include "base/bytes.h"
#include "net/parse.h"

const char *const client_addrs[CLIENT_BACKENDS] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };

struct rte_mbuf *
packet(uint8_t protocol, uint16_t client_port, uint8_t flags, uint32_t payload)
{
	uint8_t f[14 + 20 + 20 + 100] = { 2, 0, 0, 0, 0, 0x10, 2, 0, 0, 0, 0, 0x77, 8, 0, 0x45 };
	uint32_t l4 = protocol == PROTOCOL_TCP ? 20 : 8;

	store_be16(f + 16, (uint16_t)(20 + l4 + payload));
	f[22] = 64;
	f[23] = protocol;
	memcpy(f + 26, (uint8_t[]){ 198, 51, 100, 1 }, 4);
	memcpy(f + 30, rig_addr(CLIENT_VIP).bytes, 4);
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

uint8_t
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

uint8_t
syn(uint16_t client_port)
{
	return ask(PROTOCOL_TCP, client_port, TCP_SYN, 0);
}

uint8_t
data(uint16_t client_port)
{
	return ask(PROTOCOL_TCP, client_port, TCP_ACK, 10);
}

struct service_conf
service(uint8_t protocol)
{
	return rig_service(CLIENT_VIP, protocol, MODE_DIRECT);
}

void
set_backend(const struct backend_conf *conf)
{
	struct service_conf s = service(PROTOCOL_TCP);
	struct txn *txn = rig_begin(false);

	assert_int_equal(txn_backend_set(txn, &s.key, conf), CONF_OK);
	rig_commit(txn);
}

void
remove_backend(const struct ip_addr *addr)
{
	struct service_conf s = service(PROTOCOL_TCP);
	struct txn *txn = rig_begin(false);

	assert_int_equal(txn_backend_remove(txn, &s.key, addr), CONF_OK);
	rig_commit(txn);
}

void
add_service(uint8_t protocol)
{
	struct service_conf s = service(protocol);
	struct txn *txn = rig_begin(false);

	assert_int_equal(txn_service_set(txn, &s), CONF_OK);
	for (size_t i = 0; i < ARRAY_LEN(client_addrs); i++) {
		struct backend_conf b = rig_backend(client_addrs[i]);

		assert_int_equal(txn_backend_set(txn, &s.key, &b), CONF_OK);
	}
	rig_commit(txn);
}

int
client_setup(void **state)
{
	const struct rig_conf conf = { .flows4 = 64, .flows6 = 64 };

	(void)state;
	rig_setup(&conf);
	add_service(PROTOCOL_TCP);
	add_service(PROTOCOL_UDP);
	return 0;
}

int
client_teardown(void **state)
{
	(void)state;
	rig_teardown();
	return 0;
}

uint16_t
port_for(uint8_t to, uint16_t from)
{
	const struct snapshot *s = atomic_load(&dp.snapshot);

	for (uint16_t p = from;; p++) {
		uint8_t ports[4];
		uint16_t id, member;

		store_be16(ports, p);
		store_be16(ports + 2, 80);
		id = snapshot_find4(s,
				snapshot_key4(load_u32(rig_addr(CLIENT_VIP).bytes),
						load_u16(ports + 2), PROTOCOL_TCP))
				     ->id;
		member = snapshot_choose4(s, s->services[id],
				load_u32(rig_addr("198.51.100.1").bytes),
				load_u32(rig_addr(CLIENT_VIP).bytes), load_u32(ports),
				PROTOCOL_TCP);
		if (s->services[id]->members[member].nexthop == to)
			return p;
	}
}

uint32_t
stats_index(const char *addr)
{
	struct ip_addr a = rig_addr(addr);

	for (uint32_t i = 0; i < RIG_MAX_MEMBERS; i++)
		if (stats_member(dp.stats, i)->used &&
				ip_addr_equal(&stats_member(dp.stats, i)->conf.addr, &a))
			return i;
	return UINT32_MAX;
}
