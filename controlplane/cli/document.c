/* SPDX-License-Identifier: BSD-3-Clause */
#include "document.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* What the API takes; more need not be read to be refused. */
#define DOCUMENT_MAX (16U << 20)

/* @return the whole file, the caller's; NULL: *why says why not. */
static char *
read_whole(const char *name, size_t *len, const char **why)
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

int
document_read(const struct cli *cli, struct document *out)
{
	const char *dot = strrchr(cli->file, '.'), *why;
	char message[512];

	out->text = read_whole(cli->file, &out->len, &why);
	if (out->text == NULL) {
		snprintf(message, sizeof(message), "%s: %s", cli->file, why);
		return client_error(cli, CLI_INVALID, "cannot_read", message, "");
	}
	out->type = dot != NULL && strcmp(dot, ".json") == 0 ? "application/json"
							     : "application/yaml";
	return CLI_OK;
}

void
document_free(struct document *d)
{
	free(d->text);
}

char *
document_name(const struct cli *cli, char *path)
{
	if (strcmp(cli->file, "-") == 0)
		return path;
	return client_path_query(path, "name", cli->file);
}
