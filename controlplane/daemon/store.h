/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

/**
 * @file
 * What outlives the daemon: the configuration with its history, the overrides, the
 * state of the balancer and the audit trail, in one SQLite database (WAL, synchronous=FULL: what a function
 * has stored survives kill -9 and power loss, where nothing else is said).
 *
 * A change is one database transaction: the intent in the audit trail, the new
 * configuration as a revision, the new overrides; all or nothing. Its end is
 * written afterwards by store_finish(); store_take_back() undoes a change that
 * the dataplane refused.
 *
 * Thread safety: the main thread only.
 * Errors: functions return 0 or -EIO after filling the store's error text.
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "controlplane/daemon/balancer_state.h"
#include "controlplane/daemon/config.h"
#include "controlplane/daemon/confirm_state.h"
#include "controlplane/daemon/override.h"
#include "controlplane/daemon/trail.h"

struct store;

/** Who does something. */
struct actor {
	int64_t uid; /**< ACTOR_DAEMON, ACTOR_CERTIFICATE, or a user. */
	int64_t pid;
	char user[256];	 /**< Name of uid, "" if it has none; subject of a certificate. */
	char origin[80]; /**< "pid 812", "192.0.2.7:40123". */
};

#define ACTOR_DAEMON (-1)
#define ACTOR_CERTIFICATE (-2)

/** A change, as it is written down. */
struct store_change {
	const struct actor *actor;
	const char *action; /**< "config.apply", … */
	const char *target;
	json_t *before; /**< Borrowed; NULL: null. */
	json_t *after;
	struct config *config;		       /**< New configuration; NULL: stays. */
	struct overrides *overrides;	       /**< New overrides; NULL: stay. */
	const struct balancer_state *balancer; /**< New state of the balancer; NULL: stays. */
	const struct confirm_state *confirm;   /**< What is to be confirmed now; NULL: stays. */
};

/** What is current. */
struct store_state {
	struct config *config;	     /**< One reference. */
	struct overrides *overrides; /**< One reference. */
	struct balancer_state balancer;
	struct confirm_state confirm;
	uint64_t revision;  /**< 0: nothing was ever applied. */
	int64_t applied_ms; /**< Unix time of the revision. */
};

/**
 * Open, or make, the database; check it.
 * @param error Filled on failure: what is wrong and what to do.
 * @return NULL: see @p error.
 */
struct store *store_open(const char *path, char *error, size_t error_size);
void store_close(struct store *store); /**< Legal with NULL. */

/** Why the last function failed; never NULL. */
const char *store_error(const struct store *store);

/** Read the current state. @return 0; -EIO. */
MUST_CHECK int store_load(struct store *store, struct store_state *out);

/**
 * Write a change.
 * @param audit_id Filled: names the change in store_finish().
 * @param revision Filled: the revision that is current now.
 * @return 0; -EIO: nothing was changed.
 */
MUST_CHECK int store_write(struct store *store, const struct store_change *change,
		int64_t *audit_id, uint64_t *revision);

/**
 * Write down what was observed, or refused: a record of the audit trail that has begun and ended
 * with @p result. It does not wait for the disk: it survives kill -9, but if power is lost at
 * that moment it may be missing.
 * @param change Without config and overrides. @param kind "observed", "refused".
 * @return 0; -EIO.
 */
MUST_CHECK int store_note(struct store *store, const struct store_change *change, const char *kind,
		const char *result, const char *detail);

/** How a change ended. @param result "in_force", "stored", … @param detail Not NULL. @return 0; -EIO. */
MUST_CHECK int store_finish(
		struct store *store, int64_t audit_id, const char *result, const char *detail);

/**
 * Undo a change: @p before is current again, under its own revision; revision
 * @p refused stays in the history, marked.
 */
MUST_CHECK int store_take_back(struct store *store, const struct store_state *before,
		uint64_t refused, int64_t audit_id, const char *detail);

/**
 * The configuration of a revision in the history.
 * @return one reference; NULL: see store_error(); *@p kept is false if there is no such revision.
 */
struct config *store_config(struct store *store, uint64_t revision, bool *kept);

/** The newest revision before @p revision that was not refused. @return 0: none is kept. */
uint64_t store_revision_before(struct store *store, uint64_t revision);

/**
 * Was the last configuration that was applied from file @p path the same as @p config?
 * @return 1 yes, 0 no, -EIO.
 */
MUST_CHECK int store_file_is_known(
		struct store *store, const char *path, const struct config *config);

/**
 * Remember that @p path was applied with @p config. Called after the change has succeeded:
 * if the daemon dies before, the file is simply applied again.
 */
MUST_CHECK int store_file_note(struct store *store, const char *path, const struct config *config);

/* Reading the past. Each returns a new reference, or NULL: see store_error(). */

/** @param before Entries with a smaller id only; 0: all. */
json_t *store_audit(struct store *store, unsigned int limit, int64_t before);
/** Records as they are, the oldest first: [{"hash", "record"}, …]. */
json_t *store_trail_export(struct store *store, uint64_t from, unsigned int limit);
json_t *store_revisions(struct store *store, unsigned int limit);
/** The object with its config; json_null() if there is none. */
json_t *store_revision(struct store *store, uint64_t revision);

/* The audit trail's chain (trail.h). */

/** What is kept beside the trail: the last signed head, and where pruned records ended. */
#define TRAIL_HEAD "audit_head"
#define TRAIL_HEAD_DOUBTED "audit_head_doubted"
#define TRAIL_CHECKPOINT "audit_checkpoint"

/** Where the trail ends now. @return 0; -EIO. */
MUST_CHECK int store_trail_last(struct store *store, struct trail_place *out);
/** @return 0; -ENOENT: no such record; -EIO. */
MUST_CHECK int store_trail_place(struct store *store, uint64_t seq, struct trail_place *out);
/** @return a new reference, json_null() if there is none; NULL: see store_error(). */
json_t *store_trail_note(struct store *store, const char *name);
/**
 * Keep a signed head. What was noted before is on the disk, too, when this returns.
 * @param keep False: beside the head that the trail is known to contradict. @return 0; -EIO.
 */
MUST_CHECK int store_trail_set_head(struct store *store, const json_t *head, bool keep);
/** Forget the records up to @p up_to, which @p checkpoint names; both or neither. */
MUST_CHECK int store_trail_prune(struct store *store, uint64_t up_to, const json_t *checkpoint);

#endif
