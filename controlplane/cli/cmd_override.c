/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "change.h"
#include "output.h"
#include "override_table.h"

int
cmd_override_list(const struct cli *cli)
{
	const struct client_request request = { .method = "GET", .path = "/v1/overrides" };
	struct client_answer answer;
	int ret = client_ask(cli, &request, &answer);

	if (ret != CLI_OK)
		return ret;
	if (cli->json)
		output_json(answer.json);
	else
		override_table_show(json_object_get(answer.json, "overrides"));
	client_answer_free(&answer);
	return CLI_OK;
}

int
cmd_override_reset(const struct cli *cli)
{
	char *path = client_path("/v1/overrides");

	if (cli->service != NULL)
		path = client_path_query(path, "service", cli->service);
	if (cli->backend != NULL)
		path = client_path_query(path, "backend", cli->backend);
	return change_send(cli, "DELETE", path, NULL);
}
