/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A transaction is a diff that is turned into messages one by one as the ring has room:
 * message 0 begins it, the hash key follows if it is a full one, then the changes in
 * order, then the commit. So nothing has to be held twice, and a full ring only means to
 * come back: at the next doorbell, or after a millisecond.
 */
#include "controlplane/daemon/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel/session.h"
#include "channel/stats.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/diff.h"
#include "controlplane/daemon/link_connect.h"
#include "controlplane/daemon/log.h"

/* Seconds between attempts to connect. */
#define BACKOFF_MIN 0.1
#define BACKOFF_MAX 1.0
/** Until a transaction is sent again that was answered by "busy" or "too slow". */
#define RETRY_S 0.2
/** Until a full ring is looked at again. */
#define RING_FULL_S 0.001
/** Before, on_down and advertise were reserved; link_state.knows_on_down tells. */
#define VERSION_OF_ON_DOWN 2
/** A session whose dataplane is silent for so long is given up. */
#define SILENT_US 30000000

/** The transaction under way. */
struct flight {
	bool active;
	bool full_sync;
	uint64_t id;
	struct diff *diff;
	uint32_t sent; /* Messages that are in the ring. */
	uint64_t started_us;
	uint64_t wanted_us; /* As in struct link, when it began. */
	uint64_t since_us;
};

struct link {
	struct ev_loop *loop;
	char *path;
	const struct hash_key *key;
	struct link_hooks hooks;

	struct connector *connector;
	struct session_client *client; /* NULL: no session. */
	double backoff;
	bool tried;
	int64_t connected_ms;
	uint64_t next_txn;

	struct desired *wanted; /* NULL: nothing yet. */
	uint64_t wanted_us;	/* Since when. */
	uint64_t since_us;	/* Of link_want(), for the next flight; 0: none. */
	struct desired *acked;	/* In force in this session; NULL: not known. */
	bool refused;		/* wanted was refused. */
	struct flight flight;

	bool has_last;
	struct link_answer last;
	char error[256]; /* Why there is no session. */

	ev_timer retry; /* Connect again. */
	ev_timer start; /* Look whether a transaction is to be begun. */
	ev_timer pump;	/* The ring was full. */
	ev_timer poll;	/* Doorbells may be lost. */
	ev_io doorbell;
};

static void
timer_set(struct link *link, ev_timer *timer, double after)
{
	ev_timer_stop(link->loop, timer);
	ev_timer_set(timer, after, 0.);
	ev_timer_start(link->loop, timer);
}

static void
flight_end(struct link *link)
{
	diff_free(link->flight.diff);
	memset(&link->flight, 0, sizeof(link->flight));
	ev_timer_stop(link->loop, &link->pump);
}

static void
note_since(struct link *link, uint64_t since_us)
{
	if (since_us != 0 && (link->since_us == 0 || since_us < link->since_us))
		link->since_us = since_us;
}

/** The session is over: forget what belonged to it and connect again later. */
static void
session_end(struct link *link, const char *why)
{
	if (link->client == NULL)
		return;
	log_line(LOG_WARNING, "dataplane: session ended: %s", why);
	snprintf(link->error, sizeof(link->error), "%s", why);
	ev_io_stop(link->loop, &link->doorbell);
	ev_timer_stop(link->loop, &link->poll);
	ev_timer_stop(link->loop, &link->start);
	flight_end(link);
	session_client_destroy(link->client);
	link->client = NULL;
	desired_unref(link->acked);
	link->acked = NULL;
	link->since_us = 0;
	link->refused = false;
	link->backoff = BACKOFF_MIN;
	timer_set(link, &link->retry, link->backoff);
	link->hooks.changed(link->hooks.context);
}

/* Sending. */

/** Commands between begin and commit. */
static uint32_t
nb_commands(const struct flight *flight)
{
	return flight->diff->nb + (flight->full_sync ? 1 : 0);
}

/** Message @p i of the transaction: 0 begins it, the last one commits it. */
static void
flight_message(const struct link *link, uint32_t i, struct message *m)
{
	const struct flight *flight = &link->flight;

	if (i == 0) {
		message_init(m, MSG_TXN_BEGIN);
		m->TXN_BEGIN.txn = flight->id;
		m->TXN_BEGIN.flags = flight->full_sync ? TXN_REPLACE_ALL : 0;
	} else if (i > nb_commands(flight)) {
		message_init(m, MSG_TXN_COMMIT);
		m->TXN_COMMIT.txn = flight->id;
		m->TXN_COMMIT.nb_commands = nb_commands(flight);
	} else if (flight->full_sync && i == 1) {
		message_init(m, MSG_HASH_KEY_SET);
		memcpy(m->HASH_KEY_SET.key, &link->key->key, sizeof(m->HASH_KEY_SET.key));
	} else {
		change_to_message(&flight->diff->list[i - (flight->full_sync ? 2 : 1)], m);
		if (m->type == MSG_SERVICE_SET &&
				session_client_version(link->client) < VERSION_OF_ON_DOWN) {
			m->SERVICE_SET.conf.on_down = ON_DOWN_MOVE;
			m->SERVICE_SET.conf.advertise = ADVERTISE_PREFERRED;
		}
	}
}

static void
flight_pump(struct link *link)
{
	struct flight *flight = &link->flight;
	struct message m;
	int ret = 0;

	if (!flight->active)
		return;
	while (flight->sent < nb_commands(flight) + 2) {
		flight_message(link, flight->sent, &m);
		ret = session_client_put(link->client, &m);
		if (ret != 0)
			break;
		flight->sent++;
	}
	explicit_bzero(&m, sizeof(m)); /* It may have been the key. */
	session_client_flush(link->client);
	if (ret == -EAGAIN)
		timer_set(link, &link->pump, RING_FULL_S);
	else if (ret != 0)
		session_end(link,
				ret == -ENOTCONN ? "the dataplane has gone"
						 : "the dataplane's ring index is impossible");
}

/** Tell whoever waits; @p answer becomes the last one. */
static void
report(struct link *link, struct link_answer *answer)
{
	answer->at_ms = clock_wall_ms();
	link->last = *answer;
	link->has_last = true;
	link->hooks.answered(link->hooks.context, answer);
}

static uint64_t
generation_in_force(const struct link *link)
{
	const struct stats_header *h = session_client_stats(link->client);

	return stat_get(&h->generation);
}

/** What is wanted is what is in force already, perhaps by another name or order. */
static void
nothing_to_send(struct link *link, struct diff *diff)
{
	struct link_answer answer = { .wanted = diff->to,
		.ok = true,
		.generation = generation_in_force(link),
		.latency_us = clock_monotonic_us() - link->wanted_us,
		.since_us = link->since_us };

	desired_unref(link->acked);
	link->acked = desired_ref(diff->to);
	link->since_us = 0;
	report(link, &answer);
	diff_free(diff);
}

static void
on_start(struct ev_loop *loop, ev_timer *w, int events)
{
	struct link *link = w->data;
	struct diff *diff;

	(void)loop;
	(void)events;
	if (link->client == NULL || link->flight.active || link->wanted == NULL || link->refused ||
			link->wanted == link->acked)
		return;
	diff = diff_make(link->acked, link->wanted);
	if (diff == NULL) {
		log_line(LOG_ERR, "dataplane: out of memory; the change is tried again");
		timer_set(link, &link->start, RETRY_S);
		return;
	}
	if (link->acked != NULL && diff->nb == 0) {
		nothing_to_send(link, diff);
		return;
	}
	link->flight = (struct flight){ .active = true,
		.full_sync = link->acked == NULL,
		.id = ++link->next_txn,
		.diff = diff,
		.started_us = clock_monotonic_us(),
		.wanted_us = link->wanted_us,
		.since_us = link->since_us };
	link->since_us = 0;
	flight_pump(link);
}

/* Receiving. */

/** Name what command @p command of the flight was about. */
static void
name_command(const struct flight *flight, uint32_t command, struct link_answer *answer)
{
	uint32_t skip = flight->full_sync ? 1 : 0;
	char *text;

	if (command < skip || command - skip >= flight->diff->nb)
		return;
	text = change_to_text(&flight->diff->list[command - skip]);
	if (text != NULL)
		snprintf(answer->place, sizeof(answer->place), "%s", text);
	free(text);
}

static bool
is_retriable(uint32_t error)
{
	return error == CHANNEL_BUSY || error == CHANNEL_TOO_SLOW;
}

/** Answers that only a bug, here or there, can cause. */
static bool
is_protocol_error(uint32_t error)
{
	return error == CHANNEL_BAD_MESSAGE || error == CHANNEL_BAD_SEQUENCE ||
			error == CHANNEL_LOST_COMMANDS;
}

static void
explain(const struct msg_txn_answer *a, struct link_answer *answer)
{
	const char *reason = a->error == CHANNEL_REFUSED
			? conf_error_text((enum conf_error)a->conf_error)
			: channel_error_text((enum channel_error)a->error);

	if (answer->place[0] != '\0')
		snprintf(answer->error, sizeof(answer->error), "%.120s: %.120s", answer->place,
				reason);
	else
		snprintf(answer->error, sizeof(answer->error), "%.250s", reason);
}

static void
abort_rest(struct link *link)
{
	struct message m;

	if (link->flight.sent == nb_commands(&link->flight) + 2)
		return; /* Nothing is left to be sent. */
	message_init(&m, MSG_TXN_ABORT);
	m.TXN_ABORT.txn = link->flight.id;
	/* If the ring is full the next begin says the same. */
	if (session_client_put(link->client, &m) == 0)
		session_client_flush(link->client);
}

static void
on_txn_answer(struct link *link, const struct msg_txn_answer *a)
{
	struct flight *flight = &link->flight;
	struct link_answer answer = { .ok = a->error == CHANNEL_OK,
		.full_sync = flight->full_sync,
		.generation = a->generation,
		.apply_us = a->apply_us };
	struct desired *to;

	if (!flight->active || a->txn != flight->id) {
		log_line(LOG_DEBUG, "dataplane: an answer to no transaction of ours");
		return;
	}
	if (is_protocol_error(a->error)) {
		session_end(link, channel_error_text((enum channel_error)a->error));
		return;
	}
	answer.nb_commands = nb_commands(flight);
	answer.latency_us = clock_monotonic_us() - flight->wanted_us;
	answer.since_us = flight->since_us;
	if (!answer.ok) {
		name_command(flight, a->command, &answer);
		explain(a, &answer);
		abort_rest(link);
	}
	if (is_retriable(a->error)) {
		log_line(LOG_WARNING, "dataplane: %s; trying again", answer.error);
		note_since(link, flight->since_us);
		flight_end(link);
		timer_set(link, &link->start, RETRY_S);
		return;
	}
	to = desired_ref(flight->diff->to);
	answer.wanted = to;
	answer.refused = !answer.ok;
	if (answer.ok) {
		desired_unref(link->acked);
		link->acked = desired_ref(to);
	} else if (link->wanted == to) {
		link->refused = true;
	}
	flight_end(link);
	timer_set(link, &link->start, 0.);
	report(link, &answer);
	desired_unref(to);
}

static void
session_read(struct link *link)
{
	struct message m;
	int ret;

	while (link->client != NULL && (ret = session_client_get(link->client, &m)) != 0) {
		if (ret < 0) {
			session_end(link, "the dataplane broke the protocol");
			return;
		}
		if (m.type == MSG_TXN_ANSWER)
			on_txn_answer(link, &m.TXN_ANSWER);
		else
			link->hooks.event(link->hooks.context, &m);
	}
}

static void
session_step(struct link *link)
{
	bool gone;

	if (link->client == NULL)
		return;
	gone = session_client_step(link->client) != 0;
	session_read(link); /* What it said before it went counts. */
	if (link->client == NULL)
		return;
	if (gone) {
		session_end(link, "the dataplane has gone");
		return;
	}
	if (link->flight.active && clock_monotonic_us() - link->flight.started_us > SILENT_US) {
		session_end(link, "the dataplane does not answer");
		return;
	}
	flight_pump(link);
	if (link->client != NULL)
		session_client_flush(link->client);
}

static void
on_doorbell(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	session_step(w->data);
}

static void
on_poll(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	session_step(w->data);
}

static void
on_pump(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)events;
	session_step(w->data);
}

/* Connecting. */

static const char *
connect_error_text(int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		return "no dataplane serves the socket";
	case EBUSY:
		return "the dataplane has a session with another daemon, or had ten within this second";
	case EPROTONOSUPPORT:
		return "the dataplane speaks no protocol version that this daemon does";
	case EACCES:
		return "the dataplane does not accept this user (channel.user in dataplane.yaml)";
	case EPROTO:
		return "the dataplane's regions are not as they must be";
	case ETIMEDOUT:
		return "the dataplane does not shake hands";
	default:
		return strerror(error);
	}
}

static void
connect_failed(struct link *link, int error)
{
	const char *text = connect_error_text(error);
	bool news = !link->tried || strcmp(link->error, text) != 0;

	link->tried = true;
	if (news) {
		snprintf(link->error, sizeof(link->error), "%s", text);
		log_line(LOG_WARNING, "dataplane: %s (%s); trying on", text, link->path);
		link->hooks.changed(link->hooks.context);
	}
	timer_set(link, &link->retry, link->backoff);
	link->backoff = link->backoff * 2 > BACKOFF_MAX ? BACKOFF_MAX : link->backoff * 2;
}

static void
on_connected(void *context, struct session_client *client, int error)
{
	struct link *link = context;
	const struct stats_header *h;

	if (client == NULL) {
		connect_failed(link, error);
		return;
	}
	link->client = client;
	link->tried = true;
	link->error[0] = '\0';
	link->backoff = BACKOFF_MIN;
	link->connected_ms = clock_wall_ms();
	h = session_client_stats(client);
	log_line(LOG_NOTICE, "dataplane: connected to version %.32s, %u workers, generation %llu",
			h->version, h->nb_workers, (unsigned long long)stat_get(&h->generation));
	ev_io_set(&link->doorbell, session_client_fd(client), EV_READ);
	ev_io_start(link->loop, &link->doorbell);
	ev_timer_again(link->loop, &link->poll);
	link->wanted_us = clock_monotonic_us();
	timer_set(link, &link->start, 0.);
	link->hooks.changed(link->hooks.context);
}

static void
on_retry(struct ev_loop *loop, ev_timer *w, int events)
{
	struct link *link = w->data;
	int ret;

	(void)loop;
	(void)events;
	ret = connector_start(link->connector);
	if (ret != 0)
		connect_failed(link, -ret);
}

static void
watchers_init(struct link *link)
{
	ev_timer_init(&link->retry, on_retry, 0., 0.);
	ev_timer_init(&link->start, on_start, 0., 0.);
	ev_timer_init(&link->pump, on_pump, 0., 0.);
	ev_timer_init(&link->poll, on_poll, 0., SESSION_POLL_MS / 1000.);
	ev_io_init(&link->doorbell, on_doorbell, -1, EV_READ);
	/* What is on its way to the dataplane goes before what people ask for. */
	ev_set_priority(&link->start, EV_MAXPRI);
	ev_set_priority(&link->pump, EV_MAXPRI);
	ev_set_priority(&link->doorbell, EV_MAXPRI);
	link->retry.data = link;
	link->start.data = link;
	link->pump.data = link;
	link->poll.data = link;
	link->doorbell.data = link;
}

struct link *
link_create(struct ev_loop *loop, const char *path, const struct hash_key *key,
		const struct link_hooks *hooks)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->loop = loop;
	link->key = key;
	link->hooks = *hooks;
	link->backoff = BACKOFF_MIN;
	/* Numbers that no earlier session of a restarted daemon can have left in a ring. */
	link->next_txn = (uint64_t)clock_wall_ms() << 20;
	watchers_init(link);
	link->path = strdup(path);
	if (link->path != NULL)
		link->connector = connector_create(loop, link->path, on_connected, link);
	if (link->connector == NULL) {
		free(link->path);
		free(link);
		return NULL;
	}
	timer_set(link, &link->retry, 0.);
	return link;
}

void
link_destroy(struct link *link)
{
	if (link == NULL)
		return;
	ev_timer_stop(link->loop, &link->retry);
	ev_timer_stop(link->loop, &link->start);
	ev_timer_stop(link->loop, &link->poll);
	ev_io_stop(link->loop, &link->doorbell);
	flight_end(link);
	connector_destroy(link->connector);
	session_client_destroy(link->client);
	desired_unref(link->wanted);
	desired_unref(link->acked);
	free(link->path);
	free(link);
}

void
link_want(struct link *link, struct desired *desired, uint64_t since_us)
{
	if (link->wanted == desired)
		return;
	if (desired != NULL)
		desired_ref(desired);
	desired_unref(link->wanted);
	link->wanted = desired;
	link->wanted_us = clock_monotonic_us();
	if (link->client != NULL)
		note_since(link, since_us);
	link->refused = false;
	timer_set(link, &link->start, 0.);
}

struct link_state
link_state(const struct link *link)
{
	struct link_state state = { .connected = link->client != NULL,
		.tried = link->tried,
		.refused = link->refused,
		.error = link->error,
		.last = link->has_last ? &link->last : NULL };

	if (!state.connected)
		return state;
	state.in_sync = link->wanted != NULL && link->wanted == link->acked;
	state.connected_ms = link->connected_ms;
	state.knows_on_down = session_client_version(link->client) >= VERSION_OF_ON_DOWN;
	state.stats = session_client_stats(link->client);
	state.overdue = link->flight.active &&
			clock_monotonic_us() - link->flight.started_us > LINK_OVERDUE_MS * 1000;
	if (link->refused && link->has_last)
		state.error = link->last.error;
	else if (state.overdue)
		state.error = "the dataplane does not answer";
	return state;
}
