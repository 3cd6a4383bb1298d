/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/daemon/audit_verify.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/job.h"
#include "controlplane/daemon/store.h"

struct audit_verify {
	struct audit_verify_conf conf;
	struct job job;
	/* The thread's, until it is done. */
	sqlite3 *db;
	struct trail_place place; /* So far. */
	struct trail_place head;  /* As it was signed last. */
	uint64_t first;
	uint64_t nb;
	bool found; /* What was expected has been met. */
	uint64_t bad_seq;
	char why[256];
};

static bool PRINTF_LIKE(3, 4) bad(struct audit_verify *v, uint64_t seq, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(v->why, sizeof(v->why), format, args);
	va_end(args);
	v->bad_seq = seq;
	return false;
}

/** A signed place in meta. @return false: there is one, but it does not hold. */
static bool
read_note(struct audit_verify *v, const char *name, struct trail_place *out)
{
	sqlite3_stmt *s = NULL;
	const char *hash = NULL, *at = NULL, *signature = NULL;
	json_t *json = NULL;
	json_int_t seq = 0;
	bool good = true;

	memset(out, 0, sizeof(*out));
	if (sqlite3_prepare_v2(v->db, "SELECT value FROM meta WHERE key = ?", -1, &s, NULL) !=
			SQLITE_OK)
		return bad(v, 0, "%s", sqlite3_errmsg(v->db));
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	if (sqlite3_step(s) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 0);

		json = text != NULL ? json_loads(text, 0, NULL) : NULL;
		good = json_unpack(json, "{s:I, s:s, s:s, s:s}", "seq", &seq, "hash", &hash, "at",
				       &at, "signature", &signature) == 0 &&
				trail_hash_parse(hash, out->hash) == 0;
		out->seq = (uint64_t)seq;
		good = good && audit_key_verify(v->conf.key, out, at, signature);
	}
	json_decref(json);
	sqlite3_finalize(s);
	return good || bad(v, out->seq, "the stored %s is not signed by this key", name);
}

static bool
check_row(struct audit_verify *v, sqlite3_stmt *s)
{
	uint64_t seq = (uint64_t)sqlite3_column_int64(s, 0);
	const char *record = (const char *)sqlite3_column_text(s, 1);
	size_t len = (size_t)sqlite3_column_bytes(s, 1);
	json_t *json;
	bool names_itself;

	if (seq != v->place.seq + 1)
		return bad(v, v->place.seq + 1, "the record is missing: the next one is %" PRIu64,
				seq);
	trail_extend(&v->place, record != NULL ? record : "", len);
	if (sqlite3_column_bytes(s, 2) != TRAIL_HASH_SIZE ||
			memcmp(sqlite3_column_blob(s, 2), v->place.hash, TRAIL_HASH_SIZE) != 0)
		return bad(v, seq, "its hash is not that of the record and what was before");
	json = json_loads(record != NULL ? record : "", 0, NULL);
	names_itself = json_integer_value(json_object_get(json, "seq")) == (json_int_t)seq;
	json_decref(json);
	if (!names_itself)
		return bad(v, seq, "the record says that it is another one");
	v->nb++;
	if (seq == v->head.seq && memcmp(v->head.hash, v->place.hash, TRAIL_HASH_SIZE) != 0)
		return bad(v, seq,
				"its hash is not that of the signed head: the trail was made anew");
	if (v->conf.expected.seq != seq)
		return true;
	v->found = true;
	if (memcmp(v->conf.expected.hash, v->place.hash, TRAIL_HASH_SIZE) == 0)
		return true;
	return bad(v, seq, "its hash is not the expected one: the trail was made anew");
}

static bool
walk(struct audit_verify *v)
{
	sqlite3_stmt *s = NULL;
	bool good = true;
	int step;

	if (sqlite3_prepare_v2(v->db, "SELECT seq, record, hash FROM trail ORDER BY seq", -1, &s,
			    NULL) != SQLITE_OK)
		return bad(v, 0, "%s", sqlite3_errmsg(v->db));
	while ((step = sqlite3_step(s)) == SQLITE_ROW && good && !job_is_cancelled(&v->job))
		good = check_row(v, s);
	if (good && step != SQLITE_DONE)
		good = bad(v, v->place.seq + 1, "%s", sqlite3_errmsg(v->db));
	sqlite3_finalize(s);
	return good;
}

static bool
verify(struct audit_verify *v)
{
	struct trail_place checkpoint;

	/* One state of the database for all of it. */
	if (sqlite3_exec(v->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return bad(v, 0, "%s", sqlite3_errmsg(v->db));
	if (!read_note(v, TRAIL_CHECKPOINT, &checkpoint) || !read_note(v, TRAIL_HEAD, &v->head))
		return false;
	v->place = checkpoint;
	v->first = checkpoint.seq + 1;
	v->found = v->conf.expected.seq == 0 ||
			(v->conf.expected.seq == checkpoint.seq &&
					memcmp(v->conf.expected.hash, checkpoint.hash,
							TRAIL_HASH_SIZE) == 0);
	if (!walk(v))
		return false;
	if (v->head.seq > v->place.seq)
		return bad(v, v->place.seq + 1, "the trail is cut off: the signed head is %" PRIu64,
				v->head.seq);
	if (v->found)
		return true;
	if (v->conf.expected.seq < v->first)
		return bad(v, v->conf.expected.seq,
				"it is not kept any more: the first one is %" PRIu64, v->first);
	return bad(v, v->place.seq + 1, "the trail is cut off: %" PRIu64 " is expected in it",
			v->conf.expected.seq);
}

static void
run(void *context)
{
	struct audit_verify *v = context;

	if (sqlite3_open_v2(v->conf.path, &v->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW,
			    NULL) != SQLITE_OK) {
		bad(v, 0, "%s", v->db != NULL ? sqlite3_errmsg(v->db) : "out of memory");
	} else {
		sqlite3_busy_timeout(v->db, 2000);
		verify(v);
	}
	sqlite3_close(v->db);
}

static void
on_done(void *context)
{
	const struct audit_verify *v = context;

	v->conf.done(v->conf.context);
}

struct audit_verify *
audit_verify_start(const struct audit_verify_conf *conf)
{
	struct audit_verify *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->conf = *conf;
	v->job = (struct job){ .loop = conf->loop, .run = run, .done = on_done, .context = v };
	if (job_start(&v->job) == 0)
		return v;
	free(v);
	return NULL;
}

void
audit_verify_end(struct audit_verify *v)
{
	if (v == NULL)
		return;
	job_end(&v->job);
	free(v);
}

json_t *
audit_verify_view(const struct audit_verify *v)
{
	char hash[TRAIL_HASH_TEXT];
	bool good = v->why[0] == '\0';

	return json_pack("{s:b, s:I, s:I, s:s, s:I, s:o, s:s}", "good", good, "first",
			(json_int_t)v->first, "last", (json_int_t)v->place.seq, "hash",
			trail_hash_format(v->place.hash, hash), "records", (json_int_t)v->nb,
			"bad_seq", good ? json_null() : json_integer((json_int_t)v->bad_seq), "why",
			v->why);
}
