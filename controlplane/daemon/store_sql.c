/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/store_sql.h"

#include <errno.h>
#include <stdio.h>

int
store_fail(struct store *store, const char *doing)
{
	snprintf(store->error, sizeof(store->error), "%s: %s", doing, sqlite3_errmsg(store->db));
	return -EIO;
}

int
store_exec(struct store *store, const char *sql, const char *doing)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_fail(store, doing);
	return 0;
}

sqlite3_stmt *
store_prepare(struct store *store, const char *sql, const char *doing)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK) {
		store_fail(store, doing);
		return NULL;
	}
	return statement;
}

int
store_run(struct store *store, sqlite3_stmt *statement, const char *doing)
{
	int ret = 0;

	if (sqlite3_step(statement) != SQLITE_DONE)
		ret = store_fail(store, doing);
	sqlite3_finalize(statement);
	return ret;
}

int
store_begin(struct store *store)
{
	return store_exec(store, "BEGIN IMMEDIATE", "begin");
}

int
store_end(struct store *store, int ret)
{
	if (ret == 0)
		ret = store_exec(store, "COMMIT", "commit");
	/* After some errors SQLite has rolled back by itself; then there is nothing to do. */
	if (ret != 0 && sqlite3_get_autocommit(store->db) == 0)
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return ret;
}

void
store_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	if (text == NULL)
		sqlite3_bind_null(statement, at);
	else
		sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

const char *
store_text(sqlite3_stmt *statement, int column)
{
	return (const char *)sqlite3_column_text(statement, column);
}
