/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The deadline is kept as wall-clock time, since it outlives us; the timer runs by the
 * monotonic clock from the time it is armed, so that a clock that leaps while we run does
 * not move it.
 */
#include "controlplane/daemon/confirm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/json_text.h"
#include "controlplane/daemon/log.h"
#include "controlplane/daemon/peer.h"

/** After a change is under way when the deadline comes, or a failure. */
#define RETRY_S 0.2

struct confirm {
	struct ev_loop *loop;
	struct reconcile *reconcile;
	struct store *store;
	ev_timer deadline;
	uint64_t deadline_us; /* Monotonic; of the revision that the timer is for. */
	uint64_t armed_for;   /* The current revision when it was armed; 0: none. */
};

static const struct confirm_state *
waiting(const struct confirm *c)
{
	return &reconcile_state(c->reconcile)->confirm;
}

static void
on_reverted(void *context, const struct change_result *result)
{
	struct confirm *c = context;

	switch (result->status) {
	case CHANGE_REFUSED:
	case CHANGE_STORE_FAILED:
	case CHANGE_NO_MEMORY:
		log_line(LOG_ERR, "not confirmed, but cannot be reverted: %s", result->message);
		ev_timer_set(&c->deadline, RETRY_S, 0.);
		ev_timer_start(c->loop, &c->deadline);
		break;
	default:
		break;
	}
}

static void
revert(struct confirm *c)
{
	const struct store_state *state = reconcile_state(c->reconcile);
	struct change_request request = {
		.actor = peer_self(), .action = "config.revert", .has_confirm = true
	};
	bool kept;

	request.config = store_config(c->store, state->confirm.revision, &kept);
	if (request.config == NULL) {
		log_line(LOG_ERR, "not confirmed, but revision %" PRIu64 " cannot be read: %s",
				state->confirm.revision, store_error(c->store));
		ev_timer_set(&c->deadline, RETRY_S, 0.);
		ev_timer_start(c->loop, &c->deadline);
		return;
	}
	log_line(LOG_WARNING, "revision %" PRIu64 " was not confirmed: back to revision %" PRIu64,
			state->revision, state->confirm.revision);
	snprintf(request.target, sizeof(request.target), "revision %" PRIu64,
			state->confirm.revision);
	request.before = json_pack("{s:I}", "revision", (json_int_t)state->revision);
	request.after = json_pack("{s:I, s:s}", "revision", (json_int_t)state->confirm.revision,
			"why", "not confirmed in time");
	reconcile_change(c->reconcile, &request, on_reverted, c);
}

static void
on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
	struct confirm *c = w->data;

	(void)events;
	if (waiting(c)->revision == 0)
		return;
	if (reconcile_busy(c->reconcile)) {
		ev_timer_set(w, RETRY_S, 0.);
		ev_timer_start(loop, w);
		return;
	}
	revert(c);
}

static void
arm(struct confirm *c)
{
	int64_t left_ms = waiting(c)->deadline_ms - clock_wall_ms();

	if (left_ms < 0)
		left_ms = 0;
	if (left_ms > CONFIRM_MAX_S * INT64_C(1000)) /* The clock went back while we were away. */
		left_ms = CONFIRM_MAX_S * INT64_C(1000);
	c->armed_for = reconcile_state(c->reconcile)->revision;
	c->deadline_us = clock_monotonic_us() + (uint64_t)left_ms * 1000;
	ev_timer_stop(c->loop, &c->deadline);
	ev_timer_set(&c->deadline, (double)left_ms / 1000., 0.);
	ev_timer_start(c->loop, &c->deadline);
}

void
confirm_wake(struct confirm *c)
{
	if (waiting(c)->revision == 0) {
		ev_timer_stop(c->loop, &c->deadline);
		c->armed_for = 0;
	} else if (c->armed_for != reconcile_state(c->reconcile)->revision) {
		arm(c);
	}
}

/** Just stored, the timer does not run yet. */
static double
left_s(const struct confirm *c)
{
	uint64_t now_us = clock_monotonic_us();
	double left = (double)(waiting(c)->deadline_ms - clock_wall_ms()) / 1e3;

	if (c->armed_for == reconcile_state(c->reconcile)->revision)
		left = ((double)c->deadline_us - (double)now_us) / 1e6;
	return left > 0 ? left : 0;
}

json_t *
confirm_view(const struct confirm *c)
{
	const struct confirm_state *w = waiting(c);
	char deadline[CLOCK_TEXT_SIZE];

	if (w->revision == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:s, s:f, s:o}", "revision",
			(json_int_t)reconcile_state(c->reconcile)->revision, "returns_to",
			(json_int_t)w->revision, "deadline", clock_format(w->deadline_ms, deadline),
			"left_s", left_s(c), "by", json_text(w->by));
}

struct confirm *
confirm_create(struct ev_loop *loop, struct reconcile *reconcile, struct store *store)
{
	struct confirm *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->reconcile = reconcile;
	c->store = store;
	ev_init(&c->deadline, on_deadline);
	c->deadline.data = c;
	return c;
}

void
confirm_destroy(struct confirm *c)
{
	if (c == NULL)
		return;
	ev_timer_stop(c->loop, &c->deadline);
	free(c);
}
