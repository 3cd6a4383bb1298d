/* SPDX-License-Identifier: BSD-3-Clause */
#include "model.h"

#include <string.h>

#include "base/bytes.h"
#include "dataplane/exception.h"
#include "flow/flow_state.h"
#include "hash/maglev.h"
#include "net/echo.h"
#include "net/parse.h"

#define L2_ROOM 18 /* Asked for, tag or not, unless nothing moves. */

static struct model_service *
find_service(struct model *m, const struct service_key *key)
{
	for (int i = 0; i < MODEL_SERVICES; i++)
		if (m->services[i].present &&
				memcmp(&m->services[i].conf.key, key, sizeof(*key)) == 0)
			return &m->services[i];
	return NULL;
}

static const struct model_backend *
find_backend(const struct model_service *s, const struct ip_addr *addr)
{
	for (int i = 0; s != NULL && i < MODEL_BACKENDS; i++)
		if (s->backends[i].present && ip_addr_equal(&s->backends[i].conf.addr, addr))
			return &s->backends[i];
	return NULL;
}

static bool
is_vip(const struct model *m, const struct ip_addr *addr)
{
	for (int i = 0; i < MODEL_SERVICES; i++)
		if (m->services[i].present && ip_addr_equal(&m->services[i].conf.key.vip, addr))
			return true;
	return false;
}

/* @return false: nobody takes new flows. */
static bool
choose(const struct service_key *key, const struct model_flow *flow, struct ip_addr *out)
{
	const struct snapshot *s = atomic_load(&dp.snapshot);
	uint8_t ports[4];
	uint64_t hash;

	store_u16(ports, flow->port_be);
	store_be16(ports + 2, key->l4_port);
	if (key->vip.family == IP_V4)
		hash = slot_hash_v4(&s->hash_key, load_u32(flow->client.bytes),
				load_u32(key->vip.bytes), load_u32(ports), key->protocol);
	else
		hash = slot_hash_v6(&s->hash_key, flow->client.bytes, key->vip.bytes,
				load_u32(ports), key->protocol);
	for (uint32_t i = 0; i < s->nb_services; i++) {
		const struct snapshot_service *service = s->services[i];
		uint16_t member;

		if (service == NULL || service->removed ||
				memcmp(&service->key, key, sizeof(*key)) != 0)
			continue;
		member = service->slots[maglev_slot(hash, service->nb_slots)];
		if (member == MAGLEV_NO_BACKEND)
			return false;
		*out = stats_member(dp.stats, service->members[member].stats)->conf.addr;
		return true;
	}
	fail_msg("no such service");
	return false;
}

static struct model_flow *
find_flow(struct model *m, const struct model_flow *like)
{
	for (uint32_t i = 0; i < m->nb_flows; i++) {
		struct model_flow *f = &m->flows[i];

		if (f->port_be == like->port_be && ip_addr_equal(&f->client, &like->client) &&
				memcmp(&f->service, &like->service, sizeof(f->service)) == 0)
			return f;
	}
	return NULL;
}

static bool
is_full(const struct model *m, uint8_t family)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < m->nb_flows; i++)
		n += m->flows[i].client.family == family;
	return n >= (family == IP_V4 ? dp.conf.flows4 : dp.conf.flows6);
}

static bool
keeps_flows(const struct model_service *s, const struct ip_addr *addr)
{
	const struct model_backend *b = find_backend(s, addr);

	return b != NULL && rig_is_routed(addr) && b->conf.admin != ADMIN_DISABLED &&
			(b->conf.health != HEALTH_DOWN || s->conf.on_down == ON_DOWN_KEEP);
}

static bool
resets_flows(const struct model_service *s, const struct ip_addr *addr)
{
	const struct model_backend *b = find_backend(s, addr);

	return b != NULL && b->conf.admin != ADMIN_DISABLED && b->conf.health == HEALTH_DOWN &&
			s->conf.on_down == ON_DOWN_RESET && s->conf.key.protocol == PROTOCOL_TCP;
}

/* So many that at least @seconds have passed whenever more than that are seen to have. */
static uint32_t
ticks(uint32_t seconds)
{
	return (seconds * 1000 + FLOW_TICK_MS - 1) / FLOW_TICK_MS;
}

/* Who gets a packet. */
enum taker {
	TAKER_NONE,
	TAKER_BACKEND,
	TAKER_RESET, /* Its client: a RST. */
};

static enum taker
follow(struct model *m, struct model_service *s, struct model_flow *flow, const struct packet *p,
		struct ip_addr *to)
{
	struct ip_addr from = flow->backend;
	bool keeps = keeps_flows(s, &from);
	bool reset = resets_flows(s, &from) && (p->tcp_flags & (TCP_SYN | TCP_RST)) == 0;
	enum flow_verdict verdict = flow_track(&flow->value, p->tcp_flags, p->l4_payload,
			worker->now, ticks(s->conf.syn_reselect_idle_s ?: 3));

	*to = from;
	if (keeps && verdict == FLOW_KEEP)
		return TAKER_BACKEND;
	if (reset)
		flow->value.state = FLOW_CLOSING;
	if (!choose(&flow->service, flow, to))
		return reset ? TAKER_RESET : keeps ? TAKER_BACKEND : TAKER_NONE;
	flow->backend = *to;
	*(keeps ? &m->nb_reselected : &m->nb_moved) += 1;
	return reset ? TAKER_RESET : TAKER_BACKEND;
}

static enum taker
select_backend(struct model *m, struct model_service *s, struct model_flow *like,
		const struct packet *p, struct ip_addr *to)
{
	struct model_flow *flow = find_flow(m, like);
	uint8_t flow_state = 0;

	if (flow != NULL)
		return follow(m, s, flow, p, to);
	if (!choose(&like->service, like, to))
		return TAKER_NONE;
	if (flow_begin(p->protocol, p->tcp_flags, &flow_state) == FLOW_BIRTH_UNTRACKED)
		return TAKER_BACKEND;
	like->value.state = flow_state;
	if (is_full(m, like->client.family)) {
		m->nb_full++;
		return TAKER_BACKEND;
	}
	like->value.seen = worker->now % FLOW_TICKS;
	like->backend = *to;
	m->flows[m->nb_flows++] = *like;
	return TAKER_BACKEND;
}

static void
drop_it(struct model *m, struct model_outcome *out, enum drop_reason reason)
{
	out->way = MODEL_DROPPED;
	out->reason = reason;
	m->drops[reason]++;
}

static void
raise_it(struct model *m, struct model_outcome *out, enum exception_class class, uint16_t vlan)
{
	out->way = MODEL_RAISED;
	out->class = class;
	out->vlan = vlan;
	*(class == EXCEPTION_PUNT ? &m->nb_punted : &m->nb_raised) += 1;
}

static void
punt(struct model *m, const struct model_frame *f, struct model_outcome *out, uint16_t vlan,
		enum drop_reason else_reason)
{
	if (f->port == 0)
		raise_it(m, out, EXCEPTION_PUNT, vlan);
	else
		drop_it(m, out, else_reason);
}

static uint16_t
ip_checksum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += load_be16(header + i);
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The outer header by RFC 2003, 2473, 4213 and 6040. @return its bytes. */
static uint32_t
outer_header(uint8_t *h, const uint8_t *inner, uint16_t inner_len, const struct ip_addr *to)
{
	bool v4 = inner[0] >> 4 == 4;
	uint8_t traffic_class = v4 ? inner[1] : (uint8_t)((inner[0] & 0x0f) << 4 | inner[1] >> 4);
	struct ip_addr own = rig_own(to->family);

	memset(h, 0, 40);
	if (to->family == IP_V4) {
		h[0] = 0x45;
		h[1] = traffic_class;
		store_be16(h + 2, (uint16_t)(inner_len + 20));
		h[6] = 0x40;
		h[8] = 64;
		h[9] = v4 ? 4 : 41;
		memcpy(h + 12, own.bytes, 4);
		memcpy(h + 16, to->bytes, 4);
		store_be16(h + 10, ip_checksum(h));
		return 20;
	}
	h[0] = (uint8_t)(0x60 | traffic_class >> 4);
	h[1] = (uint8_t)(traffic_class << 4);
	store_be16(h + 4, inner_len);
	h[6] = v4 ? 4 : 41;
	h[7] = 64;
	memcpy(h + 8, own.bytes, 16);
	memcpy(h + 24, to->bytes, 16);
	return 40;
}

static uint32_t
ethernet(uint8_t *h, const struct interface *interface, uint32_t nexthop, uint8_t ip_byte)
{
	static const uint8_t tag[2] = { 0x81, 0x00 };
	const uint8_t mac[6] = { 2, 1, 0, 0, (uint8_t)(nexthop >> 8), (uint8_t)nexthop };
	uint32_t len = 12;

	memcpy(h, mac, 6);
	memcpy(h + 6, interface->mac, 6);
	if (interface->vlan != PACKET_VLAN_NONE) {
		memcpy(h + 12, tag, 2);
		store_be16(h + 14, interface->vlan);
		len = 16;
	}
	store_be16(h + len, ip_byte >> 4 == 4 ? 0x0800 : 0x86dd);
	return len + 2;
}

static void
send_to(struct model *m, const struct model_frame *f, const struct packet *p,
		const struct model_service *s, const struct ip_addr *to, struct model_outcome *out)
{
	uint8_t last = to->bytes[ip_family_size(to->family) - 1];
	const struct interface *interface = &dp.interfaces.interfaces[last % 3];
	uint32_t end = f->len;
	uint8_t outer[40];
	uint32_t outer_len = 0;

	if (s->conf.mode == MODE_IPIP) {
		outer_len = outer_header(outer, f->bytes + p->l3, p->l3_len, to);
		if (f->first_len == f->len)
			end = p->l3 + (uint32_t)p->l3_len;
	}
	if (p->l3_len + outer_len > interface->mtu) {
		drop_it(m, out, DROP_TOO_BIG);
		return;
	}
	out->nexthop = rig_nexthop(to);
	if (f->headroom + p->l3 < outer_len + L2_ROOM &&
			!(outer_len == 0 && p->l3 == 14 && interface->l2_len == 14 &&
					last % 16 != 7)) {
		drop_it(m, out, DROP_NO_HEADROOM);
		return;
	}
	if (last % 16 == 7) {
		raise_it(m, out, EXCEPTION_UNRESOLVED, PACKET_VLAN_NONE);
	} else {
		out->way = MODEL_SENT;
		out->port = interface->port;
		out->len = ethernet(out->bytes, interface, out->nexthop,
				outer_len != 0 ? outer[0] : f->bytes[p->l3]);
		m->nb_sent++;
	}
	memcpy(out->bytes + out->len, outer, outer_len);
	out->len += outer_len;
	memcpy(out->bytes + out->len, f->bytes + p->l3, end - p->l3);
	out->len += end - p->l3;
}

static void
judge_flow(struct model *m, const struct model_frame *f, const struct packet *p,
		struct model_outcome *out)
{
	enum ip_family family = p->kind == PACKET_FLOW4 ? IP_V4 : IP_V6;
	const uint8_t *addresses = f->bytes + p->l3 + (family == IP_V4 ? 12 : 8);
	struct model_flow like = { 0 };
	struct model_service *s;
	struct ip_addr to;

	like.client = ip_addr_from_bytes(family, addresses);
	like.port_be = load_u16(f->bytes + p->l4);
	like.service.vip = ip_addr_from_bytes(family, addresses + ip_family_size(family));
	like.service.l4_port = load_be16(f->bytes + p->l4 + 2);
	like.service.protocol = p->protocol;
	s = find_service(m, &like.service);
	if (s == NULL) {
		punt(m, f, out, p->vlan, DROP_NO_SERVICE);
		return;
	}
	switch (select_backend(m, s, &like, p, &to)) {
	case TAKER_NONE:
		drop_it(m, out, DROP_NO_BACKEND);
		break;
	case TAKER_BACKEND:
		send_to(m, f, p, s, &to, out);
		break;
	case TAKER_RESET:
		m->nb_reset++;
		raise_it(m, out, EXCEPTION_RESET, p->vlan);
		break;
	}
}

static void
judge_icmp(struct model *m, const struct model_frame *f, const struct packet *p,
		struct model_outcome *out)
{
	static const uint8_t errors4[] = { 3, 4, 5, 11, 12 };
	bool v6 = p->kind == PACKET_ICMP6;
	struct ip_addr dst =
			ip_addr_from_bytes(v6 ? IP_V6 : IP_V4, f->bytes + p->l3 + (v6 ? 24 : 16));
	uint8_t type = f->bytes[p->l4];
	bool vip = is_vip(m, &dst);

	if (v6 && (type == 135 || type == 136))
		raise_it(m, out, EXCEPTION_NEIGHBOUR, p->vlan);
	else if (echo_is_request(f->bytes, p) && (vip || interface_is_own(&dp.interfaces, &dst)))
		raise_it(m, out, EXCEPTION_ECHO, p->vlan);
	else if (vip && (v6 ? type < 128 : memchr(errors4, type, sizeof(errors4)) != NULL))
		drop_it(m, out, DROP_ICMP_ERROR);
	else if ((v6 ? type < 128 : memchr(errors4, type, sizeof(errors4)) != NULL) &&
			interface_is_own(&dp.interfaces, &dst))
		raise_it(m, out, EXCEPTION_ICMP_ERROR, p->vlan);
	else
		punt(m, f, out, p->vlan, DROP_NO_SERVICE);
}

static void
judge_other(struct model *m, const struct model_frame *f, const struct packet *p,
		struct model_outcome *out)
{
	bool v6 = p->kind == PACKET_FRAGMENT6;
	struct ip_addr dst;

	if (p->kind == PACKET_ARP) {
		raise_it(m, out, EXCEPTION_NEIGHBOUR, p->vlan);
		return;
	}
	if (p->kind == PACKET_ICMP4 || p->kind == PACKET_ICMP6) {
		judge_icmp(m, f, p, out);
		return;
	}
	if (p->kind == PACKET_FRAGMENT4 || v6) {
		dst = ip_addr_from_bytes(v6 ? IP_V6 : IP_V4, f->bytes + p->l3 + (v6 ? 24 : 16));
		if (is_vip(m, &dst)) {
			drop_it(m, out, DROP_FRAGMENT);
			return;
		}
	}
	punt(m, f, out, p->vlan, DROP_NO_SERVICE);
}

void
model_judge(struct model *m, const struct model_frame *f, struct model_outcome *out)
{
	const struct port *port = &dp.ports[f->port];
	bool ours = f->len >= 6 && memcmp(f->bytes, port->mac, 6) == 0;
	struct packet p;

	memset(out, 0, sizeof(*out));
	packet_parse_slow(f->bytes, f->first_len, f->len, &p);
	if (p.kind == PACKET_DROP)
		drop_it(m, out, (enum drop_reason)p.drop);
	else if (!ours && (f->bytes[0] & 1) == 0)
		drop_it(m, out, DROP_NOT_FOR_US);
	else if (p.vlan != PACKET_VLAN_NONE && (f->port != 0 || p.vlan != 100))
		punt(m, f, out, p.vlan, DROP_UNKNOWN_VLAN);
	else if (f->checksum_bad)
		drop_it(m, out, DROP_BAD_CHECKSUM);
	else if (ours && (p.kind == PACKET_FLOW4 || p.kind == PACKET_FLOW6))
		judge_flow(m, f, &p, out);
	else
		judge_other(m, f, &p, out);
	if (out->way == MODEL_RAISED && out->class != EXCEPTION_UNRESOLVED) {
		memcpy(out->bytes, f->bytes, f->len);
		out->len = f->len;
	}
}

void
model_sweep(struct model *m)
{
	static const uint32_t defaults[NB_FLOW_STATES] = { 30, 900, 30, 60 };
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->nb_flows; i++) {
		const struct model_flow *f = &m->flows[i];
		const struct model_service *s = find_service(m, &f->service);
		uint32_t lifetime_s;

		if (find_backend(s, &f->backend) == NULL)
			continue;
		lifetime_s = s->conf.lifetime_s[f->value.state];
		if (lifetime_s == 0)
			lifetime_s = defaults[f->value.state];
		if ((worker->now - f->value.seen) % FLOW_TICKS <= ticks(lifetime_s))
			m->flows[kept++] = *f;
	}
	m->nb_flows = kept;
}

uint64_t
model_member_flows(const struct model *m, const struct service_key *service,
		const struct ip_addr *backend)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < m->nb_flows; i++)
		n += ip_addr_equal(&m->flows[i].backend, backend) &&
				memcmp(&m->flows[i].service, service, sizeof(*service)) == 0;
	return n;
}

void
model_apply(const struct model *m)
{
	struct txn *txn = rig_begin(true);

	for (int i = 0; i < MODEL_SERVICES; i++) {
		const struct model_service *s = &m->services[i];

		if (!s->present)
			continue;
		assert_int_equal(txn_service_set(txn, &s->conf), CONF_OK);
		for (int j = 0; j < MODEL_BACKENDS; j++)
			if (s->backends[j].present)
				assert_int_equal(txn_backend_set(txn, &s->conf.key,
								 &s->backends[j].conf),
						CONF_OK);
	}
	rig_commit(txn);
}
