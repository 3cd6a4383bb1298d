/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * GET /v1/events: a list, or a stream of server-sent events
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * A stream holds one frame at a time, made when the one before has gone. When there is
 * nothing to send its connection is suspended; an event wakes it, and so does a comment
 * every KEEP_ALIVE_S, by which clients see that the daemon lives and we that they do.
 */
#include <ev.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/api_handlers.h"
#include "controlplane/daemon/daemon.h"

#define MAX_STREAMS 16
#define KEEP_ALIVE_S 10.

struct event_stream {
	struct events_follower follower; /* The first member: one leads to the other. */
	struct daemon *daemon;
	struct request *request;
	uint64_t next; /* The id that is to be sent next. */
	ev_timer keep_alive;
	bool keep_alive_due;
	char *frame; /* Under way; NULL: none. */
	size_t len;
	size_t sent;
};

static void
on_more(struct events_follower *follower)
{
	struct event_stream *s = (struct event_stream *)follower;

	http_wake(s->request);
}

static void
on_keep_alive(struct ev_loop *loop, ev_timer *w, int events)
{
	struct event_stream *s = w->data;

	(void)loop;
	(void)events;
	s->keep_alive_due = true;
	http_wake(s->request);
}

/* Frames. */

static char *
frame_of_event(const struct event_stream *s)
{
	const json_t *event = events_get(s->daemon->events, s->next);
	char *text = json_dumps(event, JSON_COMPACT), *frame = NULL;

	if (text == NULL)
		return NULL;
	if (asprintf(&frame, "id: %" PRIu64 "\nevent: %s\ndata: %s\n\n", s->next,
			    json_string_value(json_object_get(event, "kind")), text) < 0)
		frame = NULL;
	free(text);
	return frame;
}

/**
 * What went before this reader was there. Of an earlier daemon's events nobody knows how many
 * there were: ids leap from one daemon to the next.
 */
static char *
frame_of_lost(const struct event_stream *s, uint64_t first)
{
	bool restarted = s->next < events_begin(s->daemon->events);
	uint64_t nb = first - (restarted ? events_begin(s->daemon->events) : s->next);
	char *frame = NULL;

	if (asprintf(&frame,
			    "event: events.lost\ndata: {\"kind\":\"events.lost\",\"text\":\"%" PRIu64
			    " events are no longer there%s\",\"count\":%" PRIu64
			    ",\"restarted\":%s}\n\n",
			    nb, restarted ? ", nor those before guidewayd was started anew" : "",
			    nb, restarted ? "true" : "false") < 0)
		return NULL;
	return frame;
}

/** @return NULL: there is nothing to send, or no memory now. */
static char *
frame_next(struct event_stream *s)
{
	uint64_t first = events_first(s->daemon->events), next = events_next(s->daemon->events);
	char *frame;

	if (s->next < first) {
		frame = frame_of_lost(s, first);
		if (frame != NULL)
			s->next = first;
		return frame;
	}
	while (s->next < next && events_get(s->daemon->events, s->next) == NULL)
		s->next++; /* Its reader sees by the ids that one is missing. */
	if (s->next < next) {
		frame = frame_of_event(s);
		if (frame != NULL)
			s->next++;
		return frame;
	}
	if (!s->keep_alive_due)
		return NULL;
	s->keep_alive_due = false;
	return strdup(":\n\n");
}

static ssize_t
stream_read(void *context, char *buf, size_t size)
{
	struct event_stream *s = context;
	size_t n;

	if (s->frame == NULL) {
		s->frame = frame_next(s);
		if (s->frame == NULL)
			return s->daemon->stopping ? -1 : 0;
		s->len = strlen(s->frame);
		s->sent = 0;
	}
	n = s->len - s->sent < size ? s->len - s->sent : size;
	memcpy(buf, s->frame + s->sent, n);
	s->sent += n;
	if (s->sent == s->len) {
		free(s->frame);
		s->frame = NULL;
	}
	return (ssize_t)n;
}

static void
stream_end(void *context)
{
	struct event_stream *s = context;

	events_unfollow(&s->follower);
	ev_timer_stop(s->daemon->loop, &s->keep_alive);
	s->daemon->nb_event_streams--;
	free(s->frame);
	free(s);
}

/* Requests. */

/** Where to begin: behind the event that the client had last, if it says so. */
static bool
read_since(struct request *r, uint64_t otherwise, uint64_t *begin)
{
	uint64_t last = otherwise - 1;

	if (!request_param_number(r, "since", 0, INT64_MAX, &last))
		return false;
	if (request_param(r, "since") == NULL && r->last_event_id[0] != '\0')
		last = strtoull(r->last_event_id, NULL, 10);
	/* From an id that is not there yet (another clock, another host) nobody would come back. */
	*begin = last < events_next(r->daemon->events) ? last + 1 : otherwise;
	return true;
}

static void
stream(struct request *r)
{
	struct daemon *d = r->daemon;
	struct event_stream *s;
	uint64_t first = events_first(d->events), next = events_next(d->events);
	uint64_t begin, limit = 0;

	if (!request_param_number(r, "limit", 1, EVENTS_KEPT, &limit) ||
			!read_since(r, next - first > limit ? next - limit : first, &begin))
		return;
	if (d->nb_event_streams == MAX_STREAMS) {
		request_fail(r, 503, &(struct api_error){ .code = "busy" },
				"%d clients follow events already", MAX_STREAMS);
		return;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		request_reply(r, 500, NULL);
		return;
	}
	s->daemon = d;
	s->request = r;
	s->next = begin;
	s->keep_alive_due = true; /* So that headers go out at once. */
	s->follower.more = on_more;
	events_follow(d->events, &s->follower);
	ev_timer_init(&s->keep_alive, on_keep_alive, KEEP_ALIVE_S, KEEP_ALIVE_S);
	s->keep_alive.data = s;
	ev_timer_start(d->loop, &s->keep_alive);
	d->nb_event_streams++;
	request_reply_stream(r,
			&(struct request_stream){
					.context = s, .read = stream_read, .end = stream_end },
			"text/event-stream");
}

static void
list(struct request *r)
{
	const struct events *e = r->daemon->events;
	uint64_t first = events_first(e), begin, limit = EVENTS_KEPT;
	json_t *kept = json_array();

	if (!read_since(r, first, &begin) ||
			!request_param_number(r, "limit", 1, EVENTS_KEPT, &limit)) {
		json_decref(kept);
		return;
	}
	if (begin < first)
		begin = first;
	if (events_next(e) - begin > limit)
		begin = events_next(e) - limit;
	for (uint64_t id = begin; id < events_next(e); id++)
		json_array_append(kept, (json_t *)(uintptr_t)events_get(e, id));
	request_reply(r, 200, json_pack("{s:o}", "events", kept));
}

void
api_events(struct request *r)
{
	if (r->wants_stream)
		stream(r);
	else
		list(r);
}

void
api_events_stop(struct daemon *d)
{
	events_add(d->events, "daemon.stop", NULL, "guidewayd stops");
}
