/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Single values by name: the table meta.
 */
#include <errno.h>
#include <stdlib.h>

#include "controlplane/daemon/store_sql.h"

/** @return a statement on the value of @p key; NULL: store_fail() was called. */
static sqlite3_stmt *
prepare_get(struct store *store, const char *key)
{
	sqlite3_stmt *s = store_prepare(store, "SELECT value FROM meta WHERE key = ?", "read");

	if (s != NULL)
		store_bind_text(s, 1, key);
	return s;
}

int
store_meta_get(struct store *store, const char *key, uint64_t *value)
{
	sqlite3_stmt *s = prepare_get(store, key);
	int ret = 0, step;

	if (s == NULL)
		return -EIO;
	step = sqlite3_step(s);
	if (step == SQLITE_ROW)
		*value = (uint64_t)sqlite3_column_int64(s, 0);
	else if (step != SQLITE_DONE)
		ret = store_fail(store, "read");
	sqlite3_finalize(s);
	return ret;
}

int
store_meta_set(struct store *store, const char *key, uint64_t value)
{
	sqlite3_stmt *s = store_prepare(store, "INSERT OR REPLACE INTO meta VALUES(?, ?)", "write");

	if (s == NULL)
		return -EIO;
	store_bind_text(s, 1, key);
	sqlite3_bind_int64(s, 2, (sqlite3_int64)value);
	return store_run(store, s, "write");
}

json_t *
store_meta_get_json(struct store *store, const char *key)
{
	sqlite3_stmt *s = prepare_get(store, key);
	json_t *json = NULL;
	const char *text;
	int step;

	if (s == NULL)
		return NULL;
	step = sqlite3_step(s);
	text = step == SQLITE_ROW ? store_text(s, 0) : NULL;
	if (text != NULL)
		json = json_loads(text, 0, NULL);
	else if (step == SQLITE_DONE)
		json = json_null();
	if (step != SQLITE_ROW && step != SQLITE_DONE)
		store_fail(store, "read");
	else if (json == NULL)
		snprintf(store->error, sizeof(store->error), "%s makes no sense", key);
	sqlite3_finalize(s);
	return json;
}

int
store_meta_set_json(struct store *store, const char *key, const json_t *value)
{
	sqlite3_stmt *s = store_prepare(store, "INSERT OR REPLACE INTO meta VALUES(?, ?)", "write");
	char *text = json_dumps(value, JSON_COMPACT);
	int ret;

	if (s == NULL) {
		free(text);
		return -EIO;
	}
	store_bind_text(s, 1, key);
	store_bind_text(s, 2, text);
	ret = store_run(store, s, "write");
	free(text);
	return ret;
}
