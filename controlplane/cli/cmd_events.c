/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "output.h"
#include "query.h"
#include "topics.h"

#define DEFAULT_LIMIT "100"

static void
show_list(const struct cli *cli, const json_t *answer)
{
	(void)cli;
	static const char *const headings[] = { "AT", "KIND", "EVENT", NULL };
	struct output_table table;
	size_t i;
	json_t *event;

	output_table_begin(&table, headings);
	json_array_foreach(json_object_get(answer, "events"), i, event)
	{
		output_cell(&table, output_string(event, "at"));
		output_cell(&table, output_string(event, "kind"));
		output_cell(&table, output_string(event, "text"));
	}
	output_table_end(&table, "nothing has happened since guidewayd was started");
}

/* As it happens: with -o json a line of JSON each, so that programs can read on. */
static void
show_event(const struct cli *cli, const json_t *event)
{
	if (cli->yaml) {
		puts("---");
		output_answer(cli, event);
	} else if (cli->json) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		printf("%-24s  %-22s  %s\n", output_string(event, "at"),
				output_string(event, "kind"), output_string(event, "text"));
	}
	fflush(stdout);
}

int
cmd_events(const struct cli *cli)
{
	const char *limit = cli->limit != NULL ? cli->limit : DEFAULT_LIMIT;
	char *path;
	int ret;

	if (!(cli->given & OPTION_FOLLOW))
		return query_show(cli, client_path_query(client_path("/v1/events"), "limit", limit),
				show_list);
	path = client_path("/v1/events");
	if (cli->limit != NULL)
		path = client_path_query(path, "limit", limit);
	ret = client_follow(cli, path, show_event);
	free(path);
	return ret;
}
