/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/config_diff.h"
#include "controlplane/daemon/plan_private.h"

/** How far the backends of a service are gone through: both lists are by address. */
struct cursor {
	const struct plan_effect *effect;
	uint32_t at;
};

static int
compare(const struct plan_member *m, const struct ip_addr *addr)
{
	return ip_addr_compare(m->before != NULL ? &m->before->addr : &m->after->addr, addr);
}

/** Put what the tables say of a backend into its object. */
static void
note_slots(void *context, const struct ip_addr *backend, json_t *entry)
{
	struct cursor *cursor = context;
	const struct plan_effect *e = cursor->effect;
	const struct plan_member *m = NULL;

	while (cursor->at < e->nb && compare(&e->members[cursor->at], backend) < 0)
		cursor->at++;
	if (cursor->at < e->nb && compare(&e->members[cursor->at], backend) == 0)
		m = &e->members[cursor->at];
	json_object_set_new(entry, "slots_before",
			m != NULL ? json_integer(m->slots_before) : json_null());
	json_object_set_new(entry, "slots_after",
			m != NULL ? json_integer(m->slots_after) : json_null());
}

/** Drop the backends beyond the limit. */
static void
shorten(json_t *entry)
{
	json_t *backends = json_object_get(entry, "backends");
	size_t nb = json_array_size(backends);

	while (json_array_size(backends) > PLAN_MAX_LISTED)
		json_array_remove(backends, json_array_size(backends) - 1);
	json_object_set_new(entry, "backends_not_listed",
			json_integer((json_int_t)(nb - json_array_size(backends))));
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
	struct cursor cursor = { .effect = &s->effect };
	json_t *entry = config_service_diff(s->before, s->after, note_slots, &cursor);

	shorten(entry);
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
