/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Opening: the schema is made at first, and known by user_version from then on. A
 * database of a later version, one that is none, and one that is damaged are refused
 * with what to do; nothing is repaired or deleted by itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/store_sql.h"

#define STORE_VERSION 2

#define TRAIL_SCHEMA                                              \
	"CREATE TABLE trail(seq INTEGER PRIMARY KEY, of INTEGER," \
	" record TEXT NOT NULL, hash BLOB NOT NULL);"             \
	"CREATE INDEX trail_of ON trail(of) WHERE of IS NOT NULL;"

static const char schema[] =
		"BEGIN IMMEDIATE;"
		"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
		"CREATE TABLE revision(revision INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
		" action TEXT NOT NULL, services INTEGER NOT NULL, backends INTEGER NOT NULL,"
		" refused INTEGER NOT NULL DEFAULT 0, config TEXT NOT NULL);"
		"CREATE TABLE override(service TEXT NOT NULL, backend TEXT NOT NULL, state TEXT,"
		" weight INTEGER, since INTEGER NOT NULL, by TEXT NOT NULL,"
		" PRIMARY KEY(service, backend)) WITHOUT ROWID;"
		"INSERT INTO meta VALUES('revision', 0), ('last_revision', 0);" TRAIL_SCHEMA
		"PRAGMA application_id = 1198941251;" /* "GvdC" */
		"PRAGMA user_version = 2;"
		"COMMIT;";

/** @return the pragma's integer, or -1. */
static int64_t
pragma(struct store *store, const char *sql)
{
	sqlite3_stmt *statement = store_prepare(store, sql, "open");
	int64_t value = -1;

	if (statement == NULL)
		return -1;
	if (sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int64(statement, 0);
	else
		store_fail(store, "open");
	sqlite3_finalize(statement);
	return value;
}

static int
check_damage(struct store *store)
{
	sqlite3_stmt *statement = store_prepare(store, "PRAGMA quick_check(1)", "check");
	int ret = 0;

	if (statement == NULL)
		return -EIO;
	if (sqlite3_step(statement) != SQLITE_ROW) {
		ret = store_fail(store, "check");
	} else if (strcmp(store_text(statement, 0), "ok") != 0) {
		snprintf(store->error, sizeof(store->error), "damaged: %.400s",
				store_text(statement, 0));
		ret = -EIO;
	}
	sqlite3_finalize(statement);
	return ret;
}

/** An entry of version 1 as the record of a chain: whole, since it has ended long ago. */
static json_t *
old_record(sqlite3_stmt *s)
{
	char at[CLOCK_TEXT_SIZE];
	json_t *before = store_text(s, 6) != NULL
			? json_loads(store_text(s, 6), JSON_DECODE_ANY, NULL)
			: json_null();
	json_t *after = store_text(s, 7) != NULL
			? json_loads(store_text(s, 7), JSON_DECODE_ANY, NULL)
			: json_null();

	return json_pack("{s:s, s:s, s:I, s:s?, s:I, s:s?, s:s?, s:o, s:o, s:I, s:s?, s:s?}",
			"kind", "imported", "was_at", clock_format(sqlite3_column_int64(s, 0), at),
			"uid", (json_int_t)sqlite3_column_int64(s, 1), "user", store_text(s, 3),
			"pid", (json_int_t)sqlite3_column_int64(s, 2), "action", store_text(s, 4),
			"target", store_text(s, 5), "before", before, "after", after, "revision",
			(json_int_t)sqlite3_column_int64(s, 8), "result", store_text(s, 9),
			"detail", store_text(s, 10));
}

/** Version 1 had a trail without a chain: it begins with what was there. */
static int
migrate(struct store *store)
{
	sqlite3_stmt *s;
	int ret = store_begin(store), step;

	if (ret == 0)
		ret = store_exec(store, TRAIL_SCHEMA, "bring to version 2");
	s = ret == 0 ? store_prepare(store,
				       "SELECT at, uid, pid, user, action, target, before, after,"
				       " revision, result, detail FROM audit ORDER BY id",
				       "bring to version 2")
		     : NULL;
	if (ret == 0 && s == NULL)
		ret = -EIO;
	while (ret == 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
		ret = store_trail_add(store, old_record(s), 0, NULL);
	if (ret == 0 && step != SQLITE_DONE)
		ret = store_fail(store, "bring to version 2");
	sqlite3_finalize(s);
	if (ret == 0)
		ret = store_exec(store, "DROP TABLE audit; PRAGMA user_version = 2",
				"bring to version 2");
	return store_end(store, ret);
}

static int
prepare_database(struct store *store)
{
	int64_t version;

	sqlite3_busy_timeout(store->db, 2000);
	if (store_exec(store,
			    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			    "PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 4194304",
			    "open") != 0)
		return -EIO;
	version = pragma(store, "PRAGMA user_version");
	if (version < 0)
		return -EIO;
	if (version > STORE_VERSION) {
		snprintf(store->error, sizeof(store->error),
				"made by a later guidewayd (version %lld, this one knows %d)",
				(long long)version, STORE_VERSION);
		return -EIO;
	}
	if (version == 0)
		return store_exec(store, schema, "make the tables");
	if (check_damage(store) != 0)
		return -EIO;
	return version < STORE_VERSION ? migrate(store) : 0;
}

struct store *
store_open(const char *path, char *error, size_t error_size)
{
	struct store *store = calloc(1, sizeof(*store));
	mode_t mask;
	int ret;

	if (store == NULL) {
		snprintf(error, error_size, "%s: out of memory", path);
		return NULL;
	}
	mask = umask(0077);
	ret = sqlite3_open_v2(path, &store->db,
			SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);
	if (ret != SQLITE_OK)
		ret = store_fail(store, "open");
	else
		ret = prepare_database(store);
	umask(mask);
	if (ret == 0)
		return store;
	snprintf(error, error_size,
			"%s: %s. The dataplane goes on as it is. Free space, correct permissions or restore "
			"a copy; or move the file away to start from guideway.yaml alone",
			path, store->error);
	store_close(store);
	return NULL;
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	sqlite3_close(store->db);
	free(store);
}

const char *
store_error(const struct store *store)
{
	return store->error;
}
