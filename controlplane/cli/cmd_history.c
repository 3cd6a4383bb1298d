/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was changed: revisions of the configuration, and the audit trail.
 */
#include <stdio.h>

#include "client.h"
#include "output.h"
#include "query.h"
#include "topics.h"

static int
show_listed(const struct cli *cli, const char *resource,
		void (*show)(const struct cli *cli, const json_t *answer))
{
	char *path = client_path(resource);

	if (cli->limit != NULL)
		path = client_path_query(path, "limit", cli->limit);
	return query_show(cli, path, show);
}

static void
show_revisions(const struct cli *cli, const json_t *answer)
{
	(void)cli;
	static const char *const headings[] = { ">REVISION", "AT", "ACTION", ">SERVICES",
		">BACKENDS", "", NULL };
	struct output_table table;
	size_t i;
	json_t *revision;

	output_table_begin(&table, headings);
	json_array_foreach(json_object_get(answer, "revisions"), i, revision)
	{
		output_cell_integer(&table, json_object_get(revision, "revision"));
		output_cell(&table, output_string(revision, "at"));
		output_cell(&table, output_string(revision, "action"));
		output_cell_integer(&table, json_object_get(revision, "services"));
		output_cell_integer(&table, json_object_get(revision, "backends"));
		output_cell(&table,
				json_is_true(json_object_get(revision, "current")) ? "current"
						: json_is_true(json_object_get(revision, "refused"))
						? "refused"
						: "");
	}
	output_table_end(&table, "no revisions yet");
}

int
cmd_history(const struct cli *cli)
{
	return show_listed(cli, "/v1/revisions", show_revisions);
}

static void
show_audit(const struct cli *cli, const json_t *answer)
{
	(void)cli;
	static const char *const headings[] = { ">ID", "AT", "WHO", "ACTION", "TARGET", "RESULT",
		"DETAIL", NULL };
	struct output_table table;
	size_t i;
	json_t *entry;

	output_table_begin(&table, headings);
	json_array_foreach(json_object_get(answer, "entries"), i, entry)
	{
		output_cell_integer(&table, json_object_get(entry, "id"));
		output_cell(&table, output_string(entry, "at"));
		output_cell(&table, output_string(entry, "user"));
		output_cell(&table, output_string(entry, "action"));
		output_cell(&table, output_string(entry, "target"));
		output_cell(&table, output_string(entry, "result"));
		output_cell(&table, output_string(entry, "detail"));
	}
	output_table_end(&table, "nothing was changed yet");
}

int
cmd_audit(const struct cli *cli)
{
	return show_listed(cli, "/v1/audit", show_audit);
}
