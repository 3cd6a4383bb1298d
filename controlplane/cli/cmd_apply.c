/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Changing the whole configuration: what would change is shown, somebody says yes, and
 * the change is made for the very revision that was looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "client.h"
#include "document.h"
#include "duration.h"
#include "output.h"
#include "plan_show.h"
#include "query.h"
#include "topics.h"
#include "wait.h"

#define CONFIRM_MAX_S 86400

/* Planning. */

/* @param document NULL: the path names a revision. */
static int
ask_plan(const struct cli *cli, char *path, const struct document *document, json_t **out)
{
	struct client_request request = { .method = "POST" };

	if (document != NULL) {
		request.body = document->text;
		request.body_len = document->len;
		request.content_type = document->type;
	}
	return query_ask(cli, &request, path, out);
}

static char *
plan_path(const struct cli *cli, bool of_file)
{
	char *path = client_path("/v1/plan");

	if (cli->given & OPTION_RESET_OVERRIDES)
		path = client_path_query(path, "reset_overrides", "true");
	if (of_file)
		return document_name(cli, path);
	return client_path_query(path, "revision", cli->words[0]);
}

static bool
is_empty(const json_t *plan)
{
	return json_array_size(json_object_get(plan, "services")) == 0;
}

/* @param answer Taken. @return an exit code: does anything differ? */
static int
show_difference(const struct cli *cli, json_t *answer,
		void (*show)(const struct cli *cli, const json_t *answer))
{
	int ret = is_empty(answer) ? CLI_OK : CLI_UNHEALTHY;

	if (cli->json)
		output_answer(cli, answer);
	else
		show(cli, answer);
	json_decref(answer);
	return ret;
}

int
cmd_plan(const struct cli *cli)
{
	struct document document;
	json_t *plan;
	int ret = document_read(cli, &document);

	if (ret != CLI_OK)
		return ret;
	ret = ask_plan(cli, plan_path(cli, true), &document, &plan);
	document_free(&document);
	if (ret != CLI_OK)
		return ret;
	return show_difference(cli, plan, plan_show);
}

/* Waiting. */

static bool
is_in_force(const json_t *status)
{
	return json_is_true(json_object_get(json_object_get(status, "dataplane"), "in_sync"));
}

/* The daemon itself waits some seconds for a dataplane; this goes on. @param ret Of the change. */
static int
wait_in_force(const struct cli *cli, int ret)
{
	json_t *status;
	long seconds;

	if ((ret != CLI_OK && ret != CLI_TIMEOUT) || cli->wait == NULL ||
			(cli->given & OPTION_DRY_RUN))
		return ret;
	ret = wait_parse(cli, &seconds); /* It was good before. */
	if (ret == CLI_OK)
		ret = wait_for(cli, "/v1/status", is_in_force, seconds, &status);
	if (ret == CLI_OK || ret == CLI_TIMEOUT)
		json_decref(status);
	if (ret == CLI_TIMEOUT)
		return client_error(cli, CLI_TIMEOUT, "not_in_force",
				"stored, but not in force on every worker yet", "guideway status");
	return ret;
}

/* Asking. */

/* @return CLI_OK: yes. */
static int
ask_person(const struct cli *cli, const json_t *plan)
{
	char answer[16];

	plan_show(cli, plan);
	if (is_empty(plan))
		return CLI_OK;
	if (json_is_true(json_object_get(plan, "needs_force")) && !(cli->given & OPTION_FORCE))
		return client_error(cli, CLI_CONFLICT, "too_disruptive",
				"this would break much; nothing was changed",
				"--force if that is meant");
	fputs("make it so? [y/N] ", stdout);
	fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
		return CLI_OK;
	return client_error(cli, CLI_UNHEALTHY, "not_confirmed", "nothing was changed", "");
}

/* Is there somebody to ask, where somebody is to be asked? */
static int
check_terminal(const struct cli *cli, bool takes_stdin)
{
	if (!takes_stdin && !cli->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		return CLI_OK;
	return client_error(cli, CLI_USAGE, "usage", "there is nobody here to ask",
			"--yes if that is meant; guideway plan shows what would change");
}

/* What both kinds of change take. @return CLI_OK: *path moved. */
static int
add_options(const struct cli *cli, char **path)
{
	char text[24];
	long seconds;
	int ret = wait_parse(cli, &seconds);

	if (ret != CLI_OK)
		return ret;
	if (cli->given & OPTION_FORCE)
		*path = client_path_query(*path, "force", "true");
	if (cli->confirm == NULL)
		return CLI_OK;
	if (!duration_parse(cli->confirm, CONFIRM_MAX_S, &seconds))
		return client_error(cli, CLI_USAGE, "usage",
				"--confirm takes a time up to a day, such as 60s or 5m", "");
	snprintf(text, sizeof(text), "%ld", seconds);
	*path = client_path_query(*path, "confirm_s", text);
	return CLI_OK;
}

/**
 * Show the plan, ask, and bind the change to the revision that the plan was made for.
 * @param document NULL: words[0] is a revision.
 * @return CLI_OK: *path moved.
 */
static int
plan_and_ask(const struct cli *cli, const struct document *document, char **path)
{
	char revision[24];
	json_t *plan;
	int ret;

	if (cli->given & (OPTION_YES | OPTION_DRY_RUN))
		return CLI_OK;
	ret = check_terminal(cli, document != NULL && strcmp(cli->file, "-") == 0);
	if (ret == CLI_OK)
		ret = ask_plan(cli, plan_path(cli, document != NULL), document, &plan);
	if (ret != CLI_OK)
		return ret;
	ret = ask_person(cli, plan);
	snprintf(revision, sizeof(revision), "%lld",
			(long long)json_integer_value(json_object_get(plan, "revision")));
	*path = client_path_query(*path, "expect_revision", revision);
	json_decref(plan);
	return ret;
}

static int
apply_document(const struct cli *cli, const struct document *document)
{
	char *path = client_path("/v1/config");
	int ret = add_options(cli, &path);

	if (ret == CLI_OK)
		ret = plan_and_ask(cli, document, &path);
	if (ret != CLI_OK) {
		free(path);
		return ret;
	}
	if (cli->given & OPTION_RESET_OVERRIDES)
		path = client_path_query(path, "reset_overrides", "true");
	if (cli->given & OPTION_ALLOW_EMPTY)
		path = client_path_query(path, "allow_empty", "true");
	return wait_in_force(cli,
			change_send_document(cli, "PUT", document_name(cli, path), document->text,
					document->len, document->type));
}

int
cmd_apply(const struct cli *cli)
{
	struct document document;
	int ret = document_read(cli, &document);

	if (ret != CLI_OK)
		return ret;
	ret = apply_document(cli, &document);
	document_free(&document);
	return ret;
}

/* Going back. */

/* The one before the current one; of what waits to be confirmed, the one that comes back. */
static int
find_target(const struct cli *cli, char *out, size_t size)
{
	const json_t *confirm;
	json_t *answer;
	int ret = query_get(cli, client_path("/v1/confirm"), &answer);

	if (ret != CLI_OK)
		return ret;
	confirm = json_object_get(answer, "confirm");
	snprintf(out, size, "%lld",
			(long long)json_integer_value(json_object_get(confirm, "returns_to")));
	json_decref(answer);
	if (strcmp(out, "0") != 0)
		return CLI_OK;
	ret = query_get(cli, client_path("/v1/diff"), &answer);
	if (ret != CLI_OK)
		return ret;
	snprintf(out, size, "%lld", (long long)json_integer_value(json_object_get(answer, "from")));
	json_decref(answer);
	return CLI_OK;
}

static int
roll_back_to(const struct cli *cli)
{
	char *path = client_path("/v1/rollback");
	int ret = add_options(cli, &path);

	if (ret == CLI_OK)
		ret = plan_and_ask(cli, NULL, &path);
	if (ret != CLI_OK) {
		free(path);
		return ret;
	}
	return wait_in_force(cli,
			change_send(cli, "POST", client_path_query(path, "revision", cli->words[0]),
					NULL));
}

int
cmd_rollback(const struct cli *cli)
{
	char target[24];
	char *word = target;
	struct cli with_target = *cli;
	int ret;

	if (cli->nb_words > 0)
		return roll_back_to(cli);
	ret = find_target(cli, target, sizeof(target));
	if (ret != CLI_OK)
		return ret;
	with_target.nb_words = 1;
	with_target.words = &word;
	return roll_back_to(&with_target);
}

int
cmd_confirm(const struct cli *cli)
{
	return change_send(cli, "POST", client_path("/v1/confirm"), NULL);
}

int
cmd_diff(const struct cli *cli)
{
	char *path = client_path("/v1/diff");
	json_t *answer;
	int ret;

	if (cli->nb_words > 0)
		path = client_path_query(path, "from", cli->words[0]);
	if (cli->nb_words > 1)
		path = client_path_query(path, "to", cli->words[1]);
	ret = query_get(cli, path, &answer);
	if (ret != CLI_OK)
		return ret;
	return show_difference(cli, answer, plan_show_services);
}
