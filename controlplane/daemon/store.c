/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The configuration is stored as the JSON text of each revision; meta.revision names
 * the current one. Overrides are rows, replaced as a whole: they are few.
 */
#include "controlplane/daemon/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/service_id.h"

#include "controlplane/clock.h"
#include "controlplane/daemon/config_read.h"
#include "controlplane/daemon/config_write.h"
#include "controlplane/daemon/store_sql.h"

/** History: so many revisions, and so many bytes of them. */
#define HISTORY_MAX_REVISIONS 100
#define HISTORY_MAX_BYTES (64 << 20)

/* Loading. */

static struct config *
config_from_text(struct store *store, const char *text, size_t len)
{
	struct complaints c;
	struct config *config;
	char *line;

	complaints_init(&c, "stored configuration");
	config = config_parse(text, len, FORMAT_STORED, &c);
	if (config == NULL) {
		line = complaints_any(&c) ? complaint_line(&c, 0) : NULL;
		snprintf(store->error, sizeof(store->error), "%s",
				line != NULL ? line : "out of memory");
		free(line);
	}
	complaints_clear(&c);
	return config;
}

static struct config *
read_config(struct store *store, uint64_t revision, int64_t *at_ms, bool *kept)
{
	sqlite3_stmt *s = store_prepare(
			store, "SELECT at, config FROM revision WHERE revision = ?", "read");
	struct config *config = NULL;
	int step;

	*kept = false;
	if (s == NULL)
		return NULL;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)revision);
	step = sqlite3_step(s);
	if (step == SQLITE_ROW) {
		*kept = true;
		*at_ms = sqlite3_column_int64(s, 0);
		config = config_from_text(
				store, store_text(s, 1), (size_t)sqlite3_column_bytes(s, 1));
	} else if (step != SQLITE_DONE) {
		store_fail(store, "read");
	} else {
		snprintf(store->error, sizeof(store->error), "revision %llu is missing",
				(unsigned long long)revision);
	}
	sqlite3_finalize(s);
	return config;
}

struct config *
store_config(struct store *store, uint64_t revision, bool *kept)
{
	int64_t at_ms;

	return read_config(store, revision, &at_ms, kept);
}

uint64_t
store_revision_before(struct store *store, uint64_t revision)
{
	sqlite3_stmt *s = store_prepare(store,
			"SELECT max(revision) FROM revision WHERE revision < ? AND refused = 0",
			"read");
	uint64_t found = 0;

	if (s == NULL)
		return 0;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)revision);
	if (sqlite3_step(s) == SQLITE_ROW)
		found = (uint64_t)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return found;
}

static int
load_config(struct store *store, struct store_state *out)
{
	bool kept;

	if (out->revision != 0) {
		out->config = read_config(store, out->revision, &out->applied_ms, &kept);
		return out->config != NULL ? 0 : -EIO;
	}
	out->config = config_create();
	if (out->config != NULL && config_take_services(out->config, NULL, 0) == 0)
		return 0;
	snprintf(store->error, sizeof(store->error), "out of memory");
	return -EIO;
}

/** @return 0; -EINVAL: the row makes no sense. */
static int
override_from_row(sqlite3_stmt *s, struct override *o)
{
	const char *service = store_text(s, 0), *backend = store_text(s, 1);
	const char *state = store_text(s, 2), *by = store_text(s, 5);
	int64_t weight = sqlite3_column_int64(s, 3);

	memset(o, 0, sizeof(*o));
	if (service == NULL || backend == NULL || by == NULL)
		return -EINVAL;
	if (service_id_parse(service, &o->service) != 0 || ip_addr_parse(backend, &o->backend) != 0)
		return -EINVAL;
	if (state != NULL && backend_admin_parse(state, &o->admin) != 0)
		return -EINVAL;
	o->has_admin = state != NULL;
	o->has_weight = sqlite3_column_type(s, 3) != SQLITE_NULL;
	if (weight < 0 || weight > BACKEND_MAX_WEIGHT)
		return -EINVAL;
	o->weight = (uint32_t)weight;
	o->since_ms = sqlite3_column_int64(s, 4);
	snprintf(o->by, sizeof(o->by), "%s", by);
	return 0;
}

static int
count_overrides(struct store *store, uint32_t *nb)
{
	sqlite3_stmt *s = store_prepare(store, "SELECT count(*) FROM override", "read");
	int ret = 0;

	if (s == NULL)
		return -EIO;
	if (sqlite3_step(s) == SQLITE_ROW)
		*nb = (uint32_t)sqlite3_column_int64(s, 0);
	else
		ret = store_fail(store, "read");
	sqlite3_finalize(s);
	return ret;
}

static int
load_overrides(struct store *store, struct store_state *out)
{
	sqlite3_stmt *s;
	uint32_t nb = 0;
	int ret = 0, step;

	if (count_overrides(store, &nb) != 0)
		return -EIO;
	out->overrides = overrides_create(nb);
	if (out->overrides == NULL) {
		snprintf(store->error, sizeof(store->error), "out of memory");
		return -EIO;
	}
	s = store_prepare(store, "SELECT service, backend, state, weight, since, by FROM override",
			"read");
	if (s == NULL)
		return -EIO;
	while ((step = sqlite3_step(s)) == SQLITE_ROW && ret == 0) {
		struct override o;

		if (override_from_row(s, &o) != 0) {
			snprintf(store->error, sizeof(store->error), "an override makes no sense");
			ret = -EIO;
			break;
		}
		overrides_append(out->overrides, &o);
	}
	if (ret == 0 && step != SQLITE_DONE)
		ret = store_fail(store, "read");
	overrides_sort(out->overrides);
	sqlite3_finalize(s);
	return ret;
}

/** Who has set it is text: a row of its own. @return 0; -EIO. */
static int
load_balancer(struct store *store, struct balancer_state *out)
{
	uint64_t admin = ADMIN_ENABLED, since_ms = 0;
	sqlite3_stmt *s;
	int ret = store_meta_get(store, "balancer_state", &admin);

	if (ret == 0)
		ret = store_meta_get(store, "balancer_since", &since_ms);
	if (ret != 0)
		return ret;
	*out = (struct balancer_state){ .admin = (uint8_t)admin, .since_ms = (int64_t)since_ms };
	if (admin < ADMIN_ENABLED || admin > ADMIN_DISABLED) {
		snprintf(store->error, sizeof(store->error), "the balancer's state makes no sense");
		return -EIO;
	}
	s = store_prepare(store, "SELECT value FROM meta WHERE key = 'balancer_by'", "read");
	if (s == NULL)
		return -EIO;
	if (sqlite3_step(s) == SQLITE_ROW && store_text(s, 0) != NULL)
		snprintf(out->by, sizeof(out->by), "%s", store_text(s, 0));
	sqlite3_finalize(s);
	return 0;
}

int
store_load(struct store *store, struct store_state *out)
{
	int ret;

	memset(out, 0, sizeof(*out));
	ret = store_meta_get(store, "revision", &out->revision);
	if (ret == 0)
		ret = load_config(store, out);
	if (ret == 0)
		ret = load_overrides(store, out);
	if (ret == 0)
		ret = load_balancer(store, &out->balancer);
	if (ret == 0)
		ret = store_confirm_load(store, &out->confirm);
	if (ret != 0) {
		config_unref(out->config);
		overrides_unref(out->overrides);
		memset(out, 0, sizeof(*out));
	}
	return ret;
}

/* Writing. */

/** The oldest revisions go; the current one, and @p kept, stay whatever their age. */
static int
prune_history(struct store *store, uint64_t kept)
{
	sqlite3_stmt *s = store_prepare(store,
			"DELETE FROM revision WHERE revision IN (SELECT revision FROM (SELECT revision,"
			" row_number() OVER newest AS n, sum(length(config)) OVER newest AS bytes"
			" FROM revision WINDOW newest AS (ORDER BY revision DESC)) WHERE n > ? OR bytes > ?)"
			" AND revision <> (SELECT value FROM meta WHERE key = 'revision')"
			" AND revision <> ?",
			"write");

	if (s == NULL)
		return -EIO;
	sqlite3_bind_int(s, 1, HISTORY_MAX_REVISIONS);
	sqlite3_bind_int(s, 2, HISTORY_MAX_BYTES);
	sqlite3_bind_int64(s, 3, (sqlite3_int64)kept);
	return store_run(store, s, "write");
}

static int
write_config(struct store *store, const struct store_change *change, const char *text,
		uint64_t revision)
{
	sqlite3_stmt *s = store_prepare(store,
			"INSERT INTO revision(revision, at, action, services, backends, config)"
			" VALUES(?, ?, ?, ?, ?, ?)",
			"write");
	int ret;

	if (s == NULL)
		return -EIO;
	sqlite3_bind_int64(s, 1, (sqlite3_int64)revision);
	sqlite3_bind_int64(s, 2, clock_wall_ms());
	store_bind_text(s, 3, change->action);
	sqlite3_bind_int64(s, 4, change->config->nb_services);
	sqlite3_bind_int64(s, 5, change->config->nb_members);
	store_bind_text(s, 6, text);
	ret = store_run(store, s, "write");
	if (ret == 0)
		ret = store_meta_set(store, "revision", revision);
	if (ret == 0)
		ret = store_meta_set(store, "last_revision", revision);
	if (ret != 0)
		return ret;
	return prune_history(store, change->confirm != NULL ? change->confirm->revision : 0);
}

static int
write_override(struct store *store, const struct override *o)
{
	sqlite3_stmt *s = store_prepare(
			store, "INSERT INTO override VALUES(?, ?, ?, ?, ?, ?)", "write");
	char id[SERVICE_ID_STRLEN], addr[IP_ADDR_STRLEN];

	if (s == NULL)
		return -EIO;
	store_bind_text(s, 1, service_id_format(&o->service, id));
	store_bind_text(s, 2, ip_addr_format(&o->backend, addr));
	store_bind_text(s, 3, o->has_admin ? backend_admin_name(o->admin) : NULL);
	if (o->has_weight)
		sqlite3_bind_int64(s, 4, o->weight);
	sqlite3_bind_int64(s, 5, o->since_ms);
	store_bind_text(s, 6, o->by);
	return store_run(store, s, "write");
}

static int
write_overrides(struct store *store, const struct overrides *overrides)
{
	int ret = store_exec(store, "DELETE FROM override", "write");

	for (uint32_t i = 0; i < overrides->nb && ret == 0; i++)
		ret = write_override(store, &overrides->list[i]);
	return ret;
}

static int
write_balancer(struct store *store, const struct balancer_state *b)
{
	sqlite3_stmt *s = store_prepare(store,
			"INSERT OR REPLACE INTO meta VALUES('balancer_state', ?1),"
			" ('balancer_since', ?2), ('balancer_by', ?3)",
			"write");

	if (s == NULL)
		return -EIO;
	sqlite3_bind_int64(s, 1, b->admin);
	sqlite3_bind_int64(s, 2, b->since_ms);
	store_bind_text(s, 3, b->by);
	return store_run(store, s, "write");
}

static int
out_of_memory(struct store *store)
{
	snprintf(store->error, sizeof(store->error), "out of memory");
	return -EIO;
}

int
store_write(struct store *store, const struct store_change *change, int64_t *audit_id,
		uint64_t *revision)
{
	char *text = NULL;
	uint64_t current = 0, last = 0;
	int ret;

	if (change->config != NULL) {
		text = config_to_json_text(change->config);
		if (text == NULL)
			return out_of_memory(store);
	}
	ret = store_begin(store);
	if (ret == 0)
		ret = store_meta_get(store, "revision", &current);
	if (ret == 0)
		ret = store_meta_get(store, "last_revision", &last);
	if (text != NULL)
		current = last + 1;
	if (ret == 0)
		ret = store_audit_begin(store, change, current, audit_id);
	if (ret == 0 && text != NULL)
		ret = write_config(store, change, text, current);
	if (ret == 0 && change->overrides != NULL)
		ret = write_overrides(store, change->overrides);
	if (ret == 0 && change->balancer != NULL)
		ret = write_balancer(store, change->balancer);
	if (ret == 0 && change->confirm != NULL)
		ret = store_confirm_write(store, change->confirm);
	ret = store_end(store, ret);
	free(text);
	if (ret == 0)
		*revision = current;
	return ret;
}

int
store_note(struct store *store, const struct store_change *change, const char *kind,
		const char *result, const char *detail)
{
	uint64_t revision = 0;
	/* A commit to the log without waiting for it: SQLite syncs at the next one that is FULL. */
	int ret = store_exec(store, "PRAGMA synchronous = NORMAL", "write");

	if (ret == 0)
		ret = store_begin(store);
	if (ret == 0)
		ret = store_meta_get(store, "revision", &revision);
	if (ret == 0)
		ret = store_audit_note(store, change, revision, kind, result, detail);
	ret = store_end(store, ret);
	if (store_exec(store, "PRAGMA synchronous = FULL", "write") != 0)
		ret = -EIO;
	return ret;
}

int
store_finish(struct store *store, int64_t audit_id, const char *result, const char *detail)
{
	int ret = store_begin(store);

	if (ret == 0)
		ret = store_audit_finish(store, audit_id, result, detail);
	return store_end(store, ret);
}

int
store_take_back(struct store *store, const struct store_state *before, uint64_t refused,
		int64_t audit_id, const char *detail)
{
	sqlite3_stmt *s;
	int ret = store_begin(store);

	if (ret == 0 && refused != before->revision) {
		s = store_prepare(store, "UPDATE revision SET refused = 1 WHERE revision = ?",
				"write");
		ret = s == NULL ? -EIO : 0;
		if (ret == 0) {
			sqlite3_bind_int64(s, 1, (sqlite3_int64)refused);
			ret = store_run(store, s, "write");
		}
	}
	if (ret == 0)
		ret = store_meta_set(store, "revision", before->revision);
	if (ret == 0)
		ret = write_overrides(store, before->overrides);
	if (ret == 0)
		ret = write_balancer(store, &before->balancer);
	if (ret == 0)
		ret = store_confirm_write(store, &before->confirm);
	if (ret == 0)
		ret = store_audit_finish(store, audit_id, "refused", detail);
	return store_end(store, ret);
}

int
store_file_is_known(struct store *store, const char *path, const struct config *config)
{
	sqlite3_stmt *s;
	char *text = config_to_json_text(config);
	int ret = 0;

	if (text == NULL)
		return out_of_memory(store);
	s = store_prepare(store,
			"SELECT count(*) FROM meta WHERE (key = 'file_path' AND value = ?1)"
			" OR (key = 'file_config' AND value = ?2)",
			"read");
	if (s == NULL) {
		free(text);
		return -EIO;
	}
	store_bind_text(s, 1, path);
	store_bind_text(s, 2, text);
	if (sqlite3_step(s) == SQLITE_ROW)
		ret = sqlite3_column_int(s, 0) == 2;
	else
		ret = store_fail(store, "read");
	sqlite3_finalize(s);
	free(text);
	return ret;
}

static int
write_file(struct store *store, const char *path, const char *text)
{
	sqlite3_stmt *s = store_prepare(store,
			"INSERT OR REPLACE INTO meta VALUES('file_path', ?1), ('file_config', ?2)",
			"write");

	if (s == NULL)
		return -EIO;
	store_bind_text(s, 1, path);
	store_bind_text(s, 2, text);
	return store_run(store, s, "write");
}

int
store_file_note(struct store *store, const char *path, const struct config *config)
{
	char *text = config_to_json_text(config);
	int ret;

	if (text == NULL)
		return out_of_memory(store);
	ret = write_file(store, path, text);
	free(text);
	return ret;
}
