/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_AUDIT_HEAD_H
#define DAEMON_AUDIT_HEAD_H

/**
 * @file
 * The end of the audit trail, signed after every change and, if something was added, every
 * minute; it is kept beside the trail and logged, so that journald or syslog carry it off the
 * host: whoever cuts the trail off, or makes it anew from some record on, contradicts a line
 * that is out of reach. Also: old records go, when there are more than are to be kept.
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>
#include <jansson.h>

#include "controlplane/daemon/audit_key.h"
#include "controlplane/daemon/store.h"

#define AUDIT_HEAD_S 60.

struct audit_head;

/**
 * @param store, key Borrowed.
 * @param keep       Records that are kept; 0: all.
 * @return NULL: out of memory.
 */
struct audit_head *audit_head_create(struct ev_loop *loop, struct store *store,
		const struct audit_key *key, uint64_t keep);
void audit_head_destroy(struct audit_head *h); /**< Signs once more. Legal with NULL. */

/** A change has ended: sign within some milliseconds, if there is something new. */
void audit_head_wake(struct audit_head *h);
/** Sign now, if there is something new. */
void audit_head_sign(struct audit_head *h);

/**
 * What is wrong with the trail that was found at start; "": nothing. Its last signed head is
 * kept then, so that audit_verify.h goes on finding it.
 */
const char *audit_head_trouble(const struct audit_head *h);

/** {"seq", "hash", "at", "signature"} of the last record; null: there is none. */
json_t *audit_head_view(struct audit_head *h);

#endif
