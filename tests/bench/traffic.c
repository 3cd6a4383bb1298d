/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic.h"

#include <stdatomic.h>
#include <string.h>

#include <rte_mbuf.h>

#include "base/bytes.h"
#include "service/snapshot.h"

static const uint8_t client6[8] = { 0x20, 1, 0xd, 0xb8, 0xff, 0, 0, 0 };

/* A client's address and port by the number of its flow; a bijection below 2^40. */
static uint32_t
client_of(uint64_t flow)
{
	return 0x0b000000U + (uint32_t)(flow >> 4);
}

/*
 * Linux takes 32768 to 60999 for its clients, at random (RFC 6056 section 3.3): sixteen parts of
 * that range, a flow of the client in each.
 */
static uint16_t
port_of(uint64_t flow)
{
	uint64_t spread = (client_of(flow) * UINT64_C(0x9e3779b97f4a7c15)) >> 40;

	return (uint16_t)(32768 + (flow & 15) * 1764 + spread % 1764);
}

static uint16_t
naive_checksum(const uint8_t *data, unsigned int len)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < len; i += 2)
		sum += load_be16(data + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static unsigned int
make_ip4(const struct world *world, uint8_t *ip, uint64_t flow)
{
	memset(ip, 0, 20);
	ip[0] = 0x45;
	store_be16(ip + 2, TRAFFIC_FRAME4 - 14);
	ip[8] = 64;
	ip[9] = PROTOCOL_TCP;
	store_be32(ip + 12, client_of(flow));
	memcpy(ip + 16, world->vip4.bytes, 4);
	store_be16(ip + 10, naive_checksum(ip, 20));
	return 20;
}

static unsigned int
make_ip6(const struct world *world, uint8_t *ip, uint64_t flow)
{
	memset(ip, 0, 40);
	ip[0] = 0x60;
	store_be16(ip + 4, TRAFFIC_FRAME6 - 54);
	ip[6] = PROTOCOL_TCP;
	ip[7] = 64;
	memcpy(ip + 8, client6, sizeof(client6));
	store_be32(ip + 20, client_of(flow));
	memcpy(ip + 24, world->vip6.bytes, 16);
	return 40;
}

static void
make_tcp(uint8_t *tcp, uint64_t flow, bool syn, uint32_t number, unsigned int len)
{
	memset(tcp, 0, len);
	store_be16(tcp, port_of(flow));
	store_be16(tcp + 2, WORLD_SERVICE_PORT);
	store_be32(tcp + 4, number);
	tcp[12] = 5 << 4;
	tcp[13] = syn ? 0x02 : 0x10;
}

/* @return bytes written at @p ip. */
static unsigned int
make_packet(const struct world *world, uint8_t *ip, enum ip_family family, uint64_t flow, bool syn,
		uint32_t number)
{
	unsigned int len = (family == IP_V4 ? TRAFFIC_FRAME4 : TRAFFIC_FRAME6) - 14;
	unsigned int header =
			family == IP_V4 ? make_ip4(world, ip, flow) : make_ip6(world, ip, flow);

	make_tcp(ip + header, flow, syn, number, len - header);
	return len;
}

static void
make_ethernet(uint8_t *frame, const uint8_t *dst, const uint8_t *src, bool v4)
{
	memcpy(frame, dst, 6);
	memcpy(frame + 6, src, 6);
	store_be16(frame + 12, v4 ? 0x0800 : 0x86dd);
}

void
traffic_make(const struct world *world, struct rte_mbuf *m, enum ip_family family, uint64_t flow,
		bool syn, uint32_t number)
{
	static const uint8_t gateway[6] = { 0x02, 0, 0, 0, 0, 0x77 };
	uint8_t *frame;

	rte_pktmbuf_reset(m);
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	make_ethernet(frame, world->dp.ports[0].mac, gateway, family == IP_V4);
	m->data_len = (uint16_t)(14 + make_packet(world, frame + 14, family, flow, syn, number));
	m->pkt_len = m->data_len;
}

static unsigned int
outer_len(const struct world *world, enum ip_family family)
{
	if (world->conf.mode != MODE_IPIP)
		return 0;
	return family == IP_V4 ? 20 : 40;
}

uint32_t
traffic_number(const struct world *world, const struct rte_mbuf *m, enum ip_family family)
{
	unsigned int header = family == IP_V4 ? 20 : 40;

	return load_be32(rte_pktmbuf_mtod(m, const uint8_t *) + 14 + outer_len(world, family) +
			header + 4);
}

static uint32_t
backend_of(const struct world *world, enum ip_family family, uint64_t flow)
{
	const struct snapshot *s = atomic_load(&world->dp.snapshot);
	uint8_t packet[TRAFFIC_FRAME6];
	const uint8_t *tcp = packet + (family == IP_V4 ? 20 : 40);
	uint16_t id;

	make_packet(world, packet, family, flow, false, 0);
	if (family == IP_V4) {
		id = snapshot_find4(s,
				snapshot_key4(load_u32(packet + 16), load_u16(tcp + 2),
						PROTOCOL_TCP))
				     ->id;
		return snapshot_choose4(s, s->services[id], load_u32(packet + 12),
				load_u32(packet + 16), load_u32(tcp), PROTOCOL_TCP);
	}
	id = snapshot_find6(s, packet + 24, snapshot_port6(load_u16(tcp + 2), PROTOCOL_TCP))->id;
	return snapshot_choose6(
			s, s->services[id], packet + 8, packet + 24, load_u32(tcp), PROTOCOL_TCP);
}

static unsigned int
make_outer(const struct world *world, uint8_t *ip, enum ip_family family, uint32_t backend,
		unsigned int inner)
{
	struct ip_addr src = world_own(family);
	struct ip_addr dst = world_backend(world, family, backend);

	memset(ip, 0, 40);
	if (family == IP_V6) {
		ip[0] = 0x60;
		store_be16(ip + 4, (uint16_t)inner);
		ip[6] = 41;
		ip[7] = 64;
		memcpy(ip + 8, src.bytes, 16);
		memcpy(ip + 24, dst.bytes, 16);
		return 40;
	}
	ip[0] = 0x45;
	store_be16(ip + 2, (uint16_t)(20 + inner));
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = 4;
	memcpy(ip + 12, src.bytes, 4);
	memcpy(ip + 16, dst.bytes, 4);
	store_be16(ip + 10, naive_checksum(ip, 20));
	return 20;
}

bool
traffic_verify(const struct world *world, const struct rte_mbuf *m, enum ip_family family,
		uint64_t flow, bool syn, uint32_t number)
{
	uint32_t backend = backend_of(world, family, flow);
	unsigned int outer = outer_len(world, family);
	uint8_t expected[14 + 40 + TRAFFIC_FRAME6];
	uint8_t mac[6];
	unsigned int len = make_packet(world, expected + 14 + outer, family, flow, syn, number);

	world_backend_mac(family, backend, mac);
	make_ethernet(expected, mac, world->dp.ports[0].mac, family == IP_V4);
	if (outer != 0) {
		uint8_t header[40];

		make_outer(world, header, family, backend, len);
		memcpy(expected + 14, header, outer);
	}
	return m->pkt_len == 14 + outer + len && m->data_len == m->pkt_len &&
			memcmp(rte_pktmbuf_mtod(m, const void *), expected, m->pkt_len) == 0;
}
