/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/refusals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/log.h"

#define WAIT_S 1.
#define ACTION_SIZE 160
#define DETAIL_SIZE 256

struct refusal {
	struct actor actor;
	char action[ACTION_SIZE];
	const char *result;
	char detail[DETAIL_SIZE]; /* Of the first one. */
	unsigned int count;
};

struct refusals {
	struct ev_loop *loop;
	struct store *store;
	ev_timer write;
	unsigned int nb;
	unsigned int nb_others; /* For which there was no room. */
	struct refusal list[REFUSALS_MAX];
};

static void
write_one(struct refusals *r, const struct refusal *refusal)
{
	struct store_change change = { .actor = &refusal->actor,
		.action = refusal->action,
		.target = "",
		.after = json_pack("{s:I}", "attempts", (json_int_t)refusal->count) };

	if (store_note(r->store, &change, "refused", refusal->result, refusal->detail) != 0)
		log_line(LOG_ERR, "audit: a refused attempt cannot be recorded: %s",
				store_error(r->store));
	json_decref(change.after);
}

static void
write_all(struct refusals *r)
{
	struct refusal others = { .actor = peer_self(), .result = "refused" };

	for (unsigned int i = 0; i < r->nb; i++)
		write_one(r, &r->list[i]);
	if (r->nb_others != 0) {
		snprintf(others.action, sizeof(others.action), "others");
		snprintf(others.detail, sizeof(others.detail),
				"too many to record each within a second");
		others.count = r->nb_others;
		write_one(r, &others);
	}
	r->nb = 0;
	r->nb_others = 0;
}

static void
on_write(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	write_all(w->data);
}

static bool
is_same(const struct refusal *a, const struct actor *actor, const char *action, const char *result)
{
	return a->actor.uid == actor->uid && strcmp(a->actor.user, actor->user) == 0 &&
			strcmp(a->action, action) == 0 && strcmp(a->result, result) == 0;
}

void
refusals_add(struct refusals *r, const struct peer *peer, const char *action, const char *result,
		const char *detail)
{
	struct actor actor = peer_actor(peer);
	struct refusal *new = &r->list[r->nb];
	char short_action[ACTION_SIZE];

	if (!ev_is_active(&r->write)) {
		ev_timer_set(&r->write, WAIT_S, 0.);
		ev_timer_start(r->loop, &r->write);
	}
	snprintf(short_action, sizeof(short_action), "%s", action);
	for (unsigned int i = 0; i < r->nb; i++) {
		if (is_same(&r->list[i], &actor, short_action, result)) {
			r->list[i].count++;
			return;
		}
	}
	if (r->nb == REFUSALS_MAX) {
		r->nb_others++;
		return;
	}
	*new = (struct refusal){ .actor = actor, .result = result, .count = 1 };
	memcpy(new->action, short_action, sizeof(new->action));
	snprintf(new->detail, sizeof(new->detail), "%s", detail);
	r->nb++;
}

struct refusals *
refusals_create(struct ev_loop *loop, struct store *store)
{
	struct refusals *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->loop = loop;
	r->store = store;
	ev_timer_init(&r->write, on_write, WAIT_S, 0.);
	r->write.data = r;
	return r;
}

void
refusals_destroy(struct refusals *r)
{
	if (r == NULL)
		return;
	ev_timer_stop(r->loop, &r->write);
	write_all(r);
	free(r);
}
