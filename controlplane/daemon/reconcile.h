/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_RECONCILE_H
#define DAEMON_RECONCILE_H

/**
 * @file
 * One change at a time from what somebody asks for to what is in force: intent into the
 * audit trail and new state into the store (one database transaction), then to the
 * dataplane, then the result into the audit trail. What the dataplane refuses is taken
 * back.
 *
 * Thread safety: the main thread only.
 */

#include <ev.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "controlplane/daemon/apply_times.h"
#include "controlplane/daemon/config.h"
#include "controlplane/daemon/counters.h"
#include "controlplane/daemon/events.h"
#include "controlplane/daemon/link.h"
#include "controlplane/daemon/override.h"
#include "controlplane/daemon/store.h"

struct reconcile;

/** How a change ended. */
enum change_status {
	CHANGE_IN_FORCE,
	CHANGE_STORED, /**< No dataplane is connected. */
	CHANGE_UNCHANGED,
	CHANGE_DRY_RUN,
	CHANGE_REFUSED,		 /**< By the dataplane; taken back. */
	CHANGE_NOT_ACKNOWLEDGED, /**< Stored; the dataplane has not answered in time. */
	CHANGE_STORE_FAILED,	 /**< Nothing was changed. */
	CHANGE_NO_MEMORY,	 /**< Nothing was changed. */
};

/** What somebody wants. */
struct change_request {
	struct actor actor;
	const char *action; /**< Constant text: "config.apply", … */
	char target[160];
	json_t *before; /**< For the audit trail; taken. NULL: null. */
	json_t *after;
	struct config *config;	     /**< Taken; NULL: stays. */
	struct overrides *overrides; /**< Taken; NULL: stay. */
	bool has_balancer;
	struct balancer_state balancer; /**< If has_balancer. */
	bool has_confirm;
	struct confirm_state confirm; /**< If has_confirm: what waits from then on. */
	bool dry_run;
};

struct change_result {
	enum change_status status;
	uint64_t revision;
	uint64_t generation; /**< CHANGE_IN_FORCE; else 0. */
	uint32_t apply_us;
	uint64_t latency_us;
	char message[640];
	char place[128]; /**< CHANGE_REFUSED: the service or backend. */
	json_t *changes; /**< Borrowed: the API's `changes`; NULL: none were computed. */
};

typedef void (*change_done)(void *context, const struct change_result *result);

struct reconcile_conf {
	struct ev_loop *loop;
	struct store *store;	    /**< Borrowed. */
	struct events *events;	    /**< Borrowed; hear of changes and sessions. */
	const struct hash_key *key; /**< Borrowed. */
	const char *channel_path;
	/** Make changes although they can be neither recorded nor stored. */
	bool unrecorded;
	void *context;
	/** Set the health of the backends of a state that is being made. */
	void (*judge)(void *context, struct desired *desired);
	/** The same only where it has changed since the last call. @return false: out of memory. */
	bool (*judge_changes)(void *context, struct desired *desired);
	/** A session has begun; what is wanted is not sent yet. The counters know what is in force. */
	void (*attached)(void *context);
	/** The dataplane tells something of its own accord (link.h). */
	void (*event)(void *context, const struct message *event);
	/** A change has ended, or the link has changed: look for what waits. */
	void (*wake)(void *context);
};

/** @return NULL: the store cannot be read (see store_error()), or out of memory. */
struct reconcile *reconcile_create(const struct reconcile_conf *conf);
void reconcile_destroy(struct reconcile *r); /**< Legal with NULL. */

/** Is a change under way? Then reconcile_change() may not be called. */
bool reconcile_busy(const struct reconcile *r);

/**
 * Start a change. @p request's references are taken in every case.
 * @param done Called once: before this returns, or later.
 */
void reconcile_change(struct reconcile *r, struct change_request *request, change_done done,
		void *context);

/**
 * judge_changes() has something to say: bring it to the dataplane. Nothing is stored: health
 * is observed anew after a restart. During a change it waits for that change's end.
 * @param since_us When its cause was seen, by clock_monotonic_us(): how long it took until it
 *                 was in force is logged; 0: it is no news.
 */
void reconcile_judge(struct reconcile *r, uint64_t since_us);
/** Likewise: judge() says something else of any number of backends. */
void reconcile_judge_all(struct reconcile *r);

/** The daemon stops: end a change under way as stored, not acknowledged. */
void reconcile_abandon(struct reconcile *r);

/**
 * Has the state of the store been offered to a dataplane, as far as there is one? From
 * then on files and requests may change it.
 */
bool reconcile_settled(const struct reconcile *r);

/**
 * What would be wanted of the dataplane with these. Nothing changes.
 * @return one reference; NULL: out of memory.
 */
struct desired *reconcile_what_if(struct reconcile *r, const struct config *config,
		const struct overrides *overrides);

/* What is. Valid until the loop goes on. */
const struct store_state *reconcile_state(const struct reconcile *r);
struct desired *reconcile_desired(const struct reconcile *r);
struct link_state reconcile_link(const struct reconcile *r);
/** Of all transactions since the start: changes, health, and whole states of new sessions. */
const struct apply_times *reconcile_apply_times(const struct reconcile *r);
struct counters *reconcile_counters(const struct reconcile *r);
/** Why the last write to the store failed; "": it did not. */
const char *reconcile_store_trouble(const struct reconcile *r);

#endif
