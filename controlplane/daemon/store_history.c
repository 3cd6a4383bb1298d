/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The history of configurations.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/store_sql.h"

/* Columns as JSON. */

static json_t *
column_text(sqlite3_stmt *s, int column)
{
	const char *text = store_text(s, column);

	return text != NULL ? json_string(text) : json_null();
}

static json_t *
column_time(sqlite3_stmt *s, int column)
{
	char text[CLOCK_TEXT_SIZE];

	if (sqlite3_column_type(s, column) == SQLITE_NULL)
		return json_null();
	return json_string(clock_format(sqlite3_column_int64(s, column), text));
}

static json_t *
column_json(sqlite3_stmt *s, int column)
{
	const char *text = store_text(s, column);
	json_t *json = text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	return json != NULL ? json : json_null();
}

json_t *
store_collect(struct store *store, sqlite3_stmt *s, json_t *(*row)(sqlite3_stmt *s))
{
	json_t *list = json_array();
	int step;

	while ((step = sqlite3_step(s)) == SQLITE_ROW)
		json_array_append_new(list, row(s));
	if (step != SQLITE_DONE) {
		store_fail(store, "read");
		json_decref(list);
		list = NULL;
	}
	sqlite3_finalize(s);
	return list;
}

static json_t *
revision_row(sqlite3_stmt *s)
{
	return json_pack("{s:I, s:o, s:o, s:I, s:I, s:b, s:b}", "revision",
			(json_int_t)sqlite3_column_int64(s, 0), "at", column_time(s, 1), "action",
			column_text(s, 2), "services", (json_int_t)sqlite3_column_int64(s, 3),
			"backends", (json_int_t)sqlite3_column_int64(s, 4), "current",
			sqlite3_column_int(s, 5), "refused", sqlite3_column_int(s, 6));
}

static json_t *
revision_row_with_config(sqlite3_stmt *s)
{
	json_t *json = revision_row(s);

	json_object_set_new(json, "config", column_json(s, 7));
	return json;
}

#define REVISION_COLUMNS                                                                      \
	"SELECT revision, at, action, services, backends, revision = (SELECT value FROM meta" \
	" WHERE key = 'revision'), refused"

json_t *
store_revisions(struct store *store, unsigned int limit)
{
	sqlite3_stmt *s = store_prepare(store,
			REVISION_COLUMNS " FROM revision ORDER BY revision DESC LIMIT ?", "read");
	json_t *list;

	if (s == NULL)
		return NULL;
	sqlite3_bind_int64(s, 1, limit);
	list = store_collect(store, s, revision_row);
	return list != NULL ? json_pack("{s:o}", "revisions", list) : NULL;
}

json_t *
store_revision(struct store *store, uint64_t revision)
{
	sqlite3_stmt *s = store_prepare(store,
			REVISION_COLUMNS ", config FROM revision WHERE revision = ?", "read");
	json_t *list, *first;

	if (s == NULL)
		return NULL;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)revision);
	list = store_collect(store, s, revision_row_with_config);
	if (list == NULL)
		return NULL;
	first = json_array_size(list) > 0 ? json_incref(json_array_get(list, 0)) : json_null();
	json_decref(list);
	return first;
}
