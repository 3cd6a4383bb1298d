/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Looking at a change before it is made: POST /v1/plan; and changes of the whole configuration,
 * which are looked at first in the same way, so that a dangerous one is refused unless it is
 * said twice. Whoever waits for its plan holds up later changes (api_is_busy()): between plan
 * and change nothing comes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/api.h"
#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/api_plan.h"
#include "controlplane/daemon/config_diff.h"
#include "controlplane/daemon/confirm.h"
#include "controlplane/daemon/daemon.h"
#include "controlplane/daemon/plan.h"

/** A request that waits for its plan. */
struct planned {
	struct request *request;
	struct plan *plan;
	bool is_change; /* `change` is to be made; else the plan is the answer. */
	struct change_request change;
	uint64_t base;	 /* The revision that it was made for. */
	uint64_t target; /* The revision that it leads to; 0: a document. */
	LIST_ENTRY(planned) link;
};

static void
planned_free(struct planned *p)
{
	LIST_REMOVE(p, link);
	if (p->is_change && p->request->daemon->planned_change == p)
		p->request->daemon->planned_change = NULL;
	plan_end(p->plan);
	free(p);
}

/* When the plan is there. */

static void
refuse(struct request *r, json_t *warnings)
{
	const char *first = "?";
	struct api_error error = { .code = "too_disruptive",
		.hint = "guideway plan shows all of it; force=true (--force) if that is meant",
		.details = json_array() };
	unsigned int nb = 0;
	size_t i;
	json_t *warning;

	json_array_foreach(warnings, i, warning)
	{
		if (!json_is_true(json_object_get(warning, "needs_force")))
			continue;
		if (nb++ == 0)
			first = json_string_value(json_object_get(warning, "message"));
		if (nb <= COMPLAINTS_MAX)
			json_array_append(error.details, warning);
	}
	if (nb > 1)
		request_fail(r, 409, &error, "%s (and %u more); nothing was changed", first,
				nb - 1);
	else
		request_fail(r, 409, &error, "%s; nothing was changed", first);
}

/** @return false: replied. */
static bool
may_change(const struct planned *p)
{
	struct request *r = p->request;
	json_t *warnings = plan_warnings(p->plan);
	uint64_t now = reconcile_state(r->daemon->reconcile)->revision;

	if (warnings == NULL)
		request_reply(r, 500, NULL);
	else if (plan_needs_force(p->plan))
		refuse(r, warnings);
	else if (now != p->base) /* One that was not confirmed was taken back. */
		api_fail_stale(r, now, p->base);
	else
		return true;
	return false;
}

static void
change_planned(struct planned *p)
{
	struct request *r = p->request;
	struct change_request change = p->change;
	bool may = may_change(p);

	planned_free(p);
	if (may)
		api_change(r, &change);
	else
		api_change_drop(&change);
	if (!api_is_busy(r->daemon))
		r->daemon->wake(r->daemon);
}

static void
reply_plan(struct planned *p)
{
	struct request *r = p->request;
	json_t *view = plan_view(p->plan);

	if (view != NULL) {
		json_object_set_new(view, "revision", json_integer((json_int_t)p->base));
		json_object_set_new(view, "to_revision",
				p->target != 0 ? json_integer((json_int_t)p->target) : json_null());
	}
	request_reply(r, 200, view);
	planned_free(p);
}

static void
on_planned(void *context)
{
	struct planned *p = context;

	if (p->is_change)
		change_planned(p);
	else
		reply_plan(p);
}

/* Planning. */

/**
 * @param config, overrides Borrowed.
 * @return NULL: replied.
 */
static struct planned *
plan_for(struct request *r, struct config *config, struct overrides *overrides)
{
	struct daemon *d = r->daemon;
	const struct store_state *state = reconcile_state(d->reconcile);
	struct planned *p = calloc(1, sizeof(*p));
	struct desired *to = reconcile_what_if(d->reconcile, config, overrides);

	if (p != NULL && to != NULL) {
		const struct plan_conf conf = { .loop = d->loop,
			.before = state->config,
			.after = config,
			.from = reconcile_desired(d->reconcile),
			.to = to,
			.overrides = overrides,
			.counters = reconcile_counters(d->reconcile),
			.max_change = d->options.max_change,
			.done = on_planned,
			.context = p };

		p->request = r;
		p->base = state->revision;
		p->plan = plan_start(&conf);
	}
	desired_unref(to);
	if (p == NULL || p->plan == NULL) {
		free(p);
		request_reply(r, 500, NULL);
		return NULL;
	}
	LIST_INSERT_HEAD(&d->planned, p, link);
	return p;
}

void
api_change_guarded(struct request *r, struct change_request *change)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct planned *p;
	bool force, dry_run;

	if (!request_param_bool(r, "force", &force) ||
			!request_param_bool(r, "dry_run", &dry_run)) {
		api_change_drop(change);
		return;
	}
	if (force || dry_run || !api_config_may_change(r, change)) {
		api_change(r, change); /* Which says why it may not. */
		return;
	}
	p = plan_for(r, change->config,
			change->overrides != NULL ? change->overrides : state->overrides);
	if (p == NULL) {
		api_change_drop(change);
		return;
	}
	p->is_change = true;
	p->change = *change;
	r->daemon->planned_change = p;
}

void
api_plan_stop(struct daemon *d)
{
	while (!LIST_EMPTY(&d->planned)) {
		struct planned *p = LIST_FIRST(&d->planned);

		request_fail(p->request, 503, &(struct api_error){ .code = "busy" },
				"guidewayd is stopping; nothing was changed");
		if (p->is_change)
			api_change_drop(&p->change);
		planned_free(p);
	}
}

/* Revisions. */

/** @return NULL: replied. */
static struct config *
config_of_revision(struct request *r, uint64_t revision)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct config *config;
	bool kept;

	if (revision == state->revision)
		return config_ref(state->config);
	config = store_config(r->daemon->store, revision, &kept);
	if (config != NULL)
		return config;
	if (kept)
		request_fail(r, 500, &(struct api_error){ .code = "store_failed" }, "%s",
				store_error(r->daemon->store));
	else
		request_fail(r, 404,
				&(struct api_error){ .code = "no_such_revision",
						.hint = "guideway history shows those that are kept" },
				"revision %" PRIu64 " is not kept", revision);
	return NULL;
}

void
api_plan(struct request *r)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct overrides *overrides;
	struct config *config;
	struct planned *p = NULL;
	uint64_t revision = 0;
	bool reset;

	if (!request_param_bool(r, "reset_overrides", &reset) ||
			!request_param_number(r, "revision", 1, INT64_MAX, &revision))
		return;
	config = revision != 0 ? config_of_revision(r, revision) : api_config_body(r);
	if (config == NULL)
		return;
	overrides = reset ? overrides_create(0) : overrides_ref(state->overrides);
	if (overrides != NULL)
		p = plan_for(r, config, overrides);
	else
		request_reply(r, 500, NULL);
	if (p != NULL)
		p->target = revision;
	overrides_unref(overrides);
	config_unref(config);
}

void
api_diff(struct request *r)
{
	uint64_t to = reconcile_state(r->daemon->reconcile)->revision, from;
	struct config *before, *after = NULL;

	if (!request_param_number(r, "to", 1, INT64_MAX, &to))
		return;
	from = store_revision_before(r->daemon->store, to);
	if (!request_param_number(r, "from", 1, INT64_MAX, &from))
		return;
	before = config_of_revision(r, from);
	if (before != NULL)
		after = config_of_revision(r, to);
	if (after != NULL)
		request_reply(r, 200,
				json_pack("{s:I, s:I, s:o}", "from", (json_int_t)from, "to",
						(json_int_t)to, "services",
						config_diff(before, after)));
	config_unref(before);
	config_unref(after);
}

/** Where a rollback without a number goes. @return 0: replied. */
static uint64_t
default_target(struct request *r)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	uint64_t target = state->confirm.revision;

	if (target == 0)
		target = store_revision_before(r->daemon->store, state->revision);
	if (target == 0)
		request_fail(r, 404, &(struct api_error){ .code = "no_such_revision" },
				"there is no revision before %" PRIu64, state->revision);
	return target;
}

void
api_rollback(struct request *r)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct change_request change = api_change_request(r, "config.rollback");
	uint64_t target = 0;

	if (!request_param_number(r, "revision", 1, INT64_MAX, &target))
		return;
	if (target == 0)
		target = default_target(r);
	if (target == 0)
		return;
	if (target == state->confirm.revision) /* Whoever takes a change back waits no more. */
		change.has_confirm = true;
	if (!change.has_confirm && !api_read_confirm(r, &change))
		return;
	change.config = config_of_revision(r, target);
	if (change.config == NULL)
		return;
	snprintf(change.target, sizeof(change.target), "revision %" PRIu64, target);
	change.before = json_pack("{s:I}", "revision", (json_int_t)state->revision);
	change.after = json_pack("{s:I, s:I, s:I}", "revision", (json_int_t)target, "services",
			(json_int_t)change.config->nb_services, "backends",
			(json_int_t)change.config->nb_members);
	api_change_guarded(r, &change);
}

/* Confirming. */

bool
api_read_confirm(struct request *r, struct change_request *change)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	uint64_t seconds = 0;

	if (!request_param_number(r, "confirm_s", 1, CONFIRM_MAX_S, &seconds))
		return false;
	if (seconds == 0)
		return true;
	if (state->revision == 0) {
		request_fail(r, 409, &(struct api_error){ .code = "nothing_to_confirm" },
				"there is no revision to go back to: the first one cannot be applied with confirm_s");
		return false;
	}
	change->has_confirm = true;
	change->confirm.revision = state->revision;
	change->confirm.deadline_ms = clock_wall_ms() + (int64_t)seconds * 1000;
	api_name_actor(r, change->confirm.by, sizeof(change->confirm.by));
	return true;
}

void
api_confirm_get(struct request *r)
{
	request_reply(r, 200, json_pack("{s:o}", "confirm", confirm_view(r->daemon->confirm)));
}

void
api_confirm(struct request *r)
{
	const struct store_state *state = reconcile_state(r->daemon->reconcile);
	struct change_request change = api_change_request(r, "config.confirm");

	if (state->confirm.revision == 0) {
		request_fail(r, 409, &(struct api_error){ .code = "nothing_to_confirm" },
				"no change waits to be confirmed: it was never so, or time was over");
		return;
	}
	snprintf(change.target, sizeof(change.target), "revision %" PRIu64, state->revision);
	change.has_confirm = true;
	api_change(r, &change);
}
