/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/pinger/server.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controlplane/clock.h"
#include "controlplane/pinger/message.h"
#include "controlplane/pinger/pending.h"
#include "controlplane/pinger/sockets.h"

/** Packets that are taken in one turn of the loop, so that nobody waits for long. */
#define TURN 256
#define RANDOM_SIZE 1024
/** Of a client that does not take them: of half a second at PING_MAX_PER_S. */
#define MAX_RESULTS 20000

struct client {
	struct server *server;
	uint32_t number; /* Never given twice in a row of so many; 0: the chair is free. */
	ev_io io;
	struct ping_result results[MAX_RESULTS]; /* What is not told yet. */
	unsigned int nb_results;
};

struct server {
	struct ev_loop *loop;
	struct server_sockets sockets;
	uid_t allowed;
	ev_io listener;
	ev_io v4;
	ev_io v6;
	struct pending *pending;
	struct client clients[SERVER_MAX_CLIENTS];
	uint32_t last_client;
	uint64_t second; /* In which nb_sent counts. */
	uint32_t nb_sent;
	uint8_t random[RANDOM_SIZE]; /* From the end. */
	size_t nb_random;
};

/** @return false: there are no random numbers. */
static bool
take_random(struct server *s, void *out, size_t size)
{
	if (s->nb_random < size) {
		if (getrandom(s->random, sizeof(s->random), 0) != (ssize_t)sizeof(s->random))
			return false;
		s->nb_random = sizeof(s->random);
	}
	s->nb_random -= size;
	memcpy(out, s->random + s->nb_random, size);
	return true;
}

/* Clients. */

static void
client_close(struct client *c)
{
	if (c->number == 0)
		return;
	ev_io_stop(c->server->loop, &c->io);
	close(c->io.fd);
	c->number = 0;
	c->nb_results = 0;
}

/** Tell what there is to tell, now or when the client has room. */
static void
flush(struct client *c)
{
	unsigned int done = 0;

	while (c->number != 0 && done < c->nb_results) {
		unsigned int nb = c->nb_results - done;

		nb = nb < PING_BATCH ? nb : PING_BATCH;
		if (send(c->io.fd, c->results + done, nb * sizeof(c->results[0]),
				    MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
			done += nb;
			continue;
		}
		if (errno == EAGAIN)
			break;
		client_close(c);
	}
	if (c->number == 0 || (done == 0 && c->nb_results == 0))
		return;
	c->nb_results -= done;
	memmove(c->results, c->results + done, c->nb_results * sizeof(c->results[0]));
	ev_io_stop(c->server->loop, &c->io);
	ev_io_set(&c->io, c->io.fd, c->nb_results > 0 ? EV_READ | EV_WRITE : EV_READ);
	ev_io_start(c->server->loop, &c->io);
}

/**
 * Who does not take its results is cut off: it would take an answer that was lost for one that
 * never came.
 */
static void
tell(struct client *c, uint32_t id, enum ping_kind kind, int error)
{
	if (c->nb_results == MAX_RESULTS) {
		client_close(c);
		return;
	}
	c->results[c->nb_results++] =
			(struct ping_result){ .id = id, .kind = (uint8_t)kind, .error = error };
}

static bool
rate_allows(struct server *s)
{
	uint64_t second = clock_monotonic_us() / 1000000;

	if (second != s->second) {
		s->second = second;
		s->nb_sent = 0;
	}
	return s->nb_sent++ < PING_MAX_PER_S;
}

static bool
is_valid(const struct ping_request *r)
{
	static const struct ip_addr none = { .family = IP_NONE };

	if (!ip_addr_valid(&r->addr) || !ip_addr_is_unicast(&r->addr))
		return false;
	if (memcmp(&r->source, &none, sizeof(none)) == 0)
		return true;
	return ip_addr_valid(&r->source) && r->source.family == r->addr.family &&
			ip_addr_is_unicast(&r->source);
}

/** @return 0: it is out; an errno. */
static int
send_echo(struct client *c, const struct ping_request *r)
{
	struct server *s = c->server;
	int fd = r->addr.family == IP_V4 ? s->sockets.v4 : s->sockets.v6;
	struct pending_echo *e;
	uint8_t message[ECHO_SIZE];
	uint64_t cookie;
	int ret;

	if (fd < 0)
		return ENETUNREACH;
	if (!rate_allows(s) || !take_random(s, &cookie, sizeof(cookie)))
		return EAGAIN;
	e = pending_next(s->pending, cookie);
	echo_write(&(struct echo){ .number = e->number, .cookie = cookie },
			(enum ip_family)r->addr.family, message);
	e->id = r->id;
	e->addr = r->addr;
	ret = socket_send(fd, &r->addr, &r->source, message, sizeof(message));
	if (ret == 0)
		e->client = c->number; /* Before any answer can be read. */
	return -ret;
}

/** @return false: it was no packet of requests. */
static bool
client_serve(struct client *c, const struct ping_request *requests, ssize_t len)
{
	size_t nb = (size_t)len / sizeof(requests[0]);

	if (len <= 0 || (size_t)len % sizeof(requests[0]) != 0 || nb > PING_BATCH)
		return false;
	for (size_t i = 0; i < nb; i++) {
		int error;

		if (!is_valid(&requests[i]))
			return false;
		error = send_echo(c, &requests[i]);
		tell(c, requests[i].id, error == 0 ? PING_SENT : PING_FAILED, error);
		if (c->number == 0)
			return true; /* It was cut off. */
	}
	return true;
}

static void
on_client(struct ev_loop *loop, ev_io *w, int events)
{
	struct client *c = w->data;
	struct ping_request requests[PING_BATCH + 1];

	(void)loop;
	for (int i = 0; (events & EV_READ) != 0 && i < TURN / PING_BATCH && c->number != 0; i++) {
		ssize_t len = recv(c->io.fd, requests, sizeof(requests), MSG_DONTWAIT);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (!client_serve(c, requests, len))
			client_close(c);
	}
	flush(c);
}

static bool
may_connect(const struct server *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid() || peer.uid == s->allowed;
}

/** A free chair, or that of who came first. */
static struct client *
chair(struct server *s)
{
	struct client *oldest = &s->clients[0];

	for (unsigned int i = 0; i < SERVER_MAX_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->number == 0)
			return c;
		if (s->last_client - c->number > s->last_client - oldest->number)
			oldest = c;
	}
	client_close(oldest);
	return oldest;
}

static void
on_listener(struct ev_loop *loop, ev_io *w, int events)
{
	struct server *s = w->data;
	int fd = accept4(s->sockets.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	if (!may_connect(s, fd)) {
		fprintf(stderr, "guideway-pinger: a user who may not connect was refused\n");
		close(fd);
		return;
	}
	c = chair(s);
	c->number = ++s->last_client != 0 ? s->last_client : ++s->last_client;
	c->nb_results = 0;
	ev_io_init(&c->io, on_client, fd, EV_READ);
	c->io.data = c;
	ev_io_start(loop, &c->io);
}

/* Echoes. */

static struct client *
client_find(struct server *s, uint32_t number)
{
	for (unsigned int i = 0; i < SERVER_MAX_CLIENTS; i++) {
		if (s->clients[i].number == number)
			return &s->clients[i];
	}
	return NULL;
}

static void
hear(struct server *s, enum ip_family family, const uint8_t *data, size_t len,
		const struct ip_addr *from)
{
	struct echo_heard heard;
	struct pending_echo echo;
	enum echo_kind kind = echo_read(family, data, len, from, &heard);
	struct client *c;

	if (!pending_take(s->pending, kind, &heard, &echo))
		return;
	c = client_find(s, echo.client);
	if (c != NULL)
		tell(c, echo.id, kind == ECHO_REPLY ? PING_ANSWERED : PING_UNREACHABLE, 0);
}

static void
on_echoes(struct ev_loop *loop, ev_io *w, int events)
{
	struct server *s = w->data;
	enum ip_family family = w == &s->v4 ? IP_V4 : IP_V6;
	uint8_t data[1024];
	struct ip_addr from;
	ssize_t len;

	(void)loop;
	(void)events;
	for (int i = 0; i < TURN; i++) {
		len = socket_receive(w->fd, family, data, sizeof(data), &from);
		if (len < 0)
			break;
		hear(s, family, data, (size_t)len, &from);
	}
	for (unsigned int i = 0; i < SERVER_MAX_CLIENTS; i++)
		flush(&s->clients[i]);
}

/* Life. */

static void
watch(struct server *s, ev_io *io, void (*on_event)(struct ev_loop *, ev_io *, int), int fd)
{
	ev_io_init(io, on_event, fd, EV_READ);
	io->data = s;
	if (fd >= 0)
		ev_io_start(s->loop, io);
}

struct server *
server_create(struct ev_loop *loop, const struct server_sockets *sockets, uid_t allowed)
{
	struct server *s = calloc(1, sizeof(*s));
	uint32_t first;

	if (s == NULL)
		return NULL;
	if (!take_random(s, &first, sizeof(first)) ||
			(s->pending = pending_create(first)) == NULL) {
		free(s);
		return NULL;
	}
	s->loop = loop;
	s->sockets = *sockets;
	s->allowed = allowed;
	for (unsigned int i = 0; i < SERVER_MAX_CLIENTS; i++)
		s->clients[i].server = s;
	watch(s, &s->listener, on_listener, sockets->listener);
	watch(s, &s->v4, on_echoes, sockets->v4);
	watch(s, &s->v6, on_echoes, sockets->v6);
	return s;
}

void
server_destroy(struct server *s)
{
	if (s == NULL)
		return;
	for (unsigned int i = 0; i < SERVER_MAX_CLIENTS; i++)
		client_close(&s->clients[i]);
	ev_io_stop(s->loop, &s->listener);
	ev_io_stop(s->loop, &s->v4);
	ev_io_stop(s->loop, &s->v6);
	pending_destroy(s->pending);
	free(s);
}
