/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EAL takes its settings as a command line. 22.11 refuses --no-huge with
 * --in-memory, so without hugepages it is --no-shconf; both leave no files that
 * another process could find, and two instances do not meet.
 */
#include "dataplane/eal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "dataplane/log.h"

#define MAX_ARGS 64
#define ARG_LEN 512

/* EAL keeps pointers to its arguments and changes their order. */
static struct {
	int nb;
	char *argv[MAX_ARGS + 1];
	char text[MAX_ARGS][ARG_LEN];
} command;

static void PRINTF_LIKE(1, 2) command_add(const char *format, ...)
{
	va_list args;

	if (command.nb == MAX_ARGS)
		return;
	va_start(args, format);
	vsnprintf(command.text[command.nb], ARG_LEN, format, args);
	va_end(args);
	command.argv[command.nb] = command.text[command.nb];
	command.nb++;
}

const char *
eal_error_text(int ret)
{
	return ret == -1 ? "refused; the driver gives no reason" : rte_strerror(-ret);
}

static void
command_add_lcores(const struct dataplane_conf *conf)
{
	char list[ARG_LEN];
	int len = snprintf(list, sizeof(list), "0@%u", conf->main_lcore);

	for (uint16_t i = 0; i < conf->nb_workers; i++)
		len += snprintf(list + len, sizeof(list) - (size_t)len, ",%u@%u",
				eal_worker_lcore(i), conf->workers[i]);
	command_add("--lcores=%s", list);
	command_add("--main-lcore=0");
}

/* The PCI bus is scanned only if a port is on it, and then for nothing else. */
static void
command_add_pci(const struct dataplane_conf *conf)
{
	bool found = false;

	for (uint16_t i = 0; i < conf->nb_ports; i++) {
		const struct port_conf *port = &conf->ports[i];

		if (port->kind == DEVICE_PCI)
			command_add("--allow=%s", port->pci);
		else if (port->kind == DEVICE_DEVARGS && config_is_pci_address(port->devargs))
			command_add("--allow=%s", port->devargs);
		else
			continue;
		found = true;
	}
	if (!found)
		command_add("--no-pci");
}

static void
command_build(const struct dataplane_conf *conf, uint64_t memory_mb)
{
	const bool debug = log_level_parse(conf->log_level) >= (int)RTE_LOG_DEBUG;

	command.nb = 0;
	command_add("guideway-dataplane");
	command_add_lcores(conf);
	command_add("--file-prefix=%s", conf->file_prefix);
	if (conf->hugepages) {
		command_add("--in-memory");
	} else {
		command_add("--no-huge");
		command_add("--no-shconf");
	}
	if (memory_mb > 0) {
		command_add("-m");
		command_add("%llu", (unsigned long long)memory_mb);
	}
	command_add_pci(conf);
	/*
	 * DPDK's own areas only speak up when something is wrong, unless we debug. For
	 * drivers, which register later, the first pattern wins; for our areas the last.
	 * net_tap calls it an error that there are no secondary processes and no multiq.
	 */
	if (!debug)
		command_add("--log-level=pmd.net.tap:critical");
	command_add("--log-level=*:%s", debug ? "info" : "error");
	command_add("--log-level=gw.*:%s", conf->log_level);
}

int
eal_start(const struct dataplane_conf *conf, uint64_t memory_mb)
{
	command_build(conf, memory_mb);
	for (int i = 1; i < command.nb; i++)
		LOG_MAIN(DEBUG, "EAL argument %s", command.argv[i]);
	if (rte_eal_init(command.nb, command.argv) < 0)
		return rte_errno != 0 ? -rte_errno : -EIO;
	return 0;
}

void
eal_stop(void)
{
	rte_eal_cleanup();
}
