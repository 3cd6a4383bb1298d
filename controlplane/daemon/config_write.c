/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/config_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "service/service_id.h"

#include "controlplane/daemon/duration.h"

const char *
flow_state_key(unsigned int state)
{
	static const char *const keys[NB_FLOW_STATES] = { "half-open", "open", "closing", "udp" };

	return state < NB_FLOW_STATES ? keys[state] : "?";
}

static bool
has_lifetimes(const struct service_conf *conf)
{
	for (unsigned int i = 0; i < NB_FLOW_STATES; i++) {
		if (conf->lifetime_s[i] != 0)
			return true;
	}
	return false;
}

static json_t *
backends_to_json(const struct config_service *service)
{
	json_t *list = json_array();
	char addr[IP_ADDR_STRLEN];

	for (uint32_t i = 0; i < service->nb_backends; i++) {
		const struct config_backend *b = &service->backends[i];
		json_t *json = json_pack("{s:s, s:I}", "address", ip_addr_format(&b->addr, addr),
				"weight", (json_int_t)b->weight);

		if (b->admin != ADMIN_ENABLED)
			json_object_set_new(
					json, "state", json_string(backend_admin_name(b->admin)));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *
lifetimes_to_json(const struct service_conf *conf)
{
	json_t *json = json_object();
	char text[DURATION_STRLEN];

	for (unsigned int i = 0; i < NB_FLOW_STATES; i++) {
		if (conf->lifetime_s[i] != 0)
			json_object_set_new(json, flow_state_key(i),
					json_string(duration_format(conf->lifetime_s[i], text)));
	}
	return json;
}

json_t *
config_service_to_json(const struct config_service *service)
{
	const struct service_conf *conf = &service->conf;
	json_t *json = json_object();
	char text[IP_ADDR_STRLEN];

	if (service->name[0] != '\0')
		json_object_set_new(json, "name", json_string(service->name));
	json_object_set_new(json, "address", json_string(ip_addr_format(&conf->key.vip, text)));
	json_object_set_new(
			json, "protocol", json_string(service_protocol_name(conf->key.protocol)));
	json_object_set_new(json, "port", json_integer(conf->key.l4_port));
	json_object_set_new(json, "mode", json_string(service_mode_name(conf->mode)));
	if (conf->nb_slots != 0)
		json_object_set_new(json, "slots", json_integer(conf->nb_slots));
	if (has_lifetimes(conf))
		json_object_set_new(json, "lifetimes", lifetimes_to_json(conf));
	if (conf->syn_reselect_idle_s != 0)
		json_object_set_new(json, "syn-reselect-idle",
				json_string(duration_format(conf->syn_reselect_idle_s, text)));
	if (conf->on_down != ON_DOWN_MOVE)
		json_object_set_new(
				json, "on-down", json_string(service_on_down_name(conf->on_down)));
	if (service->health != NULL)
		json_object_set_new(json, "health", config_health_to_json(service->health));
	json_object_set_new(json, "backends", backends_to_json(service));
	return json;
}

json_t *
config_to_json(const struct config *config)
{
	json_t *services = json_array();

	for (uint32_t i = 0; i < config->nb_services; i++)
		json_array_append_new(services, config_service_to_json(&config->services[i]));
	return json_pack("{s:o}", "services", services);
}

char *
config_to_json_text(const struct config *config)
{
	json_t *json = config_to_json(config);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

/** JSON is YAML, and quotes and escapes whatever needs it. */
static void
health_to_yaml(FILE *out, const struct config_health *health)
{
	json_t *json = config_health_to_json(health);
	char *text = json_dumps(json, JSON_PRESERVE_ORDER);

	if (text != NULL)
		fprintf(out, "    health: %s\n", text);
	free(text);
	json_decref(json);
}

/* Addresses are quoted: "::" and friends are not plain YAML; names too: null, 1, on. */
static void
service_to_yaml(FILE *out, const struct config_service *service)
{
	const struct service_conf *conf = &service->conf;
	const char *comma = "";
	char text[IP_ADDR_STRLEN];

	fprintf(out, "  - ");
	if (service->name[0] != '\0')
		fprintf(out, "name: \"%s\"\n    ", service->name);
	fprintf(out, "address: \"%s\"\n", ip_addr_format(&conf->key.vip, text));
	fprintf(out, "    protocol: %s\n", service_protocol_name(conf->key.protocol));
	fprintf(out, "    port: %" PRIu16 "\n", conf->key.l4_port);
	fprintf(out, "    mode: %s\n", service_mode_name(conf->mode));
	if (conf->nb_slots != 0)
		fprintf(out, "    slots: %" PRIu32 "\n", conf->nb_slots);
	if (has_lifetimes(conf)) {
		fprintf(out, "    lifetimes: {");
		for (unsigned int i = 0; i < NB_FLOW_STATES; i++) {
			if (conf->lifetime_s[i] == 0)
				continue;
			fprintf(out, "%s%s: %s", comma, flow_state_key(i),
					duration_format(conf->lifetime_s[i], text));
			comma = ", ";
		}
		fprintf(out, "}\n");
	}
	if (conf->syn_reselect_idle_s != 0)
		fprintf(out, "    syn-reselect-idle: %s\n",
				duration_format(conf->syn_reselect_idle_s, text));
	if (conf->on_down != ON_DOWN_MOVE)
		fprintf(out, "    on-down: %s\n", service_on_down_name(conf->on_down));
	if (service->health != NULL)
		health_to_yaml(out, service->health);
	fprintf(out, "    backends:%s\n", service->nb_backends == 0 ? " []" : "");
	for (uint32_t i = 0; i < service->nb_backends; i++) {
		const struct config_backend *b = &service->backends[i];

		fprintf(out, "      - address: \"%s\"\n        weight: %" PRIu32 "\n",
				ip_addr_format(&b->addr, text), b->weight);
		if (b->admin != ADMIN_ENABLED)
			fprintf(out, "        state: %s\n", backend_admin_name(b->admin));
	}
}

char *
config_to_yaml(const struct config *config)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	fprintf(out, "services:%s\n", config->nb_services == 0 ? " []" : "");
	for (uint32_t i = 0; i < config->nb_services; i++)
		service_to_yaml(out, &config->services[i]);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
