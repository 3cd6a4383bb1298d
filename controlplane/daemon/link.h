/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_LINK_H
#define DAEMON_LINK_H

/**
 * @file
 * The link to the dataplane: keeps a session open (channel/session.h), and makes the
 * dataplane have what is wanted.
 *
 * One transaction at a time. The first of a session is the whole desired state
 * (TXN_REPLACE_ALL with the hash key); each later one is the difference between
 * what was last acknowledged and what is wanted now. What the dataplane refuses is not
 * sent again until something else is wanted or a new session begins.
 *
 * Nothing here blocks: a thread of its own connects (link_connect.h), a full ring is
 * waited for by a timer.
 *
 * Thread safety: the main thread only; hooks are called on it, never from
 * within link_create() or link_want().
 */

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "channel/message.h"

#include "controlplane/daemon/desired.h"
#include "controlplane/daemon/hash_key.h"

struct link;

/** How a transaction ended. */
struct link_answer {
	const struct desired *wanted; /**< What it would have made. */
	bool ok;
	bool full_sync;
	bool refused;	     /**< The dataplane said no to its content. */
	uint64_t generation; /**< In force. */
	uint32_t nb_commands;
	uint32_t apply_us;   /**< Measured by the dataplane. */
	uint64_t latency_us; /**< From the begin of sending to the answer. */
	uint64_t since_us; /**< The earliest since_us of the link_want()s that it answers; 0: none. */
	int64_t at_ms;	   /**< Unix time. */
	char error[256];   /**< Why not; "". */
	char place[128];   /**< The service or backend that was refused; "". */
};

struct link_hooks {
	void *context;
	/** A transaction was answered. */
	void (*answered)(void *context, const struct link_answer *answer);
	/** A session began or ended, or an attempt failed for the first time. */
	void (*changed)(void *context);
	/** What the dataplane tells of its own accord, checked by message_check(). */
	void (*event)(void *context, const struct message *event);
};

/** What people want to know. */
struct link_state {
	bool connected;
	bool tried;	      /**< At least one attempt has ended. */
	bool in_sync;	      /**< What is wanted is in force. */
	bool refused;	      /**< What is wanted was refused. */
	bool overdue;	      /**< An answer is missing for more than LINK_OVERDUE_MS. */
	bool knows_on_down;   /**< Else every service is told ON_DOWN_MOVE. */
	int64_t connected_ms; /**< Unix time of the session's begin. */
	const char *error;    /**< Why there is no session, or no sync; "" if all is well. */
	const void *stats;    /**< The statistics region (channel/stats.h); NULL: no session. */
	const struct link_answer *last; /**< NULL: none yet. */
};

/** A dataplane that has not answered for so long is said to be silent. */
#define LINK_OVERDUE_MS 5000

/** @return NULL: out of memory. Starts to connect as soon as the loop runs. */
struct link *link_create(struct ev_loop *loop, const char *path, const struct hash_key *key,
		const struct link_hooks *hooks);
void link_destroy(struct link *link); /**< Legal with NULL. */

/**
 * What the dataplane is to have from now on; takes a reference. NULL: whatever it has.
 * @param since_us When what led to it was observed, by clock_monotonic_us(); 0: nothing was.
 */
void link_want(struct link *link, struct desired *desired, uint64_t since_us);

/** Valid until the loop goes on. */
struct link_state link_state(const struct link *link);

#endif
