/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/job.h"

#include <errno.h>

static void *
thread_main(void *context)
{
	struct job *job = context;

	job->run(job->context);
	ev_async_send(job->loop, &job->finished);
	return NULL;
}

static void
join(struct job *job)
{
	if (!job->running)
		return;
	pthread_join(job->thread, NULL);
	job->running = false;
	ev_async_stop(job->loop, &job->finished);
}

static void
on_finished(struct ev_loop *loop, ev_async *w, int events)
{
	struct job *job = w->data;

	(void)loop;
	(void)events;
	join(job);
	job->done(job->context);
}

int
job_start(struct job *job)
{
	ev_async_init(&job->finished, on_finished);
	job->finished.data = job;
	ev_async_start(job->loop, &job->finished);
	if (pthread_create(&job->thread, NULL, thread_main, job) != 0) {
		ev_async_stop(job->loop, &job->finished);
		return -EAGAIN;
	}
	job->running = true;
	return 0;
}

void
job_end(struct job *job)
{
	atomic_store_explicit(&job->cancelled, true, memory_order_relaxed);
	join(job);
}

bool
job_is_cancelled(struct job *job)
{
	return atomic_load_explicit(&job->cancelled, memory_order_relaxed);
}
