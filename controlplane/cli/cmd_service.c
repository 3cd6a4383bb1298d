/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "backend_table.h"
#include "client.h"
#include "output.h"
#include "query.h"
#include "topics.h"

static void
show_list(const json_t *answer)
{
	static const char *const headings[] = { "SERVICE", "NAME", "MODE", ">BACKENDS", ">USABLE",
		">PACKETS", ">BYTES", ">NEW FLOWS", ">ACTIVE", NULL };
	struct output_table table;
	size_t i;
	json_t *service;

	output_table_begin(&table, headings);
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
show_one(const json_t *service)
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
	backend_table_show(json_object_get(service, "backends"), false);
}

int
cmd_service_show(const struct cli *cli)
{
	return query_show(cli, client_path("/v1/services/%", cli->words[0]), show_one);
}
