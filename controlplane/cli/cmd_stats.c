/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "output.h"
#include "topics.h"

static void
cells_of_flows(struct output_table *table, const json_t *object)
{
	output_cell_count(table, json_object_get(object, "packets"));
	output_cell_bytes(table, json_object_get(object, "bytes"));
	output_cell_count(table, json_object_get(object, "new_flows"));
	output_cell_count(table, json_object_get(object, "active_flows"));
}

static void
show_services(const json_t *stats)
{
	static const char *const headings[] = { "SERVICE", ">PACKETS", ">BYTES", ">NEW FLOWS",
		">ACTIVE", NULL };
	struct output_table table;
	size_t i;
	json_t *service;

	output_table_begin(&table, headings);
	json_array_foreach(json_object_get(stats, "services"), i, service)
	{
		output_cell(&table, output_string(service, "name"));
		cells_of_flows(&table, service);
	}
	output_table_end(&table, "no services");
}

static void
show_backends(const json_t *stats)
{
	static const char *const headings[] = { "SERVICE", "BACKEND", ">PACKETS", ">BYTES",
		">NEW FLOWS", ">ACTIVE", ">SLOTS", NULL };
	struct output_table table;
	size_t i, j;
	json_t *service, *backend;

	output_table_begin(&table, headings);
	json_array_foreach(json_object_get(stats, "services"), i, service)
	{
		json_array_foreach(json_object_get(service, "backends"), j, backend)
		{
			output_cell(&table, output_string(service, "name"));
			output_cell(&table, output_string(backend, "address"));
			cells_of_flows(&table, backend);
			output_cell_share(&table, json_object_get(backend, "share"));
		}
	}
	output_table_end(&table, "no backends");
}

static void
show_workers(const json_t *stats)
{
	static const char *const headings[] = { "WORKER", ">LOAD", ">RX", ">TX", ">FORWARDED",
		">HITS", ">NEW", ">MIDWAY", ">MOVED", ">TABLE FULL", ">PUNTED", ">FLOWS V4",
		">FLOWS V6", NULL };
	static const char *const counters[] = { "rx_packets", "tx_packets", "forwarded",
		"flow_hits", "flow_misses_syn", "flow_misses_other", "flows_moved",
		"flow_table_full", "punted", "flows4", "flows6" };
	struct output_table table;
	size_t i;
	json_t *worker;

	output_table_begin(&table, headings);
	json_array_foreach(json_object_get(stats, "workers"), i, worker)
	{
		output_cell_integer(&table, json_object_get(worker, "worker"));
		output_cell_share(&table, json_object_get(worker, "load"));
		for (size_t c = 0; c < sizeof(counters) / sizeof(counters[0]); c++)
			output_cell_count(&table, json_object_get(worker, counters[c]));
	}
	output_table_end(&table, "no workers");
}

static void
show_main(const json_t *stats)
{
	static const char *const headings[] = { "MAIN LCORE", ">COUNT", NULL };
	struct output_table table;
	const char *name;
	json_t *count;

	output_table_begin(&table, headings);
	json_object_foreach(json_object_get(stats, "main"), name, count)
	{
		if (!json_is_integer(count))
			continue; /* Its drops are among all drops. */
		output_cell(&table, name);
		output_cell_integer(&table, count);
	}
	output_table_end(&table, "no main lcore");
}

static void
show_drops(const json_t *stats)
{
	static const char *const headings[] = { "DROP REASON", ">PACKETS", NULL };
	struct output_table table;
	const char *reason;
	json_t *count;

	output_table_begin(&table, headings);
	json_object_foreach(json_object_get(stats, "drops"), reason, count)
	{
		output_cell(&table, reason);
		output_cell_integer(&table, count);
	}
	output_table_end(&table, "no drops");
}

static void
show_ports(const json_t *stats)
{
	static const char *const headings[] = { "PORT", "LINK", ">MTU", ">RX", ">RX BYTES", ">TX",
		">TX BYTES", ">MISSED", ">RX ERRORS", ">TX ERRORS", NULL };
	struct output_table table;
	size_t i;
	json_t *port;

	output_table_begin(&table, headings);
	json_array_foreach(json_object_get(stats, "ports"), i, port)
	{
		output_cell(&table, output_string(port, "name"));
		output_cell(&table, json_is_true(json_object_get(port, "link_up")) ? "up" : "down");
		output_cell_integer(&table, json_object_get(port, "mtu"));
		output_cell_count(&table, json_object_get(port, "rx_packets"));
		output_cell_bytes(&table, json_object_get(port, "rx_bytes"));
		output_cell_count(&table, json_object_get(port, "tx_packets"));
		output_cell_bytes(&table, json_object_get(port, "tx_bytes"));
		output_cell_count(&table, json_object_get(port, "rx_missed"));
		output_cell_count(&table, json_object_get(port, "rx_errors"));
		output_cell_count(&table, json_object_get(port, "tx_errors"));
	}
	output_table_end(&table, "no ports");
}

static const struct section {
	const char *name;
	void (*show)(const json_t *stats);
} sections[] = {
	{ "service", show_services },
	{ "backend", show_backends },
	{ "worker", show_workers },
	{ "main", show_main },
	{ "drops", show_drops },
	{ "port", show_ports },
};

#define NB_SECTIONS (sizeof(sections) / sizeof(sections[0]))

static bool
known(const char *name)
{
	for (size_t i = 0; i < NB_SECTIONS; i++)
		if (strcmp(sections[i].name, name) == 0)
			return true;
	return false;
}

static void
show(const json_t *stats, const char *only)
{
	for (size_t i = 0; i < NB_SECTIONS; i++) {
		if (only != NULL && strcmp(sections[i].name, only) != 0)
			continue;
		if (only == NULL && i > 0)
			putchar('\n');
		sections[i].show(stats);
	}
}

int
cmd_stats(const struct cli *cli)
{
	const struct client_request request = { .method = "GET", .path = "/v1/stats" };
	const char *only = cli->nb_words > 0 ? cli->words[0] : NULL;
	struct client_answer answer;
	int ret;

	if (only != NULL && !known(only))
		return client_error(cli, CLI_USAGE, "usage",
				"stats takes service, backend, worker, "
				"main, drops or port",
				"guideway stats alone shows all of them");
	ret = client_ask(cli, &request, &answer);
	if (ret != CLI_OK)
		return ret;
	if (cli->json)
		output_answer(cli, answer.json);
	else
		show(answer.json, only);
	client_answer_free(&answer);
	return CLI_OK;
}
