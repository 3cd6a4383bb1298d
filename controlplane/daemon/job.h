/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_JOB_H
#define DAEMON_JOB_H

/**
 * @file
 * Work that takes too long for the loop: done in a thread, its end told on the loop.
 *
 * Thread safety: the main thread only, but for `run`, which has the thread to itself and must
 * touch nothing that the main thread changes meanwhile, and job_is_cancelled(), which is for it.
 *
 * Memory: the caller's; zeros are a job that has not begun.
 */

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/compiler.h"

struct job {
	struct ev_loop *loop;
	void (*run)(void *context);  /**< In the thread. */
	void (*done)(void *context); /**< Called once, from the loop; may end the job. */
	void *context;
	/* Ours. */
	bool running; /**< The thread is to be joined. */
	atomic_bool cancelled;
	pthread_t thread;
	ev_async finished;
};

/** Begin. The first four members are filled. @return 0; -EAGAIN: no thread, nothing is called. */
MUST_CHECK int job_start(struct job *job);

/**
 * It is not wanted any more, or over: wait for the thread, which should give up when
 * job_is_cancelled(). done is not called from then on. Legal with one that has not begun.
 */
void job_end(struct job *job);

/** For run: does nobody wait any more? */
bool job_is_cancelled(struct job *job);

#endif
