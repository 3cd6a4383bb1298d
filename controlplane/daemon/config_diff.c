/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Fields are compared as the JSON of config_write.h, so that a new key of guideway.yaml is
 * compared as soon as it is written; backends one by one, by address.
 */
#include "controlplane/daemon/config_diff.h"

#include <stdio.h>
#include <string.h>

#include "service/service_id.h"

#include "controlplane/daemon/config_write.h"
#include "controlplane/daemon/json_text.h"

#define FIELD_SIZE 256

static const char *
change_word(const void *before, const void *after)
{
	return before == NULL ? "added" : after == NULL ? "removed" : "changed";
}

/* Fields. */

static void diff_objects(json_t *fields, const char *prefix, json_t *before, json_t *after);

static json_t *
or_null(json_t *value)
{
	return value != NULL ? json_incref(value) : json_null();
}

static void
diff_values(json_t *fields, const char *name, json_t *before, json_t *after)
{
	if (json_equal(before, after))
		return;
	if ((before == NULL || json_is_object(before)) && (after == NULL || json_is_object(after)))
		diff_objects(fields, name, before, after);
	else
		json_array_append_new(fields,
				json_pack("{s:s, s:o, s:o}", "field", name, "before",
						or_null(before), "after", or_null(after)));
}

/** @param before, after Objects, or NULL. */
static void
diff_objects(json_t *fields, const char *prefix, json_t *before, json_t *after)
{
	char name[FIELD_SIZE];
	const char *key;
	json_t *value;

	json_object_foreach(before, key, value)
	{
		snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", key);
		diff_values(fields, name, value, json_object_get(after, key));
	}
	json_object_foreach(after, key, value)
	{
		if (json_object_get(before, key) != NULL)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", key);
		diff_values(fields, name, NULL, value);
	}
}

/** A service without its backends; an object in any case. */
static json_t *
fields_of(const struct config_service *service)
{
	json_t *json = service != NULL ? config_service_to_json(service) : json_object();

	json_object_del(json, "backends");
	return json;
}

static json_t *
diff_fields(const struct config_service *before, const struct config_service *after)
{
	json_t *fields = json_array();
	json_t *a = fields_of(before), *b = fields_of(after);

	diff_objects(fields, "", a, b);
	json_decref(a);
	json_decref(b);
	return fields;
}

/* Backends. */

json_t *
config_backend_view(uint32_t weight, uint8_t admin)
{
	return json_pack("{s:I, s:s}", "weight", (json_int_t)weight, "state",
			backend_admin_name(admin));
}

static json_t *
backend_view(const struct config_backend *b)
{
	return b != NULL ? config_backend_view(b->weight, b->admin) : json_null();
}

/** @return NULL: nothing differs. */
static json_t *
diff_backend(const struct config_backend *before, const struct config_backend *after)
{
	char addr[IP_ADDR_STRLEN];

	if (before != NULL && after != NULL && before->weight == after->weight &&
			before->admin == after->admin)
		return NULL;
	return json_pack("{s:s, s:s, s:o, s:o}", "backend",
			ip_addr_format(before != NULL ? &before->addr : &after->addr, addr),
			"change", change_word(before, after), "before", backend_view(before),
			"after", backend_view(after));
}

static json_t *
diff_backends(const struct config_service *before, const struct config_service *after,
		config_diff_note note, void *context)
{
	json_t *backends = json_array(), *entry;
	uint32_t nb_before = before != NULL ? before->nb_backends : 0;
	uint32_t nb_after = after != NULL ? after->nb_backends : 0;
	uint32_t i = 0, j = 0;

	while (i < nb_before || j < nb_after) {
		const struct config_backend *a =
				i < nb_before ? &before->backends[before->by_addr[i]] : NULL;
		const struct config_backend *b =
				j < nb_after ? &after->backends[after->by_addr[j]] : NULL;
		int order = a == NULL ? 1 : b == NULL ? -1 : ip_addr_compare(&a->addr, &b->addr);

		entry = diff_backend(order <= 0 ? a : NULL, order >= 0 ? b : NULL);
		if (entry != NULL && note != NULL)
			note(context, order <= 0 ? &a->addr : &b->addr, entry);
		if (entry != NULL)
			json_array_append_new(backends, entry);
		i += order <= 0;
		j += order >= 0;
	}
	return backends;
}

/* Services. */

json_t *
config_service_diff(const struct config_service *before, const struct config_service *after,
		config_diff_note note, void *context)
{
	const struct config_service *shown = after != NULL ? after : before;
	char id[SERVICE_ID_STRLEN], label[SERVICE_ID_STRLEN];

	return json_pack("{s:s, s:o, s:s, s:o, s:o}", "service",
			service_id_format(&shown->conf.key, id), "name",
			json_text(config_service_label(shown, label)), "change",
			change_word(before, after), "fields", diff_fields(before, after),
			"backends", diff_backends(before, after, note, context));
}

json_t *
config_diff(const struct config *before, const struct config *after)
{
	json_t *list = json_array();
	uint32_t i = 0, j = 0;

	while (i < before->nb_services || j < after->nb_services) {
		const struct config_service *a = i < before->nb_services
				? &before->services[before->by_key[i]]
				: NULL;
		const struct config_service *b =
				j < after->nb_services ? &after->services[after->by_key[j]] : NULL;
		int order = a == NULL	    ? 1
				: b == NULL ? -1
					    : service_key_compare(&a->conf.key, &b->conf.key);

		if (order != 0 || !config_service_equal(a, b)) {
			json_t *entry = config_service_diff(
					order <= 0 ? a : NULL, order >= 0 ? b : NULL, NULL, NULL);

			/* The order of backends is no difference that a person looks for. */
			if (order != 0 ||
					json_array_size(json_object_get(entry, "fields")) +
									json_array_size(json_object_get(
											entry,
											"backends")) !=
							0)
				json_array_append(list, entry);
			json_decref(entry);
		}
		i += order <= 0;
		j += order >= 0;
	}
	return list;
}
