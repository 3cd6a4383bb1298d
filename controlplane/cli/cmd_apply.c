/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "output.h"
#include "topics.h"

/* What the API takes; more need not be read to be refused. */
#define DOCUMENT_MAX (16U << 20)

/* @return the whole file, the caller's; NULL: *why says why not. */
static char *
read_document(const char *name, size_t *len, const char **why)
{
	FILE *file = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
	char *text = malloc(DOCUMENT_MAX + 1);

	if (file == NULL || text == NULL) {
		*why = strerror(errno);
		free(text);
		return NULL;
	}
	*len = fread(text, 1, DOCUMENT_MAX + 1, file);
	*why = ferror(file) ? strerror(errno) : NULL;
	if (*len > DOCUMENT_MAX)
		*why = "larger than 16 MiB";
	if (file != stdin)
		fclose(file);
	if (*why == NULL)
		return text;
	free(text);
	return NULL;
}

static const char *
type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && strcmp(dot, ".json") == 0 ? "application/json" : "application/yaml";
}

int
cmd_apply(const struct cli *cli)
{
	char *path = client_path("/v1/config");
	const char *why;
	char message[512];
	char *document;
	size_t len;
	int ret;

	document = read_document(cli->file, &len, &why);
	if (document == NULL) {
		free(path);
		snprintf(message, sizeof(message), "%s: %s", cli->file, why);
		return client_error(cli, CLI_INVALID, "cannot_read", message, "");
	}
	if (cli->given & OPTION_RESET_OVERRIDES)
		path = client_path_query(path, "reset_overrides", "true");
	if (cli->given & OPTION_ALLOW_EMPTY)
		path = client_path_query(path, "allow_empty", "true");
	if (strcmp(cli->file, "-") != 0)
		path = client_path_query(path, "name", cli->file);
	ret = change_send_document(cli, "PUT", path, document, len, type_of(cli->file));
	free(document);
	return ret;
}

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
