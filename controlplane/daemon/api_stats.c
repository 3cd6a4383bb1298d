/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * GET /v1/stats: names and order of worker counters come from the list in
 * channel/stats.h, those of drops from base/drop.h.
 */
#include "channel/stats.h"
#include "service/service_id.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/json_text.h"

static json_t *
sum_view(const struct counters_sum *sum)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "packets", (json_int_t)sum->packets, "bytes",
			(json_int_t)sum->bytes, "new_flows", (json_int_t)sum->new_flows,
			"active_flows", (json_int_t)sum->active_flows);
}

static json_t *
member_view(const struct counters_member *m, uint32_t nb_slots)
{
	json_t *json = sum_view(&m->sum);
	char addr[IP_ADDR_STRLEN];

	json_object_set_new(json, "address", json_string(ip_addr_format(&m->addr, addr)));
	json_object_set_new(json, "slots", json_integer(m->slots));
	json_object_set_new(json, "share",
			nb_slots > 0 ? json_real((double)m->slots / nb_slots) : json_null());
	json_object_set_new(json, "routed", json_boolean(m->routed));
	return json;
}

static json_t *
service_stats(const struct counters *counters, const struct config_service *service)
{
	const struct counters_service *counted =
			counters_find_service(counters, &service->conf.key);
	struct counters_service none = { .nb_slots = 0 };
	char id[SERVICE_ID_STRLEN], label[SERVICE_ID_STRLEN];
	json_t *list = json_array();
	json_t *json;

	if (counted == NULL)
		counted = &none;
	json = sum_view(&counted->sum);
	json_object_set_new(json, "id", json_string(service_id_format(&service->conf.key, id)));
	json_object_set_new(json, "name", json_string(config_service_label(service, label)));
	json_object_set_new(json, "retired",
			json_pack("{s:I, s:I, s:I}", "packets",
					(json_int_t)counted->retired.packets, "bytes",
					(json_int_t)counted->retired.bytes, "new_flows",
					(json_int_t)counted->retired.new_flows));
	for (uint32_t i = 0; i < service->nb_backends; i++) {
		const struct counters_member *m = counters_find_member(
				counters, &service->conf.key, &service->backends[i].addr);

		if (m != NULL)
			json_array_append_new(list, member_view(m, counted->nb_slots));
	}
	json_object_set_new(json, "backends", list);
	return json;
}

/** Reasons that occurred. @param total Added up, by reason. */
static json_t *
drops_view(const stat_counter *drops, uint64_t *total)
{
	json_t *json = json_object();

	for (int i = 1; i < NB_DROP_REASONS; i++) {
		uint64_t n = stat_get(&drops[i]);

		total[i] += n;
		if (n > 0)
			json_object_set_new(json, drop_reason_name((enum drop_reason)i),
					json_integer((json_int_t)n));
	}
	return json;
}

static json_t *
load_view(const struct counters *counters, uint32_t worker)
{
	double load = counters_load(counters, worker);

	return load < 0 ? json_null() : json_real(load);
}

static json_t *
worker_view(const struct counters *counters, uint32_t worker, uint64_t *drops)
{
	const struct worker_stats *stats = stats_worker(counters_region(counters), worker);
	json_t *json = json_pack("{s:I, s:o}", "worker", (json_int_t)worker, "load",
			load_view(counters, worker));

#define WORKER_STAT(field, name, kind, meaning) \
	json_object_set_new(json, name, json_integer((json_int_t)stat_get(&stats->field)));
	WORKER_STATS(WORKER_STAT)
#undef WORKER_STAT
	json_object_set_new(json, "drops", drops_view(stats->drops, drops));
	return json;
}

static json_t *
main_view(const struct stats_header *h, uint64_t *drops)
{
	const struct main_stats *m = &h->main;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "neighbour_requests_answered",
			(json_int_t)stat_get(&m->neighbour_requests_answered),
			"neighbour_probes_sent", (json_int_t)stat_get(&m->neighbour_probes_sent),
			"neighbours_resolved", (json_int_t)stat_get(&m->neighbours_resolved),
			"neighbours_failed", (json_int_t)stat_get(&m->neighbours_failed),
			"echo_answered", (json_int_t)stat_get(&m->echo_answered),
			"punted_to_kernel", (json_int_t)stat_get(&m->punted_to_kernel),
			"from_kernel", (json_int_t)stat_get(&m->from_kernel), "drops",
			drops_view(m->drops, drops));
}

static json_t *
ports_view(const struct stats_header *h)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < h->nb_ports && i < STATS_MAX_PORTS; i++) {
		const struct port_stats *p = &h->ports[i];
		char name[sizeof(p->name) + 1] = "";

		for (size_t j = 0; j < sizeof(p->name) && p->name[j] != '\0'; j++)
			name[j] = p->name[j];
		json_array_append_new(list,
				json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I}",
						"name", json_text(name), "rx_packets",
						(json_int_t)stat_get(&p->rx_packets), "tx_packets",
						(json_int_t)stat_get(&p->tx_packets), "rx_bytes",
						(json_int_t)stat_get(&p->rx_bytes), "tx_bytes",
						(json_int_t)stat_get(&p->tx_bytes), "rx_missed",
						(json_int_t)stat_get(&p->rx_missed), "rx_errors",
						(json_int_t)stat_get(&p->rx_errors), "tx_errors",
						(json_int_t)stat_get(&p->tx_errors), "rx_nombuf",
						(json_int_t)stat_get(&p->rx_nombuf), "link_up",
						stat_get(&p->link_up) != 0, "mtu",
						(json_int_t)stat_get(&p->mtu)));
	}
	return list;
}

static json_t *
total_view(const uint64_t *drops)
{
	json_t *json = json_object();

	for (int i = 1; i < NB_DROP_REASONS; i++) {
		if (drops[i] > 0)
			json_object_set_new(json, drop_reason_name((enum drop_reason)i),
					json_integer((json_int_t)drops[i]));
	}
	return json;
}

json_t *
api_workers_view(struct daemon *d)
{
	const struct counters *counters = reconcile_counters(d->reconcile);
	const struct stats_header *h = counters_region(counters);
	json_t *list = json_array();

	for (uint32_t i = 0; h != NULL && i < h->nb_workers; i++) {
		const struct worker_stats *w = stats_worker(counters_region(counters), i);

		json_array_append_new(list,
				json_pack("{s:I, s:o, s:I, s:I, s:I, s:I}", "worker", (json_int_t)i,
						"load", load_view(counters, i), "flows4",
						(json_int_t)stat_get(&w->flows4), "flows4_capacity",
						(json_int_t)stat_get(&w->flows4_capacity), "flows6",
						(json_int_t)stat_get(&w->flows6), "flows6_capacity",
						(json_int_t)stat_get(&w->flows6_capacity)));
	}
	return list;
}

static json_t *
services_view(const struct counters *counters, const struct config *config)
{
	json_t *services = json_array();

	for (uint32_t i = 0; i < config->nb_services; i++)
		json_array_append_new(services, service_stats(counters, &config->services[i]));
	return services;
}

void
api_stats(struct request *r)
{
	struct counters *counters = reconcile_counters(r->daemon->reconcile);
	const struct config *config = reconcile_state(r->daemon->reconcile)->config;
	const struct stats_header *h = counters_region(counters);
	uint64_t drops[STATS_NB_DROPS] = { 0 };
	bool with_services = true;
	char at[CLOCK_TEXT_SIZE];
	json_t *json, *workers;

	if (request_param(r, "services") != NULL &&
			!request_param_bool(r, "services", &with_services))
		return;
	if (h == NULL || !counters_read(counters)) {
		request_fail(r, 503, &(struct api_error){ .code = "no_dataplane" },
				"no dataplane is connected: %s",
				reconcile_link(r->daemon->reconcile).error);
		return;
	}
	json = json_pack("{s:s}", "at", clock_format(clock_wall_ms(), at));
	if (with_services)
		json_object_set_new(json, "services", services_view(counters, config));
	workers = json_array();
	for (uint32_t i = 0; i < h->nb_workers; i++)
		json_array_append_new(workers, worker_view(counters, i, drops));
	json_object_set_new(json, "workers", workers);
	json_object_set_new(json, "main", main_view(h, drops));
	json_object_set_new(json, "ports", ports_view(h));
	json_object_set_new(json, "drops", total_view(drops));
	request_reply(r, 200, json);
}
