/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"
#include "output.h"
#include "topics.h"

int
cmd_export(const struct cli *cli)
{
	struct client_request request = { .method = "GET",
		.accept = cli->json && !cli->yaml ? NULL : "application/yaml" };
	struct client_answer answer;
	char *path = client_path("/v1/config");
	int ret;

	if (cli->given & OPTION_EFFECTIVE)
		path = client_path_query(path, "effective", "true");
	request.path = path;
	ret = client_ask(cli, &request, &answer);
	free(path);
	if (ret != CLI_OK)
		return ret;
	if (answer.json != NULL)
		output_answer(cli, answer.json);
	else
		fputs(answer.text, stdout);
	client_answer_free(&answer);
	return CLI_OK;
}
