/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The link compares desired states by pointer: an answer belongs to the change under
 * way if it is about the very state that the change made. Taking back is to want the
 * state before again, which is the one that the dataplane has.
 */
#include "controlplane/daemon/reconcile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/desired.h"
#include "controlplane/daemon/diff.h"
#include "controlplane/daemon/json_text.h"
#include "controlplane/daemon/log.h"

/** Until a silent dataplane makes a change "not acknowledged". */
#define ANSWER_TIMEOUT_S (LINK_OVERDUE_MS / 1000.)
#define TICK_S 1.

/** The change under way. */
struct operation {
	bool active;
	struct change_request request; /* Its texts; references are gone. */
	struct store_state before;
	struct desired *desired_before; /* NULL: nothing was ever configured. */
	int64_t audit_id;
	json_t *changes;
	change_done done;
	void *context;
};

struct reconcile {
	struct reconcile_conf conf;
	struct link *link;
	struct counters *counters;
	struct store_state state;
	struct desired *desired;
	struct operation op;
	bool settled;
	bool again;	   /* reconcile_judge() was called during a change, */
	uint64_t again_us; /* with this. */
	bool again_all;	   /* reconcile_judge_all() was called during a change. */
	bool silent;	   /* A change waited in vain; nothing has come since. */
	struct apply_times apply_times;
	char store_trouble[512];
	ev_timer answer_timeout;
	ev_timer tick;
	ev_timer settle_timeout;
};

static void
state_drop(struct store_state *state)
{
	config_unref(state->config);
	overrides_unref(state->overrides);
	memset(state, 0, sizeof(*state));
}

static void
request_drop(struct change_request *request)
{
	json_decref(request->before);
	json_decref(request->after);
	config_unref(request->config);
	overrides_unref(request->overrides);
	request->before = NULL;
	request->after = NULL;
	request->config = NULL;
	request->overrides = NULL;
}

static void
note_store(struct reconcile *r, int ret)
{
	if (ret == 0) {
		r->store_trouble[0] = '\0';
		return;
	}
	snprintf(r->store_trouble, sizeof(r->store_trouble), "%s", store_error(r->conf.store));
	log_line(LOG_ERR, "store: %s", r->store_trouble);
}

/* The end of a change. */

static const char *
status_word(enum change_status status)
{
	switch (status) {
	case CHANGE_IN_FORCE:
		return "in_force";
	case CHANGE_STORED:
		return "stored";
	case CHANGE_REFUSED:
		return "refused";
	default:
		return "not_acknowledged";
	}
}

static void
tell_end(struct reconcile *r, const struct operation *op, const struct change_result *result)
{
	const struct change_request *request = &op->request;
	json_t *fields = json_pack("{s:s, s:o, s:I, s:I, s:s}", "action", request->action, "target",
			json_text(request->target), "uid", (json_int_t)request->actor.uid,
			"revision", (json_int_t)result->revision, "result",
			status_word(result->status));

	log_line(LOG_NOTICE, "%s %s by uid %" PRId64 ": revision %" PRIu64 ": %s", request->action,
			request->target, request->actor.uid, result->revision, result->message);
	events_add(r->conf.events, "change", fields, "%s %s by uid %" PRId64 ": %s",
			request->action, request->target, request->actor.uid, result->message);
}

static void
say_unrecorded(struct change_result *result)
{
	size_t len = strlen(result->message);

	snprintf(result->message + len, sizeof(result->message) - len,
			"; NOT recorded or stored: a restart of guidewayd forgets it");
}

/** Write the end down, tell who asked, and let others come. */
static void
operation_end(struct reconcile *r, struct change_result *result)
{
	struct operation op = r->op;

	ev_timer_stop(r->conf.loop, &r->answer_timeout);
	memset(&r->op, 0, sizeof(r->op));
	if (op.audit_id == 0) /* --audit-required no. */
		say_unrecorded(result);
	else if (result->status != CHANGE_REFUSED)
		note_store(r,
				store_finish(r->conf.store, op.audit_id,
						status_word(result->status), result->message));
	result->revision = r->state.revision;
	result->changes = op.changes;
	tell_end(r, &op, result);
	if (r->again_all)
		reconcile_judge_all(r);
	if (r->again)
		reconcile_judge(r, r->again_us);
	op.done(op.context, result);
	json_decref(op.changes);
	state_drop(&op.before);
	desired_unref(op.desired_before);
	r->conf.wake(r->conf.context);
}

static void
operation_in_force(struct reconcile *r, const struct link_answer *answer)
{
	struct change_result result = { .status = CHANGE_IN_FORCE,
		.generation = answer->generation,
		.apply_us = answer->apply_us,
		.latency_us = answer->latency_us };

	snprintf(result.message, sizeof(result.message), "in force: generation %" PRIu64,
			answer->generation);
	operation_end(r, &result);
}

/** The dataplane said no: everything is as before. */
static void
operation_take_back(struct reconcile *r, const struct link_answer *answer)
{
	struct change_result result = { .status = CHANGE_REFUSED };
	uint64_t refused = r->state.revision;

	snprintf(result.message, sizeof(result.message),
			"the dataplane refuses: %s; nothing was changed", answer->error);
	snprintf(result.place, sizeof(result.place), "%s", answer->place);
	if (r->op.audit_id != 0)
		note_store(r,
				store_take_back(r->conf.store, &r->op.before, refused,
						r->op.audit_id, answer->error));
	state_drop(&r->state);
	r->state = r->op.before;
	memset(&r->op.before, 0, sizeof(r->op.before));
	desired_unref(r->desired);
	r->desired = r->op.desired_before;
	r->op.desired_before = NULL;
	link_want(r->link, r->state.revision != 0 ? r->desired : NULL, 0);
	operation_end(r, &result);
}

static void
operation_stored(struct reconcile *r)
{
	struct change_result result = { .status = CHANGE_STORED };

	snprintf(result.message, sizeof(result.message),
			"stored; no dataplane connected, it will get it when it connects");
	operation_end(r, &result);
}

static void
operation_not_acknowledged(struct reconcile *r)
{
	struct change_result result = { .status = CHANGE_NOT_ACKNOWLEDGED };

	snprintf(result.message, sizeof(result.message),
			"stored, but the dataplane has not acknowledged it within %d s",
			LINK_OVERDUE_MS / 1000);
	operation_end(r, &result);
}

/* Events. */

static void
settle(struct reconcile *r)
{
	struct link_state link = link_state(r->link);

	if (r->settled)
		return;
	if (!link.tried ||
			(link.connected && r->state.revision != 0 && !link.in_sync &&
					!link.refused && ev_is_active(&r->settle_timeout)))
		return;
	r->settled = true;
	ev_timer_stop(r->conf.loop, &r->settle_timeout);
	r->conf.wake(r->conf.context);
}

static void
on_settle_timeout(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	settle(w->data);
}

/**
 * No change under way: what is in force was made so by us, for health, at a session's begin,
 * or because a slow start goes on, which is no news.
 */
static void
log_in_force(const struct link_answer *answer)
{
	bool is_news = answer->full_sync || answer->since_us != 0;
	char health[64] = "";

	if (answer->since_us != 0)
		snprintf(health, sizeof(health), ", health after %" PRIu64 " us",
				clock_monotonic_us() - answer->since_us);
	log_line(is_news ? LOG_NOTICE : LOG_DEBUG,
			"in force: generation %" PRIu64 ", %u commands, %" PRIu64
			" us (dataplane %u us)%s",
			answer->generation, answer->nb_commands, answer->latency_us,
			answer->apply_us, health);
}

static void
on_answered(void *context, const struct link_answer *answer)
{
	struct reconcile *r = context;

	r->silent = false;
	if (answer->ok)
		apply_times_add(&r->apply_times, answer->latency_us);
	else if (answer->refused)
		r->apply_times.nb_refused++;
	if (r->op.active && answer->wanted == r->desired) {
		if (answer->ok)
			operation_in_force(r, answer);
		else
			operation_take_back(r, answer);
	} else if (!answer->ok) {
		log_line(LOG_ERR,
				"the dataplane refuses the desired state: %s; it keeps what it has",
				answer->error);
	} else {
		log_in_force(answer);
	}
	settle(r);
}

static void
on_link_changed(void *context)
{
	struct reconcile *r = context;
	struct link_state link = link_state(r->link);

	r->silent = false;
	if (link.connected) {
		counters_attach(r->counters, link.stats);
		r->conf.attached(r->conf.context);
		events_add(r->conf.events, "dataplane.connected", NULL, "a dataplane is connected");
	} else {
		counters_detach(r->counters);
		events_add(r->conf.events, "dataplane.disconnected", NULL,
				"no dataplane is connected: %s", link.error);
	}
	if (r->op.active && !link.connected)
		operation_stored(r);
	settle(r);
}

static void
on_event(void *context, const struct message *event)
{
	struct reconcile *r = context;

	r->conf.event(r->conf.context, event);
}

static void
on_answer_timeout(struct ev_loop *loop, ev_timer *w, int events)
{
	struct reconcile *r = w->data;

	(void)loop;
	(void)events;
	r->silent = true;
	if (r->op.active)
		operation_not_acknowledged(r);
}

static void
on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct reconcile *r = w->data;

	(void)loop;
	(void)events;
	counters_tick(r->counters);
}

/* Health. */

static struct desired *
make_desired(struct reconcile *r, const struct config *config, const struct overrides *overrides,
		const struct balancer_state *balancer)
{
	struct desired *d = desired_make(config, overrides);

	if (d == NULL)
		return NULL;
	r->conf.judge(r->conf.context, d);
	/* Being made, it shares nothing: there is nothing to allocate. */
	(void)desired_advertise(d, balancer_advertise(balancer));
	if (r->desired != NULL)
		desired_share(d, r->desired);
	return d;
}

/** Want @p new, of which a reference is taken over, if it is another state. */
static void
judged(struct reconcile *r, struct desired *new, uint64_t since_us)
{
	if (desired_shares_all(new, r->desired)) {
		desired_unref(new);
		return;
	}
	desired_unref(r->desired);
	r->desired = new;
	link_want(r->link, r->state.revision != 0 ? r->desired : NULL, since_us);
}

static void
log_judge_failed(void)
{
	log_line(LOG_ERR, "health: out of memory; told with the next change");
}

void
reconcile_judge(struct reconcile *r, uint64_t since_us)
{
	struct desired *new;

	if (r->op.active) {
		r->again = true;
		r->again_us = r->again_us != 0 ? r->again_us : since_us;
		return;
	}
	r->again = false;
	r->again_us = 0;
	new = desired_copy(r->desired);
	if (new == NULL || !r->conf.judge_changes(r->conf.context, new) ||
			!desired_advertise(new, balancer_advertise(&r->state.balancer))) {
		desired_unref(new);
		log_judge_failed();
		return;
	}
	judged(r, new, since_us);
}

void
reconcile_judge_all(struct reconcile *r)
{
	struct desired *new;

	r->again_all = r->op.active;
	if (r->op.active)
		return;
	new = make_desired(r, r->state.config, r->state.overrides, &r->state.balancer);
	if (new == NULL)
		log_judge_failed();
	else
		judged(r, new, 0);
}

/* Starting a change. */

/** End a change that never became one. */
static void
reply(struct reconcile *r, enum change_status status, const char *message, json_t *changes,
		change_done done, void *context)
{
	struct change_result result = {
		.status = status, .revision = r->state.revision, .changes = changes
	};

	snprintf(result.message, sizeof(result.message), "%s", message);
	done(context, &result);
}

static bool
is_unchanged(const struct reconcile *r, const struct change_request *request)
{
	if (request->config != NULL && !config_equal(request->config, r->state.config))
		return false;
	if (request->config != NULL && r->state.revision == 0)
		return false; /* The very first configuration, even if it is empty. */
	if (request->has_balancer && request->balancer.admin != r->state.balancer.admin)
		return false;
	if (request->has_confirm && request->confirm.revision == 0 &&
			r->state.confirm.revision != 0)
		return false; /* What waits does no more. */
	return request->overrides == NULL ||
			overrides_equal(request->overrides, r->state.overrides);
}

/** @return null of the balancer's state, which changes every service alike; NULL: out of memory. */
static json_t *
changes_of(struct reconcile *r, const struct change_request *request, struct desired *new)
{
	struct diff *diff;
	json_t *changes;

	if (request->has_balancer)
		return json_null();
	diff = diff_make(r->desired, new);
	changes = diff != NULL ? diff_to_json(diff) : NULL;
	diff_free(diff);
	return changes;
}

static int
write_change(struct reconcile *r, const struct change_request *request, int64_t *audit_id,
		uint64_t *revision)
{
	struct store_change change = { .actor = &request->actor,
		.action = request->action,
		.target = request->target,
		.before = request->before,
		.after = request->after,
		.config = request->config,
		.overrides = request->overrides,
		.balancer = request->has_balancer ? &request->balancer : NULL,
		.confirm = request->has_confirm ? &request->confirm : NULL };
	int ret = store_write(r->conf.store, &change, audit_id, revision);

	note_store(r, ret);
	if (ret == 0 || !r->conf.unrecorded)
		return ret;
	log_line(LOG_ERR, "%s %s: NOT recorded, and forgotten at a restart: %s", request->action,
			request->target, r->store_trouble);
	*audit_id = 0;
	*revision = r->state.revision;
	return 0;
}

/** The change is stored: make it the state, and remember how to go back. */
static void
adopt(struct reconcile *r, struct change_request *request, struct desired *new, uint64_t revision)
{
	r->op.before = r->state;
	if (request->config != NULL) {
		r->state.config = config_ref(request->config);
		r->state.applied_ms = clock_wall_ms();
	} else {
		config_ref(r->state.config);
	}
	if (request->overrides != NULL)
		r->state.overrides = overrides_ref(request->overrides);
	else
		overrides_ref(r->state.overrides);
	if (request->has_balancer)
		r->state.balancer = request->balancer;
	if (request->has_confirm)
		r->state.confirm = request->confirm;
	r->state.revision = revision;
	r->op.desired_before = r->desired;
	r->desired = new;
}

static void
wait_for_answer(struct reconcile *r)
{
	ev_timer_set(&r->answer_timeout, ANSWER_TIMEOUT_S, 0.);
	ev_timer_start(r->conf.loop, &r->answer_timeout);
}

struct desired *
reconcile_what_if(
		struct reconcile *r, const struct config *config, const struct overrides *overrides)
{
	return make_desired(r, config, overrides, &r->state.balancer);
}

void
reconcile_change(struct reconcile *r, struct change_request *request, change_done done,
		void *context)
{
	const struct config *config = request->config != NULL ? request->config : r->state.config;
	const struct overrides *overrides =
			request->overrides != NULL ? request->overrides : r->state.overrides;
	struct desired *new = make_desired(r, config, overrides,
			request->has_balancer ? &request->balancer : &r->state.balancer);
	json_t *changes = new != NULL ? changes_of(r, request, new) : NULL;
	struct link_state link;
	int64_t audit_id;
	uint64_t revision;

	if (changes == NULL) {
		reply(r, CHANGE_NO_MEMORY, "out of memory; nothing was changed", NULL, done,
				context);
		goto drop;
	}
	if (request->dry_run) {
		reply(r, CHANGE_DRY_RUN, "checked; nothing was changed", changes, done, context);
		goto drop;
	}
	if (is_unchanged(r, request)) {
		reply(r, CHANGE_UNCHANGED, "it is so already", changes, done, context);
		goto drop;
	}
	if (write_change(r, request, &audit_id, &revision) != 0) {
		char message[600];

		snprintf(message, sizeof(message), "cannot be stored: %s; nothing was changed",
				r->store_trouble);
		reply(r, CHANGE_STORE_FAILED, message, NULL, done, context);
		goto drop;
	}
	adopt(r, request, new, revision);
	request_drop(request);
	r->op.active = true;
	r->op.request = *request;
	r->op.audit_id = audit_id;
	r->op.changes = changes;
	r->op.done = done;
	r->op.context = context;

	link = link_state(r->link);
	link_want(r->link, r->desired, 0);
	if (!link.connected)
		operation_stored(r);
	else if (link.overdue || r->silent)
		operation_not_acknowledged(r);
	else
		wait_for_answer(r);
	return;

drop:
	json_decref(changes);
	desired_unref(new);
	request_drop(request);
}

/* Life. */

static int
load_state(struct reconcile *r)
{
	if (store_load(r->conf.store, &r->state) != 0)
		return -1;
	r->desired = make_desired(r, r->state.config, r->state.overrides, &r->state.balancer);
	return r->desired != NULL ? 0 : -1;
}

static void
timers_init(struct reconcile *r)
{
	ev_timer_init(&r->answer_timeout, on_answer_timeout, ANSWER_TIMEOUT_S, 0.);
	ev_timer_init(&r->settle_timeout, on_settle_timeout, ANSWER_TIMEOUT_S, 0.);
	ev_timer_init(&r->tick, on_tick, TICK_S, TICK_S);
	r->answer_timeout.data = r;
	r->settle_timeout.data = r;
	r->tick.data = r;
	ev_timer_start(r->conf.loop, &r->tick);
	ev_timer_start(r->conf.loop, &r->settle_timeout);
}

struct reconcile *
reconcile_create(const struct reconcile_conf *conf)
{
	struct reconcile *r = calloc(1, sizeof(*r));
	struct link_hooks hooks = {
		.context = r, .answered = on_answered, .changed = on_link_changed, .event = on_event
	};

	if (r == NULL)
		return NULL;
	r->conf = *conf;
	if (load_state(r) != 0)
		goto err_free;
	r->counters = counters_create();
	if (r->counters == NULL)
		goto err_free;
	r->link = link_create(conf->loop, conf->channel_path, conf->key, &hooks);
	if (r->link == NULL)
		goto err_free;
	timers_init(r);
	/* With nothing in the store, a dataplane keeps what it has until there is something. */
	if (r->state.revision != 0)
		link_want(r->link, r->desired, 0);
	return r;

err_free:
	counters_destroy(r->counters);
	desired_unref(r->desired);
	state_drop(&r->state);
	free(r);
	return NULL;
}

void
reconcile_destroy(struct reconcile *r)
{
	if (r == NULL)
		return;
	ev_timer_stop(r->conf.loop, &r->answer_timeout);
	ev_timer_stop(r->conf.loop, &r->settle_timeout);
	ev_timer_stop(r->conf.loop, &r->tick);
	counters_destroy(r->counters);
	link_destroy(r->link);
	json_decref(r->op.changes);
	state_drop(&r->op.before);
	desired_unref(r->op.desired_before);
	desired_unref(r->desired);
	state_drop(&r->state);
	free(r);
}

void
reconcile_abandon(struct reconcile *r)
{
	if (r->op.active)
		operation_not_acknowledged(r);
}

bool
reconcile_busy(const struct reconcile *r)
{
	return r->op.active;
}

bool
reconcile_settled(const struct reconcile *r)
{
	return r->settled;
}

const struct store_state *
reconcile_state(const struct reconcile *r)
{
	return &r->state;
}

struct desired *
reconcile_desired(const struct reconcile *r)
{
	return r->desired;
}

struct link_state
reconcile_link(const struct reconcile *r)
{
	return link_state(r->link);
}

const struct apply_times *
reconcile_apply_times(const struct reconcile *r)
{
	return &r->apply_times;
}

struct counters *
reconcile_counters(const struct reconcile *r)
{
	return r->counters;
}

const char *
reconcile_store_trouble(const struct reconcile *r)
{
	return r->store_trouble;
}
