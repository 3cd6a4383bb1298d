/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_DIFF_H
#define DAEMON_DIFF_H

/**
 * @file
 * What leads from one desired state to another: an ordered list of changes, which
 * is what people are shown and what becomes the commands of a transaction.
 *
 * Within a service the order is: backends that go, the service itself, backends that
 * come or change; so that no step meets limits or families of the state before.
 * A service that goes takes its backends with it.
 *
 * Thread safety: pure functions but for malloc().
 */

#include <jansson.h>
#include <stdint.h>

#include "channel/message.h"

#include "controlplane/daemon/desired.h"

enum change_kind {
	CHANGE_SERVICE_ADDED,
	CHANGE_SERVICE_CHANGED,
	CHANGE_SERVICE_REMOVED,
	CHANGE_BACKEND_ADDED,
	CHANGE_BACKEND_CHANGED,
	CHANGE_BACKEND_REMOVED,
	NB_CHANGE_KINDS
};

struct change {
	uint8_t kind;			    /**< enum change_kind. */
	const struct service_conf *service; /**< Points into one of the two states. */
	const struct backend_conf *before;  /**< Backends that change or go. */
	const struct backend_conf *after;   /**< Backends that come or change. */
};

struct diff {
	struct desired *from; /**< References: the changes point into both. */
	struct desired *to;
	uint32_t nb;
	struct change *list;
	uint32_t counts[NB_CHANGE_KINDS]; /**< Backends of services that come or go included. */
};

/** @param from NULL: nothing. @return NULL: out of memory. */
struct diff *diff_make(struct desired *from, struct desired *to);
void diff_free(struct diff *diff); /**< Legal with NULL. */

/** The command that makes a change. */
void change_to_message(const struct change *change, struct message *m);

/** One line for people. @return malloc()ed; NULL: out of memory. */
char *change_to_text(const struct change *change);

/** The object `changes` of the API. @return a new reference. */
json_t *diff_to_json(const struct diff *diff);

#endif
