/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/preflight.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/dataplane.h"
#include "dataplane/environment.h"
#include "dataplane/log.h"
#include "dataplane/port_plan.h"
#include "dataplane/shared.h"
#include "dataplane/worker.h"
#include "dataplane/xdp.h"

#define MIB (UINT64_C(1) << 20)
/* Exception rings, EAL's own structures, snapshots' scratch, fragmentation. */
#define BASE_MB 32
/* A device's queues, its outbox and its private data. */
#define PORT_MB 4

/* The trouble found so far: the lowest code is the exit code. */
static void PRINTF_LIKE(3, 4)
		problem(enum exit_code *found, enum exit_code code, const char *format, ...)
{
	char text[768];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	LOG_MAIN(ERR, "%s", text);
	if (*found == EXIT_CODE_OK || code < *found)
		*found = code;
}

uint64_t
preflight_memory_mb(const struct dataplane *dp)
{
	const uint64_t bytes = ports_plan_pool_size(&dp->conf) +
			shared_memory(dp->conf.nb_workers) +
			worker_memory(dp) * dp->conf.nb_workers;

	return (bytes + MIB - 1) / MIB + BASE_MB + (uint64_t)PORT_MB * dp->conf.nb_ports;
}

static void
check_cpu(enum exit_code *found, unsigned int cpu, const char *whose)
{
	char list[128];

	if (!environment_cpu_exists(cpu))
		problem(found, EXIT_CODE_LCORES,
				"CPU %u of %s does not exist or is offline: this machine has %s; "
				"change lcores in the configuration",
				cpu, whose, environment_cpu_list(list, sizeof(list)));
	else if (!environment_cpu_allowed(cpu))
		problem(found, EXIT_CODE_LCORES,
				"CPU %u of %s is not allowed for this process: see taskset -p $$, and "
				"AllowedCPUs= of the systemd unit",
				cpu, whose);
}

static void
check_lcores(enum exit_code *found, const struct dataplane_conf *conf)
{
	check_cpu(found, conf->main_lcore, "main");
	for (uint16_t i = 0; i < conf->nb_workers; i++) {
		char whose[32];

		snprintf(whose, sizeof(whose), "worker %u", i);
		check_cpu(found, conf->workers[i], whose);
	}
}

/* Pages of 2 MiB to reserve in all, so that @p missing_mb more are free. */
static void
hugepages_problem(enum exit_code *found, const struct hugepages *pages, unsigned int nb,
		uint64_t need_mb, uint64_t free_mb)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < nb; i++)
		if (pages[i].page_kb == 2048)
			total += pages[i].total;
	total += (need_mb - free_mb + 1) / 2;
	problem(found, EXIT_CODE_MEMORY,
			"hugepages: %" PRIu64 " MiB are needed, %" PRIu64 " MiB are free; cure: "
			"echo %" PRIu64 " > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages "
			"(or scripts/hugepages %" PRIu64 "), or memory: {hugepages: false}",
			need_mb, free_mb, total, total * 2);
}

static void
check_memory(enum exit_code *found, const struct dataplane *dp)
{
	struct hugepages pages[2 * ENVIRONMENT_MAX_NODES];
	unsigned int nb = environment_hugepages(pages, ARRAY_LEN(pages));
	const uint64_t need_mb = preflight_memory_mb(dp);
	const uint32_t given_mb = dp->conf.memory_mb;
	uint64_t free_mb = 0;

	if (given_mb != 0 && given_mb < need_mb)
		problem(found, EXIT_CODE_MEMORY,
				"memory.megabytes: %u MiB are given, %" PRIu64
				" MiB are needed; leave "
				"it out, or lower memory.flows_ipv4, flows_ipv6 or mbufs",
				given_mb, need_mb);
	if (dp->conf.hugepages) {
		for (unsigned int i = 0; i < nb; i++)
			free_mb += pages[i].free * pages[i].page_kb / 1024;
		if (free_mb < RTE_MAX(need_mb, given_mb))
			hugepages_problem(found, pages, nb, RTE_MAX(need_mb, given_mb), free_mb);
		return;
	}
	free_mb = environment_memory_mb();
	if (free_mb < RTE_MAX(need_mb, given_mb))
		problem(found, EXIT_CODE_MEMORY,
				"memory: %" PRIu64 " MiB are needed, %" PRIu64
				" MiB are free; lower "
				"memory.flows_ipv4, flows_ipv6 or mbufs, or give the machine more",
				RTE_MAX(need_mb, given_mb), free_mb);
}

static void
need_capability(enum exit_code *found, const struct port_conf *port, unsigned int capability,
		const char *name)
{
	if (environment_has_capability(capability))
		return;
	problem(found, EXIT_CODE_PERMISSION,
			"%s: device %s needs %s: run as root, or give AmbientCapabilities=%s in the "
			"systemd unit",
			port->name, device_kind_name(port->kind), name, name);
}

static void
check_tap(enum exit_code *found, const char *whose, const char *tap)
{
	struct kernel_interface interface;

	if (!environment_has_capability(CAP_NET_ADMIN)) {
		problem(found, EXIT_CODE_PERMISSION,
				"%s: making TAP %s needs CAP_NET_ADMIN: run as root, or give "
				"AmbientCapabilities=CAP_NET_ADMIN in the systemd unit",
				whose, tap);
		return;
	}
	if (access("/dev/net/tun", R_OK | W_OK) < 0)
		problem(found, EXIT_CODE_PORT, "%s: /dev/net/tun: %s; cure: modprobe tun", whose,
				strerror(errno));
	if (environment_interface(tap, &interface) == 0)
		problem(found, EXIT_CODE_PORT,
				"%s: an interface %s exists already; cure: ip link del %s, or another "
				"name",
				whose, tap, tap);
}

static void
check_interface(enum exit_code *found, const struct port_conf *port)
{
	struct kernel_interface interface;
	int ret = environment_interface(port->interface, &interface);

	if (ret < 0) {
		problem(found, EXIT_CODE_PORT,
				"%s: interface %s: %s; see: ip link (dataplane.yaml line %d)",
				port->name, port->interface, strerror(-ret), port->line);
		return;
	}
	if (!interface.up)
		problem(found, EXIT_CODE_PORT, "%s: interface %s is down; cure: ip link set %s up",
				port->name, port->interface, port->interface);
	if (interface.has_ipv4 && port->kind == DEVICE_AF_PACKET)
		LOG_MAIN(WARNING,
				"%s: the kernel has an IPv4 address on %s, too, and will answer its "
				"packets besides us; cure: ip addr flush dev %s",
				port->name, port->interface, port->interface);
}

static void
check_xdp_program(enum exit_code *found, const struct dataplane_conf *conf,
		const struct port_conf *port)
{
	uint32_t id;

	if (port->xdp_program[0] != '\0' && access(port->xdp_program, R_OK) < 0)
		problem(found, EXIT_CODE_PORT, "%s: xdp_program %s: %s", port->name,
				port->xdp_program, strerror(errno));
	if (xdp_owner(conf, port->interface, &id) == XDP_OTHER)
		problem(found, EXIT_CODE_PORT,
				"%s: interface %s has an XDP program (id %u) that is not ours; see: "
				"bpftool prog show id %u; cure: ip link set dev %s xdp off",
				port->name, port->interface, id, id, port->interface);
}

static void
check_af_xdp(enum exit_code *found, const struct dataplane_conf *conf, const struct port_conf *port)
{
	struct port_plan plan;

	need_capability(found, port, CAP_NET_ADMIN, "CAP_NET_ADMIN");
	need_capability(found, port, CAP_NET_RAW, "CAP_NET_RAW");
	if (port->xdp_program[0] == '\0')
		need_capability(found, port, CAP_SYS_ADMIN, "CAP_SYS_ADMIN (or an xdp_program)");
	else if (!environment_has_capability(CAP_BPF))
		need_capability(found, port, CAP_SYS_ADMIN, "CAP_BPF");
	check_xdp_program(found, conf, port);
	port_plan_make(&plan, conf, port);
	if (port->rx_queues > plan.max_queues)
		problem(found, EXIT_CODE_PORT,
				"%s: rx_queues: %u, but %s has %u; cure: ethtool -L %s combined %u",
				port->name, port->rx_queues, port->interface, plan.max_queues,
				port->interface, port->rx_queues);
	if (plan.mtu > PORT_XDP_MTU_MAX)
		problem(found, EXIT_CODE_PORT,
				"%s: mtu: %u, but AF_XDP has one page for a frame: %u at most; cure: "
				"ip link set %s mtu %u",
				port->name, plan.mtu, PORT_XDP_MTU_MAX, port->interface,
				PORT_XDP_MTU_MAX);
}

/* What its members cannot carry, a bond cannot. */
static void
check_bond(enum exit_code *found, const struct dataplane_conf *conf, const struct port_conf *port)
{
	struct port_conf any = *port;
	struct port_plan plan;

	any.mtu = 0;
	port_plan_make(&plan, conf, &any);
	if (port->mtu > plan.mtu)
		problem(found, EXIT_CODE_PORT,
				"%s: mtu: %u, but a member has %u; give each member mtu: %u",
				port->name, port->mtu, plan.mtu, port->mtu);
}

static void
check_pci(enum exit_code *found, const struct port_conf *port)
{
	static const char *const own[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };
	/* Their DPDK drivers work beside the kernel's. */
	static const char *const bifurcated[] = { "mlx5_core", "mlx4_core" };
	char driver[64];

	if (environment_pci_driver(port->pci, driver, sizeof(driver)) < 0) {
		problem(found, EXIT_CODE_PORT,
				"%s: no PCI device %s; see: lspci -D | grep -i ether", port->name,
				port->pci);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(bifurcated); i++)
		if (strcmp(driver, bifurcated[i]) == 0)
			return;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (strcmp(driver, own[i]) == 0 &&
				(i != 0 || access("/dev/vfio/vfio", R_OK | W_OK) == 0))
			return;
	if (strcmp(driver, own[0]) == 0)
		problem(found, EXIT_CODE_PERMISSION,
				"%s: /dev/vfio/vfio: %s; run as root, or chown the group under "
				"/dev/vfio to this user",
				port->name, strerror(errno));
	else
		problem(found, EXIT_CODE_PORT,
				"%s: PCI device %s has the kernel driver \"%s\"; cure (its kernel "
				"interface goes away): modprobe vfio-pci && dpdk-devbind.py "
				"--bind=vfio-pci %s",
				port->name, port->pci, driver, port->pci);
}

static void
check_file(enum exit_code *found, const struct port_conf *port, const char *path)
{
	if (access(path, R_OK) < 0)
		problem(found, EXIT_CODE_PORT, "%s: %s: %s", port->name, path, strerror(errno));
}

/* The folder of a file or socket that is to be made. */
static void
check_folder(enum exit_code *found, const struct port_conf *port, const char *path)
{
	char folder[128];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		snprintf(folder, sizeof(folder), ".");
	else
		slash[slash == folder ? 1 : 0] = '\0';
	if (access(folder, W_OK | X_OK) < 0)
		problem(found, errno == EACCES ? EXIT_CODE_PERMISSION : EXIT_CODE_PORT,
				"%s: folder %s: %s; cure: mkdir -p %s", port->name, folder,
				strerror(errno), folder);
}

/* A socket of our own: nobody else may listen there. */
static void
check_listener(enum exit_code *found, const struct port_conf *port)
{
	check_folder(found, port, port->path);
	if (port_listens(port) && environment_socket(port->path) == SOCKET_TAKEN)
		problem(found, EXIT_CODE_PORT,
				"%s: %s is in use by another process, or is no socket; see: ss -xlp",
				port->name, port->path);
}

/* The other end listens; without it the device cannot be made. */
static void
check_socket(enum exit_code *found, const struct port_conf *port)
{
	struct stat st;

	if (stat(port->path, &st) < 0)
		problem(found, EXIT_CODE_PORT, "%s: %s: %s; start the vhost side first", port->name,
				port->path, strerror(errno));
}

static void
check_port(enum exit_code *found, const struct dataplane_conf *conf, const struct port_conf *port)
{
	switch (port->kind) {
	case DEVICE_PCI:
		check_pci(found, port);
		break;
	case DEVICE_AF_PACKET:
		need_capability(found, port, CAP_NET_RAW, "CAP_NET_RAW");
		check_interface(found, port);
		break;
	case DEVICE_AF_XDP:
		check_interface(found, port);
		check_af_xdp(found, conf, port);
		break;
	case DEVICE_TAP:
		check_tap(found, port->name, port->interface);
		break;
	case DEVICE_PCAP:
		check_file(found, port, port->path);
		if (port->pcap_out[0] != '\0')
			check_folder(found, port, port->pcap_out);
		break;
	case DEVICE_MEMIF:
	case DEVICE_VHOST:
		check_listener(found, port);
		break;
	case DEVICE_BOND:
		check_bond(found, conf, port);
		break;
	case DEVICE_VIRTIO_USER:
		check_socket(found, port);
		break;
	default:
		break;
	}
	if (port->punt == PUNT_TAP)
		check_tap(found, port->name, port->punt_tap);
}

enum exit_code
preflight_check(const struct dataplane *dp)
{
	enum exit_code found = EXIT_CODE_OK;

	check_lcores(&found, &dp->conf);
	check_memory(&found, dp);
	for (uint16_t i = 0; i < dp->conf.nb_ports; i++)
		check_port(&found, &dp->conf, &dp->conf.ports[i]);
	if (dp->conf.advertise_tap[0] != '\0')
		check_tap(&found, "advertise", dp->conf.advertise_tap);
	if (dp->conf.advertise_spare_tap[0] != '\0')
		check_tap(&found, "advertise", dp->conf.advertise_spare_tap);
	return found;
}
