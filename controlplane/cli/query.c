/* SPDX-License-Identifier: BSD-3-Clause */
#include "query.h"

#include <stdlib.h>

#include "client.h"
#include "output.h"

int
query_ask(const struct cli *cli, struct client_request *request, char *path, json_t **out)
{
	struct client_answer answer;
	int ret;

	request->path = path;
	ret = client_ask(cli, request, &answer);
	free(path);
	if (ret != CLI_OK)
		return ret;
	*out = json_incref(answer.json);
	client_answer_free(&answer);
	return CLI_OK;
}

int
query_get(const struct cli *cli, char *path, json_t **out)
{
	struct client_request request = { .method = "GET" };

	return query_ask(cli, &request, path, out);
}

int
query_show(const struct cli *cli, char *path,
		void (*show)(const struct cli *cli, const json_t *answer))
{
	json_t *answer;
	int ret = query_get(cli, path, &answer);

	if (ret != CLI_OK)
		return ret;
	if (cli->json)
		output_answer(cli, answer);
	else
		show(cli, answer);
	json_decref(answer);
	return CLI_OK;
}
