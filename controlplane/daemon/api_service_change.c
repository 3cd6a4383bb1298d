/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Adding, changing and removing one service: the configuration's document with one entry
 * added, merged or left out, read again as any document is, so that there is one place where
 * configurations are checked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/api_plan.h"
#include "controlplane/daemon/config_read.h"
#include "controlplane/daemon/config_write.h"
#include "controlplane/daemon/daemon.h"

/** What a complaint about a service alone begins with. */
static const char prefix[] = "services[0]";

/** The body is the service, not a document with one. */
static void
shorten_paths(struct complaints *c)
{
	for (unsigned int i = 0; i < c->nb; i++) {
		char *path = c->list[i].path;

		if (path == NULL || strncmp(path, prefix, strlen(prefix)) != 0)
			continue;
		memmove(path, path + strlen(prefix), strlen(path) - strlen(prefix) + 1);
		if (path[0] == '.')
			memmove(path, path + 1, strlen(path));
	}
}

/** @param services Taken. @return NULL: replied. */
static struct config *
config_of(struct request *r, json_t *services, enum document_format format)
{
	json_t *document = json_pack("{s:o}", "services", services);
	char *text = json_dumps(document, JSON_COMPACT);
	struct config *config = NULL;
	struct complaints c;

	json_decref(document);
	complaints_init(&c, "body");
	if (text != NULL)
		config = config_parse(text, strlen(text), format, &c);
	if (config == NULL) {
		if (format == FORMAT_JSON)
			shorten_paths(&c);
		api_complain(r, &c);
	}
	complaints_clear(&c);
	free(text);
	return config;
}

/** @return a new reference to an object; NULL: replied. */
static json_t *
read_object(struct request *r)
{
	json_error_t where;
	json_t *body;

	if (r->content_type[0] != '\0' && strcmp(r->content_type, "application/json") != 0) {
		request_fail(r, 415, &(struct api_error){ .code = "unsupported_media" },
				"Content-Type must be application/json");
		return NULL;
	}
	body = json_loadb(r->body != NULL ? r->body : "", r->body_len, JSON_REJECT_DUPLICATES,
			&where);
	if (json_is_object(body))
		return body;
	if (body == NULL)
		request_fail(r, 400, &(struct api_error){ .code = "bad_request" }, "body:%d:%d: %s",
				where.line, where.column, where.text);
	else
		request_fail(r, 422, &(struct api_error){ .code = "invalid_config" },
				"the body must be an object");
	json_decref(body);
	return NULL;
}

/** RFC 7396. @param patch An object. */
static void
merge(json_t *target, json_t *patch)
{
	const char *key;
	json_t *value, *old;

	json_object_foreach(patch, key, value)
	{
		if (json_is_null(value)) {
			json_object_del(target, key);
		} else if (!json_is_object(value)) {
			json_object_set(target, key, value);
		} else {
			old = json_object_get(target, key);
			if (!json_is_object(old)) {
				json_object_set_new(target, key, json_object());
				old = json_object_get(target, key);
			}
			merge(old, value);
		}
	}
}

/** For the audit trail: without its backends, which may be thousands. */
static json_t *
without_backends(const json_t *service)
{
	json_t *members = json_copy((json_t *)(uintptr_t)service), *copy;

	json_object_del(members, "backends");
	copy = json_deep_copy(members);
	json_decref(members);
	return copy;
}

/** The place of a service in the document. */
static size_t
place_of(const struct config *config, const struct config_service *service)
{
	return (size_t)(service - config->services);
}

/**
 * Make the change.
 * @param services Taken: the new document's.
 * @param key      Of the service.
 */
static void
change_to(struct request *r, struct change_request *change, json_t *services,
		const struct service_key *key)
{
	char id[SERVICE_ID_STRLEN];

	snprintf(change->target, sizeof(change->target), "%s", service_id_format(key, id));
	/* Files that other services name may be gone meanwhile. */
	change->config = config_of(r, services, FORMAT_STORED);
	if (change->config == NULL)
		api_change_drop(change);
	else
		api_change_guarded(r, change);
}

static json_t *
services_of(const struct config *config)
{
	json_t *document = config_to_json(config);
	json_t *services = json_incref(json_object_get(document, "services"));

	json_decref(document);
	return services;
}

/**
 * Check a service alone, as strictly as in a file.
 * @param service Borrowed. @param out Its key; NULL: not asked for.
 * @return false: replied.
 */
static bool
check_service(struct request *r, json_t *service, struct service_key *out)
{
	struct config *config = config_of(r, json_pack("[O]", service), FORMAT_JSON);

	if (config == NULL)
		return false;
	if (out != NULL)
		*out = config->services[0].conf.key;
	config_unref(config);
	return true;
}

void
api_service_add(struct request *r)
{
	const struct config *config = reconcile_state(r->daemon->reconcile)->config;
	struct change_request change = api_change_request(r, "service.add");
	json_t *service = read_object(r), *services;
	char id[SERVICE_ID_STRLEN];
	struct service_key key;

	if (service == NULL)
		return;
	if (json_object_get(service, "backends") == NULL)
		json_object_set_new(service, "backends", json_array());
	if (!check_service(r, service, &key)) {
		json_decref(service);
		return;
	}
	if (config_find_key(config, &key) != NULL) {
		service_id_format(&key, id);
		request_fail(r, 409, &(struct api_error){ .code = "already_exists", .path = id },
				"there is a service %s already", id);
		json_decref(service);
		return;
	}
	services = services_of(config);
	json_array_append(services, service);
	change.after = without_backends(service);
	json_decref(service);
	change_to(r, &change, services, &key);
}

/** What makes a service another one. @return false: replied. */
static bool
check_identity(struct request *r, const json_t *patch)
{
	static const char *const keys[] = { "address", "protocol", "port" };

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (json_object_get(patch, keys[i]) == NULL)
			continue;
		request_fail(r, 422,
				&(struct api_error){ .code = "invalid_config",
						.path = keys[i],
						.hint = "add that one, and remove this one" },
				"with another %s it would be another service", keys[i]);
		return false;
	}
	return true;
}

void
api_service_patch(struct request *r)
{
	const struct config *config = reconcile_state(r->daemon->reconcile)->config;
	const struct config_service *service = api_find_service(r, r->segments[2]);
	struct change_request change = api_change_request(r, "service.set");
	json_t *patch, *services, *entry;

	if (service == NULL)
		return;
	patch = read_object(r);
	if (patch == NULL)
		return;
	if (!check_identity(r, patch)) {
		json_decref(patch);
		return;
	}
	services = services_of(config);
	entry = json_array_get(services, place_of(config, service));
	change.before = without_backends(entry);
	merge(entry, patch);
	json_decref(patch);
	change.after = without_backends(entry);
	if (check_service(r, entry, NULL)) {
		change_to(r, &change, services, &service->conf.key);
	} else {
		json_decref(services);
		api_change_drop(&change);
	}
}

void
api_service_remove(struct request *r)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	const struct config_service *service = api_find_service(r, r->segments[2]);
	struct change_request change = api_change_request(r, "service.remove");
	json_t *services;
	size_t place;

	if (service == NULL)
		return;
	services = services_of(state->config);
	place = place_of(state->config, service);
	change.before = without_backends(json_array_get(services, place));
	json_array_remove(services, place);
	change.overrides = overrides_without(state->overrides, &service->conf.key, NULL);
	if (change.overrides == NULL) {
		json_decref(services);
		api_change_drop(&change);
		request_reply(r, 500, NULL);
		return;
	}
	change_to(r, &change, services, &service->conf.key);
}
