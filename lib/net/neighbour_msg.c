/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How: an ARP packet has one fixed layout (RFC 826), an ND message a fixed part of 24
 * bytes and options in units of 8 (RFC 4861 sections 4.3 to 4.6). Frames are made from
 * front to back: Ethernet, IPv6, message, checksum last.
 */
#include "net/neighbour_msg.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "net/checksum.h"

#define MAC_LEN 6
#define ETHER_LEN 14
#define VLAN_LEN 4
#define ARP_LEN 28
#define IP6_LEN 40

#define TYPE_ARP 0x0806
#define TYPE_IP6 0x86dd
#define TYPE_VLAN 0x8100

#define ARP_REQUEST 1
#define ARP_REPLY 2

#define PROTOCOL_ICMP6 58
#define ND_HOP_LIMIT 255
#define ND_SOLICIT 135
#define ND_ADVERT 136
#define ND_LEN 24	/* NS and NA without options. */
#define ND_OPTION_LEN 8 /* A link-layer address option of Ethernet. */
#define ND_OPTION_SOURCE 1
#define ND_OPTION_TARGET 2
#define ND_FLAG_SOLICITED 0x40
#define ND_FLAG_OVERRIDE 0x20

static const uint8_t mac_broadcast[MAC_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const struct ip_addr all_nodes = { { 0xff, 0x02, [15] = 1 }, IP_V6, { 0 } };
static const uint8_t solicited_node[13] = { 0xff, 0x02, [11] = 1, 0xff };

static bool
mac_is_unicast(const uint8_t *mac)
{
	static const uint8_t zero[MAC_LEN];

	return (mac[0] & 1) == 0 && memcmp(mac, zero, MAC_LEN) != 0;
}

static bool
addr_is_loopback(const struct ip_addr *addr)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (addr->family == IP_V4)
		return addr->bytes[0] == 127;
	return memcmp(addr->bytes, one, sizeof(one)) == 0;
}

/* An address that a neighbour may have. */
static bool
addr_is_neighbour(const struct ip_addr *addr)
{
	return ip_addr_is_unicast(addr) && !addr_is_loopback(addr);
}

/* The unspecified address becomes IP_NONE. */
static struct ip_addr
addr_or_none(enum ip_family family, const uint8_t *bytes)
{
	static const uint8_t zero[16];

	if (memcmp(bytes, zero, ip_family_size((uint8_t)family)) == 0)
		return (struct ip_addr){ .family = IP_NONE };
	return ip_addr_from_bytes(family, bytes);
}

static int
arp_parse(const uint8_t *arp, struct neighbour_msg *out)
{
	uint16_t operation = load_be16(arp + 6);

	if (operation != ARP_REQUEST && operation != ARP_REPLY)
		return -ENOMSG;
	out->request = operation == ARP_REQUEST;
	memcpy(out->mac, arp + 8, MAC_LEN);
	out->has_mac = true;
	out->sender = addr_or_none(IP_V4, arp + 14);
	out->to = addr_or_none(IP_V4, arp + 24);
	out->target = out->request ? out->to : out->sender;
	out->solicited = !out->request;
	out->override = true;
	out->gratuitous = out->sender.family != IP_NONE && ip_addr_equal(&out->sender, &out->to);

	if (!mac_is_unicast(out->mac) || !addr_is_neighbour(&out->target))
		return -EINVAL;
	/* A request without a sender is a probe; a reply always has one: its target. */
	if (out->sender.family != IP_NONE && !addr_is_neighbour(&out->sender))
		return -EINVAL;
	return 0;
}

/*
 * Walk all options (RFC 4861 section 4.6); take the first of type @p wanted.
 * All must be well-formed, whether wanted or not.
 */
static int
nd_options_parse(const uint8_t *option, uint32_t len, uint8_t wanted, struct neighbour_msg *out)
{
	while (len != 0) {
		uint32_t option_len;

		if (len < ND_OPTION_LEN)
			return -EINVAL;
		option_len = option[1] * 8U;
		if (option_len == 0 || option_len > len)
			return -EINVAL;
		if (option[0] == wanted && !out->has_mac) {
			if (option_len != ND_OPTION_LEN || !mac_is_unicast(option + 2))
				return -EINVAL;
			memcpy(out->mac, option + 2, MAC_LEN);
			out->has_mac = true;
		}
		option += option_len;
		len -= option_len;
	}
	return 0;
}

static bool
is_solicited_node_of(const struct ip_addr *group, const struct ip_addr *target)
{
	return memcmp(group->bytes, solicited_node, sizeof(solicited_node)) == 0 &&
			memcmp(group->bytes + 13, target->bytes + 13, 3) == 0;
}

/* What RFC 4861 asks of a solicitation (7.1.1) and of an advertisement (7.1.2) alone. */
static int
nd_check(const struct neighbour_msg *msg, const struct ip_addr *source)
{
	bool multicast = msg->to.bytes[0] == 0xff;

	if (!addr_is_neighbour(&msg->target))
		return -EINVAL;
	if (source->family == IP_NONE) {
		/* Only a solicitation may have no source: duplicate address detection. */
		if (!msg->request || msg->has_mac || !is_solicited_node_of(&msg->to, &msg->target))
			return -EINVAL;
	} else if (!addr_is_neighbour(source)) {
		return -EINVAL;
	}
	return multicast && msg->solicited ? -EINVAL : 0;
}

static int
nd_parse(const uint8_t *ip, const uint8_t *icmp, uint32_t len, struct neighbour_msg *out)
{
	struct ip_addr source;
	uint8_t flags;
	int ret;

	if (icmp[0] != ND_SOLICIT && icmp[0] != ND_ADVERT)
		return -ENOMSG;
	if (icmp - ip != IP6_LEN || ip[7] != ND_HOP_LIMIT || icmp[1] != 0 || len < ND_LEN)
		return -EINVAL;
	if (checksum_l4(ip + 8, ip + 24, 16, PROTOCOL_ICMP6, icmp, len) != 0)
		return -EINVAL;

	out->request = icmp[0] == ND_SOLICIT;
	flags = out->request ? 0 : icmp[4];
	source = addr_or_none(IP_V6, ip + 8);
	out->target = ip_addr_from_bytes(IP_V6, icmp + 8);
	out->sender = out->request ? source : out->target;
	out->to = ip_addr_from_bytes(IP_V6, ip + 24);
	out->solicited = (flags & ND_FLAG_SOLICITED) != 0;
	out->override = (flags & ND_FLAG_OVERRIDE) != 0;
	out->gratuitous = !out->request && !out->solicited && ip_addr_equal(&out->to, &all_nodes);

	ret = nd_options_parse(icmp + ND_LEN, len - ND_LEN,
			out->request ? ND_OPTION_SOURCE : ND_OPTION_TARGET, out);
	return ret < 0 ? ret : nd_check(out, &source);
}

int
neighbour_msg_parse(const uint8_t *frame, uint32_t len, const struct packet *packet,
		struct neighbour_msg *out)
{
	uint32_t end = (uint32_t)packet->l3 + packet->l3_len;

	memset(out, 0, sizeof(*out));
	if (packet->kind != PACKET_ARP && packet->kind != PACKET_ICMP6)
		return -ENOMSG;
	if (packet->kind == PACKET_ARP)
		return end > len ? -EINVAL : arp_parse(frame + packet->l3, out);
	if (end > len) { /* No ND message is that long; an echo request may be. */
		uint8_t type = frame[packet->l4];

		return type == ND_SOLICIT || type == ND_ADVERT ? -EINVAL : -ENOMSG;
	}
	return nd_parse(frame + packet->l3, frame + packet->l4, end - packet->l4, out);
}

/* Write the Ethernet header, with a tag if there is one. @return where the payload begins. */
static uint8_t *
ether_make(uint8_t *frame, const struct neighbour_frame *framing, const uint8_t *dst_mac,
		uint16_t type)
{
	uint8_t *at = frame + 2 * MAC_LEN;

	memcpy(frame, dst_mac, MAC_LEN);
	memcpy(frame + MAC_LEN, framing->src_mac, MAC_LEN);
	if (framing->vlan != PACKET_VLAN_NONE) {
		store_be16(at, TYPE_VLAN);
		store_be16(at + 2, framing->vlan & 0x0fff);
		at += VLAN_LEN;
	}
	store_be16(at, type);
	return at + 2;
}

/* The fields of an ARP packet that differ between its kinds; NULL: zero. */
struct arp_fields {
	uint16_t operation;
	const struct ip_addr *sender;
	const struct ip_addr *target;
	const uint8_t *target_mac;
};

static unsigned int
arp_make(uint8_t *frame, const struct neighbour_frame *framing, const uint8_t *dst_mac,
		const struct arp_fields *fields)
{
	static const uint8_t head[6] = { 0, 1, 8, 0, MAC_LEN, 4 };
	uint8_t *arp = ether_make(frame, framing, dst_mac, TYPE_ARP);

	memset(arp, 0, ARP_LEN);
	memcpy(arp, head, sizeof(head));
	store_be16(arp + 6, fields->operation);
	memcpy(arp + 8, framing->src_mac, MAC_LEN);
	memcpy(arp + 14, fields->sender->bytes, 4); /* IP_NONE has zero bytes. */
	if (fields->target_mac != NULL)
		memcpy(arp + 18, fields->target_mac, MAC_LEN);
	memcpy(arp + 24, fields->target->bytes, 4);
	return (unsigned int)(arp + ARP_LEN - frame);
}

/* The fields of an ND message that differ between its kinds. */
struct nd_fields {
	uint8_t type;
	uint8_t flags;
	uint8_t option; /* 0: none. */
	const struct ip_addr *source;
	const struct ip_addr *destination;
	const struct ip_addr *target;
};

static unsigned int
nd_make(uint8_t *frame, const struct neighbour_frame *framing, const uint8_t *dst_mac,
		const struct nd_fields *fields)
{
	uint8_t *ip = ether_make(frame, framing, dst_mac, TYPE_IP6);
	unsigned int len = ND_LEN + (fields->option != 0 ? ND_OPTION_LEN : 0);
	uint8_t *icmp = ip + IP6_LEN;

	memset(ip, 0, IP6_LEN + len);
	ip[0] = 0x60;
	store_be16(ip + 4, (uint16_t)len);
	ip[6] = PROTOCOL_ICMP6;
	ip[7] = ND_HOP_LIMIT;
	memcpy(ip + 8, fields->source->bytes, 16); /* IP_NONE has zero bytes. */
	memcpy(ip + 24, fields->destination->bytes, 16);

	icmp[0] = fields->type;
	icmp[4] = fields->flags;
	memcpy(icmp + 8, fields->target->bytes, 16);
	if (fields->option != 0) {
		icmp[ND_LEN] = fields->option;
		icmp[ND_LEN + 1] = ND_OPTION_LEN / 8;
		memcpy(icmp + ND_LEN + 2, framing->src_mac, MAC_LEN);
	}
	store_u16(icmp + 2, checksum_l4(ip + 8, ip + 24, 16, PROTOCOL_ICMP6, icmp, len));
	return (unsigned int)(icmp + len - frame);
}

/* RFC 2464 section 7: the MAC of an IPv6 group. */
static void
group_mac(uint8_t *mac, const struct ip_addr *group)
{
	mac[0] = 0x33;
	mac[1] = 0x33;
	memcpy(mac + 2, group->bytes + 12, 4);
}

static unsigned int
solicit_make(uint8_t *frame, const struct neighbour_frame *framing, const struct ip_addr *source,
		const struct ip_addr *target, const uint8_t *dst_mac)
{
	struct ip_addr group = { .family = IP_V6 };
	bool dad = source->family == IP_NONE;
	struct nd_fields fields = {
		.type = ND_SOLICIT,
		.option = dad ? 0 : ND_OPTION_SOURCE,
		.source = source,
		.destination = dad || dst_mac == NULL ? &group : target,
		.target = target,
	};
	uint8_t mac[MAC_LEN];

	memcpy(group.bytes, solicited_node, sizeof(solicited_node));
	memcpy(group.bytes + 13, target->bytes + 13, 3);
	group_mac(mac, &group);
	return nd_make(frame, framing, dst_mac != NULL ? dst_mac : mac, &fields);
}

unsigned int
neighbour_request_make(uint8_t *frame, const struct neighbour_frame *framing,
		const struct ip_addr *source, const struct ip_addr *target, const uint8_t *dst_mac)
{
	struct arp_fields fields = { .operation = ARP_REQUEST, .sender = source, .target = target };

	if (source->family != IP_NONE && source->family != target->family)
		return 0;
	switch (target->family) {
	case IP_V4:
		return arp_make(frame, framing, dst_mac != NULL ? dst_mac : mac_broadcast, &fields);
	case IP_V6:
		return solicit_make(frame, framing, source, target, dst_mac);
	default:
		return 0;
	}
}

/* The answer about @p target to @p to; IP_NONE: to all nodes, unsolicited. */
static unsigned int
advert_make(uint8_t *frame, const struct neighbour_frame *framing, const struct ip_addr *target,
		const struct ip_addr *to, const uint8_t *dst_mac)
{
	bool solicited = to->family != IP_NONE;
	struct nd_fields fields = {
		.type = ND_ADVERT,
		.flags = ND_FLAG_OVERRIDE | (solicited ? ND_FLAG_SOLICITED : 0),
		.option = ND_OPTION_TARGET,
		.source = target,
		.destination = solicited ? to : &all_nodes,
		.target = target,
	};
	uint8_t mac[MAC_LEN];

	group_mac(mac, &all_nodes);
	return nd_make(frame, framing, solicited ? dst_mac : mac, &fields);
}

unsigned int
neighbour_reply_make(uint8_t *frame, const struct neighbour_frame *framing,
		const struct neighbour_msg *request, const uint8_t *dst_mac)
{
	struct arp_fields fields = {
		.operation = ARP_REPLY,
		.sender = &request->target,
		.target = &request->sender,
		.target_mac = request->mac,
	};

	if (!request->request)
		return 0;
	switch (request->target.family) {
	case IP_V4:
		return arp_make(frame, framing, dst_mac, &fields);
	case IP_V6:
		return advert_make(frame, framing, &request->target, &request->sender, dst_mac);
	default:
		return 0;
	}
}

unsigned int
neighbour_announce_make(
		uint8_t *frame, const struct neighbour_frame *framing, const struct ip_addr *addr)
{
	static const struct ip_addr none = { .family = IP_NONE };
	struct arp_fields fields = { .operation = ARP_REQUEST, .sender = addr, .target = addr };

	switch (addr->family) {
	case IP_V4:
		return arp_make(frame, framing, mac_broadcast, &fields);
	case IP_V6:
		return advert_make(frame, framing, addr, &none, NULL);
	default:
		return 0;
	}
}
