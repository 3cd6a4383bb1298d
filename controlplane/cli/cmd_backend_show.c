/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "query.h"
#include "topics.h"

static json_int_t
integer(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void
show_state(const json_t *backend)
{
	const json_t *override = json_object_get(backend, "override");
	const json_t *configured = json_object_get(backend, "configured");

	printf("state       %s, weight %" JSON_INTEGER_FORMAT, output_string(backend, "state"),
			integer(backend, "weight"));
	if (json_is_object(override))
		printf(" (configured: %s, weight %" JSON_INTEGER_FORMAT "; override by %s at %s)",
				output_string(configured, "state"), integer(configured, "weight"),
				output_string(override, "by"), output_string(override, "since"));
	putchar('\n');
}

/* "down for 12 s, went down 3 times, held down for 2.0 s more" */
static void
show_health(const json_t *backend, const json_t *checked)
{
	const json_t *since = json_object_get(checked, "in_state_ms");
	json_int_t held_ms = integer(checked, "hold_down_ms");
	char text[OUTPUT_DURATION_SIZE];

	printf("health      %s", output_string(backend, "health"));
	if (!json_is_object(checked)) {
		puts(", not checked");
		return;
	}
	if (strcmp(output_string(checked, "judged"), output_string(backend, "health")) != 0)
		printf(", judged %s", output_string(checked, "judged"));
	if (json_is_integer(since))
		printf(" for %s", output_duration(json_integer_value(since) * 1000, text));
	printf(", went down %" JSON_INTEGER_FORMAT " time%s", integer(checked, "flaps"),
			integer(checked, "flaps") == 1 ? "" : "s");
	if (held_ms > 0)
		printf(", held down for %s more", output_duration(held_ms * 1000, text));
	putchar('\n');
}

static void
show_suspicions(const json_t *suspicions)
{
	json_int_t nb = integer(suspicions, "count");

	if (nb == 0)
		return;
	printf("suspected   %" JSON_INTEGER_FORMAT " time%s, last at %s: %s\n", nb,
			nb == 1 ? "" : "s", output_string(suspicions, "last_at"),
			output_string(suspicions, "last"));
}

/* "factor      0.35, slow start for 13 s more" */
static void
show_factor(const json_t *backend, const json_t *checked)
{
	const json_t *left = json_object_get(checked, "slow_start_left_ms");
	double factor = json_number_value(json_object_get(backend, "factor"));
	char text[OUTPUT_DURATION_SIZE];

	if (factor >= 1. && !json_is_integer(left))
		return;
	printf("factor      %.3f", factor);
	if (json_is_integer(left))
		printf(", slow start for %s more",
				output_duration(json_integer_value(left) * 1000, text));
	putchar('\n');
}

/* "takes new flows: 16.67 % expected, 16.62 % of the slots" */
static void
show_share(const json_t *backend)
{
	bool usable = json_is_true(json_object_get(backend, "usable"));
	const json_t *share = json_object_get(backend, "share");

	printf("new flows   %s", usable ? "yes" : "no");
	if (json_is_false(json_object_get(backend, "routed")))
		printf(", no route leads there");
	if (usable)
		printf(", %.2f %% expected",
				100 *
						json_number_value(json_object_get(
								backend, "expected_share")));
	if (json_is_number(share))
		printf(", %.2f %% of the slots", 100 * json_number_value(share));
	putchar('\n');
}

static void
show_counters(const json_t *backend)
{
	static const char *const headings[] = { ">PACKETS", ">BYTES", ">NEW FLOWS", ">ACTIVE",
		NULL };
	struct output_table table;

	output_table_begin(&table, headings);
	output_cell_count(&table, json_object_get(backend, "packets"));
	output_cell_bytes(&table, json_object_get(backend, "bytes"));
	output_cell_count(&table, json_object_get(backend, "new_flows"));
	output_cell_count(&table, json_object_get(backend, "active_flows"));
	output_table_end(&table, "");
}

#define CHECK_NAME_SIZE 128

/* "tcp 10.0.1.2 port 443", "icmp 10.0.1.2" */
static const char *
check_name(const json_t *check, char out[CHECK_NAME_SIZE])
{
	char port[32] = "";

	if (json_is_integer(json_object_get(check, "port")))
		snprintf(port, sizeof(port), " port %" JSON_INTEGER_FORMAT, integer(check, "port"));
	snprintf(out, CHECK_NAME_SIZE, "%s %s%s", output_string(check, "type"),
			output_string(check, "address"), port);
	return out;
}

static void
cell_latency(struct output_table *table, const json_t *us)
{
	char text[OUTPUT_DURATION_SIZE];

	output_cell(table,
			json_is_integer(us) ? output_duration(json_integer_value(us), text) : "-");
}

/* One letter for each of the last attempts, the newest first: good, bad, refused, silent, trouble. */
static void
cell_recent(struct output_table *table, const json_t *recent)
{
	char text[33] = "";
	json_t *result;
	size_t i;

	json_array_foreach(recent, i, result)
	{
		if (i < sizeof(text) - 1 && json_is_string(result))
			text[i] = json_string_value(result)[0];
	}
	output_cell(table, text);
}

static void
show_checks(const json_t *checks)
{
	static const char *const headings[] = { "CHECK", "HEALTH", "LAST RESULT", "RECENT",
		">LATENCY", ">AVERAGE", ">ATTEMPTS", ">BAD", ">TROUBLE", "LAST ATTEMPT", NULL };
	char name[CHECK_NAME_SIZE];
	struct output_table table;
	json_t *check;
	size_t i;

	output_table_begin(&table, headings);
	json_array_foreach(checks, i, check)
	{
		output_cell(&table, check_name(check, name));
		output_cell(&table, output_string(check, "health"));
		output_cell(&table, output_string(check, "last_result"));
		cell_recent(&table, json_object_get(check, "recent"));
		cell_latency(&table, json_object_get(check, "latency_us"));
		cell_latency(&table, json_object_get(check, "latency_average_us"));
		output_cell_count(&table, json_object_get(check, "attempts"));
		output_cell_count(&table, json_object_get(check, "bad"));
		output_cell_count(&table, json_object_get(check, "trouble"));
		output_cell(&table, output_string(check, "last_attempt"));
	}
	output_table_end(&table, "no checks");
}

/* "agent       75%, wants no new flows (10.0.1.2 port 8999)" */
static void
show_agent(const json_t *check, const json_t *agent)
{
	printf("agent       %" JSON_INTEGER_FORMAT "%%%s (%s port %" JSON_INTEGER_FORMAT ")\n",
			integer(agent, "percent"),
			json_is_true(json_object_get(agent, "drained")) ? ", wants no new flows"
									: "",
			output_string(check, "address"), integer(check, "port"));
}

/* "certificate 66 days left, ends at 2027-01-31T12:00:00.000Z (https 10.0.1.2 port 443)" */
static void
show_certificate(const json_t *check, const json_t *certificate)
{
	char name[CHECK_NAME_SIZE];

	printf("certificate %" JSON_INTEGER_FORMAT " day%s left, ends at %s (%s)\n",
			integer(certificate, "days_left"),
			integer(certificate, "days_left") == 1 ? "" : "s",
			output_string(certificate, "ends"), check_name(check, name));
}

/* What checks have found besides their verdict: of those that have. */
static void
show_found(const json_t *checks, const char *key,
		void (*show)(const json_t *check, const json_t *found))
{
	json_t *check;
	size_t i;

	json_array_foreach(checks, i, check)
	{
		const json_t *found = json_object_get(check, key);

		if (json_is_object(found))
			show(check, found);
	}
}

static void
show_one(const struct cli *cli, const json_t *backend)
{
	const json_t *checked = json_object_get(backend, "checked");

	(void)cli;
	printf("backend     %s\n", output_string(backend, "address"));
	printf("service     %s (%s)\n", output_string(backend, "service_name"),
			output_string(backend, "service"));
	show_state(backend);
	show_health(backend, checked);
	show_suspicions(json_object_get(checked, "suspicions"));
	show_factor(backend, checked);
	show_share(backend);
	show_found(json_object_get(checked, "checks"), "agent", show_agent);
	show_found(json_object_get(checked, "checks"), "certificate", show_certificate);
	putchar('\n');
	show_counters(backend);
	if (!json_is_object(checked))
		return;
	putchar('\n');
	show_checks(json_object_get(checked, "checks"));
}

static void
show_each(const struct cli *cli, const json_t *answer)
{
	json_t *backend;
	size_t i;

	json_array_foreach(json_object_get(answer, "backends"), i, backend)
	{
		if (i > 0)
			puts("\n");
		show_one(cli, backend);
	}
}

int
cmd_backend_show(const struct cli *cli)
{
	if (cli->service != NULL)
		return query_show(cli,
				client_path("/v1/services/%/backends/%", cli->service,
						cli->words[0]),
				show_one);
	return query_show(cli, client_path("/v1/backends/%", cli->words[0]), show_each);
}
