/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is dangerous enough to be said, and what to be refused unless it is said twice.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "service/service_id.h"

#include "controlplane/daemon/json_text.h"
#include "controlplane/daemon/override.h"
#include "controlplane/daemon/plan_private.h"

/** Warnings of one kind about one service; there may be thousands of backends. */
#define MAX_OF_A_KIND 10

struct warning {
	const char *code;
	bool needs_force;
};

static const struct warning service_removed = { "service_removed", true };
static const struct warning no_backend_left = { "no_backend_left", true };
static const struct warning large_change = { "large_change", true };
static const struct warning backend_loses_all = { "backend_loses_all", false };
static const struct warning overridden = { "overridden", false };

static void PRINTF_LIKE(4, 5) warn(struct plan *plan, const struct warning *warning,
		const struct plan_service *s, const char *format, ...)
{
	const struct config_service *shown = s->after != NULL ? s->after : s->before;
	char id[SERVICE_ID_STRLEN], label[SERVICE_ID_STRLEN];
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text != NULL && shown != NULL)
		json_array_append_new(plan->warnings,
				json_pack("{s:s, s:s, s:o, s:b}", "code", warning->code, "service",
						service_id_format(&shown->conf.key, id), "message",
						json_sprintf("%s: %s",
								config_service_label(shown, label),
								text),
						"needs_force", warning->needs_force));
	free(text);
	plan->needs_force |= warning->needs_force;
}

static bool
takes_flows(const struct plan_effect *e, bool after)
{
	for (uint32_t i = 0; i < e->nb; i++) {
		if ((after ? e->members[i].slots_after : e->members[i].slots_before) != 0)
			return true;
	}
	return false;
}

static void
warn_of_losers(struct plan *plan, const struct plan_service *s)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; i < s->effect.nb; i++) {
		const struct plan_member *m = &s->effect.members[i];
		char addr[IP_ADDR_STRLEN];

		if (m->slots_before == 0 || m->slots_after != 0 || ++nb > MAX_OF_A_KIND)
			continue;
		warn(plan, &backend_loses_all, s, "backend %s gets no new flows any more",
				ip_addr_format(&m->before->addr, addr));
	}
	if (nb > MAX_OF_A_KIND)
		warn(plan, &backend_loses_all, s, "nor do %" PRIu32 " others", nb - MAX_OF_A_KIND);
}

static void
warn_of_size(struct plan *plan, const struct plan_service *s)
{
	double limit = plan->conf.max_change;
	double of_flows = s->flows != 0 ? (double)s->flows_moved / (double)s->flows : 0;

	if (s->effect.moved > limit)
		warn(plan, &large_change, s,
				"%.1f%% of new flows go to other backends at once; the limit is %.0f%%",
				s->effect.moved * 100, limit * 100);
	else if (of_flows > limit)
		warn(plan, &large_change, s,
				"%.1f%% of %" PRIu64
				" established flows move at once; the limit is %.0f%%",
				of_flows * 100, s->flows, limit * 100);
}

/** What the document says anew, but an override keeps from being so. */
static void
warn_of_overrides(struct plan *plan, const struct plan_service *s)
{
	uint32_t nb = 0;

	for (uint32_t i = 0; s->before != NULL && i < s->after->nb_backends; i++) {
		const struct config_backend *b = &s->after->backends[i];
		const struct config_backend *old = config_find_backend(s->before, &b->addr);
		const struct override *o =
				overrides_find(plan->conf.overrides, &s->after->conf.key, &b->addr);
		char addr[IP_ADDR_STRLEN];

		if (o == NULL || old == NULL ||
				!((o->has_weight && old->weight != b->weight) ||
						(o->has_admin && old->admin != b->admin)) ||
				++nb > MAX_OF_A_KIND)
			continue;
		warn(plan, &overridden, s, "backend %s stays as %s has set it: override reset",
				ip_addr_format(&b->addr, addr), o->by);
	}
}

void
plan_warn(struct plan *plan)
{
	for (uint32_t i = 0; i < plan->nb; i++) {
		const struct plan_service *s = &plan->services[i];
		bool had = takes_flows(&s->effect, false);

		if (s->to == NULL && had) {
			warn(plan, &service_removed, s, "the service goes, with all its flows");
		} else if (had && !takes_flows(&s->effect, true)) {
			warn(plan, &no_backend_left, s, "no backend takes new flows any more");
		} else if (s->to != NULL) {
			warn_of_size(plan, s);
			warn_of_losers(plan, s);
		}
		if (s->after != NULL)
			warn_of_overrides(plan, s);
	}
}
