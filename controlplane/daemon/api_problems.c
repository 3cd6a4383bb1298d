/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What an operator should look at, in plain sentences. A daemon without problems is
 * healthy.
 */
#include <stdarg.h>
#include <stdio.h>

#include "channel/stats.h"
#include "service/service_id.h"

#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/json_text.h"

/** Sentences of one kind; the others are counted. */
#define MAX_OF_A_KIND 10
/** A flow table or a worker that is so full is worth a word, in percent. */
#define FULL_PERCENT 95

static void add(json_t *list, const char *format, ...) PRINTF_LIKE(2, 3);

static void
add(json_t *list, const char *format, ...)
{
	char text[1400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(list, json_text(text));
}

static void
problems_of_dataplane(struct daemon *d, json_t *list)
{
	struct link_state link = reconcile_link(d->reconcile);

	if (!link.connected)
		add(list, "no dataplane is connected: %s", link.error);
	else if (link.refused)
		add(list, "the dataplane refuses what is wanted and keeps what it had: %s",
				link.error);
	else if (link.overdue)
		add(list, "the dataplane has not answered for more than %d s",
				LINK_OVERDUE_MS / 1000);
}

static void
problems_of_state(struct daemon *d, json_t *list)
{
	const char *trouble = reconcile_store_trouble(d->reconcile);

	if (trouble[0] != '\0')
		add(list, "the store cannot be written: %s", trouble);
	if (audit_head_trouble(d->audit_head)[0] != '\0')
		add(list, "%s", audit_head_trouble(d->audit_head));
	if (d->access_trouble[0] != '\0')
		add(list, "%s", d->access_trouble);
	if (reconcile_state(d->reconcile)->revision == 0)
		add(list, "no configuration has been applied yet");
	if (d->file.state == CONFIG_FILE_REJECTED)
		add(list, "the configuration file was rejected, the last good state is in force: %s",
				d->file.message);
}

static void
problems_of_services(struct daemon *d, json_t *list)
{
	const struct config *config = reconcile_state(d->reconcile)->config;
	char label[SERVICE_ID_STRLEN];
	uint32_t nb = 0;

	for (uint32_t i = 0; i < config->nb_services; i++) {
		uint64_t sum_weight;

		if (api_nb_usable(d, &config->services[i], &sum_weight) > 0)
			continue;
		if (nb++ < MAX_OF_A_KIND)
			add(list, "service %s: no backend takes new flows",
					config_service_label(&config->services[i], label));
	}
	if (nb > MAX_OF_A_KIND)
		add(list, "%u more services have no backend that takes new flows",
				nb - MAX_OF_A_KIND);
}

/** What a dataplane of an older version does otherwise than it is configured. */
static void
problems_of_version(struct daemon *d, json_t *list)
{
	const struct config *config = reconcile_state(d->reconcile)->config;
	struct link_state link = reconcile_link(d->reconcile);
	char label[SERVICE_ID_STRLEN];
	uint32_t nb = 0;

	if (!link.connected || link.knows_on_down)
		return;
	for (uint32_t i = 0; i < config->nb_services; i++) {
		const struct config_service *service = &config->services[i];

		if (service->conf.on_down == ON_DOWN_MOVE || nb++ >= MAX_OF_A_KIND)
			continue;
		add(list, "service %s: the dataplane is too old for on-down %s: flows move",
				config_service_label(service, label),
				service_on_down_name(service->conf.on_down));
	}
	if (nb > MAX_OF_A_KIND)
		add(list, "%u more services have an on-down that the dataplane is too old for",
				nb - MAX_OF_A_KIND);
}

static void
problems_of_routes(struct daemon *d, json_t *list)
{
	const struct config *config = reconcile_state(d->reconcile)->config;
	const struct counters *counters = reconcile_counters(d->reconcile);
	char label[SERVICE_ID_STRLEN], addr[IP_ADDR_STRLEN];
	uint32_t nb = 0;

	for (uint32_t i = 0; i < config->nb_services; i++) {
		const struct config_service *service = &config->services[i];

		for (uint32_t j = 0; j < service->nb_backends; j++) {
			const struct counters_member *m = counters_find_member(
					counters, &service->conf.key, &service->backends[j].addr);

			if (m == NULL || m->routed || nb++ >= MAX_OF_A_KIND)
				continue;
			add(list, "service %s: no interface or gateway leads to backend %s",
					config_service_label(service, label),
					ip_addr_format(&m->addr, addr));
		}
	}
	if (nb > MAX_OF_A_KIND)
		add(list, "%u more backends have no route", nb - MAX_OF_A_KIND);
}

static bool
is_full(const stat_counter *used, const stat_counter *capacity)
{
	uint64_t most = stat_get(capacity);

	return most > 0 && stat_get(used) >= most / 100 * FULL_PERCENT;
}

static void
problems_of_workers(struct daemon *d, json_t *list)
{
	const struct counters *counters = reconcile_counters(d->reconcile);
	const struct stats_header *h = counters_region(counters);

	for (uint32_t i = 0; h != NULL && i < h->nb_workers; i++) {
		const struct worker_stats *w = stats_worker(counters_region(counters), i);

		if (is_full(&w->flows4, &w->flows4_capacity))
			add(list, "worker %u: the IPv4 flow table is over %d %% full", i,
					FULL_PERCENT);
		if (is_full(&w->flows6, &w->flows6_capacity))
			add(list, "worker %u: the IPv6 flow table is over %d %% full", i,
					FULL_PERCENT);
		if (counters_load(counters, i) * 100 >= FULL_PERCENT)
			add(list, "worker %u: busy over %d %% of the time", i, FULL_PERCENT);
	}
}

static void
problems_of_ports(struct daemon *d, json_t *list)
{
	const struct stats_header *h = counters_region(reconcile_counters(d->reconcile));

	for (uint32_t i = 0; h != NULL && i < h->nb_ports && i < STATS_MAX_PORTS; i++) {
		/* A port whose statistics were not filled yet has no MTU. */
		if (stat_get(&h->ports[i].mtu) != 0 && stat_get(&h->ports[i].link_up) == 0)
			add(list, "port %.31s: no link", h->ports[i].name);
	}
}

json_t *
api_problems(struct daemon *d)
{
	json_t *list = json_array();

	problems_of_dataplane(d, list);
	problems_of_state(d, list);
	problems_of_services(d, list);
	problems_of_version(d, list);
	problems_of_routes(d, list);
	health_problems(d->health, list);
	problems_of_workers(d, list);
	problems_of_ports(d, list);
	return list;
}
