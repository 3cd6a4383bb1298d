/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port_plan.h"

#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dataplane/environment.h"

#define DEFAULT_MTU 1500
#define DEFAULT_DESCRIPTORS 1024
/* Of an AF_XDP queue: its fill ring holds so many mbufs besides the two rings. */
#define XDP_EXTRA_MBUFS 4096
/* The kernel keeps this much in front of a frame for XDP programs. */
#define XDP_HEADROOM 256
/* On the way between rings, in bursts and waiting for neighbours. */
#define SPARE_MBUFS 8192

/* By enum device_kind; 0: the device itself says how many, and rx need not equal tx. */
static const struct {
	uint16_t max_queues;
	bool pairs;
} kinds[DEVICE_DEVARGS + 1] = {
	[DEVICE_AF_PACKET] = { 16, true },
	[DEVICE_AF_XDP] = { 64, true },
	[DEVICE_TAP] = { 16, true },
	[DEVICE_VIRTIO_USER] = { 8, true },
	[DEVICE_VHOST] = { 8, true },
	[DEVICE_MEMIF] = { 16, false },
	[DEVICE_PCAP] = { 1, false },
};

static bool
has_kernel_interface(uint8_t kind)
{
	return kind == DEVICE_AF_PACKET || kind == DEVICE_AF_XDP;
}

static uint16_t
plan_queues(const struct port_plan *plan, const struct dataplane_conf *conf,
		const struct port_conf *port)
{
	uint16_t wanted = port->rx_queues;

	if (wanted == 0)
		/* How many the other end of a virtio-user socket has cannot be known. */
		wanted = port->kind == DEVICE_VIRTIO_USER ? 1 : conf->nb_workers;
	return wanted < plan->max_queues ? wanted : plan->max_queues;
}

/* net_af_packet copies a frame into one mbuf, af_xdp has it in one from the start. */
static uint16_t
plan_mbuf_size(const struct port_plan *plan, uint8_t kind)
{
	const unsigned int frame = plan->mtu + PORT_L2_MAX;

	if (kind == DEVICE_AF_PACKET)
		return (uint16_t)(RTE_PKTMBUF_HEADROOM + (frame + 128 + 1023) / 1024 * 1024);
	if (kind == DEVICE_AF_XDP)
		return (uint16_t)(RTE_PKTMBUF_HEADROOM + XDP_HEADROOM + frame);
	return 0;
}

/* A bond has what the least of its members has. */
static void
plan_members(struct port_plan *plan, const struct dataplane_conf *conf,
		const struct port_conf *bond)
{
	uint16_t least = UINT16_MAX;

	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		const struct port_conf *port = &conf->ports[i];
		struct port_plan member;

		for (uint16_t k = 0; k < bond->bond.nb_members; k++) {
			if (strcmp(port->name, bond->bond.members[k]) != 0 ||
					port->kind == DEVICE_BOND)
				continue;
			port_plan_make(&member, conf, port);
			plan->kernel_mtu |= member.kernel_mtu;
			if (member.mtu < least)
				least = member.mtu;
		}
	}
	if (least != UINT16_MAX)
		plan->mtu = least;
}

void
port_plan_make(struct port_plan *plan, const struct dataplane_conf *conf,
		const struct port_conf *port)
{
	struct kernel_interface interface = { .mtu = DEFAULT_MTU, .channels = 1 };

	*plan = (struct port_plan){
		.max_queues = kinds[port->kind].max_queues,
		.pairs = kinds[port->kind].pairs,
		.mtu = DEFAULT_MTU,
	};
	if (plan->max_queues == 0)
		plan->max_queues = UINT16_MAX;
	if (has_kernel_interface(port->kind) &&
			environment_interface(port->interface, &interface) == 0)
		plan->mtu = interface.mtu;
	plan->kernel_mtu = port->kind == DEVICE_AF_PACKET;
	if (port->kind == DEVICE_BOND)
		plan_members(plan, conf, port);
	if (port->kind == DEVICE_AF_XDP && interface.channels < plan->max_queues)
		plan->max_queues = (uint16_t)interface.channels;
	if (port->mtu != 0)
		plan->mtu = port->mtu;
	plan->nb_queues = plan_queues(plan, conf, port);
	plan->descriptors = port->descriptors != 0 ? port->descriptors : DEFAULT_DESCRIPTORS;
	plan->mbuf_size = plan_mbuf_size(plan, port->kind);
	plan->mbufs = 2U * plan->nb_queues * plan->descriptors;
	if (!plan->pairs && conf->nb_workers > plan->nb_queues)
		plan->mbufs += (uint32_t)(conf->nb_workers - plan->nb_queues) * plan->descriptors;
	if (port->kind == DEVICE_AF_XDP)
		plan->mbufs += plan->nb_queues * (uint32_t)XDP_EXTRA_MBUFS;
	if (port->punt == PUNT_TAP)
		plan->mbufs += 2 * DEFAULT_DESCRIPTORS;
	plan->mbufs += PORT_OUTBOX_SIZE;
}

bool
port_listens(const struct port_conf *port)
{
	return port->kind == DEVICE_VHOST ||
			(port->kind == DEVICE_MEMIF && strcmp(port->memif_role, "server") == 0);
}

uint32_t
ports_plan_mbufs(const struct dataplane_conf *conf)
{
	/* A cache holds up to 1.5 times its size; one for each lcore. */
	uint32_t nb = SPARE_MBUFS + (conf->nb_workers + 1U) * PORT_POOL_CACHE * 3 / 2;

	if (conf->mbufs != 0)
		return conf->mbufs;
	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		struct port_plan plan;

		port_plan_make(&plan, conf, &conf->ports[i]);
		nb += plan.mbufs;
	}
	return nb;
}

uint16_t
ports_plan_mbuf_size(const struct dataplane_conf *conf)
{
	uint16_t size = conf->mbuf_size;

	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		struct port_plan plan;

		port_plan_make(&plan, conf, &conf->ports[i]);
		if (plan.mbuf_size > size)
			size = plan.mbuf_size;
	}
	return size;
}

/*
 * As rte_mempool_populate_default() lays out: an object does not cross a page unless
 * it is larger than one, so that of pages of 4 KiB nearly half is lost.
 */
uint64_t
ports_plan_pool_size(const struct dataplane_conf *conf)
{
	const uint64_t page = conf->hugepages ? 2048 * 1024 : 4096;
	const uint64_t nb = ports_plan_mbufs(conf);
	const uint64_t object = rte_mempool_calc_obj_size(
			(uint32_t)sizeof(struct rte_mbuf) + ports_plan_mbuf_size(conf), 0, NULL);
	/* The ring of free ones, a power of two, and a cache for each lcore. */
	const uint64_t ring = 2 * nb * sizeof(void *) + RTE_MAX_LCORE * 16384;

	if (object > page)
		return nb * ((object + page - 1) / page * page) + ring;
	return (nb / (page / object) + 1) * page + ring;
}
