/* SPDX-License-Identifier: BSD-3-Clause */
#include "complete_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "query.h"

#define PATIENCE_S 1

/* Shells want words; a name with a blank or a quote would have to be quoted for each shell anew. */
static bool
is_plain(const char *value)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._:/[]-";

	return value[0] != '\0' && value[strspn(value, letters)] == '\0';
}

void
offer_one(const struct offer *offer, const char *value, const char *text)
{
	const char *typed = offer->typed + offer->head;

	if (strncmp(value, typed, strlen(typed)) == 0)
		printf("%.*s%s\t%s\n", (int)offer->head, offer->typed, value, text);
}

static void
offer_service(const struct offer *offer, const json_t *service)
{
	const char *id = output_string(service, "id"), *name = output_string(service, "name");

	if (is_plain(name))
		offer_one(offer, name, strcmp(id, name) != 0 ? id : "");
	if (strcmp(id, name) != 0)
		offer_one(offer, id, name);
}

/* One of several services comes several times: shells show it once. */
static void
offer_backend(const struct offer *offer, const json_t *backend)
{
	offer_one(offer, output_string(backend, "address"), "");
}

static void
offer_revision(const struct offer *offer, const json_t *revision)
{
	char number[32], text[128];

	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
			json_integer_value(json_object_get(revision, "revision")));
	snprintf(text, sizeof(text), "%s %s", output_string(revision, "at"),
			output_string(revision, "action"));
	offer_one(offer, number, text);
}

static const struct {
	const char *placeholder;
	const char *path;
	const char *list; /* The member of the answer. */
	void (*offer)(const struct offer *offer, const json_t *entry);
} names[] = {
	{ "SERVICE", "/v1/services", "services", offer_service },
	{ "ADDRESS", "/v1/backends", "backends", offer_backend },
	{ "REVISION", "/v1/revisions", "revisions", offer_revision },
};

static void
ask(struct cli *cli, const struct offer *offer, size_t kind)
{
	char *path = client_path(names[kind].path);
	json_t *answer, *entry;
	size_t i;

	if (names[kind].offer == offer_backend && cli->service != NULL)
		path = client_path_query(path, "service", cli->service);
	cli->timeout_s = PATIENCE_S;
	if (freopen("/dev/null", "w", stderr) == NULL || query_get(cli, path, &answer) != CLI_OK)
		return; /* query_get() has freed the path; if freopen() fails, the process ends. */
	json_array_foreach(json_object_get(answer, names[kind].list), i, entry) names[kind].offer(
			offer, entry);
	json_decref(answer);
}

void
offer_named(struct cli *cli, const struct offer *offer, const char *placeholder, size_t len)
{
	if (strncmp(placeholder, "FILE", len) == 0 || strncmp(placeholder, "PATH", len) == 0) {
		puts(":files");
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].placeholder) == len &&
				strncmp(names[i].placeholder, placeholder, len) == 0)
			ask(cli, offer, i);
}
