/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The change that waits to be confirmed: one row of meta, there only while one waits, so
 * that it is undone in time also by a daemon that was started meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/daemon/store_sql.h"

int
store_confirm_write(struct store *store, const struct confirm_state *confirm)
{
	sqlite3_stmt *s;
	char *text;
	json_t *json;
	int ret;

	if (confirm->revision == 0)
		return store_exec(store, "DELETE FROM meta WHERE key = 'confirm'", "write");
	json = json_pack("{s:I, s:I, s:s}", "revision", (json_int_t)confirm->revision,
			"deadline_ms", (json_int_t)confirm->deadline_ms, "by", confirm->by);
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	s = store_prepare(store, "INSERT OR REPLACE INTO meta VALUES('confirm', ?)", "write");
	if (s != NULL)
		store_bind_text(s, 1, text);
	ret = s != NULL ? store_run(store, s, "write") : -EIO;
	free(text);
	return ret;
}

static int
parse(const char *text, struct confirm_state *out)
{
	json_t *json = text != NULL ? json_loads(text, 0, NULL) : NULL;
	json_int_t revision, deadline_ms;
	const char *by;
	int ret = json_unpack(json, "{s:I, s:I, s:s}", "revision", &revision, "deadline_ms",
			&deadline_ms, "by", &by);

	if (ret == 0 && revision > 0) {
		out->revision = (uint64_t)revision;
		out->deadline_ms = deadline_ms;
		snprintf(out->by, sizeof(out->by), "%s", by);
	}
	json_decref(json);
	return ret == 0 && revision > 0 ? 0 : -EINVAL;
}

int
store_confirm_load(struct store *store, struct confirm_state *out)
{
	sqlite3_stmt *s = store_prepare(
			store, "SELECT value FROM meta WHERE key = 'confirm'", "read");
	int ret = 0, step;

	memset(out, 0, sizeof(*out));
	if (s == NULL)
		return -EIO;
	step = sqlite3_step(s);
	if (step == SQLITE_ROW && parse(store_text(s, 0), out) != 0) {
		snprintf(store->error, sizeof(store->error),
				"the change that waits to be confirmed makes no sense");
		ret = -EIO;
	} else if (step != SQLITE_ROW && step != SQLITE_DONE) {
		ret = store_fail(store, "read");
	}
	sqlite3_finalize(s);
	return ret;
}
