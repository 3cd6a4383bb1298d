/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything that a peer can do costs a bounded amount of work a step: connections
 * accepted, doorbells taken. What is left keeps the epoll descriptor readable.
 *
 * A connection is a guest until its hello came. Guests have a fixed number of chairs;
 * when all are taken, the one that sat longest leaves: a real daemon says hello at
 * once, so a crowd of silent ones cannot keep it out.
 *
 * Making and unmapping regions interrupts the workers' cores (they share our page
 * tables), so the number of sessions a second is limited.
 *
 * Descriptors that a peer sends are never installed (handshake.c). The last close of
 * a passed socket can still block whoever drops it (SO_LINGER), so where the kernel
 * can (6.16), passing is forbidden.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "channel/handshake.h"
#include "channel/listener.h"
#include "channel/region.h"

#define NB_GUESTS 8
#define HELLO_TIMEOUT_MS 1000
#define ACCEPT_MAX 16
/* Without descriptors or memory for accept(), for so long. */
#define ACCEPT_PAUSE_MS 100

/* Linux 6.16; older headers lack it. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

struct guest {
	int socket;	 /* -1: a free chair. */
	uint64_t number; /* Counts arrivals. */
	int64_t deadline_ms;
};

struct session_server {
	struct listener listener;
	int epoll;
	int timer;
	uid_t allowed_uid;
	int stats_fd;
	uint64_t stats_size;
	uint32_t sessions_per_s;
	int64_t accept_again_ms; /* 0: accepting. */
	int64_t credit_us;	 /* Sessions are paid with time: what lies between this and now. */
	uint64_t nb_guests;	 /* Seated so far. */
	struct guest guests[NB_GUESTS];

	/* The session. */
	int socket; /* -1: none. */
	uint16_t version;
	bool closed_untold; /* Ended, and session_server_step() has not said so. */
	bool ring_bell;	    /* Something was put or taken since the last doorbell. */
	struct region d, p;
	struct ring_consumer commands;
	struct ring_producer answers;
	struct ring_producer events;
	uint64_t next_command; /* Sequence number that must come next. */
	uint64_t nb_lost_events;
	char reason[160];
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static int64_t
now_ms(void)
{
	return now_us() / 1000;
}

static void PRINTF_LIKE(2, 3) reason_set(struct session_server *server, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(server->reason, sizeof(server->reason), format, args);
	va_end(args);
}

static int
watch(struct session_server *server, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.fd = fd };

	return epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Wake up at the nearest deadline, if there is one. */
static void
timer_arm(struct session_server *server)
{
	int64_t nearest_ms = server->accept_again_ms;
	struct itimerspec spec = { 0 };

	for (size_t i = 0; i < NB_GUESTS; i++) {
		const struct guest *g = &server->guests[i];

		if (g->socket >= 0 && (nearest_ms == 0 || g->deadline_ms < nearest_ms))
			nearest_ms = g->deadline_ms;
	}
	spec.it_value.tv_sec = nearest_ms / 1000;
	spec.it_value.tv_nsec = nearest_ms % 1000 * 1000000;
	/* Setting it anew also forgets an expiry that nobody read. */
	timerfd_settime(server->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

struct session_server *
session_server_create(const struct session_server_conf *conf)
{
	struct session_server *server = malloc(sizeof(*server));
	int off = 0;
	int ret;

	if (server == NULL)
		return NULL;
	*server = (struct session_server){
		.allowed_uid = conf->allowed_uid,
		.stats_fd = conf->stats_fd,
		.stats_size = conf->stats_size,
		.sessions_per_s = conf->sessions_per_s != 0 ? conf->sessions_per_s
							    : SESSION_MAX_PER_S,
		.listener = { .fd = -1 },
		.socket = -1,
		.timer = -1,
		.d = REGION_NONE,
		.p = REGION_NONE,
		.reason = "no session yet",
	};
	for (size_t i = 0; i < NB_GUESTS; i++)
		server->guests[i].socket = -1;

	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	ret = server->epoll < 0 ? -errno : 0;
	if (ret == 0) {
		server->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		ret = server->timer < 0 ? -errno : watch(server, server->timer);
	}
	if (ret == 0)
		ret = listener_open(&server->listener, conf->path, conf->allowed_uid);
	if (ret == 0)
		ret = watch(server, server->listener.fd);
	if (ret != 0) {
		session_server_destroy(server);
		errno = -ret;
		return NULL;
	}
	/* Accepted sockets inherit it. Older kernels refuse, which is no harm. */
	(void)setsockopt(server->listener.fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	return server;
}

static void
guest_close(struct guest *g)
{
	if (g->socket >= 0)
		close(g->socket);
	g->socket = -1;
}

void
session_server_destroy(struct session_server *server)
{
	if (server == NULL)
		return;
	session_server_close(server);
	for (size_t i = 0; i < NB_GUESTS; i++)
		guest_close(&server->guests[i]);
	listener_close(&server->listener);
	if (server->timer >= 0)
		close(server->timer);
	if (server->epoll >= 0)
		close(server->epoll);
	free(server);
}

int
session_server_fd(const struct session_server *server)
{
	return server->epoll;
}

static void
session_end(struct session_server *server)
{
	if (server->socket < 0)
		return;
	close(server->socket);
	server->socket = -1;
	region_close(&server->p);
	region_close(&server->d);
	server->closed_untold = true;
}

/* Answer a hello that gets no session. */
static void
guest_refuse(struct guest *g, uint16_t error)
{
	struct session_welcome welcome = { .magic = SESSION_MAGIC, .error = error };
	int ret = handshake_send(g->socket, &welcome, NULL);

	(void)ret; /* It learns it from the end of the connection then. */
	guest_close(g);
}

/* A token bucket that holds a second's worth. */
static bool
session_rate_allows(struct session_server *server)
{
	int64_t now = now_us();
	int64_t price_us = 1000000 / server->sessions_per_s;

	if (server->credit_us < now - 1000000)
		server->credit_us = now - 1000000;
	if (server->credit_us + price_us > now)
		return false;
	server->credit_us += price_us;
	return true;
}

static int
session_welcome_send(const struct session_server *server, int socket, uint16_t version)
{
	const struct session_welcome welcome = {
		.magic = SESSION_MAGIC,
		.version = version,
		.command_slots = SESSION_COMMAND_SLOTS,
		.answer_slots = SESSION_ANSWER_SLOTS,
		.event_slots = SESSION_EVENT_SLOTS,
		.d_size = sizeof(struct region_d),
		.p_size = sizeof(struct region_p),
		.stats_size = server->stats_size,
	};
	const int fds[HANDSHAKE_NB_FDS] = { server->d.fd, server->p.fd, server->stats_fd };

	return handshake_send(socket, &welcome, fds);
}

static void
session_rings_init(struct session_server *server)
{
	const struct region_d *d = server->d.base;
	struct region_p *p = server->p.base;

	ring_consumer_init(&server->commands, d->commands, &d->command_head.value,
			&p->command_tail.value, SESSION_COMMAND_SLOTS);
	ring_producer_init(&server->answers, p->answers, &p->answer_head.value,
			&d->answer_tail.value, SESSION_ANSWER_SLOTS);
	ring_producer_init(&server->events, p->events, &p->event_head.value, &d->event_tail.value,
			SESSION_EVENT_SLOTS);
}

/* The guest becomes the session. */
static enum session_change
session_begin(struct session_server *server, struct guest *g, uint16_t version)
{
	int ret = region_create(&server->d, REGION_D, sizeof(struct region_d));

	if (ret == 0)
		ret = region_create(&server->p, REGION_P, sizeof(struct region_p));
	if (ret == 0)
		ret = session_welcome_send(server, g->socket, version);
	if (ret != 0) {
		reason_set(server, "no session: %s", strerror(-ret));
		region_close(&server->p);
		region_close(&server->d);
		guest_close(g);
		return SESSION_SAME;
	}
	region_close_fd(&server->p);
	region_close_fd(&server->d);
	session_rings_init(server);
	server->socket = g->socket;
	server->version = version;
	server->ring_bell = false;
	server->next_command = 0;
	server->nb_lost_events = 0;
	g->socket = -1;
	return SESSION_OPENED;
}

/* Read a guest's hello, if it is there. */
static enum session_change
guest_hear(struct session_server *server, struct guest *g)
{
	struct session_hello hello;
	ssize_t len = recv(g->socket, &hello, sizeof(hello), MSG_DONTWAIT | MSG_TRUNC);
	uint16_t version;

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return SESSION_SAME;
	if (len != (ssize_t)sizeof(hello) || hello.magic != SESSION_MAGIC) {
		if (len > 0)
			reason_set(server, "refused: not a hello");
		guest_close(g);
		return SESSION_SAME;
	}
	version = handshake_version(CHANNEL_VERSION_MIN, CHANNEL_VERSION_MAX, hello.version_min,
			hello.version_max);
	if (version == 0) {
		reason_set(server, "refused: the daemon speaks versions %u to %u, we %u to %u",
				hello.version_min, hello.version_max, CHANNEL_VERSION_MIN,
				CHANNEL_VERSION_MAX);
		guest_refuse(g, EPROTONOSUPPORT);
		return SESSION_SAME;
	}
	if (server->socket >= 0) {
		reason_set(server, "refused: another session is active");
		guest_refuse(g, EBUSY);
		return SESSION_SAME;
	}
	if (!session_rate_allows(server)) {
		reason_set(server, "refused: more than %u sessions a second",
				server->sessions_per_s);
		guest_refuse(g, EBUSY);
		return SESSION_SAME;
	}
	return session_begin(server, g, version);
}

/* A free chair, or that of the guest who sat longest. */
static struct guest *
guest_seat(struct session_server *server)
{
	struct guest *oldest = &server->guests[0];

	for (size_t i = 0; i < NB_GUESTS; i++) {
		struct guest *g = &server->guests[i];

		if (g->socket < 0)
			return g;
		if (g->number < oldest->number)
			oldest = g;
	}
	reason_set(server, "refused: too many connections without a hello");
	guest_close(oldest);
	return oldest;
}

static bool
peer_is_allowed(struct session_server *server, int socket)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		reason_set(server, "refused: peer without credentials");
		return false;
	}
	if (peer.uid == 0 || peer.uid == geteuid() ||
			(server->allowed_uid != (uid_t)-1 && peer.uid == server->allowed_uid))
		return true;
	reason_set(server, "refused: user %u may not connect", peer.uid);
	return false;
}

static void
guest_receive(struct session_server *server, int socket)
{
	struct guest newcomer = { .socket = socket };

	if (!peer_is_allowed(server, socket)) {
		guest_refuse(&newcomer, EACCES);
		return;
	}
	if (watch(server, socket) != 0) {
		guest_close(&newcomer);
		return;
	}
	newcomer.number = server->nb_guests++;
	newcomer.deadline_ms = now_ms() + HELLO_TIMEOUT_MS;
	*guest_seat(server) = newcomer;
}

static void
accept_pause(struct session_server *server)
{
	reason_set(server, "cannot accept: %s", strerror(errno));
	epoll_ctl(server->epoll, EPOLL_CTL_DEL, server->listener.fd, NULL);
	server->accept_again_ms = now_ms() + ACCEPT_PAUSE_MS;
}

static void
guests_accept(struct session_server *server)
{
	if (server->accept_again_ms != 0) {
		if (now_ms() < server->accept_again_ms || watch(server, server->listener.fd) != 0)
			return;
		server->accept_again_ms = 0;
	}
	for (int i = 0; i < ACCEPT_MAX; i++) {
		int socket = accept4(server->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (socket >= 0) {
			guest_receive(server, socket);
		} else if (errno != ECONNABORTED && errno != EINTR) {
			if (errno != EAGAIN)
				accept_pause(server);
			return;
		}
	}
}

static enum session_change
guests_hear(struct session_server *server)
{
	enum session_change change = SESSION_SAME;

	for (size_t i = 0; i < NB_GUESTS; i++) {
		struct guest *g = &server->guests[i];

		if (g->socket >= 0 && guest_hear(server, g) == SESSION_OPENED)
			change = SESSION_OPENED;
		if (g->socket >= 0 && now_ms() >= g->deadline_ms) {
			reason_set(server, "refused: no hello within %d ms", HELLO_TIMEOUT_MS);
			guest_close(g);
		}
	}
	return change;
}

/* Tell of lost events as soon as there is room. True: none is untold. */
static bool
lost_events_tell(struct session_server *server)
{
	struct message m;
	int ret;

	if (server->nb_lost_events == 0)
		return true;
	message_init(&m, MSG_EVENTS_LOST);
	m.EVENTS_LOST.count = server->nb_lost_events;
	ret = ring_put(&server->events, &m);
	if (ret == 0) {
		server->nb_lost_events = 0;
		server->ring_bell = true;
	} else if (ret == -EPROTO) {
		reason_set(server, "the daemon wrote an impossible tail of the event ring");
		session_end(server);
	}
	return ret == 0;
}

enum session_change
session_server_step(struct session_server *server)
{
	enum session_change change = SESSION_SAME;

	if (server->socket >= 0 && doorbell_drain(server->socket) != 0) {
		reason_set(server, "the daemon closed the connection");
		session_end(server);
	}
	if (server->socket >= 0)
		session_server_flush(server);
	/* Whoever waits for the place gets it in the next step. */
	if (server->closed_untold) {
		server->closed_untold = false;
		return SESSION_CLOSED;
	}
	guests_accept(server);
	change = guests_hear(server);
	timer_arm(server);
	return change;
}

int
session_server_get(struct session_server *server, struct message *m)
{
	int ret;

	if (server->socket < 0)
		return 0;
	ret = ring_get(&server->commands, m);
	if (ret == 0)
		return 0;
	if (ret < 0)
		reason_set(server, "the daemon wrote an impossible head of the command ring");
	else if (message_check(m, 1) != 0)
		reason_set(server, "the daemon sent a malformed message, type %u", m->type);
	else if (m->sequence != server->next_command)
		reason_set(server, "the daemon sent message %ju where %ju was due",
				(uintmax_t)m->sequence, (uintmax_t)server->next_command);
	else {
		server->next_command++;
		server->ring_bell = true; /* It may wait for room. */
		return 1;
	}
	session_end(server);
	return -EPROTO;
}

int
session_server_answer(struct session_server *server, const struct message *m)
{
	int ret;

	if (server->socket < 0)
		return -ENOTCONN;
	ret = ring_put(&server->answers, m);
	if (ret == 0) {
		server->ring_bell = true;
	} else if (ret == -EPROTO) {
		reason_set(server, "the daemon wrote an impossible tail of the answer ring");
		session_end(server);
	}
	return ret;
}

void
session_server_event(struct session_server *server, const struct message *m)
{
	int ret = -EAGAIN;

	if (server->socket < 0 || message_version(m->type) > server->version)
		return;
	if (lost_events_tell(server))
		ret = ring_put(&server->events, m);
	if (server->socket < 0)
		return;
	if (ret == 0) {
		server->ring_bell = true;
	} else if (ret == -EAGAIN) {
		server->nb_lost_events++;
	} else {
		reason_set(server, "the daemon wrote an impossible tail of the event ring");
		session_end(server);
	}
}

void
session_server_flush(struct session_server *server)
{
	if (server->socket < 0)
		return;
	(void)lost_events_tell(server);
	if (server->socket >= 0 && server->ring_bell)
		doorbell_ring(server->socket);
	server->ring_bell = false;
}

void
session_server_close(struct session_server *server)
{
	if (server->socket < 0)
		return;
	reason_set(server, "closed by the dataplane");
	session_end(server);
}

const char *
session_server_reason(const struct session_server *server)
{
	return server->reason;
}
