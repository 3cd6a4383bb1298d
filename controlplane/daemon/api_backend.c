/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Adding and removing backends changes the configuration; setting a state or a weight
 * makes an override.
 */
#include <stdio.h>
#include <string.h>

#include "service/service_id.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/config_read.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/fields.h"

static void
set_target(struct change_request *change, const struct config_service *service,
		const struct ip_addr *backend)
{
	char id[SERVICE_ID_STRLEN] = "all services", addr[IP_ADDR_STRLEN];

	if (service != NULL)
		service_id_format(&service->conf.key, id);
	snprintf(change->target, sizeof(change->target), "%s %s", id,
			ip_addr_format(backend, addr));
}

static json_t *
backend_json(uint8_t admin, uint32_t weight)
{
	return json_pack("{s:s, s:I}", "state", backend_admin_name(admin), "weight",
			(json_int_t)weight);
}

void
api_no_such_backend(struct request *r, const char *address, const struct config_service *service)
{
	char label[SERVICE_ID_STRLEN];

	request_fail(r, 404, &(struct api_error){ .code = "no_such_backend", .path = address },
			"%s has %s backend %.60s",
			service != NULL ? config_service_label(service, label) : "no service",
			service != NULL ? "no" : "the", address);
}

/* Adding and removing. */

static void
add(struct request *r, const struct config_service *service, const struct config_backend *backend)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct change_request change;
	char addr[IP_ADDR_STRLEN], label[SERVICE_ID_STRLEN];

	ip_addr_format(&backend->addr, addr);
	if (config_find_backend(service, &backend->addr) != NULL) {
		request_fail(r, 409, &(struct api_error){ .code = "already_exists", .path = addr },
				"%s has the backend %s already",
				config_service_label(service, label), addr);
		return;
	}
	change = api_change_request(r, "backend.add");
	set_target(&change, service, &backend->addr);
	change.after = backend_json(backend->admin, backend->weight);
	change.config = config_with_backend(state->config, service, backend);
	if (change.config == NULL) {
		json_decref(change.after);
		request_reply(r, 500, NULL);
		return;
	}
	api_change(r, &change);
}

void
api_backend_add(struct request *r)
{
	const struct config *config = reconcile_state(r->daemon->reconcile)->config;
	const struct config_service *service = api_find_service(r, r->segments[2]);
	struct config_backend backend;
	struct document *document;
	struct complaints c;
	const struct node *root;

	if (service == NULL)
		return;
	document = document_create();
	root = api_body(r, document, &c);
	if (root != NULL) {
		if (config_read_backend(root, config, service, &c, &backend))
			add(r, service, &backend);
		else
			api_complain(r, &c);
		complaints_clear(&c);
	}
	document_destroy(document);
}

/** @param service NULL: every service. */
static void
remove_backend(struct request *r, const struct config_service *service, const struct ip_addr *addr)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct change_request change = api_change_request(r, "backend.remove");
	const struct config_backend *backend =
			service != NULL ? config_find_backend(service, addr) : NULL;

	set_target(&change, service, addr);
	if (backend != NULL)
		change.before = backend_json(backend->admin, backend->weight);
	change.config = config_without_backend(state->config, service, addr);
	change.overrides = overrides_without(
			state->overrides, service != NULL ? &service->conf.key : NULL, addr);
	if (change.config == NULL || change.overrides == NULL) {
		json_decref(change.before);
		config_unref(change.config);
		overrides_unref(change.overrides);
		request_reply(r, 500, NULL);
		return;
	}
	api_change(r, &change);
}

void
api_backend_remove(struct request *r)
{
	const struct config_service *service = api_find_service(r, r->segments[2]);
	struct ip_addr addr;

	if (service == NULL || !api_parse_address(r, r->segments[4], &addr))
		return;
	if (config_find_backend(service, &addr) == NULL)
		api_no_such_backend(r, r->segments[4], service);
	else
		remove_backend(r, service, &addr);
}

static bool
is_backend_anywhere(const struct config *config, const struct ip_addr *addr)
{
	for (uint32_t i = 0; i < config->nb_services; i++) {
		if (config_find_backend(&config->services[i], addr) != NULL)
			return true;
	}
	return false;
}

void
api_backend_remove_everywhere(struct request *r)
{
	const struct config *config = reconcile_state(r->daemon->reconcile)->config;
	struct ip_addr addr;

	if (!api_parse_address(r, r->segments[2], &addr))
		return;
	if (!is_backend_anywhere(config, &addr))
		api_no_such_backend(r, r->segments[2], NULL);
	else
		remove_backend(r, NULL, &addr);
}

/* Overriding. */

/** What a PATCH says. */
struct patch {
	bool has_admin, resets_admin;
	bool has_weight, resets_weight;
	uint8_t admin;
	uint32_t weight;
	char by[OVERRIDE_BY_SIZE]; /* Who says it. */
};

static void
read_patch_state(struct reader *reader, const struct node *node, void *out)
{
	struct patch *patch = out;

	if (node->kind == NODE_NULL)
		patch->resets_admin = true;
	else
		patch->has_admin = config_read_admin(reader, node, &patch->admin);
}

static void
read_patch_weight(struct reader *reader, const struct node *node, void *out)
{
	struct patch *patch = out;

	if (node->kind == NODE_NULL)
		patch->resets_weight = true;
	else
		patch->has_weight = config_read_weight(reader, node, &patch->weight);
}

static void
check_patch(struct reader *reader, const struct node *root)
{
	if (root->nb == 0)
		reader_complain(reader, root, NULL, "must have state, weight or both");
}

/** @return false: replied. */
static bool
read_patch(struct request *r, struct patch *patch)
{
	static const struct field fields[] = {
		{ "state", false, read_patch_state },
		{ "weight", false, read_patch_weight },
	};

	memset(patch, 0, sizeof(*patch));
	api_name_actor(r, patch->by, sizeof(patch->by));
	return api_read_body(r, fields, ARRAY_LEN(fields), check_patch, patch);
}

/** What the override of a backend becomes. */
static struct override
patched(const struct patch *patch, const struct overrides *overrides,
		const struct service_key *service, const struct ip_addr *backend)
{
	const struct override *old = overrides_find(overrides, service, backend);
	struct override new = { .service = *service, .backend = *backend };

	if (old != NULL)
		new = *old;
	if (patch->has_admin || patch->resets_admin) {
		new.has_admin = patch->has_admin;
		new.admin = patch->admin;
	}
	if (patch->has_weight || patch->resets_weight) {
		new.has_weight = patch->has_weight;
		new.weight = patch->weight;
	}
	new.since_ms = clock_wall_ms();
	memcpy(new.by, patch->by, sizeof(new.by));
	return new;
}

static json_t *
override_json(const struct override *o)
{
	return json_pack("{s:o, s:o}", "state",
			o != NULL && o->has_admin ? json_string(backend_admin_name(o->admin))
						  : json_null(),
			"weight",
			o != NULL && o->has_weight ? json_integer(o->weight) : json_null());
}

/** Put one override into *list, which is replaced. @return false: out of memory. */
static bool
put_override(const struct patch *patch, const struct config_service *service,
		const struct ip_addr *addr, struct overrides **list)
{
	struct override new = patched(patch, *list, &service->conf.key, addr);
	struct overrides *more = overrides_with(*list, &new);

	if (more == NULL)
		return false;
	overrides_unref(*list);
	*list = more;
	return true;
}

/** @param service NULL: every service that has the backend. */
static void
override(struct request *r, const struct config_service *service, const struct ip_addr *addr,
		const struct patch *patch)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct change_request change = api_change_request(r, "backend.override");
	struct overrides *list = overrides_ref(state->overrides);
	bool good = true;

	if (service != NULL)
		good = put_override(patch, service, addr, &list);
	for (uint32_t i = 0; service == NULL && i < state->config->nb_services && good; i++) {
		const struct config_service *each = &state->config->services[i];

		if (config_find_backend(each, addr) != NULL)
			good = put_override(patch, each, addr, &list);
	}
	if (!good) {
		overrides_unref(list);
		request_reply(r, 500, NULL);
		return;
	}
	set_target(&change, service, addr);
	if (service != NULL) {
		change.before = override_json(
				overrides_find(state->overrides, &service->conf.key, addr));
		change.after = override_json(overrides_find(list, &service->conf.key, addr));
	} else {
		struct override shown = { .has_admin = patch->has_admin,
			.admin = patch->admin,
			.has_weight = patch->has_weight,
			.weight = patch->weight };

		change.after = override_json(&shown);
	}
	change.overrides = list;
	api_change(r, &change);
}

void
api_backend_patch(struct request *r)
{
	const struct config_service *service = api_find_service(r, r->segments[2]);
	struct ip_addr addr;
	struct patch patch;

	if (service == NULL || !api_parse_address(r, r->segments[4], &addr))
		return;
	if (config_find_backend(service, &addr) == NULL)
		api_no_such_backend(r, r->segments[4], service);
	else if (read_patch(r, &patch))
		override(r, service, &addr, &patch);
}

void
api_backend_patch_everywhere(struct request *r)
{
	const struct config *config = reconcile_state(r->daemon->reconcile)->config;
	struct ip_addr addr;
	struct patch patch;

	if (!api_parse_address(r, r->segments[2], &addr))
		return;
	if (!is_backend_anywhere(config, &addr))
		api_no_such_backend(r, r->segments[2], NULL);
	else if (read_patch(r, &patch))
		override(r, NULL, &addr, &patch);
}
