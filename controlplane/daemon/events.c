/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A ring of JSON objects; event N lies at N mod EVENTS_KEPT. The first id is the time of the
 * start in microseconds, far more than events that an earlier daemon can have counted.
 */
#include "controlplane/daemon/events.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/json_text.h"

LIST_HEAD(follower_list, events_follower);

struct events {
	uint64_t begin; /* The id of the first one of all. */
	uint64_t next;
	json_t *ring[EVENTS_KEPT];
	struct follower_list followers;
};

struct events *
events_create(void)
{
	struct events *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->begin = (uint64_t)clock_wall_ms() * 1000;
	e->next = e->begin;
	LIST_INIT(&e->followers);
	return e;
}

void
events_destroy(struct events *e)
{
	if (e == NULL)
		return;
	for (unsigned int i = 0; i < EVENTS_KEPT; i++)
		json_decref(e->ring[i]);
	free(e);
}

static json_t *
event_make(uint64_t id, const char *kind, const char *text, json_t *fields)
{
	char at[CLOCK_TEXT_SIZE];
	json_t *event = json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)id, "at",
			clock_format(clock_wall_ms(), at), "kind", kind, "text", json_text(text));

	if (fields != NULL)
		json_object_update(event, fields);
	json_decref(fields);
	return event;
}

void
events_add(struct events *e, const char *kind, json_t *fields, const char *format, ...)
{
	struct events_follower *f, *after;
	char text[1024];
	va_list args;
	json_t **place = &e->ring[e->next % EVENTS_KEPT];

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_decref(*place);
	*place = event_make(e->next, kind, text, fields);
	e->next++;
	for (f = LIST_FIRST(&e->followers); f != NULL; f = after) {
		after = LIST_NEXT(f, link);
		f->more(f);
	}
}

uint64_t
events_begin(const struct events *e)
{
	return e->begin;
}

uint64_t
events_first(const struct events *e)
{
	return e->next - e->begin > EVENTS_KEPT ? e->next - EVENTS_KEPT : e->begin;
}

uint64_t
events_next(const struct events *e)
{
	return e->next;
}

const json_t *
events_get(const struct events *e, uint64_t id)
{
	return e->ring[id % EVENTS_KEPT];
}

void
events_follow(struct events *e, struct events_follower *follower)
{
	LIST_INSERT_HEAD(&e->followers, follower, link);
}

void
events_unfollow(struct events_follower *follower)
{
	LIST_REMOVE(follower, link);
}
