/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Listing and resetting overrides.
 */
#include <stdio.h>

#include "service/service_id.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/json_text.h"

json_t *
api_override_view(struct daemon *d, const struct override *o)
{
	const struct config *config = reconcile_state(d->reconcile)->config;
	const struct config_service *service = config_find_key(config, &o->service);
	bool dormant = service == NULL || config_find_backend(service, &o->backend) == NULL;
	char id[SERVICE_ID_STRLEN], label[SERVICE_ID_STRLEN], addr[IP_ADDR_STRLEN];
	char since[CLOCK_TEXT_SIZE];

	service_id_format(&o->service, id);
	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:b}", "service", id, "service_name",
			service != NULL ? config_service_label(service, label) : id, "backend",
			ip_addr_format(&o->backend, addr), "state",
			o->has_admin ? json_string(backend_admin_name(o->admin)) : json_null(),
			"weight", o->has_weight ? json_integer(o->weight) : json_null(), "since",
			clock_format(o->since_ms, since), "by", json_text(o->by), "dormant",
			dormant);
}

json_t *
api_overrides_view(struct daemon *d)
{
	const struct overrides *overrides = reconcile_state(d->reconcile)->overrides;
	json_t *list = json_array();

	for (uint32_t i = 0; i < overrides->nb; i++)
		json_array_append_new(list, api_override_view(d, &overrides->list[i]));
	return list;
}

void
api_overrides(struct request *r)
{
	request_reply(r, 200, json_pack("{s:o}", "overrides", api_overrides_view(r->daemon)));
}

/** A service of an override: known to the configuration, or only by its id. */
static bool
selected_service(struct request *r, const char *text, struct service_key *out)
{
	const struct config *config = reconcile_state(r->daemon->reconcile)->config;
	const struct config_service *service = config_find(config, text);

	if (service != NULL) {
		*out = service->conf.key;
		return true;
	}
	if (service_id_parse(text, out) == 0)
		return true; /* Dormant overrides can be reset too. */
	return api_find_service(r, text) != NULL;
}

void
api_overrides_reset(struct request *r)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	const char *service = request_param(r, "service"), *backend = request_param(r, "backend");
	struct change_request change;
	struct service_key key;
	struct ip_addr addr;

	if (service != NULL && !selected_service(r, service, &key))
		return;
	if (backend != NULL && !api_parse_address(r, backend, &addr))
		return;
	change = api_change_request(r, "override.reset");
	change.overrides = overrides_without(state->overrides, service != NULL ? &key : NULL,
			backend != NULL ? &addr : NULL);
	if (change.overrides == NULL) {
		request_reply(r, 500, NULL);
		return;
	}
	r->nb_reset = state->overrides->nb - change.overrides->nb;
	if (r->nb_reset == 0 && (service != NULL || backend != NULL)) {
		overrides_unref(change.overrides);
		request_fail(r, 404, &(struct api_error){ .code = "no_such_override" },
				"no override matches");
		return;
	}
	snprintf(change.target, sizeof(change.target), "%.80s %.60s",
			service != NULL ? service : "all services",
			backend != NULL ? backend : "all backends");
	change.before = api_overrides_view(r->daemon);
	api_change(r, &change);
}
