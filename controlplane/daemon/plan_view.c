/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/config_diff.h"
#include "controlplane/daemon/plan_private.h"

static const struct plan_member *
find_member(const struct plan_effect *e, const struct ip_addr *addr)
{
	uint32_t low = 0, high = e->nb;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct plan_member *m = &e->members[middle];
		int order = ip_addr_compare(
				m->before != NULL ? &m->before->addr : &m->after->addr, addr);

		if (order == 0)
			return m;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static json_t *
slots_view(const struct plan_member *m, bool after)
{
	return m != NULL ? json_integer(after ? m->slots_after : m->slots_before) : json_null();
}

/** Put what its table says into each backend that is listed; drop those beyond the limit. */
static void
complete_backends(const struct plan_service *s, json_t *entry)
{
	json_t *backends = json_object_get(entry, "backends");
	size_t nb = json_array_size(backends), i;
	json_t *backend;

	while (json_array_size(backends) > PLAN_MAX_LISTED)
		json_array_remove(backends, json_array_size(backends) - 1);
	json_object_set_new(entry, "backends_not_listed",
			json_integer((json_int_t)(nb - json_array_size(backends))));
	json_array_foreach(backends, i, backend)
	{
		const char *text = json_string_value(json_object_get(backend, "backend"));
		const struct plan_member *m = NULL;
		struct ip_addr addr;

		if (text != NULL && ip_addr_parse(text, &addr) == 0)
			m = find_member(&s->effect, &addr);
		json_object_set_new(backend, "slots_before", slots_view(m, false));
		json_object_set_new(backend, "slots_after", slots_view(m, true));
	}
}

/** null of one that comes, and where only the document differs: nothing moves. */
static json_t *
effect_view(const struct plan *plan, const struct plan_service *s)
{
	const struct plan_effect *e = &s->effect;

	if (s->from == NULL || s->from == s->to)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:f, s:f, s:o, s:o}", "slots_before",
			(json_int_t)e->slots_before, "slots_after", (json_int_t)e->slots_after,
			"slots_moved", (json_int_t)(e->moved * e->slots_before + 0.5), "moved",
			e->moved, "moved_minimum", e->moved_minimum, "flows",
			plan->counted ? json_integer((json_int_t)s->flows) : json_null(),
			"flows_moved",
			plan->counted ? json_integer((json_int_t)s->flows_moved) : json_null());
}

static json_t *
service_view(const struct plan *plan, const struct plan_service *s)
{
	json_t *entry = config_service_diff(s->before, s->after);

	complete_backends(s, entry);
	json_object_set_new(entry, "effect", effect_view(plan, s));
	return entry;
}

json_t *
plan_view(const struct plan *plan)
{
	uint32_t nb = plan->nb < PLAN_MAX_LISTED ? plan->nb : PLAN_MAX_LISTED;
	json_t *services;

	if (plan->no_memory)
		return NULL;
	services = json_array();
	for (uint32_t i = 0; i < nb; i++)
		json_array_append_new(services, service_view(plan, &plan->services[i]));
	return json_pack("{s:o, s:I, s:O, s:b}", "services", services, "services_not_listed",
			(json_int_t)(plan->nb - nb), "warnings", plan->warnings, "needs_force",
			plan->needs_force);
}

json_t *
plan_warnings(const struct plan *plan)
{
	return plan->no_memory ? NULL : plan->warnings;
}

bool
plan_needs_force(const struct plan *plan)
{
	return plan->needs_force;
}
