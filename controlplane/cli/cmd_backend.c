/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend_table.h"
#include "change.h"
#include "query.h"
#include "topics.h"

static void
show_list(const struct cli *cli, const json_t *answer)
{
	backend_table_show(cli, json_object_get(answer, "backends"), true);
}

int
cmd_backend_list(const struct cli *cli)
{
	char *path = client_path("/v1/backends");

	if (cli->service != NULL)
		path = client_path_query(path, "service", cli->service);
	return query_show(cli, path, show_list);
}

/* A number as JSON; what is none goes as it is, for the daemon to refuse with its place. */
static json_t *
weight_json(const char *text)
{
	const char *digits = text + (text[0] == '-');

	if (digits[0] != '\0' && digits[strspn(digits, "0123456789")] == '\0')
		return json_integer(strtoll(text, NULL, 10));
	return json_string(text);
}

static json_t *
body_of(const struct cli *cli)
{
	json_t *body = json_object();

	if (cli->given & OPTION_WEIGHT)
		json_object_set_new(body, "weight",
				strcmp(cli->weight, "configured") == 0 ? json_null()
								       : weight_json(cli->weight));
	if (cli->given & OPTION_STATE)
		json_object_set_new(body, "state",
				strcmp(cli->state, "configured") == 0 ? json_null()
								      : json_string(cli->state));
	return body;
}

/* Of one service, or of every service that has this backend. */
static char *
path_of(const struct cli *cli)
{
	if (cli->service != NULL)
		return client_path("/v1/services/%/backends/%", cli->service, cli->words[0]);
	return client_path("/v1/backends/%", cli->words[0]);
}

int
cmd_backend_add(const struct cli *cli)
{
	json_t *body = body_of(cli);

	json_object_set_new(body, "address", json_string(cli->words[0]));
	return change_send(cli, "POST", client_path("/v1/services/%/backends", cli->service), body);
}

int
cmd_backend_set(const struct cli *cli)
{
	if (!(cli->given & (OPTION_WEIGHT | OPTION_STATE)))
		return client_error(cli, CLI_USAGE, "usage",
				"backend set needs --weight N or --state STATE",
				"--weight configured takes an override back");
	return change_send(cli, "PATCH", path_of(cli), body_of(cli));
}

static int
set_state(const struct cli *cli, const char *state)
{
	return change_send(cli, "PATCH", path_of(cli), json_pack("{s:s}", "state", state));
}

int
cmd_backend_drain(const struct cli *cli)
{
	return set_state(cli, "draining");
}

int
cmd_backend_enable(const struct cli *cli)
{
	return set_state(cli, "enabled");
}

int
cmd_backend_disable(const struct cli *cli)
{
	return set_state(cli, "disabled");
}

int
cmd_backend_remove(const struct cli *cli)
{
	return change_send(cli, "DELETE", path_of(cli), NULL);
}
