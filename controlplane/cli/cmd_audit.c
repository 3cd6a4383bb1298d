/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The audit trail.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "query.h"
#include "topics.h"

#define EXPORTED_AT_ONCE "10000"

static void
show_list(const struct cli *cli, const json_t *answer)
{
	static const char *const headings[] = { ">ID", "AT", "WHO", "ACTION", "TARGET", "RESULT",
		"DETAIL", NULL };
	static const char *const more[] = { "FROM", "HASH", NULL };
	struct output_table table;
	size_t i;
	json_t *entry;

	output_table_begin(&table, headings);
	if (cli->wide)
		output_table_widen(&table, more);
	json_array_foreach(json_object_get(answer, "entries"), i, entry)
	{
		output_cell_integer(&table, json_object_get(entry, "id"));
		output_cell(&table, output_string(entry, "at"));
		output_cell(&table, output_string(entry, "user"));
		output_cell(&table, output_string(entry, "action"));
		output_cell(&table, output_string(entry, "target"));
		output_cell(&table, output_string(entry, "result"));
		output_cell(&table, output_string(entry, "detail"));
		if (!cli->wide)
			continue;
		output_cell(&table, output_string(entry, "from"));
		output_cell(&table, output_string(entry, "hash"));
	}
	output_table_end(&table, "nothing was changed yet");
}

int
cmd_audit_list(const struct cli *cli)
{
	char *path = client_path("/v1/audit");

	if (cli->limit != NULL)
		path = client_path_query(path, "limit", cli->limit);
	return query_show(cli, path, show_list);
}

/* Verifying. */

/** What --head names. */
struct head {
	char seq[24];
	char hash[72];
	char at[40];
	char signature[100];
	int nb; /* Of these, in this order: 0, 2 or 4. */
};

/* "… audit head SEQ HASH AT SIGNATURE", as it was logged, or "SEQ:HASH". */
static bool
parse_head(const char *text, struct head *out)
{
	static const char mark[] = "audit head ";
	const char *line = strstr(text, mark);

	if (line != NULL) {
		out->nb = sscanf(line + strlen(mark), "%23s %71s %39s %99s", out->seq, out->hash,
				out->at, out->signature);
		return out->nb == 4;
	}
	out->nb = sscanf(text, "%23[0-9]:%71[0-9a-fA-F]", out->seq, out->hash);
	return out->nb == 2;
}

static int
show_verdict(const struct cli *cli, const json_t *answer)
{
	bool good = json_is_true(json_object_get(answer, "good"));
	char message[512];

	if (cli->json) {
		output_answer(cli, answer);
	} else if (good) {
		printf("%sthe trail is whole%s: records %" JSON_INTEGER_FORMAT
		       " to %" JSON_INTEGER_FORMAT "\n",
				output_color(cli, 'g'), output_color(cli, 0),
				json_integer_value(json_object_get(answer, "first")),
				json_integer_value(json_object_get(answer, "last")));
	} else {
		snprintf(message, sizeof(message), "record %" JSON_INTEGER_FORMAT ": %s",
				json_integer_value(json_object_get(answer, "bad_seq")),
				output_string(answer, "why"));
		return client_error(cli, CLI_INVALID, "trail_broken", message,
				"keep a copy of state.db and of the logs; doc/audit.md");
	}
	return good ? CLI_OK : CLI_INVALID;
}

int
cmd_audit_verify(const struct cli *cli)
{
	char *path = client_path("/v1/audit/verify");
	struct head head = { .nb = 0 };
	json_t *answer;
	int ret;

	if (cli->head != NULL && !parse_head(cli->head, &head)) {
		free(path);
		return client_error(cli, CLI_USAGE, "usage",
				"--head takes a line of the log with 'audit head', or SEQ:HASH",
				"");
	}
	if (head.nb >= 2) {
		path = client_path_query(path, "seq", head.seq);
		path = client_path_query(path, "hash", head.hash);
	}
	if (head.nb == 4) {
		path = client_path_query(path, "at", head.at);
		path = client_path_query(path, "signature", head.signature);
	}
	ret = query_get(cli, path, &answer);
	if (ret != CLI_OK)
		return ret;
	ret = show_verdict(cli, answer);
	json_decref(answer);
	return ret;
}

/* Exporting. */

/* @return the number of the last of these lines; 0: there is none. */
static json_int_t
last_of(const char *lines)
{
	size_t len = strlen(lines);
	const char *last;
	json_t *row, *record;
	json_int_t seq;

	if (len == 0)
		return 0;
	last = memrchr(lines, '\n', len - 1);
	row = json_loads(last != NULL ? last + 1 : lines, 0, NULL);
	record = json_loads(output_string(row, "record"), 0, NULL);
	seq = json_integer_value(json_object_get(record, "seq"));
	json_decref(record);
	json_decref(row);
	return seq;
}

int
cmd_audit_export(const struct cli *cli)
{
	json_int_t last = 0;
	int ret;

	for (;;) {
		struct client_request request = { .method = "GET",
			.accept = "application/x-ndjson" };
		struct client_answer answer;
		char *path = client_path("/v1/audit/export");
		char from[24];

		snprintf(from, sizeof(from), "%" JSON_INTEGER_FORMAT, last + 1);
		path = client_path_query(path, "from", from);
		path = client_path_query(path, "limit", EXPORTED_AT_ONCE);
		request.path = path;
		ret = client_ask(cli, &request, &answer);
		free(path);
		if (ret != CLI_OK)
			return ret;
		fputs(answer.text, stdout);
		last = last_of(answer.text);
		client_answer_free(&answer);
		if (last == 0)
			return CLI_OK;
	}
}
