/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices first (members before their bonds), then the pool, then queues and start:
 * a device that cannot be made is found before anything is taken into use.
 * Every Ethernet device of this process is ours, so closing is closing them all.
 */
#include "dataplane/port.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "dataplane/dataplane.h"
#include "dataplane/log.h"
#include "dataplane/port_device.h"
#include "dataplane/port_setup.h"
#include "dataplane/report.h"
#include "dataplane/xdp.h"
#include "net/parse.h"

#define LINK_WAIT_MS 3000
#define LINK_STEP_MS 50

/* Make the device of each port; those that are no bond's members become dp->ports. */
static int
make_devices(struct dataplane *dp, bool bonds)
{
	for (uint16_t i = 0; i < dp->conf.nb_ports; i++) {
		const struct port_conf *conf = &dp->conf.ports[i];
		struct port_plan plan;
		struct port *port;
		uint16_t id;
		int ret;

		if ((conf->kind == DEVICE_BOND) != bonds)
			continue;
		port_plan_make(&plan, &dp->conf, conf);
		if (conf->kind == DEVICE_AF_XDP)
			xdp_clear(&dp->conf, conf->interface);
		ret = port_device_make(&dp->conf, conf, &plan, &id);
		if (ret < 0)
			return ret;
		if (conf->bond_member) {
			/* As the kernel has it now, before net_bonding changes it. */
			dp->conf.ports[i].mtu = plan.mtu;
			continue;
		}
		port = &dp->ports[dp->nb_ports];
		*port = (struct port){ .conf = conf, .id = id, .tap_id = UINT16_MAX };
		port->index = dp->nb_ports++;
	}
	return 0;
}

static int
make_pool(struct dataplane *dp)
{
	const uint32_t nb = ports_plan_mbufs(&dp->conf);
	const uint16_t room = ports_plan_mbuf_size(&dp->conf);

	dp->pool = rte_pktmbuf_pool_create(
			"packets", nb, PORT_POOL_CACHE, 0, room, (int)rte_socket_id());
	if (dp->pool != NULL)
		return 0;
	LOG_PORT(ERR,
			"no memory for %u packet buffers of %u bytes: %s; give more "
			"memory.megabytes or fewer memory.mbufs",
			nb, room, rte_strerror(rte_errno));
	return -ENOMEM;
}

/* Multi-producer without waiting for a producer that was preempted; one consumer. */
static int
make_outbox(struct dataplane *dp, struct port *port)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "out_%.*s", CONFIG_PORT_NAME_MAX, port->conf->name);
	port->outbox = rte_ring_create(
			name, PORT_OUTBOX_SIZE, port->socket, RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
	if (port->outbox == NULL) {
		LOG_PORT(ERR, "%s: outbox: %s", port->conf->name, rte_strerror(rte_errno));
		return -ENOMEM;
	}
	/* Its owner must have a tx queue. */
	port->outbox_worker = port->index % RTE_MIN(dp->conf.nb_workers, port->nb_txq);
	return 0;
}

static int
open_port(struct dataplane *dp, struct port *port)
{
	struct port_plan plan;
	int ret;

	port_plan_make(&plan, &dp->conf, port->conf);
	ret = port_setup(port, &plan, dp->conf.nb_workers, dp->pool);
	if (ret == 0)
		ret = port_start(port);
	if (ret == 0)
		ret = make_outbox(dp, port);
	if (ret < 0 || port->conf->punt != PUNT_TAP)
		return ret;
	ret = port_device_make_tap(port->conf, port->mac, &port->tap_id);
	return ret < 0 ? ret : port_setup_tap(port, dp->pool);
}

static int
set_interface_mtus(const struct dataplane *dp)
{
	int ret = 0;

	for (uint16_t i = 0; ret == 0 && i < dp->conf.nb_ports; i++) {
		struct port_plan plan;

		port_plan_make(&plan, &dp->conf, &dp->conf.ports[i]);
		if (dp->conf.ports[i].bond_member)
			ret = port_device_set_mtu(&dp->conf.ports[i], &plan);
	}
	return ret;
}

static void
add_interfaces(struct dataplane *dp, const struct port *port)
{
	for (uint16_t i = 0; i < port->conf->nb_interfaces; i++) {
		const struct interface_conf *conf = &port->conf->interfaces[i];
		struct interface *interface = &dp->interfaces.interfaces[dp->interfaces.nb];

		memcpy(interface->mac, port->mac, sizeof(interface->mac));
		interface->port = port->index;
		interface->vlan = conf->vlan;
		interface->mtu = port->mtu;
		interface->l2_len = conf->vlan == PACKET_VLAN_NONE ? 14 : 18;
		interface->index = (uint8_t)dp->interfaces.nb++;
		interface->conf = conf;
	}
}

/* Links of NICs take a moment to come up; the other end of a socket may come much later. */
static bool
waits_for_link(const struct port *port)
{
	switch (port->conf->kind) {
	case DEVICE_MEMIF:
	case DEVICE_VHOST:
	case DEVICE_VIRTIO_USER:
		return false;
	default:
		return true;
	}
}

static bool
is_down(const struct port *port)
{
	struct rte_eth_link link = { 0 };

	return waits_for_link(port) && rte_eth_link_get_nowait(port->id, &link) == 0 &&
			link.link_status == RTE_ETH_LINK_DOWN;
}

static void
wait_for_links(const struct dataplane *dp)
{
	for (unsigned int ms = 0; ms < LINK_WAIT_MS; ms += LINK_STEP_MS) {
		bool down = false;

		for (uint16_t i = 0; i < dp->nb_ports; i++)
			down |= is_down(&dp->ports[i]);
		if (!down || atomic_load(&dp->stop))
			return;
		rte_delay_us_sleep(LINK_STEP_MS * 1000);
	}
}

/* Programs are attached when queues are made; members of bonds have some, too. */
static void
record_xdp(const struct dataplane *dp)
{
	for (uint16_t i = 0; i < dp->conf.nb_ports; i++)
		if (dp->conf.ports[i].kind == DEVICE_AF_XDP)
			xdp_record(&dp->conf, dp->conf.ports[i].interface);
}

static void
forget_xdp(const struct dataplane *dp)
{
	for (uint16_t i = 0; i < dp->conf.nb_ports; i++)
		if (dp->conf.ports[i].kind == DEVICE_AF_XDP)
			xdp_forget(&dp->conf, dp->conf.ports[i].interface);
}

int
ports_open(struct dataplane *dp)
{
	int ret;

	dp->nb_ports = 0;
	dp->interfaces.nb = 0;
	ret = make_devices(dp, false);
	if (ret == 0)
		ret = make_devices(dp, true);
	if (ret == 0)
		ret = make_pool(dp);
	for (uint16_t i = 0; ret == 0 && i < dp->nb_ports; i++)
		ret = open_port(dp, &dp->ports[i]);
	if (ret == 0)
		ret = set_interface_mtus(dp);
	if (ret < 0) {
		ports_close(dp);
		/* -1 is drivers' word for any failure, not a missing right. */
		return ret == -1 ? -EIO : ret;
	}
	record_xdp(dp);
	wait_for_links(dp);
	for (uint16_t i = 0; i < dp->nb_ports; i++) {
		add_interfaces(dp, &dp->ports[i]);
		report_port(&dp->ports[i]);
		if (is_down(&dp->ports[i]))
			LOG_PORT(WARNING, "%s: no link: nothing comes or goes there until it is up",
					dp->ports[i].conf->name);
	}
	return 0;
}

static void
close_device(uint16_t id)
{
	rte_eth_dev_stop(id);
	rte_eth_dev_close(id);
}

void
ports_close(struct dataplane *dp)
{
	uint16_t id;

	for (uint16_t i = 0; i < dp->nb_ports; i++) {
		struct port *port = &dp->ports[i];
		void *frame;

		while (port->outbox != NULL && rte_ring_dequeue(port->outbox, &frame) == 0)
			rte_pktmbuf_free(frame);
		rte_ring_free(port->outbox);
		port->outbox = NULL;
		/* A bond gives its members back. */
		if (port->conf->kind == DEVICE_BOND)
			close_device(port->id);
	}
	RTE_ETH_FOREACH_DEV(id)
		close_device(id);
	forget_xdp(dp);
	rte_mempool_free(dp->pool);
	dp->pool = NULL;
	dp->nb_ports = 0;
	dp->interfaces.nb = 0;
}

bool
port_send(const struct port *port, struct rte_mbuf *frame)
{
	return rte_ring_enqueue(port->outbox, frame) == 0;
}
