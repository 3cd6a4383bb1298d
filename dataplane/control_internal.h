/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_CONTROL_INTERNAL_H
#define DATAPLANE_CONTROL_INTERNAL_H

/**
 * @file
 * What the files of the control thread share:
 *
 *     control.c            the thread, its session, its events
 *     control_txn.c        commands to transactions, transactions to answers
 *     control_publish.c    putting a snapshot in force; quarantines; new routes
 *     control_directory.c  the directory of services and members in the statistics
 *     control_evidence.c   suspicions against backends
 *
 * Everything here runs on the control thread.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "channel/message.h"
#include "channel/session.h"
#include "dataplane/dataplane.h"
#include "dataplane/token_bucket.h"
#include "service/state.h"

/** Most commands of one transaction: the largest desired state, twice. */
#define CONTROL_MAX_COMMANDS (2U * (SERVICE_MAX + (1U << 20)))
/** A transaction must be committed so soon after it began. */
#define CONTROL_TXN_TIMEOUT_MS 10000
/** Answers that wait for room in their ring: one command and one time-out after it give at most two. */
#define CONTROL_MAX_ANSWERS 2
/** Lines that the daemon can make us log: at once, and a second. */
#define CONTROL_LOG_BURST 50
#define CONTROL_LOG_RATE 5
/** Routes that failed are asked for again at most so often: it goes through all members. */
#define CONTROL_REROUTE_MS 1000
/** Batches in quarantine that are told apart; more are merged. */
#define CONTROL_MAX_BATCHES 64

/** A transaction under way. */
struct control_txn {
	uint64_t id;	      /**< The daemon's number; 0: none is under way. */
	struct txn *txn;      /**< NULL: it has failed already; the rest is read and ignored. */
	uint32_t nb_commands; /**< So far. */
	uint64_t deadline_ms;
};

/** What one transaction removed, until every sweep has passed. */
struct control_batch {
	uint64_t number;
	uint64_t sweeps[CONFIG_MAX_WORKERS]; /**< It is over when each worker has reached this. */
};

struct advertise;
struct suspects;

struct control {
	struct dataplane *dp;
	struct state *state;
	struct session_server *server;
	struct stats_header *header; /**< Of the statistics region. */
	uint64_t generation;	     /**< In force. */
	struct control_txn txn;
	uint32_t nb_answers; /**< Not sent yet; no command is taken meanwhile. */
	struct message answers[CONTROL_MAX_ANSWERS];
	struct token_bucket log; /**< Of lines that the daemon causes. */
	uint64_t nb_unlogged;
	uint32_t nb_batches;
	struct control_batch batches[CONTROL_MAX_BATCHES];
	struct suspects *suspects;
	struct advertise *advertise; /**< NULL: VIPs are not advertised. */
	uint16_t sign_worker;	     /**< Whose signs are taken next. */
	bool reroute;		     /**< Routes are to be asked for again. */
	uint64_t reroute_due_ms;     /**< Not before. */
	pthread_t thread;
	bool started;
};

/** Milliseconds of CLOCK_MONOTONIC. */
uint64_t control_now_ms(void);

/** May a line that the daemon caused be logged? What was not is counted and told later. */
bool control_may_log(struct control *c);

/* control_txn.c */

/** Send the answers that wait. @return true: none waits any more. */
bool control_send_answers(struct control *c);

/** A command from the ring, envelope checked. */
void control_command(struct control *c, const struct message *m);
/** Forget the transaction under way, if any, without an answer (the session has ended). */
void control_txn_drop(struct control *c);
/** End it with an answer if its time is over. */
void control_txn_timeout(struct control *c);

/* control_publish.c */

/**
 * Put a snapshot in force: publish it and wait until every worker and the main lcore
 * have moved on. Sleeps meanwhile; lcores that end go offline, so it returns then, too.
 */
void control_publish(struct control *c, const struct snapshot *snapshot);
/** Something was removed: note when its quarantine may end. */
void control_quarantine_begin(struct control *c);
/** End the quarantines that are over. */
void control_quarantine_check(struct control *c);
/**
 * Find routes for members that got none because every next hop was taken: those of removed
 * backends become free a moment after a transaction has replaced many. (Interfaces and
 * gateways do not change while we run, so there is no other cause that could pass.)
 */
void control_reroute_check(struct control *c);

/* control_evidence.c */

/**
 * The next suspicion that the daemon should hear of.
 * @param budget Of signs to look at; what is left of it is written back.
 * @return false: there is none, or the budget is spent.
 */
bool control_next_suspicion(struct control *c, uint32_t *budget, struct message *m);

/* control_directory.c: hooks of state.h; context is struct control. */

void control_service_changed(void *context, uint16_t id, const struct service_conf *conf,
		const struct snapshot_service *service);
void control_service_freed(void *context, uint16_t id);
void control_member_changed(void *context, uint32_t stats, uint16_t service_id, uint16_t member,
		const struct backend_conf *conf, bool routed);
void control_slots_changed(void *context, uint32_t stats, uint32_t slots);
void control_member_freed(void *context, uint32_t stats);

#endif
