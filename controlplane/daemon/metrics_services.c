/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The format wants all samples of a family together, so what is known of services and
 * backends is kept in rows of plain numbers, and the rows are gone over once for each family
 * of a table. A row is filled when its first sample is written, so that the loop need not wait
 * until all of them are.
 */
#include <stddef.h>
#include <stdlib.h>

#include "service/service_id.h"

#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/metrics.h"

/** A few kilobytes of text. */
#define ROWS_AT_ONCE 32

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

/** A family with samples of each row. */
struct row_metric {
	const char *name;
	const char *help;
	bool is_gauge;
	enum source source;
	size_t offset; /* Of a uint64_t in the row; with a function of its own: 0. */
	/** NULL: the number at offset. */
	void (*write)(const void *row, struct metrics *m);
};

#define SERVICE_COUNTER(field, name, help, source)                        \
	{                                                                 \
		"guideway_service_" name "_total", help, false, source,   \
				offsetof(struct service_row, field), NULL \
	}
#define SERVICE_GAUGE(field, name, help, source)                                                   \
	{                                                                                          \
		"guideway_service_" name, help, true, source, offsetof(struct service_row, field), \
				NULL                                                               \
	}
#define BACKEND_COUNTER(field, name, help, source)                        \
	{                                                                 \
		"guideway_backend_" name "_total", help, false, source,   \
				offsetof(struct backend_row, field), NULL \
	}
#define BACKEND_GAUGE(field, name, help, source)                                                   \
	{                                                                                          \
		"guideway_backend_" name, help, true, source, offsetof(struct backend_row, field), \
				NULL                                                               \
	}
/** Samples that @p write makes. */
#define BACKEND_SPECIAL(write, name, help, source)                     \
	{                                                              \
		"guideway_backend_" name, help, true, source, 0, write \
	}

/* Samples that are no plain number: of a state, a series each, of which one is 1. */

static void
write_admin(const void *row, struct metrics *m)
{
	static const uint8_t admins[] = { ADMIN_ENABLED, ADMIN_DRAINING, ADMIN_DISABLED };
	const struct backend_row *b = row;

	for (size_t i = 0; i < ARRAY_LEN(admins); i++)
		metrics_labelled(m, &b->row.labels, "state", backend_admin_name(admins[i]),
				b->conf.admin == admins[i]);
}

static void
write_health(const void *row, struct metrics *m)
{
	static const uint8_t healths[] = { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_DOWN };
	const struct backend_row *b = row;

	for (size_t i = 0; i < ARRAY_LEN(healths); i++)
		metrics_labelled(m, &b->row.labels, "state", backend_health_name(healths[i]),
				b->conf.health == healths[i]);
}

static void
write_latency(const void *row, struct metrics *m)
{
	const struct backend_row *b = row;

	if (b->health.latency_us > 0)
		metrics_real(m, &b->row.labels, b->health.latency_us / 1e6);
}

static void
write_factor(const void *row, struct metrics *m)
{
	const struct backend_row *b = row;

	metrics_real(m, &b->row.labels, (double)b->conf.factor / BACKEND_FACTOR_ONE);
}

/* The first one fills the rows: every row has a sample of it. */
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
	BACKEND_SPECIAL(write_admin, "state", "1: what is wanted of it, by people.", OF_CONFIG),
	BACKEND_SPECIAL(write_health, "health", "1: what forwarding was told of its health.",
			OF_CONFIG),
	BACKEND_SPECIAL(write_factor, "factor",
			"Part of its weight that it has: slow start, and the word of its agent.",
			OF_CONFIG),
	BACKEND_SPECIAL(write_latency, "check_latency_seconds",
			"What a good attempt takes on average; of the slowest check.", OF_HEALTH),
};

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

/** The families of services and backends under way. */
struct metrics_services {
	struct daemon *daemon;
	struct config *config; /* Of when they began. */
	struct backend_row *backends;
	struct service_row *services;
	size_t family;	  /* The next: of backend_metrics, then of service_metrics. */
	uint32_t row;	  /* The next of it. */
	uint32_t service; /* While backends' rows are filled: the next one's service, */
	uint32_t backend; /* and its place there. */
};

/* Filling the rows. */

/** The next backend. What is usable is counted for its service. */
static void
fill_backend(struct metrics_services *s, struct backend_row *row)
{
	const struct config_service *service = &s->config->services[s->service];
	const struct config_backend *backend;
	const struct counters_member *counted;
	char addr[IP_ADDR_STRLEN], label[SERVICE_ID_STRLEN];

	while (s->backend == service->nb_backends) {
		service = &s->config->services[++s->service];
		s->backend = 0;
	}
	backend = &service->backends[s->backend++];
	counted = counters_find_member(reconcile_counters(s->daemon->reconcile), &service->conf.key,
			&backend->addr);
	metrics_label(&row->row.labels, "service", config_service_label(service, label));
	metrics_label(&row->row.labels, "backend", ip_addr_format(&backend->addr, addr));
	row->usable = api_backend_effect(s->daemon, service, backend, &row->conf);
	row->weight = row->conf.weight;
	row->row.has[OF_CONFIG] = true;
	row->row.has[OF_DATAPLANE] = counted != NULL;
	if (counted != NULL) {
		row->sum = counted->sum;
		row->slots = counted->slots;
	}
	row->row.has[OF_HEALTH] = health_summarize(
			s->daemon->health, &service->conf.key, &backend->addr, &row->health);
	s->services[s->service].usable += row->usable;
}

static void
fill_service(struct metrics_services *s, struct service_row *row)
{
	const struct config_service *service = &s->config->services[s->row];
	const struct counters_service *counted = counters_find_service(
			reconcile_counters(s->daemon->reconcile), &service->conf.key);
	const struct guard *guard = health_guard(s->daemon->health, &service->conf.key);
	char label[SERVICE_ID_STRLEN];

	metrics_label(&row->row.labels, "service", config_service_label(service, label));
	row->row.has[OF_CONFIG] = true;
	row->backends = service->nb_backends;
	row->row.has[OF_DATAPLANE] = counted != NULL;
	if (counted != NULL)
		row->sum = counted->sum;
	row->row.has[OF_HEALTH] = guard != NULL;
	if (guard != NULL) {
		row->fail_open = guard->fail_open;
		row->waiting = guard->nb_waiting;
	}
}

/* Writing the families. */

/** The next row of the next family; filled, if that is the first of its table. */
static const struct row *
next_row(struct metrics_services *s)
{
	if (s->family < ARRAY_LEN(backend_metrics)) {
		struct backend_row *backend = &s->backends[s->row];

		if (s->family == 0)
			fill_backend(s, backend);
		return &backend->row;
	}
	if (s->family == ARRAY_LEN(backend_metrics))
		fill_service(s, &s->services[s->row]);
	return &s->services[s->row].row;
}

static void
write_row(const struct row_metric *metric, const struct row *row, struct metrics *m)
{
	const void *value = (const char *)row + metric->offset;
	const uint64_t *number = value;

	if (!row->has[metric->source])
		return;
	if (metric->write != NULL)
		metric->write(row, m);
	else
		metrics_integer(m, &row->labels, *number);
}

bool
metrics_services_write(struct metrics_services *s, struct metrics *m)
{
	bool of_backends = s->family < ARRAY_LEN(backend_metrics);
	const struct row_metric *metric = of_backends
			? &backend_metrics[s->family]
			: &service_metrics[s->family - ARRAY_LEN(backend_metrics)];
	uint32_t nb = of_backends ? s->config->nb_members : s->config->nb_services;

	if (s->row == 0 && metric->is_gauge)
		metrics_gauge(m, metric->name, metric->help);
	else if (s->row == 0)
		metrics_counter(m, metric->name, metric->help);
	for (uint32_t i = 0; i < ROWS_AT_ONCE && s->row < nb; i++) {
		write_row(metric, next_row(s), m);
		s->row++;
	}
	if (s->row == nb) {
		s->family++;
		s->row = 0;
	}
	return s->family < ARRAY_LEN(backend_metrics) + ARRAY_LEN(service_metrics);
}

/* Life. */

struct metrics_services *
metrics_services_create(struct daemon *d)
{
	struct metrics_services *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->daemon = d;
	s->config = config_ref(reconcile_state(d->reconcile)->config);
	s->backends = calloc(s->config->nb_members + 1, sizeof(*s->backends));
	s->services = calloc(s->config->nb_services + 1, sizeof(*s->services));
	if (s->backends != NULL && s->services != NULL)
		return s;
	metrics_services_destroy(s);
	return NULL;
}

void
metrics_services_destroy(struct metrics_services *s)
{
	if (s == NULL)
		return;
	config_unref(s->config);
	free(s->backends);
	free(s->services);
	free(s);
}
