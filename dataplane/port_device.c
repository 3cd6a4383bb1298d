/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual devices are plugged in after EAL has started, so that one which fails can be
 * told from the others and named in a user's words. A device's name is its driver's and
 * the port's name: "net_af_packet_lan0".
 */
#include "dataplane/port_device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>

#include "dataplane/eal.h"
#include "dataplane/environment.h"
#include "dataplane/log.h"

#define ARGS_LEN 512

struct device_args {
	char name[RTE_DEV_NAME_MAX_LEN];
	char text[ARGS_LEN];
};

static const char *const drivers[DEVICE_DEVARGS + 1] = {
	[DEVICE_AF_PACKET] = "net_af_packet",
	[DEVICE_AF_XDP] = "net_af_xdp",
	[DEVICE_TAP] = "net_tap",
	[DEVICE_MEMIF] = "net_memif",
	[DEVICE_PCAP] = "net_pcap",
	[DEVICE_VIRTIO_USER] = "net_virtio_user",
	[DEVICE_VHOST] = "net_vhost",
	[DEVICE_NULL] = "net_null",
	[DEVICE_RING] = "net_ring",
	[DEVICE_BOND] = "net_bonding",
};

static void PRINTF_LIKE(2, 3) args_add(struct device_args *args, const char *format, ...)
{
	size_t len = strlen(args->text);
	va_list list;

	if (len > 0 && len + 1 < sizeof(args->text)) {
		args->text[len++] = ',';
		args->text[len] = '\0';
	}
	va_start(list, format);
	vsnprintf(args->text + len, sizeof(args->text) - len, format, list);
	va_end(list);
}

static void
args_add_mac(struct device_args *args, const uint8_t mac[6])
{
	static const uint8_t none[6];

	if (memcmp(mac, none, sizeof(none)) != 0)
		args_add(args, "mac=" RTE_ETHER_ADDR_PRT_FMT, mac[0], mac[1], mac[2], mac[3],
				mac[4], mac[5]);
}

static uint32_t
round_up_pow2(uint32_t value)
{
	uint32_t power = 1;

	while (power < value)
		power *= 2;
	return power;
}

/* A ring of the kernel's: whole frames in blocks of whole pages. */
static void
args_af_packet(struct device_args *args, const struct port_conf *port, const struct port_plan *plan)
{
	const uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	const uint32_t frame = plan->mbuf_size - RTE_PKTMBUF_HEADROOM;
	uint32_t block = frame;

	while (block % page != 0)
		block += frame;
	args_add(args, "iface=%s", port->interface);
	args_add(args, "qpairs=%u", plan->nb_queues);
	args_add(args, "framesz=%u", frame);
	args_add(args, "blocksz=%u", block);
	args_add(args, "framecnt=%u", plan->descriptors / (block / frame) * (block / frame));
}

static void
args_af_xdp(struct device_args *args, const struct port_conf *port, const struct port_plan *plan)
{
	args_add(args, "iface=%s", port->interface);
	args_add(args, "start_queue=0");
	args_add(args, "queue_count=%u", plan->nb_queues);
	if (port->xdp_program[0] != '\0')
		args_add(args, "xdp_prog=%s", port->xdp_program);
}

static void
args_memif(struct device_args *args, const struct port_conf *port, const struct port_plan *plan)
{
	args_add(args, "role=%s", port->memif_role);
	args_add(args, "socket=%s", port->path);
	args_add(args, "socket-abstract=no");
	args_add(args, "bsize=%u", RTE_MAX(round_up_pow2(plan->mtu + PORT_L2_MAX), 2048U));
	args_add_mac(args, port->mac);
}

static void
args_pcap(struct device_args *args, const struct port_conf *port)
{
	args_add(args, "rx_pcap=%s", port->path);
	if (port->pcap_out[0] != '\0')
		args_add(args, "tx_pcap=%s", port->pcap_out);
}

static void
args_virtio_user(struct device_args *args, const struct port_conf *port,
		const struct port_plan *plan)
{
	args_add(args, "path=%s", port->path);
	args_add(args, "queues=%u", plan->nb_queues);
	/* 256 measured best against vhost; more only costs cache. */
	args_add(args, "queue_size=%u", port->descriptors != 0 ? port->descriptors : 256U);
	args_add_mac(args, port->mac);
}

/* Names of DPDK devices of other ports: the driver's and the port's name, or the PCI address. */
static void
device_name(const struct port_conf *port, char *name, size_t size)
{
	if (port->kind == DEVICE_PCI)
		snprintf(name, size, "%s", port->pci);
	else if (port->kind == DEVICE_DEVARGS)
		snprintf(name, size, "%.*s", (int)strcspn(port->devargs, ","), port->devargs);
	else
		snprintf(name, size, "%s_%s", drivers[port->kind], port->name);
}

static void
args_bond(struct device_args *args, const struct dataplane_conf *conf, const struct port_conf *port)
{
	args_add(args, "mode=%d", bond_mode_number(port->bond.mode));
	for (uint16_t i = 0; i < port->bond.nb_members; i++) {
		for (uint16_t k = 0; k < conf->nb_ports; k++) {
			char name[RTE_DEV_NAME_MAX_LEN];

			if (strcmp(conf->ports[k].name, port->bond.members[i]) != 0)
				continue;
			device_name(&conf->ports[k], name, sizeof(name));
			args_add(args, "slave=%s", name);
		}
	}
	args_add_mac(args, port->mac);
}

static void
args_build(struct device_args *args, const struct dataplane_conf *conf,
		const struct port_conf *port, const struct port_plan *plan)
{
	memset(args, 0, sizeof(*args));
	device_name(port, args->name, sizeof(args->name));
	switch (port->kind) {
	case DEVICE_AF_PACKET:
		args_af_packet(args, port, plan);
		break;
	case DEVICE_AF_XDP:
		args_af_xdp(args, port, plan);
		break;
	case DEVICE_TAP:
		args_add(args, "iface=%s", port->interface);
		args_add_mac(args, port->mac);
		break;
	case DEVICE_MEMIF:
		args_memif(args, port, plan);
		break;
	case DEVICE_PCAP:
		args_pcap(args, port);
		break;
	case DEVICE_VIRTIO_USER:
		args_virtio_user(args, port, plan);
		break;
	case DEVICE_VHOST:
		args_add(args, "iface=%s", port->path);
		args_add(args, "queues=%u", plan->nb_queues);
		break;
	case DEVICE_NULL:
		args_add(args, "no-rx=1");
		break;
	case DEVICE_BOND:
		args_bond(args, conf, port);
		break;
	case DEVICE_DEVARGS:
		snprintf(args->text, sizeof(args->text), "%s",
				port->devargs + strcspn(port->devargs, ","));
		memmove(args->text, args->text + (args->text[0] == ','), strlen(args->text));
		break;
	default:
		break;
	}
}

/* A socket that a killed process left cannot be bound again. */
static void
remove_stale_socket(const char *path)
{
	if (environment_socket(path) == SOCKET_STALE && unlink(path) == 0)
		LOG_PORT(INFO, "%s: removed a socket that nobody listens on", path);
}

static int
device_plug(const char *port_name, const struct device_args *args, uint16_t *id)
{
	int ret = rte_eal_hotplug_add("vdev", args->name, args->text);

	LOG_PORT(DEBUG, "%s: device %s, %s", port_name, args->name, args->text);
	if (ret < 0) {
		LOG_PORT(ERR, "%s: DPDK cannot make the device %s (%s): %s", port_name, args->name,
				args->text, eal_error_text(ret));
		return ret;
	}
	ret = rte_eth_dev_get_port_by_name(args->name, id);
	if (ret < 0)
		LOG_PORT(ERR, "%s: the device %s is no Ethernet port", port_name, args->name);
	return ret;
}

/* A device on the PCI bus was found by EAL, or was not. */
static int
device_find(const struct port_conf *port, const char *name, uint16_t *id)
{
	int ret = rte_eth_dev_get_port_by_name(name, id);

	if (ret < 0)
		LOG_PORT(ERR,
				"%s: DPDK has no driver for the PCI device %s, or its driver failed; "
				"see: dpdk-devbind.py --status, and log_level: debug",
				port->name, name);
	return ret;
}

int
port_device_set_mtu(const struct port_conf *port, const struct port_plan *plan)
{
	struct kernel_interface interface;
	int ret;

	if (port->kind != DEVICE_AF_PACKET && port->kind != DEVICE_AF_XDP)
		return 0;
	ret = environment_interface(port->interface, &interface);
	if (ret == 0 && interface.mtu != plan->mtu)
		ret = environment_interface_set_mtu(port->interface, plan->mtu);
	if (ret < 0)
		LOG_PORT(ERR, "%s: mtu %u: interface %s refuses it: %s", port->name, plan->mtu,
				port->interface, strerror(-ret));
	return ret;
}

int
port_device_make(const struct dataplane_conf *conf, const struct port_conf *port,
		const struct port_plan *plan, uint16_t *id)
{
	struct device_args args;
	int ret;

	args_build(&args, conf, port, plan);
	ret = port_device_set_mtu(port, plan);
	if (ret < 0)
		return ret;
	if (port_listens(port))
		remove_stale_socket(port->path);
	if (port->kind == DEVICE_PCI ||
			(port->kind == DEVICE_DEVARGS && config_is_pci_address(port->devargs)))
		return device_find(port, args.name, id);
	return device_plug(port->name, &args, id);
}

int
port_device_make_tap(const struct port_conf *port, const uint8_t mac[6], uint16_t *id)
{
	struct device_args args = { 0 };

	snprintf(args.name, sizeof(args.name), "net_tap_punt_%s", port->name);
	args_add(&args, "iface=%s", port->punt_tap);
	args_add_mac(&args, mac);
	return device_plug(port->name, &args, id);
}
