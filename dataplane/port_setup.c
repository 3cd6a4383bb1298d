/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asked of a device is only what it says it has: the software paths of the worker
 * do the rest (checksums) or live with it (one queue). What the file demands and the
 * device has not is an error.
 */
#include "dataplane/port_setup.h"

#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>

#include "dataplane/eal.h"
#include "dataplane/environment.h"
#include "dataplane/log.h"

/* Both halves of the 4-tuple, where there are ports; else the addresses. */
#define RSS_WANTED (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)
#define TAP_DESCRIPTORS 1024
/*
 * net_tap of 22.11 takes no more. The kernel's TCP tells its peers so by its MSS; larger
 * packets of others for the kernel are dropped as punt_full.
 */
#define TAP_MTU_MAX 1500

static bool
has_mac(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return memcmp(mac, none, sizeof(none)) != 0;
}

static int
set_queues(struct port *port, const struct port_plan *plan, const struct rte_eth_dev_info *info,
		uint16_t nb_workers)
{
	const uint16_t max_rx = RTE_MIN(info->max_rx_queues, plan->max_queues);

	if (port->conf->rx_queues > max_rx) {
		LOG_PORT(ERR,
				"%s: rx_queues: %u, but the device has %u at most; leave rx_queues out "
				"to take what it has",
				port->conf->name, port->conf->rx_queues, max_rx);
		return -ERANGE;
	}
	port->nb_rxq = RTE_MIN(plan->nb_queues, max_rx);
	port->nb_txq = plan->pairs ? port->nb_rxq : RTE_MIN(info->max_tx_queues, nb_workers);
	return 0;
}

static void
conf_set_rss(struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	const uint64_t fields = info->flow_type_rss_offloads & RSS_WANTED;

	port->has_rss = port->nb_rxq > 1 && fields != 0 &&
			(info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH) != 0;
	if (!port->has_rss)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	conf->rx_adv_conf.rss_conf.rss_hf = fields;
}

static void
conf_set_offloads(struct port *port, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf,
		struct rte_mempool *pool)
{
	const uint32_t frame = (uint32_t)port->mtu + PORT_L2_MAX;
	const uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;

	if (port->conf->checksum_offload)
		conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	port->rx_checksum = (conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
	if (frame > room)
		conf->rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	conf->txmode.offloads |= info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
}

/* What the device believes to be its MTU: the wanted one, as far as its own limit goes. */
static int
conf_set_mtu(struct port *port, const struct port_plan *plan, const struct rte_eth_dev_info *info,
		struct rte_eth_conf *conf)
{
	uint32_t limit = info->max_mtu;

	if (info->max_rx_pktlen > RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN)
		limit = RTE_MIN(limit, info->max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN);
	port->mtu = plan->mtu;
	conf->rxmode.mtu = plan->kernel_mtu ? RTE_MIN(plan->mtu, RTE_ETHER_MTU) : plan->mtu;
	if (plan->kernel_mtu || plan->mtu <= limit)
		return 0;
	LOG_PORT(ERR, "%s: mtu: %u, but the device has %u at most", port->conf->name, plan->mtu,
			limit);
	return -ERANGE;
}

static int
apply_mtu(const struct port *port, const struct port_plan *plan)
{
	int ret;

	if (plan->kernel_mtu || port->conf->kind == DEVICE_AF_XDP)
		return 0; /* port_device_make() has set it. */
	ret = rte_eth_dev_set_mtu(port->id, port->mtu);
	/* Devices without a limit of their own do not know the call. */
	if (ret == 0 || ret == -ENOTSUP)
		return 0;
	LOG_PORT(ERR, "%s: mtu %u: %s", port->conf->name, port->mtu, eal_error_text(ret));
	return ret;
}

/* Nothing behind these filters by address: the worker's own look at it is all there is. */
static bool
takes_any_mac(uint8_t kind)
{
	return kind == DEVICE_VHOST || kind == DEVICE_PCAP || kind == DEVICE_NULL ||
			kind == DEVICE_RING;
}

static int
apply_mac(struct port *port)
{
	struct rte_ether_addr addr;
	int ret;

	ret = rte_eth_macaddr_get(port->id, &addr);
	if (ret == 0 && has_mac(port->conf->mac) &&
			memcmp(addr.addr_bytes, port->conf->mac, sizeof(port->conf->mac)) != 0) {
		memcpy(addr.addr_bytes, port->conf->mac, sizeof(port->conf->mac));
		ret = rte_eth_dev_default_mac_addr_set(port->id, &addr);
		if (ret == -ENOTSUP && takes_any_mac(port->conf->kind))
			ret = 0;
	}
	if (ret < 0) {
		LOG_PORT(ERR, "%s: mac: the device refuses it: %s", port->conf->name,
				eal_error_text(ret));
		return ret;
	}
	memcpy(port->mac, addr.addr_bytes, sizeof(port->mac));
	return 0;
}

static int
setup_queues(const struct port *port, uint16_t descriptors, struct rte_mempool *pool)
{
	const unsigned int socket = (unsigned int)port->socket;
	uint16_t nb_rxd = descriptors;
	uint16_t nb_txd = descriptors;
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(port->id, &nb_rxd, &nb_txd);

	for (uint16_t q = 0; ret == 0 && q < port->nb_rxq; q++)
		ret = rte_eth_rx_queue_setup(port->id, q, nb_rxd, socket, NULL, pool);
	for (uint16_t q = 0; ret == 0 && q < port->nb_txq; q++)
		ret = rte_eth_tx_queue_setup(port->id, q, nb_txd, socket, NULL);
	if (ret < 0)
		LOG_PORT(ERR, "%s: cannot make %u rx and %u tx queues of %u and %u descriptors: %s",
				port->conf->name, port->nb_rxq, port->nb_txq, nb_rxd, nb_txd,
				eal_error_text(ret));
	return ret;
}

static int
configure(struct port *port, const struct port_plan *plan, uint16_t nb_workers,
		struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;
	int ret = rte_eth_dev_info_get(port->id, &info);

	if (ret < 0) {
		LOG_PORT(ERR, "%s: the device does not answer: %s", port->conf->name,
				eal_error_text(ret));
		return ret;
	}
	ret = set_queues(port, plan, &info, nb_workers);
	if (ret < 0)
		return ret;
	conf_set_rss(port, &info, &conf);
	ret = conf_set_mtu(port, plan, &info, &conf);
	if (ret < 0)
		return ret;
	conf_set_offloads(port, &info, &conf, pool);
	ret = rte_eth_dev_configure(port->id, port->nb_rxq, port->nb_txq, &conf);
	if (ret < 0)
		LOG_PORT(ERR, "%s: the device refuses %u rx and %u tx queues: %s", port->conf->name,
				port->nb_rxq, port->nb_txq, eal_error_text(ret));
	return ret;
}

int
port_setup(struct port *port, const struct port_plan *plan, uint16_t nb_workers,
		struct rte_mempool *pool)
{
	int socket = rte_eth_dev_socket_id(port->id);
	int ret;

	port->socket = socket < 0 ? 0 : socket;
	port->needs_tx_poll = port->conf->kind == DEVICE_BOND &&
			strcmp(port->conf->bond.mode, "802.3ad") == 0;
	ret = configure(port, plan, nb_workers, pool);
	if (ret == 0)
		ret = setup_queues(port, plan->descriptors, pool);
	if (ret == 0)
		ret = apply_mtu(port, plan);
	if (ret == 0)
		ret = apply_mac(port);
	return ret;
}

/*
 * net_tap gives the kernel's end the port's own MAC address. Behind a port of kind tap
 * the kernel is a neighbour like any other, so it needs one of its own; two ends with
 * the same address would take each other's ARP for an echo of their own.
 */
static int
give_kernel_end_a_mac(const struct port *port)
{
	uint8_t mac[6];

	memcpy(mac, port->mac, sizeof(mac));
	mac[5] ^= 1;
	return environment_interface_set_mac(port->conf->interface, mac);
}

int
port_start(struct port *port)
{
	int ret = rte_eth_dev_start(port->id);

	if (ret == 0 && port->conf->kind == DEVICE_TAP)
		ret = give_kernel_end_a_mac(port);

	if (ret < 0) {
		LOG_PORT(ERR, "%s: the device does not start: %s", port->conf->name,
				eal_error_text(ret));
		return ret;
	}
	/* Solicited-node groups of neighbour discovery; devices that filter nothing lack the call. */
	ret = rte_eth_allmulticast_enable(port->id);
	if (ret < 0 && ret != -ENOTSUP)
		LOG_PORT(WARNING, "%s: no multicast (%s): IPv6 neighbours may not find us",
				port->conf->name, eal_error_text(ret));
	if (!port->conf->promiscuous)
		return 0;
	ret = rte_eth_promiscuous_enable(port->id);
	if (ret < 0 && ret != -ENOTSUP)
		LOG_PORT(WARNING, "%s: promiscuous: %s", port->conf->name, eal_error_text(ret));
	return 0;
}

int
port_setup_tap(const struct port *port, struct rte_mempool *pool)
{
	struct rte_eth_conf conf = { 0 };
	int ret = rte_eth_dev_configure(port->tap_id, 1, 1, &conf);

	if (ret == 0)
		ret = rte_eth_rx_queue_setup(port->tap_id, 0, TAP_DESCRIPTORS, 0, NULL, pool);
	if (ret == 0)
		ret = rte_eth_tx_queue_setup(port->tap_id, 0, TAP_DESCRIPTORS, 0, NULL);
	if (ret == 0)
		ret = rte_eth_dev_set_mtu(port->tap_id, RTE_MIN(port->mtu, TAP_MTU_MAX));
	if (ret == 0)
		ret = rte_eth_dev_start(port->tap_id);
	if (ret == 0)
		ret = environment_interface_up(port->conf->punt_tap);
	if (ret < 0)
		LOG_PORT(ERR, "%s: TAP %s for the kernel: %s", port->conf->name,
				port->conf->punt_tap, eal_error_text(ret));
	return ret;
}
