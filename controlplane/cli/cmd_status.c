/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "override_table.h"
#include "topics.h"

static long long
integer(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void
print_uptime(const json_t *object)
{
	long long s = integer(object, "uptime_s");

	if (s >= 86400)
		printf("up %lld d %lld h", s / 86400, s / 3600 % 24);
	else if (s >= 3600)
		printf("up %lld h %lld min", s / 3600, s / 60 % 60);
	else if (s >= 60)
		printf("up %lld min %lld s", s / 60, s % 60);
	else
		printf("up %lld s", s);
}

/* "1 service", "2 services". */
static void
print_counted(long long nb, const char *noun)
{
	printf(", %lld %s%s", nb, noun, nb == 1 ? "" : "s");
}

static void
show_problems(const struct cli *cli, const json_t *problems)
{
	size_t i;
	json_t *problem;

	if (json_array_size(problems) == 0) {
		printf("%sall is well%s\n", output_color(cli, 'g'), output_color(cli, 0));
		return;
	}
	json_array_foreach(problems, i, problem) printf("%sproblem: %s%s\n", output_color(cli, 'r'),
			json_string_value(problem), output_color(cli, 0));
}

static void
show_dataplane(const json_t *dataplane)
{
	if (!json_is_true(json_object_get(dataplane, "connected"))) {
		printf("dataplane   not connected: %s\n", output_string(dataplane, "last_error"));
		return;
	}
	printf("dataplane   %s, ", output_string(dataplane, "version"));
	print_uptime(dataplane);
	printf(", generation %lld in force%s\n", integer(dataplane, "generation"),
			json_is_true(json_object_get(dataplane, "in_sync")) ? ""
									    : ", not in sync yet");
}

/* Only if it is not as usual. */
static void
show_balancer(const json_t *balancer)
{
	if (strcmp(output_string(balancer, "state"), "enabled") != 0)
		printf("balancer    %s since %s by %s\n", output_string(balancer, "state"),
				output_string(balancer, "since"), output_string(balancer, "by"));
}

static void
show_confirm(const struct cli *cli, const json_t *confirm)
{
	if (json_is_object(confirm))
		printf("%sto confirm  revision %lld by %s: reverts to %lld in %.0f s%s\n",
				output_color(cli, 'y'), integer(confirm, "revision"),
				output_string(confirm, "by"), integer(confirm, "returns_to"),
				json_number_value(json_object_get(confirm, "left_s")),
				output_color(cli, 0));
}

static void
show_last_apply(const json_t *apply)
{
	char total[OUTPUT_DURATION_SIZE], in_dataplane[OUTPUT_DURATION_SIZE];

	if (!json_is_object(apply))
		return;
	if (json_is_true(json_object_get(apply, "ok")))
		printf("last change %s: in force in %s (%s of it in the dataplane)\n",
				output_string(apply, "at"),
				output_duration(integer(apply, "latency_us"), total),
				output_duration(integer(apply, "apply_us"), in_dataplane));
	else
		printf("last change %s: failed: %s\n", output_string(apply, "at"),
				output_string(apply, "error"));
}

static void
show_workers(const json_t *workers)
{
	static const char *const headings[] = { "WORKER", ">LOAD", ">IPV4 FLOWS", ">OF",
		">IPV6 FLOWS", ">OF", NULL };
	struct output_table table;
	size_t i;
	json_t *worker;

	if (json_array_size(workers) == 0)
		return;
	putchar('\n');
	output_table_begin(&table, headings);
	json_array_foreach(workers, i, worker)
	{
		output_cell_integer(&table, json_object_get(worker, "worker"));
		output_cell_share(&table, json_object_get(worker, "load"));
		output_cell_count(&table, json_object_get(worker, "flows4"));
		output_cell_count(&table, json_object_get(worker, "flows4_capacity"));
		output_cell_count(&table, json_object_get(worker, "flows6"));
		output_cell_count(&table, json_object_get(worker, "flows6_capacity"));
	}
	output_table_end(&table, "");
}

static void
show_file(const json_t *file)
{
	const char *state = output_string(file, "state"), *message = output_string(file, "message");

	printf("file        %s: ", output_string(file, "path"));
	if (strncmp(message, state, strlen(state)) != 0) /* "applied as revision 7" says it. */
		printf("%s: ", state);
	printf("%s\n", message);
}

static void
show(const struct cli *cli, const json_t *status)
{
	const json_t *file = json_object_get(status, "config_file");

	show_problems(cli, json_object_get(status, "problems"));
	printf("guidewayd   %s, ", output_string(status, "version"));
	print_uptime(status);
	printf(", revision %lld", integer(status, "revision"));
	print_counted(integer(status, "services"), "service");
	print_counted(integer(status, "backends"), "backend");
	printf(", hash key %s\n", output_string(status, "hash_key_fingerprint"));
	if (json_is_object(file))
		show_file(file);
	show_dataplane(json_object_get(status, "dataplane"));
	show_balancer(json_object_get(status, "balancer"));
	show_confirm(cli, json_object_get(status, "confirm"));
	show_last_apply(json_object_get(status, "last_apply"));
	if (json_array_size(json_object_get(status, "overrides")) > 0) {
		printf("\noverrides (guideway override reset takes them back)\n");
		override_table_show(cli, json_object_get(status, "overrides"));
	}
	show_workers(json_object_get(status, "workers"));
}

int
cmd_status(const struct cli *cli)
{
	const struct client_request request = { .method = "GET", .path = "/v1/status" };
	struct client_answer answer;
	int ret = client_ask(cli, &request, &answer);

	if (ret != CLI_OK)
		return ret;
	if (cli->json)
		output_answer(cli, answer.json);
	else
		show(cli, answer.json);
	ret = json_is_true(json_object_get(answer.json, "healthy")) ? CLI_OK : CLI_UNHEALTHY;
	client_answer_free(&answer);
	return ret;
}
