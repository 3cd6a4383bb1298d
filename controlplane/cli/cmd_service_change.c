/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adding, changing and removing a service: KEY=VALUE become the members of an object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "client.h"
#include "topics.h"

/* Numbers, words and whatever else is JSON as such; the rest is text, nothing is null. */
static json_t *
value_of(const char *text)
{
	json_t *value;

	if (text[0] == '\0')
		return json_null();
	value = json_loads(text, JSON_DECODE_ANY, NULL);
	return value != NULL ? value : json_string(text);
}

/* Put "a.b.c=VALUE" into an object. @return false: it is no such word. */
static bool
put(json_t *object, const char *word)
{
	const char *equals = strchr(word, '=');
	char *path, *key, *dot;

	if (equals == NULL || equals == word)
		return false;
	path = strndup(word, (size_t)(equals - word));
	for (key = path; (dot = strchr(key, '.')) != NULL; key = dot + 1) {
		*dot = '\0';
		if (!json_is_object(json_object_get(object, key)))
			json_object_set_new(object, key, json_object());
		object = json_object_get(object, key);
	}
	json_object_set_new(object, key, value_of(equals + 1));
	free(path);
	return true;
}

/* The words behind the first. @return NULL: misused, and said so. */
static json_t *
read_values(const struct cli *cli)
{
	json_t *object = json_object();
	char message[512];

	for (int i = 1; i < cli->nb_words; i++) {
		if (put(object, cli->words[i]))
			continue;
		snprintf(message, sizeof(message), "\"%.100s\" is not KEY=VALUE", cli->words[i]);
		client_error(cli, CLI_USAGE, "usage", message,
				"the keys are those of doc/guideway.yaml.md: mode=direct lifetimes.open=60s");
		json_decref(object);
		return NULL;
	}
	return object;
}

static char *
with_force(const struct cli *cli, char *path)
{
	if (cli->given & OPTION_FORCE)
		return client_path_query(path, "force", "true");
	return path;
}

/* "tcp/192.0.2.10:443" → address, protocol, port; what is wrong with them the daemon says. */
static bool
put_identity(json_t *object, const char *id)
{
	const char *slash = strchr(id, '/'), *colon = strrchr(id, ':');
	const char *begin, *end;

	if (slash == NULL || colon == NULL || colon < slash)
		return false;
	begin = slash + 1;
	end = colon;
	if (*begin == '[' && end > begin + 1 && end[-1] == ']') {
		begin++;
		end--;
	}
	json_object_set_new(object, "protocol", json_stringn(id, (size_t)(slash - id)));
	json_object_set_new(object, "address", json_stringn(begin, (size_t)(end - begin)));
	json_object_set_new(object, "port", value_of(colon + 1));
	return true;
}

int
cmd_service_add(const struct cli *cli)
{
	json_t *body = read_values(cli);

	if (body == NULL)
		return CLI_USAGE;
	if (!put_identity(body, cli->words[0])) {
		json_decref(body);
		return client_error(cli, CLI_USAGE, "usage",
				"a service is PROTOCOL/ADDRESS:PORT, such as tcp/192.0.2.10:443",
				"");
	}
	return change_send(cli, "POST", with_force(cli, client_path("/v1/services")), body);
}

int
cmd_service_set(const struct cli *cli)
{
	json_t *body = read_values(cli);

	if (body == NULL)
		return CLI_USAGE;
	return change_send(cli, "PATCH",
			with_force(cli, client_path("/v1/services/%", cli->words[0])), body);
}

int
cmd_service_remove(const struct cli *cli)
{
	return change_send(cli, "DELETE",
			with_force(cli, client_path("/v1/services/%", cli->words[0])), NULL);
}
