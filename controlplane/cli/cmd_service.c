/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "backend_table.h"
#include "client.h"
#include "output.h"
#include "query.h"
#include "topics.h"

static void
cells_wide(struct output_table *table, const json_t *service)
{
	const json_t *health = json_object_get(service, "health");

	output_cell(table, output_string(service, "advertised"));
	output_cell_integer(table, json_object_get(health, "healthy"));
	output_cell_integer(table, json_object_get(health, "min_healthy"));
	output_cell_integer(table, json_object_get(health, "waiting_to_leave"));
	output_cell_integer(table, json_object_get(service, "slots"));
	output_cell(table, output_string(service, "on-down"));
}

static void
show_list(const struct cli *cli, const json_t *answer)
{
	static const char *const headings[] = { "SERVICE", "NAME", "MODE", ">BACKENDS", ">USABLE",
		">PACKETS", ">BYTES", ">NEW FLOWS", ">ACTIVE", NULL };
	static const char *const wide[] = { "ADVERTISED", ">HEALTHY", ">MIN HEALTHY", ">LEAVING",
		">SLOTS", "ON DOWN", NULL };
	struct output_table table;
	size_t i;
	json_t *service;

	output_table_begin(&table, headings);
	if (cli->wide)
		output_table_widen(&table, wide);
	json_array_foreach(json_object_get(answer, "services"), i, service)
	{
		output_cell(&table, output_string(service, "id"));
		output_cell(&table, output_string(service, "name"));
		output_cell(&table, output_string(service, "mode"));
		output_cell_integer(&table, json_object_get(service, "backends_total"));
		output_cell_integer(&table, json_object_get(service, "backends_usable"));
		output_cell_count(&table, json_object_get(service, "packets"));
		output_cell_bytes(&table, json_object_get(service, "bytes"));
		output_cell_count(&table, json_object_get(service, "new_flows"));
		output_cell_count(&table, json_object_get(service, "active_flows"));
		if (cli->wide)
			cells_wide(&table, service);
	}
	output_table_end(&table, "no services; guideway apply -f FILE makes some");
}

int
cmd_service_list(const struct cli *cli)
{
	return query_show(cli, client_path("/v1/services"), show_list);
}

static void
show_lifetimes(json_t *lifetimes)
{
	const char *name, *separator = "";
	json_t *value;

	printf("lifetimes   ");
	json_object_foreach(lifetimes, name, value)
	{
		printf("%s%s %" JSON_INTEGER_FORMAT " s", separator, name,
				json_integer_value(value));
		separator = ", ";
	}
	putchar('\n');
}

static void
show_one(const struct cli *cli, const json_t *service)
{
	const json_t *slots = json_object_get(service, "slots");

	printf("service     %s\n", output_string(service, "name"));
	printf("address     %s\n", output_string(service, "id"));
	printf("mode        %s\n", output_string(service, "mode"));
	if (json_is_integer(slots))
		printf("slots       %" JSON_INTEGER_FORMAT "\n", json_integer_value(slots));
	show_lifetimes(json_object_get(service, "lifetimes"));
	printf("SYN         chooses anew on a flow idle for %" JSON_INTEGER_FORMAT " s\n",
			json_integer_value(json_object_get(service, "syn-reselect-idle")));
	printf("on down     %s the flows\n\n", output_string(service, "on-down"));
	backend_table_show(cli, json_object_get(service, "backends"), false);
}

int
cmd_service_show(const struct cli *cli)
{
	return query_show(cli, client_path("/v1/services/%", cli->words[0]), show_one);
}
