/* SPDX-License-Identifier: BSD-3-Clause */
#include "change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

static void
show(const struct cli *cli, const json_t *answer)
{
	const char *result = output_string(answer, "result");
	const json_t *confirm = json_object_get(answer, "confirm");
	char color = strcmp(result, "stored") == 0 ? 'y' : 'g';
	size_t i;
	json_t *line;

	json_array_foreach(json_object_get(json_object_get(answer, "changes"), "list"), i, line)
			printf("%s\n", json_string_value(line));
	printf("%s%s%s\n", output_color(cli, color), output_string(answer, "message"),
			output_color(cli, 0));
	if (json_is_object(confirm))
		printf("%sreverts to revision %lld in %.0f s unless: guideway confirm%s\n",
				output_color(cli, 'y'),
				(long long)json_integer_value(
						json_object_get(confirm, "returns_to")),
				json_number_value(json_object_get(confirm, "left_s")),
				output_color(cli, 0));
}

int
change_send_document(const struct cli *cli, const char *method, char *path, const char *document,
		size_t len, const char *content_type)
{
	struct client_answer answer;
	struct client_request request = {
		.method = method, .body = document, .body_len = len, .content_type = content_type
	};
	int ret;

	if (cli->given & OPTION_DRY_RUN)
		path = client_path_query(path, "dry_run", "true");
	request.path = path;
	ret = client_ask(cli, &request, &answer);
	free(path);
	if (ret != CLI_OK)
		return ret;
	if (cli->json)
		output_answer(cli, answer.json);
	else
		show(cli, answer.json);
	client_answer_free(&answer);
	return CLI_OK;
}

int
change_send(const struct cli *cli, const char *method, char *path, json_t *body)
{
	char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	int ret = change_send_document(cli, method, path, text, text != NULL ? strlen(text) : 0,
			"application/json");

	free(text);
	json_decref(body);
	return ret;
}
