/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/plan.h"

#include <stdlib.h>

#include "service/service_id.h"

#include "controlplane/daemon/plan_private.h"

/* The thread. */

static void
make_effects(void *context)
{
	struct plan *plan = context;

	for (uint32_t i = 0; i < plan->nb && !plan->no_memory && !job_is_cancelled(&plan->job);
			i++) {
		struct plan_service *s = &plan->services[i];

		/* Nothing moves where nothing was. */
		if (s->from != NULL && s->from != s->to)
			plan->no_memory = plan_effect_make(s->from, s->to, &s->effect) != 0;
	}
}

/* Flows, which only the main thread can count. */

static void
count_flows(struct plan *plan, struct plan_service *s)
{
	uint8_t on_down = s->to != NULL ? s->to->conf.on_down : (uint8_t)ON_DOWN_MOVE;

	for (uint32_t i = 0; i < s->effect.nb; i++) {
		const struct plan_member *m = &s->effect.members[i];
		const struct counters_member *c;
		uint64_t nb;

		if (m->before == NULL)
			continue;
		c = counters_find_member(plan->conf.counters, &s->from->conf.key, &m->before->addr);
		nb = c != NULL ? c->sum.active_flows : 0;
		s->flows += nb;
		if (m->after == NULL ||
				!backend_effect(on_down, m->after->admin, m->after->health)
						 .keeps_flows)
			s->flows_moved += nb;
	}
}

static void
on_effects(void *context)
{
	struct plan *plan = context;

	plan->counted = counters_read(plan->conf.counters);
	for (uint32_t i = 0; i < plan->nb && plan->counted; i++)
		count_flows(plan, &plan->services[i]);
	plan_warn(plan);
	plan->conf.done(plan->conf.context);
}

/* What differs. */

static void
add_service(struct plan *plan, const struct desired_service *from, const struct desired_service *to)
{
	const struct service_key *key = from != NULL ? &from->conf.key : &to->conf.key;
	const struct config_service *before = config_find_key(plan->conf.before, key);
	const struct config_service *after = config_find_key(plan->conf.after, key);

	if (from == to && before != NULL && after != NULL && config_service_equal(before, after))
		return;
	plan->services[plan->nb++] = (struct plan_service){
		.before = before, .after = after, .from = from, .to = to
	};
}

/** Both states are sorted by service. */
static void
find_services(struct plan *plan)
{
	const struct desired *from = plan->conf.from, *to = plan->conf.to;
	uint32_t i = 0, j = 0;

	while (i < from->nb_services || j < to->nb_services) {
		const struct desired_service *a = i < from->nb_services ? from->services[i] : NULL;
		const struct desired_service *b = j < to->nb_services ? to->services[j] : NULL;
		int order = a == NULL	    ? 1
				: b == NULL ? -1
					    : service_key_compare(&a->conf.key, &b->conf.key);

		add_service(plan, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

/* Life. */

static struct plan *
plan_create(const struct plan_conf *conf)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (plan == NULL)
		return NULL;
	plan->conf = *conf;
	overrides_ref(conf->overrides);
	config_ref(conf->before);
	config_ref(conf->after);
	desired_ref(conf->from);
	desired_ref(conf->to);
	plan->job = (struct job){
		.loop = conf->loop, .run = make_effects, .done = on_effects, .context = plan
	};
	plan->warnings = json_array();
	plan->services = calloc((size_t)conf->from->nb_services + conf->to->nb_services + 1,
			sizeof(*plan->services));
	return plan;
}

struct plan *
plan_start(const struct plan_conf *conf)
{
	struct plan *plan = plan_create(conf);

	if (plan == NULL || plan->services == NULL || plan->warnings == NULL)
		goto err_end;
	find_services(plan);
	if (job_start(&plan->job) == 0)
		return plan;

err_end:
	plan_end(plan);
	return NULL;
}

void
plan_end(struct plan *plan)
{
	if (plan == NULL)
		return;
	job_end(&plan->job);
	for (uint32_t i = 0; i < plan->nb; i++)
		plan_effect_clear(&plan->services[i].effect);
	free(plan->services);
	json_decref(plan->warnings);
	overrides_unref(plan->conf.overrides);
	desired_unref(plan->conf.from);
	desired_unref(plan->conf.to);
	config_unref(plan->conf.before);
	config_unref(plan->conf.after);
	free(plan);
}
