/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * GET and PUT /v1/config, and the history of configurations.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/api_plan.h"
#include "controlplane/daemon/config_read.h"
#include "controlplane/daemon/config_write.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/desired.h"

/** The configuration with overrides merged in. @return NULL: out of memory. */
static struct config *
effective(const struct store_state *state)
{
	struct config *config = config_create();
	struct config_service *services;
	const struct config *from = state->config;

	services = calloc(from->nb_services + 1, sizeof(*services));
	if (config == NULL || services == NULL)
		goto err_free;
	for (uint32_t i = 0; i < from->nb_services; i++) {
		const struct config_service *s = &from->services[i];

		services[i] = *s;
		services[i].by_addr = NULL;
		services[i].health = config_health_ref(s->health);
		services[i].backends = malloc((s->nb_backends + 1) * sizeof(*s->backends));
		if (services[i].backends == NULL)
			goto err_free;
		for (uint32_t j = 0; j < s->nb_backends; j++) {
			struct backend_conf b = desired_backend(&s->backends[j],
					overrides_find(state->overrides, &s->conf.key,
							&s->backends[j].addr));

			services[i].backends[j] = (struct config_backend){
				.addr = b.addr, .weight = b.weight, .admin = b.admin
			};
		}
	}
	if (config_take_services(config, services, from->nb_services) == 0)
		return config;
	services = NULL;

err_free:
	if (services != NULL)
		config_services_free(services, from->nb_services);
	config_unref(config);
	return NULL;
}

void
api_config_get(struct request *r)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct config *config;
	bool merged;

	if (!request_param_bool(r, "effective", &merged))
		return;
	config = merged ? effective(state) : config_ref(state->config);
	snprintf(r->etag, sizeof(r->etag), "\"%" PRIu64 "\"", state->revision);
	if (config == NULL)
		request_reply(r, 500, NULL);
	else if (r->wants_yaml)
		request_reply_text(r, 200, config_to_yaml(config), "application/yaml");
	else
		request_reply(r, 200, config_to_json(config));
	config_unref(config);
}

/** @return false: replied with 415. */
static bool
format_of(struct request *r, enum document_format *out)
{
	static const char *const yaml[] = { "application/yaml", "application/x-yaml", "text/yaml",
		"text/x-yaml" };

	if (strcmp(r->content_type, "application/json") == 0) {
		*out = FORMAT_JSON;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(yaml); i++) {
		if (strcmp(r->content_type, yaml[i]) == 0) {
			*out = FORMAT_YAML;
			return true;
		}
	}
	request_fail(r, 415, &(struct api_error){ .code = "unsupported_media" },
			"Content-Type must be application/yaml or application/json");
	return false;
}

struct config *
api_config_body(struct request *r)
{
	const char *name = request_param(r, "name");
	enum document_format format;
	struct complaints c;
	struct config *config;

	if (!format_of(r, &format))
		return NULL;
	complaints_init(&c, name != NULL ? name : "config");
	config = config_parse(r->body != NULL ? r->body : "", r->body_len, format, &c);
	if (config == NULL)
		api_complain(r, &c);
	complaints_clear(&c);
	return config;
}

void
api_config_put(struct request *r)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct change_request change;
	bool reset, allow_empty;

	if (!request_param_bool(r, "reset_overrides", &reset) ||
			!request_param_bool(r, "allow_empty", &allow_empty))
		return;
	change = api_change_request(r, "config.apply");
	if (!api_read_confirm(r, &change))
		return;
	if (reset && change.has_confirm) {
		request_fail(r, 400,
				&(struct api_error){ .code = "bad_request", .path = "confirm_s" },
				"reset_overrides and confirm_s exclude each other: a revert would not bring overrides back");
		return;
	}
	change.config = api_config_body(r);
	if (change.config == NULL)
		return;
	if (change.config->nb_services == 0 && state->config->nb_services != 0 && !allow_empty) {
		request_fail(r, 409,
				&(struct api_error){ .code = "would_remove_all",
						.path = "services",
						.hint = "allow_empty=true (--allow-empty) if that is meant" },
				"this would remove all %" PRIu32 " services",
				state->config->nb_services);
		config_unref(change.config);
		return;
	}
	if (reset) {
		change.overrides = overrides_create(0);
		if (change.overrides == NULL) {
			request_reply(r, 500, NULL);
			config_unref(change.config);
			return;
		}
	}
	snprintf(change.target, sizeof(change.target), "%s%s",
			request_param(r, "name") != NULL ? request_param(r, "name") : "config",
			reset ? ", overrides reset" : "");
	change.before = json_pack("{s:I, s:I}", "revision", (json_int_t)state->revision,
			"overrides", (json_int_t)state->overrides->nb);
	change.after = json_pack("{s:I, s:I}", "services", (json_int_t)change.config->nb_services,
			"backends", (json_int_t)change.config->nb_members);
	if (change.config->nb_services == 0) /* allow_empty says it twice already. */
		api_change(r, &change);
	else
		api_change_guarded(r, &change);
}

/* History. */

void
api_reply_from_store(struct request *r, json_t *json)
{
	if (json == NULL)
		request_fail(r, 500, &(struct api_error){ .code = "store_failed" }, "%s",
				store_error(r->daemon->store));
	else
		request_reply(r, 200, json);
}

void
api_revisions(struct request *r)
{
	uint64_t limit = 100;

	if (request_param_number(r, "limit", 1, 1000, &limit))
		api_reply_from_store(r, store_revisions(r->daemon->store, (unsigned int)limit));
}

void
api_revision(struct request *r)
{
	const char *text = r->segments[2];
	json_t *json;

	if (strlen(text) > 18 || text[strspn(text, "0123456789")] != '\0') {
		request_fail(r, 404,
				&(struct api_error){ .code = "no_such_revision", .path = text },
				"no such revision");
		return;
	}
	json = store_revision(r->daemon->store, strtoull(text, NULL, 10));
	if (json_is_null(json))
		request_fail(r, 404,
				&(struct api_error){ .code = "no_such_revision", .path = text },
				"revision %s is not kept", text);
	else
		api_reply_from_store(r, json);
}
