/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_AUDIT_VERIFY_H
#define DAEMON_AUDIT_VERIFY_H

/**
 * @file
 * Verifying the audit trail: from the first record that is kept, every hash anew, to the
 * end; in a thread, on a connection of its own, so that nobody waits for it.
 *
 * Thread safety: the main thread only, but for what happens inside.
 */

#include <ev.h>
#include <jansson.h>

#include "controlplane/daemon/audit_key.h"
#include "controlplane/daemon/trail.h"

struct audit_verify;

struct audit_verify_conf {
	struct ev_loop *loop;
	const char *path;	     /**< Of the database; borrowed until it is done. */
	const struct audit_key *key; /**< Borrowed until it is done. */
	struct trail_place expected; /**< Must be in the chain; seq 0: nothing more. */
	void (*done)(void *context); /**< Called once, from the loop. */
	void *context;
};

/** @return NULL: no memory, or no thread; nothing is called. */
struct audit_verify *audit_verify_start(const struct audit_verify_conf *conf);
/** Waits for the thread, which gives up; conf.done is not called any more. Legal with NULL. */
void audit_verify_end(struct audit_verify *v);

/**
 * {"good", "first", "last", "hash", "records", "bad_seq", "why"}: bad_seq is null and why is ""
 * if it is good. Only when it is done.
 */
json_t *audit_verify_view(const struct audit_verify *v);

#endif
