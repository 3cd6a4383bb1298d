/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Services and backends as people see them: configuration, overrides and counters
 * together.
 */
#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/api_list.h"
#include "controlplane/daemon/config_write.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/desired.h"
#include "controlplane/daemon/json_text.h"

/** Everything about one backend of a service. */
struct backend_view {
	const struct config_backend *configured;
	const struct override *override;
	const struct counters_member *member; /* NULL: not known to a dataplane. */
	struct backend_conf conf;	      /* In effect. */
	bool usable;
};

/** What its share of new flows is in proportion to. */
static uint64_t
scaled_weight(const struct backend_conf *conf)
{
	return (uint64_t)conf->weight * conf->factor;
}

static struct backend_view
view_of(struct daemon *d, const struct config_service *service,
		const struct config_backend *backend)
{
	struct backend_view v = { .configured = backend };
	struct backend_effect effect;

	v.override = overrides_find(reconcile_state(d->reconcile)->overrides, &service->conf.key,
			&backend->addr);
	v.member = counters_find_member(
			reconcile_counters(d->reconcile), &service->conf.key, &backend->addr);
	v.conf = desired_backend(backend, v.override);
	health_tell(d->health, &service->conf.key, &v.conf);
	effect = backend_effect(service->conf.on_down, (enum backend_admin)v.conf.admin,
			(enum backend_health)v.conf.health);
	v.usable = effect.takes_new_flows && v.conf.weight > 0 && v.conf.factor > 0 &&
			(v.member == NULL || v.member->routed);
	return v;
}

bool
api_backend_effect(struct daemon *d, const struct config_service *service,
		const struct config_backend *backend, struct backend_conf *out)
{
	struct backend_view v = view_of(d, service, backend);

	*out = v.conf;
	return v.usable;
}

uint32_t
api_nb_usable(struct daemon *d, const struct config_service *service, uint64_t *sum_weight)
{
	uint32_t nb = 0;

	*sum_weight = 0;
	for (uint32_t i = 0; i < service->nb_backends; i++) {
		struct backend_view v = view_of(d, service, &service->backends[i]);

		if (!v.usable)
			continue;
		nb++;
		*sum_weight += scaled_weight(&v.conf);
	}
	return nb;
}

static void
set_sums(json_t *json, const struct counters_sum *sum)
{
	static const char *const keys[] = { "packets", "bytes", "new_flows", "active_flows" };
	uint64_t values[ARRAY_LEN(keys)];

	if (sum != NULL)
		memcpy(values,
				(uint64_t[]){ sum->packets, sum->bytes, sum->new_flows,
						sum->active_flows },
				sizeof(values));
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		json_object_set_new(json, keys[i],
				sum != NULL ? json_integer((json_int_t)values[i]) : json_null());
}

static json_t *
override_view(const struct override *o)
{
	char since[CLOCK_TEXT_SIZE];

	if (o == NULL)
		return json_null();
	return json_pack("{s:o, s:o, s:s, s:o}", "state",
			o->has_admin ? json_string(backend_admin_name(o->admin)) : json_null(),
			"weight", o->has_weight ? json_integer(o->weight) : json_null(), "since",
			clock_format(o->since_ms, since), "by", json_text(o->by));
}

static json_t *
backend_view(struct daemon *d, const struct config_service *service, const struct backend_view *v,
		uint64_t sum_weight, const struct counters_service *counted)
{
	char id[SERVICE_ID_STRLEN], label[SERVICE_ID_STRLEN], addr[IP_ADDR_STRLEN];
	double expected = v->usable && sum_weight > 0
			? (double)scaled_weight(&v->conf) / (double)sum_weight
			: 0.;
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:{s:s, s:I}, s:o, s:f, s:f}",
			"service", service_id_format(&service->conf.key, id), "service_name",
			config_service_label(service, label), "address",
			ip_addr_format(&v->conf.addr, addr), "state",
			backend_admin_name(v->conf.admin), "weight", (json_int_t)v->conf.weight,
			"health", backend_health_name(v->conf.health), "usable", v->usable,
			"configured", "state", backend_admin_name(v->configured->admin), "weight",
			(json_int_t)v->configured->weight, "override", override_view(v->override),
			"expected_share", expected, "factor",
			(double)v->conf.factor / BACKEND_FACTOR_ONE);
	bool known = v->member != NULL;

	json_object_set_new(json, "routed", known ? json_boolean(v->member->routed) : json_null());
	json_object_set_new(json, "slots", known ? json_integer(v->member->slots) : json_null());
	json_object_set_new(json, "share",
			known && counted != NULL && counted->nb_slots > 0
					? json_real((double)v->member->slots / counted->nb_slots)
					: json_null());
	json_object_set_new(
			json, "checked", health_view(d->health, &service->conf.key, &v->conf.addr));
	set_sums(json, known ? &v->member->sum : NULL);
	return json;
}

/** Append one backend to @p list, if the service has it. */
static void
one_backend_view(struct daemon *d, const struct config_service *service, const struct ip_addr *addr,
		json_t *list)
{
	const struct config_backend *backend = config_find_backend(service, addr);
	struct backend_view v;
	uint64_t sum_weight;

	if (backend == NULL)
		return;
	api_nb_usable(d, service, &sum_weight);
	v = view_of(d, service, backend);
	json_array_append_new(list,
			backend_view(d, service, &v, sum_weight,
					counters_find_service(reconcile_counters(d->reconcile),
							&service->conf.key)));
}

/** A list of backends under way. */
struct backend_list {
	struct daemon *daemon;
	struct config *config;			  /* Of when it began. */
	const struct config_service *service;	  /* The next backend's, if there is one. */
	const struct config_service *end_service; /* Behind the last. */
	uint32_t backend;			  /* The next. */
	uint64_t sum_weight;			  /* Of the service; from its first backend on. */
};

static json_t *
backend_list_next(void *context)
{
	struct backend_list *l = context;
	const struct config_service *service;
	struct backend_view v;

	while (l->service < l->end_service && l->backend == l->service->nb_backends) {
		l->service++;
		l->backend = 0;
	}
	if (l->service == l->end_service)
		return NULL;
	service = l->service;
	if (l->backend == 0)
		api_nb_usable(l->daemon, service, &l->sum_weight);
	v = view_of(l->daemon, service, &service->backends[l->backend++]);
	return backend_view(l->daemon, service, &v, l->sum_weight,
			counters_find_service(reconcile_counters(l->daemon->reconcile),
					&service->conf.key));
}

static void
backend_list_end(void *context)
{
	struct backend_list *l = context;

	config_unref(l->config);
	free(l);
}

/** @param head As in api_list_reply(). @param service NULL: all of them. */
static void
reply_with_backends(struct request *r, json_t *head, const struct config_service *service)
{
	struct config *config = reconcile_state(r->daemon->reconcile)->config;
	struct backend_list *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		json_decref(head);
		request_reply(r, 500, NULL);
		return;
	}
	l->daemon = r->daemon;
	l->config = config_ref(config);
	l->service = service != NULL ? service : config->services;
	l->end_service = l->service + (service != NULL ? 1 : config->nb_services);
	api_list_reply(r, head, "backends",
			&(struct api_list){ .context = l,
					.next = backend_list_next,
					.end = backend_list_end });
}

static json_t *
lifetimes_view(const struct service_conf *conf)
{
	json_t *json = json_object();

	for (unsigned int i = 0; i < NB_FLOW_STATES; i++)
		json_object_set_new(json, flow_state_key(i),
				json_integer(conf->lifetime_s[i] != 0
								? conf->lifetime_s[i]
								: service_default_lifetime_s[i]));
	return json;
}

/** As what routers hear of a service, if they hear of any. */
static json_t *
advertised_view(struct daemon *d, const struct service_key *key)
{
	const struct desired *desired = reconcile_desired(d->reconcile);
	int place = desired_find(desired, key);

	return place < 0 ? json_null()
			 : json_string(service_advertise_name(
					   desired->services[place]->conf.advertise));
}

static json_t *
service_view(struct daemon *d, const struct config_service *service)
{
	const struct service_conf *conf = &service->conf;
	const struct counters_service *counted =
			counters_find_service(reconcile_counters(d->reconcile), &conf->key);
	uint32_t slots = counted != NULL ? counted->nb_slots : conf->nb_slots;
	char id[SERVICE_ID_STRLEN], label[SERVICE_ID_STRLEN], addr[IP_ADDR_STRLEN];
	uint64_t sum_weight;
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:o, s:o, s:I, s:s, s:I, s:I}",
			"id", service_id_format(&conf->key, id), "name",
			config_service_label(service, label), "address",
			ip_addr_format(&conf->key.vip, addr), "protocol",
			service_protocol_name(conf->key.protocol), "port",
			(json_int_t)conf->key.l4_port, "mode", service_mode_name(conf->mode),
			"slots", slots != 0 ? json_integer(slots) : json_null(), "lifetimes",
			lifetimes_view(conf), "syn-reselect-idle",
			(json_int_t)(conf->syn_reselect_idle_s != 0
							? conf->syn_reselect_idle_s
							: SERVICE_DEFAULT_SYN_RESELECT_IDLE_S),
			"on-down", service_on_down_name(conf->on_down), "backends_total",
			(json_int_t)service->nb_backends, "backends_usable",
			(json_int_t)api_nb_usable(d, service, &sum_weight));

	json_object_set_new(json, "advertised", advertised_view(d, &conf->key));
	json_object_set_new(json, "health", health_service_view(d->health, &conf->key));
	set_sums(json, counted != NULL ? &counted->sum : NULL);
	return json;
}

/** A list of services under way. */
struct service_list {
	struct daemon *daemon;
	struct config *config; /* Of when it began. */
	uint32_t service;      /* The next. */
};

static json_t *
service_list_next(void *context)
{
	struct service_list *l = context;

	if (l->service == l->config->nb_services)
		return NULL;
	return service_view(l->daemon, &l->config->services[l->service++]);
}

static void
service_list_end(void *context)
{
	struct service_list *l = context;

	config_unref(l->config);
	free(l);
}

void
api_services(struct request *r)
{
	struct service_list *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		request_reply(r, 500, NULL);
		return;
	}
	counters_read(reconcile_counters(r->daemon->reconcile));
	l->daemon = r->daemon;
	l->config = config_ref(reconcile_state(r->daemon->reconcile)->config);
	api_list_reply(r, NULL, "services",
			&(struct api_list){ .context = l,
					.next = service_list_next,
					.end = service_list_end });
}

void
api_service(struct request *r)
{
	const struct config_service *service = api_find_service(r, r->segments[2]);

	if (service == NULL)
		return;
	counters_read(reconcile_counters(r->daemon->reconcile));
	reply_with_backends(r, service_view(r->daemon, service), service);
}

void
api_backends(struct request *r)
{
	const char *chosen = request_param(r, "service");
	const struct config_service *service = NULL;

	if (chosen != NULL) {
		service = api_find_service(r, chosen);
		if (service == NULL)
			return;
	}
	counters_read(reconcile_counters(r->daemon->reconcile));
	reply_with_backends(r, NULL, service);
}

void
api_backend(struct request *r)
{
	const struct config_service *service = api_find_service(r, r->segments[2]);
	struct ip_addr addr;
	json_t *list;

	if (service == NULL || !api_parse_address(r, r->segments[4], &addr))
		return;
	counters_read(reconcile_counters(r->daemon->reconcile));
	list = json_array();
	one_backend_view(r->daemon, service, &addr, list);
	if (json_array_size(list) == 0)
		api_no_such_backend(r, r->segments[4], service);
	else
		request_reply(r, 200, json_incref(json_array_get(list, 0)));
	json_decref(list);
}

void
api_backend_everywhere(struct request *r)
{
	const struct config *config = reconcile_state(r->daemon->reconcile)->config;
	struct ip_addr addr;
	json_t *list;

	if (!api_parse_address(r, r->segments[2], &addr))
		return;
	counters_read(reconcile_counters(r->daemon->reconcile));
	list = json_array();
	for (uint32_t i = 0; i < config->nb_services; i++)
		one_backend_view(r->daemon, &config->services[i], &addr, list);
	if (json_array_size(list) > 0) {
		request_reply(r, 200, json_pack("{s:o}", "backends", list));
		return;
	}
	api_no_such_backend(r, r->segments[2], NULL);
	json_decref(list);
}
