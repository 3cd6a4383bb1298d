/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_STORE_SQL_H
#define DAEMON_STORE_SQL_H

/**
 * @file
 * SQLite for store*.c: statements as calls, errors as one text. Not for others.
 *
 * Thread safety: as store.h.
 */

#include <sqlite3.h>
#include <stdint.h>

#include "base/compiler.h"

#include "controlplane/daemon/store.h"

struct store {
	sqlite3 *db;
	char error[512];
};

/** Note SQLite's error with what was being done. @return -EIO. */
int store_fail(struct store *store, const char *doing);

/** Run SQL without parameters or results. @return 0 or -EIO. */
MUST_CHECK int store_exec(struct store *store, const char *sql, const char *doing);

/** @return a statement to bind; NULL: store_fail() was called. */
sqlite3_stmt *store_prepare(struct store *store, const char *sql, const char *doing);

/** Step a statement that has no rows, and free it. @return 0 or -EIO. */
MUST_CHECK int store_run(struct store *store, sqlite3_stmt *statement, const char *doing);

/** Begin a write transaction. @return 0 or -EIO. */
MUST_CHECK int store_begin(struct store *store);
/** Commit if @p ret is 0, else roll back. @return 0, or -EIO. */
MUST_CHECK int store_end(struct store *store, int ret);

/** Bind text; NULL is SQL NULL. The text must live until the statement has run. */
void store_bind_text(sqlite3_stmt *statement, int at, const char *text);

/** A column's text; NULL for SQL NULL. Valid until the next step. */
const char *store_text(sqlite3_stmt *statement, int column);

/* Single values by name: the table meta. Return 0 or -EIO where nothing else is said. */

/** @p value is untouched if there is none. */
MUST_CHECK int store_meta_get(struct store *store, const char *key, uint64_t *value);
MUST_CHECK int store_meta_set(struct store *store, const char *key, uint64_t value);
/** @return a new reference, json_null() if there is none; NULL: it cannot be read. */
json_t *store_meta_get_json(struct store *store, const char *key);
MUST_CHECK int store_meta_set_json(struct store *store, const char *key, const json_t *value);

/** Write what is to be confirmed, within a transaction. @return 0 or -EIO. */
MUST_CHECK int store_confirm_write(struct store *store, const struct confirm_state *confirm);
/** @return 0 or -EIO. */
MUST_CHECK int store_confirm_load(struct store *store, struct confirm_state *out);

/** A list of a statement's rows. Frees the statement. @return NULL: store_fail() was called. */
json_t *store_collect(struct store *store, sqlite3_stmt *s, json_t *(*row)(sqlite3_stmt *s));

/* The audit trail; each within a transaction of the caller's. Return 0 or -EIO. */

/**
 * Add a record.
 * @param record An object, taken; gets its seq and time here.
 * @param of     The record that it ends; 0: none.
 * @param seq    Filled; NULL: not asked for.
 */
MUST_CHECK int store_trail_add(struct store *store, json_t *record, int64_t of, int64_t *seq);
/** A change begins: its intent. */
MUST_CHECK int store_audit_begin(struct store *store, const struct store_change *change,
		uint64_t revision, int64_t *audit_id);
/** How it ended. */
MUST_CHECK int store_audit_finish(
		struct store *store, int64_t audit_id, const char *result, const char *detail);
/** What began and ended at once. @param kind "observed", "refused". */
MUST_CHECK int store_audit_note(struct store *store, const struct store_change *change,
		uint64_t revision, const char *kind, const char *result, const char *detail);

#endif
