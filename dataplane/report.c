/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#include "dataplane/dataplane.h"
#include "dataplane/environment.h"
#include "dataplane/pipeline.h"
#include "dataplane/port_plan.h"
#include "dataplane/worker.h"
#include "net/parse.h"

#define KEY_WIDTH 12
/* Outer headers of mode ipip, and what stands in front of TCP's data in the inner packet. */
#define OUTER4 20
#define OUTER6 40
#define INNER4_TCP 40
#define INNER6_TCP 60

/* "  key         value", the key left out when it is the same as above. */
static void PRINTF_LIKE(2, 3) line(const char *key, const char *format, ...)
{
	va_list args;

	printf("  %-*s ", KEY_WIDTH, key);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static void
report_hugepages(const struct dataplane *dp)
{
	struct hugepages pages[2 * ENVIRONMENT_MAX_NODES];
	unsigned int nb = environment_hugepages(pages, ARRAY_LEN(pages));

	for (unsigned int i = 0; i < nb; i++)
		line(i == 0 ? "hugepages" : "", "node %u: %" PRIu64 " of %u MiB, %" PRIu64 " free",
				pages[i].node, pages[i].total, pages[i].page_kb / 1024,
				pages[i].free);
	if (nb == 0)
		line("hugepages", "none reserved");
	if (!dp->conf.hugepages)
		line("", "not used (memory.hugepages: false): fine for tests, slower with many flows");
}

static void
report_lcores(const struct dataplane_conf *conf)
{
	char list[512];
	bool shared = false;
	int len = 0;

	for (uint16_t i = 0; i < conf->nb_workers; i++) {
		len += snprintf(list + len, sizeof(list) - (size_t)len, "%s%u on CPU %u",
				i == 0 ? "" : ", ", i, conf->workers[i]);
		shared |= conf->workers[i] == conf->main_lcore;
		for (uint16_t k = 0; k < i; k++)
			shared |= conf->workers[i] == conf->workers[k];
		if ((size_t)len >= sizeof(list))
			break;
	}
	line("lcores", "main on CPU %u, worker%s %s", conf->main_lcore,
			conf->nb_workers == 1 ? "" : "s", list);
	if (shared)
		line("", "some share a CPU: packets wait while the other one runs");
	if (conf->idle == IDLE_POLL)
		line("idle", "workers poll: lowest latency, each takes its CPU to itself");
	else
		line("idle", "workers sleep, up to %u us, when nothing comes", conf->idle_max_us);
}

void
report_machine(const struct dataplane *dp)
{
	char cpus[128];

	printf("guideway-dataplane %s on %s, pid %d\n", GUIDEWAY_VERSION, rte_version(), getpid());
	line("machine", "CPUs %s, %u NUMA node%s, %" PRIu64 " MiB of memory free",
			environment_cpu_list(cpus, sizeof(cpus)), environment_nb_nodes(),
			environment_nb_nodes() == 1 ? "" : "s", environment_memory_mb());
	report_hugepages(dp);
	report_lcores(&dp->conf);
	line("pipeline", "for %s", dp->pipeline->name);
	fflush(stdout);
}

/* What a user called it: "af_packet eth0". */
static const char *
device_text(const struct port_conf *conf, char *buf, size_t size)
{
	const char *what = "";

	if (conf->pci[0] != '\0')
		what = conf->pci;
	else if (conf->interface[0] != '\0')
		what = conf->interface;
	else if (conf->path[0] != '\0')
		what = conf->path;
	else if (conf->devargs[0] != '\0')
		what = conf->devargs;
	else if (conf->kind == DEVICE_BOND)
		what = conf->bond.mode;
	snprintf(buf, size, "%s%s%s", device_kind_name(conf->kind), what[0] != '\0' ? " " : "",
			what);
	return buf;
}

static const char *
link_text(uint16_t id, char *buf, size_t size)
{
	struct rte_eth_link link = { 0 };

	if (rte_eth_link_get_nowait(id, &link) < 0)
		snprintf(buf, size, "link unknown");
	else if (link.link_status == RTE_ETH_LINK_DOWN)
		snprintf(buf, size, "link DOWN");
	else if (link.link_speed == 0 || link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN)
		snprintf(buf, size, "link up");
	else
		snprintf(buf, size, "link up, %u Mbit/s", link.link_speed);
	return buf;
}

static void
report_members(const struct port *port)
{
	const struct bond_conf *bond = &port->conf->bond;

	for (uint16_t i = 0; i < bond->nb_members; i++)
		line(i == 0 ? "  members" : "", "%s", bond->members[i]);
	if (port->needs_tx_poll)
		line("", "LACP: workers send its frames, every 100 ms at least");
}

static void
report_queues(const struct port *port)
{
	struct rte_eth_rxq_info info = { 0 };
	unsigned int descriptors = 0;

	if (rte_eth_rx_queue_info_get(port->id, 0, &info) == 0)
		descriptors = info.nb_desc;
	if (descriptors > 0)
		line("  queues", "%u rx, %u tx, %u descriptors each", port->nb_rxq, port->nb_txq,
				descriptors);
	else
		line("  queues", "%u rx, %u tx", port->nb_rxq, port->nb_txq);
	if (port->nb_rxq == 1)
		line("  rss", "one queue: one worker receives all");
	else if (port->has_rss)
		line("  rss", "in the device, by addresses and ports");
	else if (port->conf->kind == DEVICE_AF_PACKET)
		line("  rss", "in the kernel (PACKET_FANOUT), by addresses and ports");
	else
		line("  rss", "as the other side spreads packets over queues");
	line("  checksums", "IPv4 headers verified %s",
			port->rx_checksum ? "by the device" : "in software");
}

static void
report_mtu(const struct port *port)
{
	line("  mtu", "%u; mode ipip: packets up to %u bytes fit over IPv4, %u over IPv6",
			port->mtu, port->mtu - OUTER4, port->mtu - OUTER6);
	line("", "(clients' MSS at most %u over IPv4, %u over IPv6; else give %u bytes more MTU)",
			port->mtu - OUTER4 - INNER4_TCP, port->mtu - OUTER6 - INNER6_TCP, OUTER6);
}

static void
report_interfaces(const struct port *port)
{
	char text[IP_ADDR_STRLEN];

	for (uint16_t i = 0; i < port->conf->nb_interfaces; i++) {
		const struct interface_conf *conf = &port->conf->interfaces[i];
		char list[512] = "no addresses";
		int len = 0;

		for (uint16_t k = 0; k < conf->nb_addresses; k++) {
			len += snprintf(list + len, sizeof(list) - (size_t)len, "%s%s/%u",
					k == 0 ? "" : ", ",
					ip_addr_format(&conf->addresses[k].addr, text),
					conf->addresses[k].len);
			if ((size_t)len >= sizeof(list))
				break;
		}
		if (conf->vlan == PACKET_VLAN_NONE)
			line("  untagged", "%s", list);
		else
			line("  vlan", "%u: %s", conf->vlan, list);
	}
}

void
report_port(const struct port *port)
{
	struct rte_eth_dev_info info = { 0 };
	char device[288], link[64];

	if (rte_eth_dev_info_get(port->id, &info) < 0)
		info.driver_name = "?";
	line("port", "%s: %s, driver %s, %s", port->conf->name,
			device_text(port->conf, device, sizeof(device)), info.driver_name,
			link_text(port->id, link, sizeof(link)));
	line("  address", RTE_ETHER_ADDR_PRT_FMT ", NUMA node %d", port->mac[0], port->mac[1],
			port->mac[2], port->mac[3], port->mac[4], port->mac[5], port->socket);
	if (port->conf->kind == DEVICE_BOND)
		report_members(port);
	report_queues(port);
	report_mtu(port);
	report_interfaces(port);
	if (port->conf->punt == PUNT_TAP)
		line("  punt", "packets for no service go to the kernel by TAP %s",
				port->conf->punt_tap);
	else
		line("  punt", "packets for no service are dropped");
	fflush(stdout);
}

void
report_consequences(const struct dataplane *dp, uint64_t memory_mb)
{
	const struct dataplane_conf *conf = &dp->conf;

	line("memory", "%" PRIu64 " MiB in all; %u packet buffers of %u bytes", memory_mb,
			ports_plan_mbufs(conf), ports_plan_mbuf_size(conf));
	line("headroom", "%u bytes in front of each packet; encapsulation needs up to %u",
			RTE_PKTMBUF_HEADROOM, OUTER6 + PORT_L2_MAX);
	line("flows", "%u IPv4 and %u IPv6 on each of %u worker%s: %" PRIu64 " MiB", conf->flows4,
			conf->flows6, conf->nb_workers, conf->nb_workers == 1 ? "" : "s",
			worker_memory(dp) * conf->nb_workers >> 20);
	line("limits", "%u services, %u members (backends of services)", conf->max_services,
			conf->max_members);
	line("channel", "%s, for root%s%s", conf->channel_socket,
			conf->control_uid == (uid_t)-1 || conf->control_uid == 0 ? "" : " and ",
			conf->control_uid == (uid_t)-1 || conf->control_uid == 0
					? ""
					: conf->control_user);
	if (conf->advertise_tap[0] != '\0')
		line("advertise", "VIPs are addresses of %s%s%s", conf->advertise_tap,
				conf->advertise_spare_tap[0] != '\0' ? ", spare ones of " : "",
				conf->advertise_spare_tap);
	fflush(stdout);
}

void
report_ready(void)
{
	printf("guideway-dataplane: ready\n");
	fflush(stdout);
}
