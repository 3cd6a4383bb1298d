/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The change that waits to be confirmed: one row of meta, there only while one waits, so
 * that it is undone in time also by a daemon that was started meanwhile.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controlplane/daemon/store_sql.h"

int
store_confirm_write(struct store *store, const struct confirm_state *confirm)
{
	json_t *json;
	int ret;

	if (confirm->revision == 0)
		return store_exec(store, "DELETE FROM meta WHERE key = 'confirm'", "write");
	json = json_pack("{s:I, s:I, s:s}", "revision", (json_int_t)confirm->revision,
			"deadline_ms", (json_int_t)confirm->deadline_ms, "by", confirm->by);
	ret = store_meta_set_json(store, "confirm", json);
	json_decref(json);
	return ret;
}

/** @return 0; -EINVAL. */
static int
parse(json_t *json, struct confirm_state *out)
{
	json_int_t revision, deadline_ms;
	const char *by;

	if (json_unpack(json, "{s:I, s:I, s:s}", "revision", &revision, "deadline_ms", &deadline_ms,
			    "by", &by) != 0 ||
			revision <= 0)
		return -EINVAL;
	out->revision = (uint64_t)revision;
	out->deadline_ms = deadline_ms;
	snprintf(out->by, sizeof(out->by), "%s", by);
	return 0;
}

int
store_confirm_load(struct store *store, struct confirm_state *out)
{
	json_t *json = store_meta_get_json(store, "confirm");
	int ret = 0;

	memset(out, 0, sizeof(*out));
	if (json == NULL)
		return -EIO;
	if (!json_is_null(json) && parse(json, out) != 0) {
		snprintf(store->error, sizeof(store->error),
				"the change that waits to be confirmed makes no sense");
		ret = -EIO;
	}
	json_decref(json);
	return ret;
}
