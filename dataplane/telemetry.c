/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An answer of DPDK 22.11 is at most 16 KiB of text, a list 512 entries, a dictionary 256, a
 * string 128 bytes, so what may be long comes in pages: "next" is the parameter of the next
 * one, and 0 says that there is none. Of backends each page holds lists side by side: entry i
 * of each is of the same backend.
 *
 * DPDK 22.11 cannot take a command back. One that comes after the end is told so by -ENODEV,
 * of which DPDK makes null.
 */
#include "dataplane/telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_telemetry.h>

#include "channel/stats.h"
#include "dataplane/dataplane.h"
#include "service/service_id.h"

#define SERVICES_A_PAGE 128
#define BACKENDS_A_PAGE 64

typedef int (*command_fn)(const void *region, const char *params, struct rte_tel_data *out);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const void *stats; /* NULL: none, or no more. Guarded by lock. */

/**
 * Numbers with commas between, as DPDK hands them over. What is left out becomes @p fallback.
 * @return false: it is no such list, or one of them is above UINT32_MAX.
 */
static bool
numbers_parse(const char *params, uint32_t *out, unsigned int nb, uint32_t fallback)
{
	for (unsigned int i = 0; i < nb; i++)
		out[i] = fallback;
	if (params == NULL)
		return true;
	for (unsigned int i = 0; i < nb; i++) {
		unsigned long long number;
		char *end;

		if (*params < '0' || *params > '9')
			return false;
		number = strtoull(params, &end, 10);
		if (number > UINT32_MAX)
			return false;
		out[i] = (uint32_t)number;
		if (*end == '\0')
			return true;
		if (*end != ',')
			return false;
		params = end + 1;
	}
	return false;
}

static bool
service_read(const void *region, uint32_t id, struct stats_service *out)
{
	const struct stats_header *h = region;

	return id < h->max_services && stats_service_read(stats_service(region, id), out) == 0 &&
			out->used;
}

static int
status(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct stats_header *h = region;

	(void)params;
	rte_tel_data_start_dict(out);
	rte_tel_data_add_dict_string(out, "version", h->version);
	rte_tel_data_add_dict_u64(out, "start_time", h->start_time_s);
	rte_tel_data_add_dict_u64(out, "generation", stat_get(&h->generation));
	rte_tel_data_add_dict_u64(out, "last_apply_us", stat_get(&h->last_apply_us));
	rte_tel_data_add_dict_u64(out, "session", stat_get(&h->session_active));
	rte_tel_data_add_dict_u64(out, "workers", h->nb_workers);
	rte_tel_data_add_dict_u64(out, "ports", h->nb_ports);
	rte_tel_data_add_dict_u64(out, "max_services", h->max_services);
	rte_tel_data_add_dict_u64(out, "max_members", h->max_members);
	rte_tel_data_add_dict_u64(out, "packet_buffers", stat_get(&h->packet_buffers));
	rte_tel_data_add_dict_u64(out, "packet_buffers_used", stat_get(&h->packet_buffers_used));
	rte_tel_data_add_dict_u64(out, "tsc_hz", h->tsc_hz);
	return 0;
}

static int
workers(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct stats_header *h = region;

	(void)params;
	rte_tel_data_start_array(out, RTE_TEL_U64_VAL);
	for (uint32_t i = 0; i < h->nb_workers; i++)
		rte_tel_data_add_array_u64(out, i);
	return 0;
}

static int
worker(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct stats_header *h = region;
	const struct worker_stats *s;
	uint32_t id;

	if (!numbers_parse(params, &id, 1, UINT32_MAX) || id >= h->nb_workers)
		return -EINVAL;
	s = stats_worker(region, id);
	rte_tel_data_start_dict(out);
#define ADD(field, name, kind, meaning) rte_tel_data_add_dict_u64(out, name, stat_get(&s->field));
	WORKER_STATS(ADD)
#undef ADD
	return 0;
}

static int
flows(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct stats_header *h = region;
	uint64_t v4 = 0, v6 = 0, room4 = 0, room6 = 0;

	(void)params;
	for (uint32_t i = 0; i < h->nb_workers; i++) {
		const struct worker_stats *s = stats_worker(region, i);

		v4 += stat_get(&s->flows4);
		v6 += stat_get(&s->flows6);
		room4 += stat_get(&s->flows4_capacity);
		room6 += stat_get(&s->flows6_capacity);
	}
	rte_tel_data_start_dict(out);
	rte_tel_data_add_dict_u64(out, "flows4", v4);
	rte_tel_data_add_dict_u64(out, "flows4_capacity", room4);
	rte_tel_data_add_dict_u64(out, "flows6", v6);
	rte_tel_data_add_dict_u64(out, "flows6_capacity", room6);
	return 0;
}

static int
drops(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct stats_header *h = region;

	(void)params;
	rte_tel_data_start_dict(out);
	for (int reason = 1; reason < NB_DROP_REASONS; reason++) {
		uint64_t n = stat_get(&h->main.drops[reason]);

		for (uint32_t i = 0; i < h->nb_workers; i++)
			n += stat_get(&stats_worker(region, i)->drops[reason]);
		rte_tel_data_add_dict_u64(out, drop_reason_name((enum drop_reason)reason), n);
	}
	return 0;
}

static int
neighbours(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct main_stats *s = &((const struct stats_header *)region)->main;

	(void)params;
	rte_tel_data_start_dict(out);
	rte_tel_data_add_dict_u64(
			out, "requests_answered", stat_get(&s->neighbour_requests_answered));
	rte_tel_data_add_dict_u64(out, "probes_sent", stat_get(&s->neighbour_probes_sent));
	rte_tel_data_add_dict_u64(out, "resolved", stat_get(&s->neighbours_resolved));
	rte_tel_data_add_dict_u64(out, "failed", stat_get(&s->neighbours_failed));
	return 0;
}

static int
ports(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct stats_header *h = region;

	(void)params;
	rte_tel_data_start_array(out, RTE_TEL_STRING_VAL);
	for (uint32_t i = 0; i < h->nb_ports; i++)
		rte_tel_data_add_array_string(out, h->ports[i].name);
	return 0;
}

static int
port(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct stats_header *h = region;
	const struct port_stats *s;
	uint32_t index;

	if (!numbers_parse(params, &index, 1, UINT32_MAX) || index >= h->nb_ports)
		return -EINVAL;
	s = &h->ports[index];
	rte_tel_data_start_dict(out);
	rte_tel_data_add_dict_string(out, "name", s->name);
	rte_tel_data_add_dict_u64(out, "link_up", stat_get(&s->link_up));
	rte_tel_data_add_dict_u64(out, "mtu", stat_get(&s->mtu));
	rte_tel_data_add_dict_u64(out, "rx_packets", stat_get(&s->rx_packets));
	rte_tel_data_add_dict_u64(out, "tx_packets", stat_get(&s->tx_packets));
	rte_tel_data_add_dict_u64(out, "rx_bytes", stat_get(&s->rx_bytes));
	rte_tel_data_add_dict_u64(out, "tx_bytes", stat_get(&s->tx_bytes));
	rte_tel_data_add_dict_u64(out, "rx_missed", stat_get(&s->rx_missed));
	rte_tel_data_add_dict_u64(out, "rx_errors", stat_get(&s->rx_errors));
	rte_tel_data_add_dict_u64(out, "tx_errors", stat_get(&s->tx_errors));
	rte_tel_data_add_dict_u64(out, "rx_nombuf", stat_get(&s->rx_nombuf));
	return 0;
}

/** A page: "next", and by id what each service is. */
static int
services(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct stats_header *h = region;
	struct stats_service service;
	char name[16], text[SERVICE_ID_STRLEN];
	uint32_t id, nb = 0;

	if (!numbers_parse(params, &id, 1, 0))
		return -EINVAL;
	rte_tel_data_start_dict(out);
	for (; id < h->max_services && nb < SERVICES_A_PAGE; id++) {
		if (!service_read(region, id, &service))
			continue;
		snprintf(name, sizeof(name), "%u", id);
		rte_tel_data_add_dict_string(out, name, service_id_format(&service.key, text));
		nb++;
	}
	rte_tel_data_add_dict_u64(out, "next", id < h->max_services ? id : 0);
	return 0;
}

static int
service(const void *region, const char *params, struct rte_tel_data *out)
{
	struct stats_service s;
	char text[SERVICE_ID_STRLEN];
	uint32_t id;

	if (!numbers_parse(params, &id, 1, UINT32_MAX) || !service_read(region, id, &s))
		return -EINVAL;
	rte_tel_data_start_dict(out);
	rte_tel_data_add_dict_string(out, "service", service_id_format(&s.key, text));
	rte_tel_data_add_dict_string(out, "mode", service_mode_name(s.mode));
	rte_tel_data_add_dict_u64(out, "backends", s.nb_members);
	rte_tel_data_add_dict_u64(out, "slots", s.nb_slots);
	return 0;
}

/* Lists side by side, in the order of their names. */
enum column {
	COLUMN_ADDRESS,
	COLUMN_HEALTH,
	COLUMN_STATE,
	COLUMN_WEIGHT,
	COLUMN_SLOTS,
	COLUMN_PACKETS,
	COLUMN_BYTES,
	COLUMN_NEW_FLOWS,
	COLUMN_ACTIVE_FLOWS,
	NB_COLUMNS
};

static const char *const column_names[NB_COLUMNS] = { "address", "health", "state", "weight",
	"slots", "packets", "bytes", "new_flows", "active_flows" };

static void
backend_add(const void *region, uint32_t index, const struct stats_member *m,
		struct rte_tel_data **columns)
{
	const struct stats_header *h = region;
	uint64_t packets = 0, bytes = 0, new_flows = 0, active_flows = 0;
	char addr[IP_ADDR_STRLEN];

	for (uint32_t i = 0; i < h->nb_workers; i++) {
		const struct member_stats *s = &stats_worker_members(region, i)[index];

		packets += stat_get(&s->packets);
		bytes += stat_get(&s->bytes);
		new_flows += stat_get(&s->new_flows);
		active_flows += stat_get(&s->active_flows);
	}
	rte_tel_data_add_array_string(columns[COLUMN_ADDRESS], ip_addr_format(&m->conf.addr, addr));
	rte_tel_data_add_array_string(columns[COLUMN_HEALTH], backend_health_name(m->conf.health));
	rte_tel_data_add_array_string(columns[COLUMN_STATE], backend_admin_name(m->conf.admin));
	rte_tel_data_add_array_u64(columns[COLUMN_WEIGHT], m->conf.weight);
	rte_tel_data_add_array_u64(columns[COLUMN_SLOTS], m->slots);
	rte_tel_data_add_array_u64(columns[COLUMN_PACKETS], packets);
	rte_tel_data_add_array_u64(columns[COLUMN_BYTES], bytes);
	rte_tel_data_add_array_u64(columns[COLUMN_NEW_FLOWS], new_flows);
	rte_tel_data_add_array_u64(columns[COLUMN_ACTIVE_FLOWS], active_flows);
}

static void
columns_free(struct rte_tel_data **columns)
{
	for (int i = 0; i < NB_COLUMNS; i++)
		rte_tel_data_free(columns[i]);
}

static int
columns_alloc(struct rte_tel_data **columns)
{
	for (int i = 0; i < NB_COLUMNS; i++) {
		columns[i] = rte_tel_data_alloc();
		if (columns[i] == NULL) {
			columns_free(columns);
			return -ENOMEM;
		}
		rte_tel_data_start_array(columns[i],
				i <= COLUMN_STATE ? RTE_TEL_STRING_VAL : RTE_TEL_U64_VAL);
	}
	return 0;
}

/** Of a service, from a statistics index on. */
static int
backends(const void *region, const char *params, struct rte_tel_data *out)
{
	const struct stats_header *h = region;
	struct rte_tel_data *columns[NB_COLUMNS] = { NULL };
	struct stats_service s;
	struct stats_member m;
	uint32_t numbers[2], nb = 0, index;

	if (!numbers_parse(params, numbers, 2, UINT32_MAX) || !service_read(region, numbers[0], &s))
		return -EINVAL;
	if (columns_alloc(columns) < 0)
		return -ENOMEM;
	index = numbers[1] != UINT32_MAX ? numbers[1] : 0;
	for (; index < h->max_members && nb < BACKENDS_A_PAGE; index++) {
		if (stats_member_read(stats_member(region, index), &m) != 0 || !m.used ||
				m.service_id != numbers[0])
			continue;
		backend_add(region, index, &m, columns);
		nb++;
	}
	rte_tel_data_start_dict(out);
	rte_tel_data_add_dict_u64(out, "next", index < h->max_members ? index : 0);
	for (int i = 0; i < NB_COLUMNS; i++)
		rte_tel_data_add_dict_container(out, column_names[i], columns[i], 0);
	return 0; /* DPDK frees the columns when it has written them. */
}

static const struct command {
	const char *name;
	command_fn answer;
	const char *help;
} commands[] = {
	{ "/guideway/status", status,
			"Version, generation in force, limits, packet buffers. No parameters" },
	{ "/guideway/workers", workers, "Numbers of the workers. No parameters" },
	{ "/guideway/worker", worker, "Counters of a worker. Parameters: int worker" },
	{ "/guideway/flows", flows, "Fill of all flow tables. No parameters" },
	{ "/guideway/drops", drops,
			"Packets dropped, by reason, all lcores together. No parameters" },
	{ "/guideway/neighbours", neighbours, "ARP and ND on the main lcore. No parameters" },
	{ "/guideway/ports", ports, "Names of the ports. No parameters" },
	{ "/guideway/port", port, "Counters of a port. Parameters: int place in /guideway/ports" },
	{ "/guideway/services", services,
			"Services by id, 128 a page. Parameters: int id to begin at (next)" },
	{ "/guideway/service", service, "One service. Parameters: int id" },
	{ "/guideway/backends", backends,
			"Backends of a service, 64 a page. Parameters: int id, int next" },
};

static int
on_command(const char *name, const char *params, struct rte_tel_data *out)
{
	int ret = -ENODEV;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; stats != NULL && i < ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			ret = commands[i].answer(stats, params, out);
	pthread_mutex_unlock(&lock);
	return ret;
}

int
telemetry_start(struct dataplane *dp)
{
	pthread_mutex_lock(&lock);
	stats = dp->stats;
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		int ret = rte_telemetry_register_cmd(
				commands[i].name, on_command, commands[i].help);

		if (ret < 0)
			return ret;
	}
	return 0;
}

void
telemetry_stop(struct dataplane *dp)
{
	(void)dp;
	pthread_mutex_lock(&lock);
	stats = NULL;
	pthread_mutex_unlock(&lock);
}
