/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/link_connect.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

/** A dataplane that does not shake hands within this is taken to be absent. */
#define CONNECT_TIMEOUT_MS 1000

struct connector {
	struct ev_loop *loop;
	const char *path;
	connector_done done;
	void *context;
	ev_async finished;
	bool running; /* Main thread: a thread is to be joined. */
	pthread_t thread;
	/* Written by the thread before it ends, read after the join. */
	struct session_client *client;
	int error;
};

static void *
connect_run(void *arg)
{
	struct connector *c = arg;

	c->client = session_client_connect(c->path, CONNECT_TIMEOUT_MS);
	c->error = c->client == NULL ? errno : 0;
	ev_async_send(c->loop, &c->finished);
	return NULL;
}

static void
on_finished(struct ev_loop *loop, ev_async *w, int events)
{
	struct connector *c = w->data;
	struct session_client *client;

	(void)loop;
	(void)events;
	if (!c->running)
		return;
	pthread_join(c->thread, NULL);
	c->running = false;
	client = c->client;
	c->client = NULL;
	c->done(c->context, client, c->error);
}

struct connector *
connector_create(struct ev_loop *loop, const char *path, connector_done done, void *context)
{
	struct connector *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->loop = loop;
	c->path = path;
	c->done = done;
	c->context = context;
	ev_async_init(&c->finished, on_finished);
	c->finished.data = c;
	ev_async_start(loop, &c->finished);
	return c;
}

void
connector_destroy(struct connector *c)
{
	if (c == NULL)
		return;
	if (c->running) {
		pthread_join(c->thread, NULL);
		session_client_destroy(c->client);
	}
	ev_async_stop(c->loop, &c->finished);
	free(c);
}

int
connector_start(struct connector *c)
{
	sigset_t all, before;
	int ret;

	/* Signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&c->thread, NULL, connect_run, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	c->running = ret == 0;
	return -ret;
}
