/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/health_record.h"

#include <stdio.h>
#include <stdlib.h>

#include "service/service_id.h"

#include "controlplane/daemon/json_text.h"
#include "controlplane/daemon/log.h"
#include "controlplane/daemon/peer.h"

#define WAIT_S 0.1
/** Changes that are told before the loop turns. */
#define TOLD_AT_ONCE 32
/** Backends that one record names and the log tells; more are counted. */
#define NAMED_MAX 100

struct health_record {
	struct ev_loop *loop;
	struct store *store;
	struct events *events;

	/* What waits to be told. */
	struct health_change *queue;
	size_t room;
	size_t first_queued;
	size_t end_queued;
	ev_timer tell;

	/* What waits to be written into the audit trail. */
	ev_timer write;
	json_t *list; /* NULL: nothing. */
	uint32_t nb;
	char first[128]; /* Of the list: "service backend". */
};

static void
write_down(struct health_record *r)
{
	struct actor actor = peer_self();
	char target[160];
	struct store_change change = {
		.actor = &actor, .action = "health.change", .target = target
	};

	if (r->list == NULL)
		return;
	if (r->nb == 1)
		snprintf(target, sizeof(target), "%s", r->first);
	else
		snprintf(target, sizeof(target), "%u backends", r->nb);
	if (r->nb > NAMED_MAX)
		log_line(LOG_WARNING, "health: %u more backends changed", r->nb - NAMED_MAX);
	change.after = r->list;
	if (store_note(r->store, &change, "observed", "observed", "") != 0)
		log_line(LOG_ERR, "health: changes cannot be recorded: %s", store_error(r->store));
	json_decref(r->list);
	r->list = NULL;
	r->nb = 0;
}

static void
on_write(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	write_down(w->data);
}

/** @param id, addr The change's service and backend, as text. */
static json_t *
change_json(const struct health_change *change, const char *id, const char *addr)
{
	if (change->agent != NULL)
		return json_pack("{s:s, s:s, s:s}", "service", id, "backend", addr, "agent",
				change->agent);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s*}", "service", id, "backend", addr,
			"health", backend_health_name(change->now), "was",
			backend_health_name(change->was), "why", json_text(change->why), "suspect",
			change->suspect);
}

/** @param id, addr As in change_json(). */
static void
change_text(const struct health_change *change, const char *id, const char *addr, char *text,
		size_t size)
{
	if (change->agent != NULL) {
		snprintf(text, size, "service %s: backend %s: its agent %s", id, addr,
				change->agent);
		return;
	}
	snprintf(text, size, "service %s: backend %s is %s, was %s%s%s%s%s", id, addr,
			backend_health_name(change->now), backend_health_name(change->was),
			change->why[0] != '\0' ? ": " : "", change->why,
			change->suspect != NULL ? "; suspect before: " : "",
			change->suspect != NULL ? change->suspect : "");
}

static void
tell(struct health_record *r, const struct health_change *change)
{
	char id[SERVICE_ID_STRLEN], addr[IP_ADDR_STRLEN], text[512];

	service_id_format(&change->service, id);
	ip_addr_format(&change->backend, addr);
	change_text(change, id, addr, text, sizeof(text));
	events_add(r->events, change->agent != NULL ? "backend.agent" : "backend.health",
			change_json(change, id, addr), "%s", text);
	if (r->list == NULL) {
		r->list = json_array();
		snprintf(r->first, sizeof(r->first), "%s %s", id, addr);
		ev_timer_set(&r->write, WAIT_S, 0.);
		ev_timer_start(r->loop, &r->write);
	}
	if (r->nb++ >= NAMED_MAX)
		return;
	log_line(change->now == HEALTH_DOWN ? LOG_WARNING : LOG_NOTICE, "health: %s", text);
	json_array_append_new(r->list, change_json(change, id, addr));
}

/** Tell at most so many of those that wait. */
static void
tell_some(struct health_record *r, size_t most)
{
	for (; most > 0 && r->first_queued < r->end_queued; most--)
		tell(r, &r->queue[r->first_queued++]);
	if (r->first_queued < r->end_queued)
		return;
	free(r->queue);
	r->queue = NULL;
	r->room = 0;
	r->first_queued = 0;
	r->end_queued = 0;
}

static void
tell_soon(struct health_record *r)
{
	if (r->queue == NULL || ev_is_active(&r->tell))
		return;
	ev_timer_set(&r->tell, 0., 0.);
	ev_timer_start(r->loop, &r->tell);
}

static void
on_tell(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	tell_some(w->data, TOLD_AT_ONCE);
	tell_soon(w->data);
}

void
health_record_add(struct health_record *r, const struct health_change *change)
{
	if (r->end_queued == r->room) {
		size_t room = r->room == 0 ? TOLD_AT_ONCE : 2 * r->room;
		struct health_change *queue = realloc(r->queue, room * sizeof(*queue));

		if (queue == NULL) {
			tell(r, change); /* Before those that wait: better than not at all. */
			return;
		}
		r->queue = queue;
		r->room = room;
	}
	r->queue[r->end_queued++] = *change;
	tell_soon(r);
}

struct health_record *
health_record_create(struct ev_loop *loop, struct store *store, struct events *events)
{
	struct health_record *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->loop = loop;
	r->store = store;
	r->events = events;
	ev_timer_init(&r->write, on_write, WAIT_S, 0.);
	ev_timer_init(&r->tell, on_tell, 0., 0.);
	ev_set_priority(&r->tell, EV_MINPRI);
	r->write.data = r;
	r->tell.data = r;
	return r;
}

void
health_record_destroy(struct health_record *r)
{
	if (r == NULL)
		return;
	ev_timer_stop(r->loop, &r->tell);
	tell_some(r, SIZE_MAX);
	ev_timer_stop(r->loop, &r->write);
	write_down(r);
	free(r);
}
