/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The daemon's end. It waits only in session_client_connect(), by poll() on its own
 * non-blocking socket, against one deadline.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "channel/handshake.h"
#include "channel/region.h"
#include "channel/stats.h"

/* Between attempts while the dataplane's queue of connections is full. */
#define CONNECT_RETRY_MS 5

struct session_client {
	int socket;
	uint16_t version;
	bool ended;  /* The dataplane has gone. */
	bool broken; /* It did what it must not: nothing of it is read any more. */
	bool put;    /* Since the last doorbell. */
	struct region d, p, stats;
	struct ring_producer commands;
	struct ring_consumer answers;
	struct ring_consumer events;
	uint64_t next_answer; /* Sequence numbers that must come next. */
	uint64_t next_event;
};

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* Wait for @p fd (-1: just wait) until @p deadline_ms at most. 0 or -ETIMEDOUT. */
static int
wait_readable(int fd, int64_t deadline_ms, int64_t at_most_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = deadline_ms - now_ms();

	if (left <= 0)
		return -ETIMEDOUT;
	poll(&p, 1, (int)(left < at_most_ms ? left : at_most_ms));
	return 0;
}

static int
client_reach(int fd, const char *path, int64_t deadline_ms)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);

	while (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (wait_readable(-1, deadline_ms, CONNECT_RETRY_MS) != 0)
			return -ETIMEDOUT;
	}
	return 0;
}

/* Say hello and wait for the welcome; on success @p fds are the caller's. */
static int
client_greet(int fd, struct session_welcome *welcome, int *fds, int64_t deadline_ms)
{
	struct session_hello hello = {
		.magic = SESSION_MAGIC,
		.version_min = CHANNEL_VERSION_MIN,
		.version_max = CHANNEL_VERSION_MAX,
	};
	int ret;

	/* A dataplane that does not want us has answered and closed already: read on. */
	if (send(fd, &hello, sizeof(hello), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EPIPE &&
			errno != ECONNRESET)
		return -errno;
	for (;;) {
		ret = handshake_receive(fd, welcome, fds);
		if (ret != -EAGAIN)
			break;
		if (wait_readable(fd, deadline_ms, INT32_MAX) != 0)
			return -ETIMEDOUT;
	}
	if (ret != 0)
		return ret;
	if (welcome->version != 0)
		return 0;
	switch (welcome->error) {
	case EPROTONOSUPPORT:
	case EBUSY:
	case EACCES:
		return -welcome->error;
	default:
		return -EPROTO;
	}
}

static bool
welcome_is_ours(const struct session_welcome *w)
{
	return w->version >= CHANNEL_VERSION_MIN && w->version <= CHANNEL_VERSION_MAX &&
			w->command_slots == SESSION_COMMAND_SLOTS &&
			w->answer_slots == SESSION_ANSWER_SLOTS &&
			w->event_slots == SESSION_EVENT_SLOTS &&
			w->d_size == sizeof(struct region_d) &&
			w->p_size == sizeof(struct region_p);
}

static int
client_map(struct session_client *c, const struct session_welcome *w, const int *fds)
{
	int ret;

	if (!welcome_is_ours(w))
		return -EPROTO;
	ret = region_open(&c->d, REGION_D, fds[0], w->d_size);
	if (ret == 0)
		ret = region_open(&c->p, REGION_P, fds[1], w->p_size);
	if (ret == 0)
		ret = region_open(&c->stats, REGION_STATS, fds[2], w->stats_size);
	if (ret == 0)
		ret = stats_region_check(c->stats.base, c->stats.size);
	return ret;
}

static void
client_rings_init(struct session_client *c)
{
	struct region_d *d = c->d.base;
	const struct region_p *p = c->p.base;

	ring_producer_init(&c->commands, d->commands, &d->command_head.value,
			&p->command_tail.value, SESSION_COMMAND_SLOTS);
	ring_consumer_init(&c->answers, p->answers, &p->answer_head.value, &d->answer_tail.value,
			SESSION_ANSWER_SLOTS);
	ring_consumer_init(&c->events, p->events, &p->event_head.value, &d->event_tail.value,
			SESSION_EVENT_SLOTS);
}

struct session_client *
session_client_connect(const char *path, int timeout_ms)
{
	int64_t deadline_ms = now_ms() + timeout_ms;
	struct session_client *c = malloc(sizeof(*c));
	struct session_welcome welcome;
	int fds[HANDSHAKE_NB_FDS];
	int ret;

	if (c == NULL)
		return NULL;
	*c = (struct session_client){ .d = REGION_NONE, .p = REGION_NONE, .stats = REGION_NONE };

	c->socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ret = c->socket < 0 ? -errno : 0;
	if (ret == 0)
		ret = client_reach(c->socket, path, deadline_ms);
	if (ret == 0)
		ret = client_greet(c->socket, &welcome, fds, deadline_ms);
	if (ret != 0)
		goto err_destroy;

	ret = client_map(c, &welcome, fds);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		close(fds[i]);
	if (ret != 0)
		goto err_destroy;
	client_rings_init(c);
	c->version = welcome.version;
	return c;

err_destroy:
	session_client_destroy(c);
	errno = -ret;
	return NULL;
}

void
session_client_destroy(struct session_client *client)
{
	if (client == NULL)
		return;
	if (client->socket >= 0)
		close(client->socket);
	region_close(&client->stats);
	region_close(&client->p);
	region_close(&client->d);
	free(client);
}

int
session_client_fd(const struct session_client *client)
{
	return client->socket;
}

uint16_t
session_client_version(const struct session_client *client)
{
	return client->version;
}

int
session_client_step(struct session_client *client)
{
	if (!client->ended && doorbell_drain(client->socket) != 0)
		client->ended = true;
	return client->ended ? -ENOTCONN : 0;
}

int
session_client_put(struct session_client *client, const struct message *m)
{
	int ret;

	if (client->broken)
		return -EPROTO;
	if (client->ended)
		return -ENOTCONN;
	ret = ring_put(&client->commands, m);
	if (ret == 0)
		client->put = true;
	else if (ret == -EPROTO)
		client->broken = true;
	return ret;
}

void
session_client_flush(struct session_client *client)
{
	if (client->put && !client->ended)
		doorbell_ring(client->socket);
	client->put = false;
}

static int
client_take(struct session_client *client, struct ring_consumer *ring, uint64_t *sequence,
		struct message *m)
{
	int ret = ring_get(ring, m);

	if (ret == 0)
		return 0;
	if (ret < 0 || message_check(m, 0) != 0 || m->sequence != *sequence ||
			message_version(m->type) > client->version) {
		client->broken = true;
		return -EPROTO;
	}
	++*sequence;
	return 1;
}

int
session_client_get(struct session_client *client, struct message *m)
{
	int ret;

	if (client->broken)
		return -EPROTO;
	ret = client_take(client, &client->answers, &client->next_answer, m);
	if (ret == 0)
		ret = client_take(client, &client->events, &client->next_event, m);
	return ret;
}

const void *
session_client_stats(const struct session_client *client)
{
	return client->stats.base;
}
