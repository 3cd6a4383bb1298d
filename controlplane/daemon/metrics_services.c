/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The format wants all samples of a family together, so services and backends are gone
 * over once, into rows of plain numbers, and the rows once for each family of a table.
 */
#include <stddef.h>
#include <stdlib.h>

#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/metrics.h"
#include "controlplane/daemon/service_id.h"

/** Where a number comes from; a row without it has no sample. */
enum source {
	OF_CONFIG,
	OF_DATAPLANE,
	OF_HEALTH,
	NB_SOURCES
};

/** What rows of both kinds begin with. */
struct row {
	struct metrics_labels labels;
	bool has[NB_SOURCES];
};

struct service_row {
	struct row row;
	uint64_t backends, usable;
	uint64_t fail_open, waiting;
	struct counters_sum sum;
};

struct backend_row {
	struct row row;
	struct backend_conf conf;
	uint64_t usable, weight, slots;
	struct counters_sum sum;
	struct health_summary health;
};

struct rows {
	struct service_row *services;
	uint32_t nb_services;
	struct backend_row *backends;
	uint32_t nb_backends;
};

/** A family whose samples are numbers of rows. */
struct row_metric {
	const char *name;
	const char *help;
	bool is_gauge;
	enum source source;
	size_t offset; /* Of a uint64_t in the row. */
};

#define SERVICE_COUNTER(field, name, help, source)                      \
	{                                                               \
		"guideway_service_" name "_total", help, false, source, \
				offsetof(struct service_row, field)     \
	}
#define SERVICE_GAUGE(field, name, help, source)                                                  \
	{                                                                                         \
		"guideway_service_" name, help, true, source, offsetof(struct service_row, field) \
	}
#define BACKEND_COUNTER(field, name, help, source)                      \
	{                                                               \
		"guideway_backend_" name "_total", help, false, source, \
				offsetof(struct backend_row, field)     \
	}
#define BACKEND_GAUGE(field, name, help, source)                                                  \
	{                                                                                         \
		"guideway_backend_" name, help, true, source, offsetof(struct backend_row, field) \
	}

static const struct row_metric service_metrics[] = {
	SERVICE_GAUGE(backends, "backends", "Backends of a service.", OF_CONFIG),
	SERVICE_GAUGE(usable, "backends_usable", "Backends that take new flows.", OF_CONFIG),
	SERVICE_GAUGE(fail_open, "fail_open",
			"1: fewer than min-healthy backends are up, so all get traffic.",
			OF_HEALTH),
	SERVICE_GAUGE(waiting, "backends_waiting_to_leave",
			"Backends that are down, but kept in by max-leave.", OF_HEALTH),
	SERVICE_COUNTER(sum.packets, "packets", "Packets of clients.", OF_DATAPLANE),
	SERVICE_COUNTER(sum.bytes, "bytes", "Bytes of clients' IP packets.", OF_DATAPLANE),
	SERVICE_COUNTER(sum.new_flows, "flows", "New flows.", OF_DATAPLANE),
	SERVICE_GAUGE(sum.active_flows, "active_flows", "Flows in the flow tables.", OF_DATAPLANE),
};

static const struct row_metric backend_metrics[] = {
	BACKEND_GAUGE(usable, "usable", "1: it takes new flows.", OF_CONFIG),
	BACKEND_GAUGE(weight, "weight", "Its weight in effect.", OF_CONFIG),
	BACKEND_GAUGE(slots, "slots", "Slots of the Maglev table that it has.", OF_DATAPLANE),
	BACKEND_COUNTER(sum.packets, "packets", "Packets of clients.", OF_DATAPLANE),
	BACKEND_COUNTER(sum.bytes, "bytes", "Bytes of clients' IP packets.", OF_DATAPLANE),
	BACKEND_COUNTER(sum.new_flows, "flows", "New flows.", OF_DATAPLANE),
	BACKEND_GAUGE(sum.active_flows, "active_flows", "Flows in the flow tables.", OF_DATAPLANE),
	BACKEND_COUNTER(sum.syn_retransmissions, "syn_retransmissions",
			"SYNs that clients sent again before their flow was open.", OF_DATAPLANE),
	BACKEND_COUNTER(sum.resets, "early_resets", "RSTs of clients on flows that were not open.",
			OF_DATAPLANE),
	BACKEND_COUNTER(sum.unreachables, "unreachables",
			"ICMP errors about packets that were encapsulated for it.", OF_DATAPLANE),
	BACKEND_COUNTER(health.nb_downs, "downs", "How often it went down.", OF_HEALTH),
	BACKEND_COUNTER(health.nb_suspicions, "suspicions", "How often the dataplane suspected it.",
			OF_HEALTH),
	BACKEND_COUNTER(health.nb_attempts, "check_attempts", "Attempts of its checks.", OF_HEALTH),
	BACKEND_COUNTER(health.nb_bad, "check_failures",
			"Attempts of its checks that spoke against it.", OF_HEALTH),
};

/* Filling the rows. */

static void
fill_backend(struct daemon *d, const struct config_service *service,
		const struct config_backend *backend, struct backend_row *row)
{
	const struct counters_member *counted = counters_find_member(
			reconcile_counters(d->reconcile), &service->conf.key, &backend->addr);
	char addr[IP_ADDR_STRLEN];

	metrics_label(&row->row.labels, "backend", ip_addr_format(&backend->addr, addr));
	row->usable = api_backend_effect(d, service, backend, &row->conf);
	row->weight = row->conf.weight;
	row->row.has[OF_CONFIG] = true;
	row->row.has[OF_DATAPLANE] = counted != NULL;
	if (counted != NULL) {
		row->sum = counted->sum;
		row->slots = counted->slots;
	}
	row->row.has[OF_HEALTH] = health_summarize(
			d->health, &service->conf.key, &backend->addr, &row->health);
}

static void
fill_service(struct daemon *d, const struct config_service *service, struct service_row *row)
{
	const struct counters_service *counted =
			counters_find_service(reconcile_counters(d->reconcile), &service->conf.key);
	const struct guard *guard = health_guard(d->health, &service->conf.key);
	char label[SERVICE_ID_STRLEN];
	uint64_t sum_weight;

	metrics_label(&row->row.labels, "service", config_service_label(service, label));
	row->row.has[OF_CONFIG] = true;
	row->backends = service->nb_backends;
	row->usable = api_nb_usable(d, service, &sum_weight);
	row->row.has[OF_DATAPLANE] = counted != NULL;
	if (counted != NULL)
		row->sum = counted->sum;
	row->row.has[OF_HEALTH] = guard != NULL;
	if (guard != NULL) {
		row->fail_open = guard->fail_open;
		row->waiting = guard->nb_waiting;
	}
}

static bool
fill(struct daemon *d, struct rows *rows)
{
	const struct config *config = reconcile_state(d->reconcile)->config;

	rows->services = calloc(config->nb_services + 1, sizeof(*rows->services));
	rows->backends = calloc(config->nb_members + 1, sizeof(*rows->backends));
	if (rows->services == NULL || rows->backends == NULL)
		return false;
	for (uint32_t i = 0; i < config->nb_services; i++) {
		const struct config_service *service = &config->services[i];
		struct service_row *row = &rows->services[rows->nb_services++];

		fill_service(d, service, row);
		for (uint32_t j = 0; j < service->nb_backends; j++) {
			struct backend_row *backend = &rows->backends[rows->nb_backends++];

			backend->row.labels = row->row.labels;
			fill_backend(d, service, &service->backends[j], backend);
		}
	}
	return true;
}

/* Writing the families. */

/** @param rows Begin with a struct row, @p size bytes each. */
static void
of_rows(const void *rows, uint32_t nb, size_t size, const struct row_metric *metric,
		struct metrics *m)
{
	if (metric->is_gauge)
		metrics_gauge(m, metric->name, metric->help);
	else
		metrics_counter(m, metric->name, metric->help);
	for (uint32_t i = 0; i < nb; i++) {
		const void *row = (const char *)rows + i * size;
		const void *value = (const char *)row + metric->offset;
		const struct row *head = row;
		const uint64_t *number = value;

		if (head->has[metric->source])
			metrics_integer(m, &head->labels, *number);
	}
}

/** One series a state, of which one is 1. */
static void
of_states(const struct rows *rows, struct metrics *m)
{
	static const uint8_t admins[] = { ADMIN_ENABLED, ADMIN_DRAINING, ADMIN_DISABLED };
	static const uint8_t healths[] = { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };

	metrics_gauge(m, "guideway_backend_state", "1: what is wanted of it, by people.");
	for (uint32_t i = 0; i < rows->nb_backends; i++) {
		const struct backend_row *b = &rows->backends[i];

		for (size_t j = 0; j < ARRAY_LEN(admins); j++)
			metrics_labelled(m, &b->row.labels, "state", backend_admin_name(admins[j]),
					b->conf.admin == admins[j]);
	}
	metrics_gauge(m, "guideway_backend_health", "1: what forwarding was told of its health.");
	for (uint32_t i = 0; i < rows->nb_backends; i++) {
		const struct backend_row *b = &rows->backends[i];

		for (size_t j = 0; j < ARRAY_LEN(healths); j++)
			metrics_labelled(m, &b->row.labels, "state",
					backend_health_name(healths[j]),
					b->conf.health == healths[j]);
	}
}

static void
of_latencies(const struct rows *rows, struct metrics *m)
{
	metrics_gauge(m, "guideway_backend_check_latency_seconds",
			"What a good attempt takes on average; of the slowest check.");
	for (uint32_t i = 0; i < rows->nb_backends; i++) {
		const struct backend_row *b = &rows->backends[i];

		if (b->row.has[OF_HEALTH] && b->health.latency_us > 0)
			metrics_real(m, &b->row.labels, b->health.latency_us / 1e6);
	}
}

void
metrics_of_services(struct daemon *d, struct metrics *m)
{
	struct rows rows = { .nb_services = 0 };

	if (fill(d, &rows)) {
		for (size_t i = 0; i < ARRAY_LEN(service_metrics); i++)
			of_rows(rows.services, rows.nb_services, sizeof(*rows.services),
					&service_metrics[i], m);
		for (size_t i = 0; i < ARRAY_LEN(backend_metrics); i++)
			of_rows(rows.backends, rows.nb_backends, sizeof(*rows.backends),
					&backend_metrics[i], m);
		of_states(&rows, m);
		of_latencies(&rows, m);
	}
	free(rows.services);
	free(rows.backends);
}
