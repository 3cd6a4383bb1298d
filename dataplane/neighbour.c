/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main lcore's side of neighbours: frames in and out around the pure parts
 * (neighbour_table.c decides, wait_queue.c keeps packets, announce.c knows what to
 * announce, hop_ledger.c carries the control thread's wishes).
 *
 * Removing a next hop: the control thread asks for it only after every worker has left
 * the snapshots that named it, so whatever workers raised for it stands in the ring of
 * unresolved packets already. That ring is drained before the removal is confirmed;
 * from then on nothing names the index, and it may get another address.
 *
 * Rate: answers that we are waiting for cost no token. Whoever floods us with requests
 * must not be able to make our next hops fail.
 */

#include "dataplane/neighbour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "base/bytes.h"
#include "dataplane/dataplane.h"
#include "dataplane/log.h"
#include "dataplane/main_lcore.h"
#include "dataplane/neighbour_private.h"
#include "dataplane/route.h"
#include "net/neighbour_msg.h"
#include "net/parse.h"

/* Packets that wait for MAC addresses, all together: an eighth of a small pool. */
#define WAITING_MAX 1024
#define FRAMES_MAX 2047
#define FRAME_ROOM (RTE_PKTMBUF_HEADROOM + NEIGHBOUR_FRAME_MAX + 38)
#define MESSAGE_RATE 20000
#define MESSAGE_BURST 2000
#define LOG_RATE 5
#define LOG_BURST 20
/* Work of one tick, so that no queue waits long for another. */
#define TICK_REQUESTS 256
#define TICK_ACTIONS 64
#define DRAIN_BURST 32

static const struct interface *
hop_interface(const struct neighbours *n, uint32_t index)
{
	return &n->dp->interfaces.interfaces[neighbour_table_get(n->table, index)->interface];
}

/* Publish what the table knows. @return true: that is news to workers. */
static bool
hop_publish(struct neighbours *n, uint32_t index)
{
	const struct neighbour *hop = neighbour_table_get(n->table, index);
	nexthop_entry *entry = &n->dp->nexthops->entries[index];
	uint64_t before = atomic_load_explicit(entry, memory_order_relaxed);
	uint64_t now = 0;

	if (neighbour_is_resolved(hop)) {
		memcpy(&now, hop->mac, sizeof(hop->mac));
		now |= (uint64_t)hop->interface << 48 | NEXTHOP_RESOLVED;
	}
	atomic_store_explicit(entry, now, memory_order_relaxed);
	return now != before;
}

/* Not per packet: state changes, rate-limited. */
static void
hop_log(struct neighbours *n, uint32_t index, const char *what)
{
	const struct neighbour *hop = neighbour_table_get(n->table, index);
	const uint8_t *mac = hop->mac;
	char addr[IP_ADDR_STRLEN];

	if (!token_bucket_take(&n->logs, n->now_ms * 1000))
		return;
	LOG_NEIGHBOUR(NOTICE, "%s on %s %s (%02x:%02x:%02x:%02x:%02x:%02x)",
			ip_addr_format(&hop->addr, addr),
			n->dp->ports[hop_interface(n, index)->port].conf->name, what, mac[0],
			mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/* Sending. */

static struct rte_mbuf *
frame_new(struct neighbours *n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(n->frames);

	if (m == NULL)
		stat_add(&main_lcore_stats(n->dp)->drops[DROP_NO_MEMORY], 1);
	return m;
}

static bool
frame_send(struct neighbours *n, const struct interface *interface, struct rte_mbuf *m,
		unsigned int len)
{
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	if (port_send(&n->dp->ports[interface->port], m))
		return true;
	main_lcore_drop(n->dp, m, DROP_TX_FULL);
	return false;
}

static struct neighbour_frame
interface_framing(const struct interface *interface)
{
	struct neighbour_frame framing = { .vlan = interface->vlan };

	memcpy(framing.src_mac, interface->mac, sizeof(framing.src_mac));
	return framing;
}

static void
request_send(struct neighbours *n, uint32_t index, bool unicast)
{
	const struct neighbour *hop = neighbour_table_get(n->table, index);
	const struct interface *interface = hop_interface(n, index);
	struct neighbour_frame framing = interface_framing(interface);
	struct ip_addr source;
	struct rte_mbuf *m;
	unsigned int len;

	if (!route_source(interface, &hop->addr, &hop->addr, &source))
		return;
	m = frame_new(n);
	if (m == NULL)
		return;
	len = neighbour_request_make(rte_pktmbuf_mtod(m, uint8_t *), &framing, &source, &hop->addr,
			unicast ? hop->mac : NULL);
	if (frame_send(n, interface, m, len))
		stat_add(&main_lcore_stats(n->dp)->neighbour_probes_sent, 1);
}

/* A packet that starts with its IP header goes to a resolved next hop. */
static void
packet_send(struct neighbours *n, uint32_t index, struct rte_mbuf *m)
{
	const struct neighbour *hop = neighbour_table_get(n->table, index);
	const struct interface *interface = hop_interface(n, index);
	uint8_t version = *rte_pktmbuf_mtod(m, const uint8_t *) >> 4;
	uint8_t *l2 = (uint8_t *)rte_pktmbuf_prepend(m, interface->l2_len);

	if (l2 == NULL) {
		main_lcore_drop(n->dp, m, DROP_NO_HEADROOM);
		return;
	}
	memcpy(l2, hop->mac, RTE_ETHER_ADDR_LEN);
	memcpy(l2 + 6, interface->mac, RTE_ETHER_ADDR_LEN);
	if (interface->vlan != PACKET_VLAN_NONE) {
		store_be16(l2 + 12, RTE_ETHER_TYPE_VLAN);
		store_be16(l2 + 14, interface->vlan);
	}
	store_be16(l2 + interface->l2_len - 2,
			version == 6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	m->l2_len = interface->l2_len;
	if (!port_send(&n->dp->ports[interface->port], m))
		main_lcore_drop(n->dp, m, DROP_TX_FULL);
}

static void
waiting_send(struct neighbours *n, uint32_t index)
{
	struct rte_mbuf *m;

	while ((m = wait_queue_take(n->waiting, index)) != NULL)
		packet_send(n, index, m);
}

static void
waiting_drop(struct neighbours *n, uint32_t index)
{
	struct rte_mbuf *m;

	while ((m = wait_queue_take(n->waiting, index)) != NULL)
		main_lcore_drop(n->dp, m, DROP_UNRESOLVED);
}

void
neighbour_queue(struct neighbours *n, const struct exception *x)
{
	void *dropped;

	switch (neighbour_table_want(n->table, x->nexthop, n->now_ms)) {
	case NEIGHBOUR_SEND:
		packet_send(n, x->nexthop, x->mbuf);
		break;
	case NEIGHBOUR_WAIT:
		dropped = wait_queue_put(n->waiting, x->nexthop, x->mbuf);
		if (dropped != NULL)
			main_lcore_drop(n->dp, dropped, DROP_UNRESOLVED_FULL);
		break;
	case NEIGHBOUR_NOBODY:
		main_lcore_drop(n->dp, x->mbuf, DROP_UNRESOLVED);
		break;
	}
}

/* Receiving. */

static bool
is_vip(const struct neighbours *n, const struct ip_addr *addr)
{
	/* Acquire: pairs with the control thread's release; valid until we report quiescent. */
	const struct snapshot *s = atomic_load_explicit(&n->dp->snapshot, memory_order_acquire);

	return s != NULL && snapshot_is_vip(s, addr);
}

static bool
is_own_mac(const struct interface_table *table, const uint8_t *mac)
{
	for (unsigned int i = 0; i < table->nb; i++)
		if (memcmp(table->interfaces[i].mac, mac, sizeof(table->interfaces[i].mac)) == 0)
			return true;
	return false;
}

static void
claim_make(const struct interface *interface, const struct neighbour_msg *msg,
		struct neighbour_claim *claim)
{
	memset(claim, 0, sizeof(*claim));
	claim->addr = msg->sender;
	memcpy(claim->mac, msg->mac, sizeof(claim->mac));
	claim->has_mac = msg->has_mac;
	claim->interface = interface->index;
	claim->answer = !msg->request && msg->solicited && route_is_own(interface, &msg->to);
	claim->override = msg->override;
}

/* @return true: it was about a next hop of ours. */
static bool
claim_learn(struct neighbours *n, const struct neighbour_claim *claim)
{
	uint32_t index;

	switch (neighbour_table_learn(n->table, claim, n->now_ms, &index)) {
	case NEIGHBOUR_UNKNOWN:
		return false;
	case NEIGHBOUR_LEARNED:
		if (hop_publish(n, index)) {
			hop_ledger_report_change(n->ledger, index);
			hop_log(n, index, "is reachable");
		}
		stat_add(&main_lcore_stats(n->dp)->neighbours_resolved, 1);
		waiting_send(n, index);
		return true;
	case NEIGHBOUR_IGNORED:
	case NEIGHBOUR_HINT:
	case NEIGHBOUR_CONFIRMED:
		break;
	}
	return true;
}

static void
reply_send(struct neighbours *n, const struct interface *interface, const struct neighbour_msg *msg,
		const uint8_t *frame)
{
	struct neighbour_frame framing = interface_framing(interface);
	const uint8_t *dst_mac = msg->has_mac ? msg->mac : frame + RTE_ETHER_ADDR_LEN;
	struct rte_mbuf *m = frame_new(n);
	unsigned int len;

	if (m == NULL)
		return;
	len = neighbour_reply_make(rte_pktmbuf_mtod(m, uint8_t *), &framing, msg, dst_mac);
	if (frame_send(n, interface, m, len))
		stat_add(&main_lcore_stats(n->dp)->neighbour_requests_answered, 1);
}

static void
conflict_log(struct neighbours *n, const struct neighbour_msg *msg)
{
	char addr[IP_ADDR_STRLEN];

	if (!token_bucket_take(&n->logs, n->now_ms * 1000))
		return;
	LOG_NEIGHBOUR(WARNING, "%s is ours, but %02x:%02x:%02x:%02x:%02x:%02x claims it",
			ip_addr_format(&msg->sender, addr), msg->mac[0], msg->mac[1], msg->mac[2],
			msg->mac[3], msg->mac[4], msg->mac[5]);
}

/* A well-formed message. The mbuf stays the caller's. */
static enum neighbour_rest
message_receive(struct neighbours *n, const struct interface *interface,
		const struct neighbour_msg *msg, const struct neighbour_claim *claim,
		const uint8_t *frame)
{
	bool known = msg->sender.family != IP_NONE && claim_learn(n, claim);
	bool ours = is_vip(n, &msg->target) || route_is_own(interface, &msg->target);

	if (ours && (msg->gratuitous || !msg->request) &&
			ip_addr_equal(&msg->sender, &msg->target)) {
		conflict_log(n, msg);
		return NEIGHBOUR_KERNEL_TOO;
	}
	if (ours && msg->request) {
		reply_send(n, interface, msg, frame);
		return NEIGHBOUR_TAKEN;
	}
	return known || ours ? NEIGHBOUR_KERNEL_TOO : NEIGHBOUR_NOT_OURS;
}

enum neighbour_rest
neighbour_receive(struct neighbours *n, const struct exception *x)
{
	const uint8_t *frame = rte_pktmbuf_mtod(x->mbuf, const uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(x->mbuf);
	const struct interface *interface = route_interface(&n->dp->interfaces, x->port, x->vlan);
	enum neighbour_rest rest = NEIGHBOUR_TAKEN;
	struct neighbour_claim claim;
	struct neighbour_msg msg;
	struct packet packet;
	int ret;

	if (interface == NULL)
		return NEIGHBOUR_NOT_OURS; /* A VLAN of the kernel's, perhaps. */
	packet_parse(frame, len, rte_pktmbuf_pkt_len(x->mbuf), &packet);
	ret = neighbour_msg_parse(frame, len, &packet, &msg);
	if (ret == -ENOMSG)
		return NEIGHBOUR_NOT_OURS;
	if (ret != 0) {
		main_lcore_drop(n->dp, x->mbuf, DROP_NEIGHBOUR_BAD);
		return NEIGHBOUR_TAKEN;
	}
	claim_make(interface, &msg, &claim);
	if (msg.has_mac && is_own_mac(&n->dp->interfaces, msg.mac)) {
		/* Our own frame came back, by this port or another, or somebody forged it. */
		main_lcore_drop(n->dp, x->mbuf, DROP_NEIGHBOUR_BAD);
		return NEIGHBOUR_TAKEN;
	}
	if (!neighbour_table_expects(n->table, &claim, n->now_ms) &&
			!token_bucket_take(&n->messages, n->now_ms * 1000)) {
		main_lcore_drop(n->dp, x->mbuf, DROP_NEIGHBOUR_RATE);
		return NEIGHBOUR_TAKEN;
	}
	rest = message_receive(n, interface, &msg, &claim, frame);
	if (rest == NEIGHBOUR_TAKEN)
		rte_pktmbuf_free(x->mbuf);
	return rest;
}

/* Time. */

/* Every packet that workers have raised so far finds its next hop as it was. */
static void
unresolved_drain(struct neighbours *n)
{
	struct exceptions *e = &n->dp->exceptions;
	unsigned int left = rte_ring_count(e->rings[EXCEPTION_UNRESOLVED]);
	struct exception x[DRAIN_BURST];

	while (left > 0) {
		unsigned int got = exception_take(e, EXCEPTION_UNRESOLVED, x,
				RTE_MIN(left, (unsigned int)DRAIN_BURST));

		if (got == 0)
			return;
		for (unsigned int i = 0; i < got; i++)
			neighbour_queue(n, &x[i]);
		left -= got;
	}
}

static void
hop_remove(struct neighbours *n, uint32_t index)
{
	unresolved_drain(n);
	waiting_drop(n, index);
	neighbour_table_remove(n->table, index);
	hop_publish(n, index);
	hop_ledger_confirm_removed(n->ledger, index);
}

/* @return true: there may be more. */
static bool
requests_apply(struct neighbours *n)
{
	struct hop_request request;

	for (unsigned int i = 0; i < TICK_REQUESTS; i++) {
		if (!hop_ledger_next_request(n->ledger, &request))
			return false;
		if (request.remove)
			hop_remove(n, request.index);
		else
			neighbour_table_add(n->table, request.index, &request.key.addr,
					request.key.interface, n->now_ms);
	}
	return true;
}

static void
hop_give_up(struct neighbours *n, uint32_t index)
{
	bool news = hop_publish(n, index);

	waiting_drop(n, index);
	if (!news && neighbour_table_get(n->table, index)->backoff_s > 1)
		return;
	hop_ledger_report_change(n->ledger, index);
	stat_add(&main_lcore_stats(n->dp)->neighbours_failed, 1);
	hop_log(n, index, news ? "is lost" : "does not answer");
}

/* @return true: there may be more. */
static bool
actions_run(struct neighbours *n)
{
	enum neighbour_action action;
	uint32_t index;

	for (unsigned int i = 0; i < TICK_ACTIONS; i++) {
		if (!neighbour_table_due(n->table, n->now_ms, &index, &action))
			return false;
		if (action == NEIGHBOUR_GIVE_UP)
			hop_give_up(n, index);
		else
			request_send(n, index, action == NEIGHBOUR_ASK_ONE);
	}
	return true;
}

static void
vips_watch(struct neighbours *n)
{
	const struct snapshot *s = atomic_load_explicit(&n->dp->snapshot, memory_order_acquire);

	if (s == NULL || (s == n->seen && s->generation == n->seen_generation))
		return;
	if (announce_set(&n->vips, s->vips, s->nb_vips, n->now_ms) != 0)
		return;
	n->seen = s;
	n->seen_generation = s->generation;
}

static void
announcement_send(
		struct neighbours *n, const struct interface *interface, const struct ip_addr *addr)
{
	struct neighbour_frame framing = interface_framing(interface);
	struct rte_mbuf *m = frame_new(n);

	if (m != NULL)
		frame_send(n, interface, m,
				neighbour_announce_make(
						rte_pktmbuf_mtod(m, uint8_t *), &framing, addr));
}

static void
announcements_send(struct neighbours *n)
{
	const struct interface_table *table = &n->dp->interfaces;
	const struct ip_addr *vip = announce_next(&n->vips, n->now_ms);
	const struct ip_addr *own = announce_next(&n->own, n->now_ms);

	for (unsigned int i = 0; i < table->nb; i++) {
		const struct interface *interface = &table->interfaces[i];

		if (vip != NULL && route_is_connected(interface, vip))
			announcement_send(n, interface, vip);
		if (own != NULL && route_is_own(interface, own))
			announcement_send(n, interface, own);
	}
}

bool
neighbour_tick(struct neighbours *n, uint64_t now_ms)
{
	bool more;

	n->now_ms = now_ms;
	more = requests_apply(n);
	more |= actions_run(n);
	vips_watch(n);
	announcements_send(n);
	return more;
}

void
neighbour_link_up(struct neighbours *n, uint16_t port)
{
	const struct interface_table *table = &n->dp->interfaces;

	for (unsigned int i = 0; i < table->nb; i++)
		if (table->interfaces[i].port == port)
			neighbour_table_link_up(n->table, table->interfaces[i].index, n->now_ms);
	announce_restart(&n->vips, n->now_ms);
	announce_restart(&n->own, n->now_ms);
}

void
neighbours_stop(struct neighbours *n)
{
	for (uint32_t i = 0; i < NEXTHOP_MAX; i++)
		waiting_drop(n, i);
}

/* Creation. */

static int
addr_compare(const void *a, const void *b)
{
	return ip_addr_compare(a, b);
}

/* Our own addresses are announced once the main lcore runs. */
static int
own_addresses_enter(struct neighbours *n)
{
	const struct interface_table *table = &n->dp->interfaces;
	struct ip_addr *addrs = calloc(INTERFACE_MAX * CONFIG_MAX_ADDRESSES, sizeof(*addrs));
	uint32_t nb = 0, kept = 0;
	int ret;

	if (addrs == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < table->nb; i++)
		for (unsigned int k = 0; k < table->interfaces[i].conf->nb_addresses; k++)
			addrs[nb++] = table->interfaces[i].conf->addresses[k].addr;
	qsort(addrs, nb, sizeof(*addrs), addr_compare);
	for (uint32_t i = 0; i < nb; i++)
		if (kept == 0 || !ip_addr_equal(&addrs[kept - 1], &addrs[i]))
			addrs[kept++] = addrs[i];
	ret = announce_set(&n->own, addrs, kept, 0);
	free(addrs);
	return ret;
}

static void
static_enter(struct neighbours *n, const struct interface *interface,
		const struct neighbour_conf *conf)
{
	struct hop_key key = { .addr = conf->addr, .interface = interface->index };
	uint32_t index = hop_ledger_add_static(n->ledger, &key);

	if (index == HOP_NONE)
		return; /* The same address twice: the first one holds. */
	neighbour_table_add_static(n->table, index, &conf->addr, interface->index, conf->mac);
	hop_publish(n, index);
}

struct neighbours *
neighbours_create(struct dataplane *dp)
{
	struct neighbours *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->dp = dp;
	announce_init(&n->vips);
	announce_init(&n->own);
	token_bucket_init(&n->messages, MESSAGE_RATE, MESSAGE_BURST, 0);
	token_bucket_init(&n->logs, LOG_RATE, LOG_BURST, 0);
	n->ledger = hop_ledger_create(NEXTHOP_MAX);
	n->table = neighbour_table_create(NEXTHOP_MAX, rte_rdtsc());
	n->waiting = wait_queue_create(NEXTHOP_MAX, WAITING_MAX);
	n->frames = rte_pktmbuf_pool_create(
			"neighbour", FRAMES_MAX, 0, 0, FRAME_ROOM, SOCKET_ID_ANY);
	if (n->ledger == NULL || n->table == NULL || n->waiting == NULL || n->frames == NULL ||
			own_addresses_enter(n) != 0) {
		neighbours_destroy(n);
		return NULL;
	}
	for (unsigned int i = 0; i < dp->interfaces.nb; i++) {
		const struct interface *interface = &dp->interfaces.interfaces[i];

		for (unsigned int k = 0; k < interface->conf->nb_neighbours; k++)
			static_enter(n, interface, &interface->conf->neighbours[k]);
	}
	return n;
}

void
neighbours_destroy(struct neighbours *n)
{
	if (n == NULL)
		return;
	announce_fini(&n->vips);
	announce_fini(&n->own);
	/* n->frames is left to EAL: drivers may still hold frames, whoever closes first. */
	wait_queue_destroy(n->waiting);
	neighbour_table_destroy(n->table);
	hop_ledger_destroy(n->ledger);
	free(n);
}
