/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Revisions of the configuration.
 */
#include <stdio.h>

#include "client.h"
#include "output.h"
#include "query.h"
#include "topics.h"

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
	char *path = client_path("/v1/revisions");

	if (cli->limit != NULL)
		path = client_path_query(path, "limit", cli->limit);
	return query_show(cli, path, show_revisions);
}
