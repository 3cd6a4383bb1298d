/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The audit trail: rows that are only added. What begins and what ends a change are records
 * of their own, so that nothing that was hashed is written again. The last row is read before
 * each new one, within the transaction: a change that is rolled back leaves no trace in memory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/clock.h"
#include "controlplane/daemon/json_text.h"
#include "controlplane/daemon/store_sql.h"

int
store_trail_last(struct store *store, struct trail_place *out)
{
	sqlite3_stmt *s = store_prepare(
			store, "SELECT seq, hash FROM trail ORDER BY seq DESC LIMIT 1", "audit");
	int ret = 0, step;

	memset(out, 0, sizeof(*out));
	if (s == NULL)
		return -EIO;
	step = sqlite3_step(s);
	if (step == SQLITE_ROW && sqlite3_column_bytes(s, 1) == TRAIL_HASH_SIZE) {
		out->seq = (uint64_t)sqlite3_column_int64(s, 0);
		memcpy(out->hash, sqlite3_column_blob(s, 1), TRAIL_HASH_SIZE);
	} else if (step == SQLITE_ROW) {
		snprintf(store->error, sizeof(store->error),
				"audit: the last record makes no sense");
		ret = -EIO;
	} else if (step != SQLITE_DONE) {
		ret = store_fail(store, "audit");
	}
	sqlite3_finalize(s);
	return ret;
}

static int
insert(struct store *store, const struct trail_place *place, int64_t of, const char *record)
{
	sqlite3_stmt *s = store_prepare(store,
			"INSERT INTO trail(seq, of, record, hash) VALUES(?, ?, ?, ?)", "audit");

	if (s == NULL)
		return -EIO;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)place->seq);
	if (of != 0)
		sqlite3_bind_int64(s, 2, of);
	store_bind_text(s, 3, record);
	sqlite3_bind_blob(s, 4, place->hash, TRAIL_HASH_SIZE, SQLITE_STATIC);
	return store_run(store, s, "audit");
}

int
store_trail_add(struct store *store, json_t *record, int64_t of, int64_t *seq)
{
	struct trail_place place;
	char at[CLOCK_TEXT_SIZE], *text = NULL;
	int ret = record != NULL ? store_trail_last(store, &place) : -EIO;

	if (ret == 0) {
		json_object_set_new(record, "seq", json_integer((json_int_t)place.seq + 1));
		json_object_set_new(record, "at", json_string(clock_format(clock_wall_ms(), at)));
		text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
	}
	json_decref(record);
	if (ret == 0 && text == NULL) {
		snprintf(store->error, sizeof(store->error), "out of memory");
		ret = -EIO;
	}
	if (ret == 0) {
		trail_extend(&place, text, strlen(text));
		ret = insert(store, &place, of, text);
	}
	free(text);
	if (ret == 0 && seq != NULL)
		*seq = (int64_t)place.seq;
	return ret;
}

static json_t *
or_null(json_t *value)
{
	return value != NULL ? json_incref(value) : json_null();
}

/** What is said of a change before it is known how it ends. */
static json_t *
begin_record(const struct store_change *change, uint64_t revision, const char *kind)
{
	const struct actor *actor = change->actor;

	return json_pack("{s:s, s:I, s:I, s:o, s:o, s:s, s:o, s:o, s:o, s:I}", "kind", kind, "uid",
			(json_int_t)actor->uid, "pid", (json_int_t)actor->pid, "user",
			json_text(actor->user), "from", json_text(actor->origin), "action",
			change->action, "target", json_text(change->target), "before",
			or_null(change->before), "after", or_null(change->after), "revision",
			(json_int_t)revision);
}

int
store_audit_begin(struct store *store, const struct store_change *change, uint64_t revision,
		int64_t *audit_id)
{
	return store_trail_add(store, begin_record(change, revision, "change"), 0, audit_id);
}

int
store_audit_finish(struct store *store, int64_t audit_id, const char *result, const char *detail)
{
	return store_trail_add(store,
			json_pack("{s:s, s:I, s:s, s:o}", "kind", "result", "of",
					(json_int_t)audit_id, "result", result, "detail",
					json_text(detail)),
			audit_id, NULL);
}

int
store_audit_note(struct store *store, const struct store_change *change, uint64_t revision,
		const char *kind, const char *result, const char *detail)
{
	json_t *record = begin_record(change, revision, kind);

	json_object_set_new(record, "result", json_string(result));
	json_object_set_new(record, "detail", json_text(detail));
	return store_trail_add(store, record, 0, NULL);
}

/* Reading. */

/** One row and its end put together: what GET /v1/audit lists. */
static json_t *
entry_of(sqlite3_stmt *s)
{
	json_t *record = json_loads(store_text(s, 0), 0, NULL);
	json_t *end = store_text(s, 1) != NULL ? json_loads(store_text(s, 1), 0, NULL) : NULL;
	json_t *entry = json_object();
	static const char *const of_record[] = { "at", "kind", "uid", "pid", "user", "from",
		"action", "target", "before", "after", "revision" };
	const json_t *last = end != NULL ? end : record;
	char hash[TRAIL_HASH_TEXT] = "";

	json_object_set(entry, "id", json_object_get(record, "seq"));
	for (size_t i = 0; i < ARRAY_LEN(of_record); i++)
		json_object_set_new(entry, of_record[i],
				or_null(json_object_get(record, of_record[i])));
	if (json_is_string(json_object_get(record, "was_at")))
		json_object_set(entry, "at", json_object_get(record, "was_at"));
	json_object_set_new(entry, "result", or_null(json_object_get(last, "result")));
	json_object_set_new(entry, "detail", or_null(json_object_get(last, "detail")));
	json_object_set_new(entry, "finished_at",
			json_is_string(json_object_get(last, "result"))
					? or_null(json_object_get(last, "at"))
					: json_null());
	if (sqlite3_column_bytes(s, 2) == TRAIL_HASH_SIZE)
		trail_hash_format(sqlite3_column_blob(s, 2), hash);
	json_object_set_new(entry, "hash", json_string(hash));
	json_decref(record);
	json_decref(end);
	return entry;
}

json_t *
store_audit(struct store *store, unsigned int limit, int64_t before)
{
	sqlite3_stmt *s = store_prepare(store,
			"SELECT begin.record, (SELECT record FROM trail WHERE of = begin.seq LIMIT 1),"
			" begin.hash FROM trail AS begin WHERE begin.of IS NULL"
			" AND (?1 = 0 OR begin.seq < ?1) ORDER BY begin.seq DESC LIMIT ?2",
			"read");
	json_t *list;

	if (s == NULL)
		return NULL;
	sqlite3_bind_int64(s, 1, before);
	sqlite3_bind_int64(s, 2, limit);
	list = store_collect(store, s, entry_of);
	return list != NULL ? json_pack("{s:o}", "entries", list) : NULL;
}

static json_t *
exported_row(sqlite3_stmt *s)
{
	char hash[TRAIL_HASH_TEXT] = "";

	if (sqlite3_column_bytes(s, 1) == TRAIL_HASH_SIZE)
		trail_hash_format(sqlite3_column_blob(s, 1), hash);
	return json_pack("{s:s, s:s}", "hash", hash, "record", store_text(s, 0));
}

json_t *
store_trail_export(struct store *store, uint64_t from, unsigned int limit)
{
	sqlite3_stmt *s = store_prepare(store,
			"SELECT record, hash FROM trail WHERE seq >= ? ORDER BY seq LIMIT ?",
			"read");

	if (s == NULL)
		return NULL;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)from);
	sqlite3_bind_int64(s, 2, limit);
	return store_collect(store, s, exported_row);
}

/* Signed heads, and what was pruned. */

json_t *
store_trail_note(struct store *store, const char *name)
{
	return store_meta_get_json(store, name);
}

/* Any commit that waits for the disk takes those before it along. */
int
store_trail_set_head(struct store *store, const json_t *head, bool keep)
{
	return store_meta_set_json(store, keep ? TRAIL_HEAD : TRAIL_HEAD_DOUBTED, head);
}

int
store_trail_place(struct store *store, uint64_t seq, struct trail_place *out)
{
	sqlite3_stmt *s = store_prepare(store, "SELECT hash FROM trail WHERE seq = ?", "audit");
	int ret = -ENOENT;

	if (s == NULL)
		return -EIO;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)seq);
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 0) == TRAIL_HASH_SIZE) {
		out->seq = seq;
		memcpy(out->hash, sqlite3_column_blob(s, 0), TRAIL_HASH_SIZE);
		ret = 0;
	}
	sqlite3_finalize(s);
	return ret;
}

int
store_trail_prune(struct store *store, uint64_t up_to, const json_t *checkpoint)
{
	sqlite3_stmt *s;
	int ret = store_begin(store);

	if (ret == 0)
		ret = store_meta_set_json(store, TRAIL_CHECKPOINT, checkpoint);
	if (ret == 0) {
		s = store_prepare(store, "DELETE FROM trail WHERE seq <= ?", "audit");
		ret = s == NULL ? -EIO : 0;
		if (ret == 0) {
			sqlite3_bind_int64(s, 1, (sqlite3_int64)up_to);
			ret = store_run(store, s, "audit");
		}
	}
	return store_end(store, ret);
}
