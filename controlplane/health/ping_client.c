/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * An id is the place (counted from one) in the table of those that wait, and how often that place
 * was given away, so that what comes late is not taken for another's.
 */
#include "controlplane/health/ping_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/compiler.h"

#include "controlplane/clock.h"

#define AGAIN_US 1000000
/** Numbers of places are less. */
#define PLACES_END (1U << 20)
#define FIRST_WAITING 64
/** Packets of results that are taken in one turn of the loop. */
#define TURN 64

struct place {
	struct ping_wait *wait; /* NULL: free. */
	uint32_t nb_given;
	uint32_t next_free; /* Its number; 0: this is the last. */
};

struct ping_client {
	struct ev_loop *loop;
	struct sockaddr_un addr;
	ev_io io; /* fd -1: not connected. */
	ev_prepare flush;
	uint64_t tried_us;
	struct ping_request requests[PING_BATCH];
	unsigned int nb_requests;
	struct place *places;
	uint32_t nb_places;
	uint32_t first_free; /* Its number; 0: none. */
};

/* Places. */

static bool
places_grow(struct ping_client *c)
{
	uint32_t nb = c->nb_places == 0 ? FIRST_WAITING : 2 * c->nb_places;
	struct place *places;

	if (nb >= PLACES_END)
		return false;
	places = realloc(c->places, nb * sizeof(*places));
	if (places == NULL)
		return false;
	for (uint32_t i = c->nb_places; i < nb; i++)
		places[i] = (struct place){ .next_free = i + 1 < nb ? i + 2 : 0 };
	c->first_free = c->nb_places + 1;
	c->places = places;
	c->nb_places = nb;
	return true;
}

static bool
place_take(struct ping_client *c, struct ping_wait *wait)
{
	struct place *place;
	uint32_t index;

	if (c->first_free == 0 && !places_grow(c))
		return false;
	index = c->first_free - 1;
	place = &c->places[index];
	c->first_free = place->next_free;
	place->wait = wait;
	place->nb_given++;
	wait->id = place->nb_given * PLACES_END + index + 1;
	return true;
}

/** @return NULL: nobody waits for it any more. */
static struct ping_wait *
place_find(const struct ping_client *c, uint32_t id)
{
	uint32_t number = id % PLACES_END;
	struct ping_wait *wait;

	if (number == 0 || number > c->nb_places)
		return NULL;
	wait = c->places[number - 1].wait;
	return wait != NULL && wait->id == id ? wait : NULL;
}

void
ping_client_forget(struct ping_client *c, struct ping_wait *wait)
{
	uint32_t number = wait->id % PLACES_END;
	struct place *place;

	if (wait->id == 0)
		return;
	place = &c->places[number - 1];
	place->wait = NULL;
	place->next_free = c->first_free;
	c->first_free = number;
	wait->id = 0;
}

/* The connection. */

static void
disconnect(struct ping_client *c)
{
	if (c->io.fd < 0)
		return;
	ev_io_stop(c->loop, &c->io);
	close(c->io.fd);
	ev_io_set(&c->io, -1, EV_READ);
	c->nb_requests = 0;
	for (uint32_t i = 0; i < c->nb_places; i++) {
		struct ping_wait *wait = c->places[i].wait;

		if (wait != NULL)
			wait->told(wait, PING_FAILED, ECONNRESET);
	}
}

/** @return false: nobody is there. */
static bool
connect_again(struct ping_client *c)
{
	uint64_t now_us = clock_monotonic_us();
	int fd;

	if (c->tried_us != 0 && now_us - c->tried_us < AGAIN_US)
		return false;
	c->tried_us = now_us;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)&c->addr, sizeof(c->addr)) != 0) {
		close(fd);
		return false;
	}
	ev_io_set(&c->io, fd, EV_READ);
	ev_io_start(c->loop, &c->io);
	return true;
}

static void
flush(struct ping_client *c)
{
	size_t len = c->nb_requests * sizeof(c->requests[0]);

	/* A pinger that does not take them is stopped: those who wait will be too late. */
	if (c->io.fd >= 0 && len > 0 &&
			send(c->io.fd, c->requests, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
			errno != EAGAIN)
		disconnect(c);
	c->nb_requests = 0;
}

static void
on_flush(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct ping_client *c = w->data;

	(void)events;
	ev_prepare_stop(loop, w);
	flush(c);
}

static void
on_results(struct ev_loop *loop, ev_io *w, int events)
{
	struct ping_client *c = w->data;
	struct ping_result results[PING_BATCH + 1];

	(void)loop;
	(void)events;
	for (int i = 0; i < TURN && c->io.fd >= 0; i++) {
		ssize_t len = recv(c->io.fd, results, sizeof(results), MSG_DONTWAIT);

		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len <= 0 || (size_t)len % sizeof(results[0]) != 0) {
			disconnect(c);
			return;
		}
		for (size_t j = 0; j < (size_t)len / sizeof(results[0]); j++) {
			struct ping_wait *wait = place_find(c, results[j].id);

			if (wait != NULL)
				wait->told(wait, (enum ping_kind)results[j].kind, results[j].error);
		}
	}
}

/* Asking. */

int
ping_client_ask(struct ping_client *c, struct ping_wait *wait, const struct ip_addr *addr,
		const struct ip_addr *source)
{
	if (c->io.fd < 0 && !connect_again(c))
		return -ENOTCONN;
	if (c->nb_requests == PING_BATCH)
		flush(c);
	if (c->io.fd < 0)
		return -ENOTCONN;
	if (!place_take(c, wait))
		return -ENOMEM;
	c->requests[c->nb_requests++] =
			(struct ping_request){ .id = wait->id, .addr = *addr, .source = *source };
	ev_prepare_start(c->loop, &c->flush);
	return 0;
}

struct ping_client *
ping_client_create(struct ev_loop *loop, const char *path)
{
	struct ping_client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->addr.sun_family = AF_UNIX;
	/* Too long: connect() fails, as with any other path where nobody is. */
	strncpy(c->addr.sun_path, path, sizeof(c->addr.sun_path) - 1);
	ev_io_init(&c->io, on_results, -1, EV_READ);
	ev_set_priority(&c->io, 1); /* An answer that is there counts before the time that is up. */
	ev_prepare_init(&c->flush, on_flush);
	c->io.data = c;
	c->flush.data = c;
	return c;
}

void
ping_client_destroy(struct ping_client *c)
{
	if (c == NULL)
		return;
	disconnect(c);
	ev_prepare_stop(c->loop, &c->flush);
	free(c->places);
	free(c);
}
