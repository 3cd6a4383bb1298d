/* SPDX-License-Identifier: BSD-3-Clause */
#include "backend_table.h"

#include <stdio.h>

#include "output.h"

/* "draining (override)": state or weight are not those of the configuration. */
static void
cell_state(struct output_table *table, const json_t *backend)
{
	bool overridden = json_is_object(json_object_get(backend, "override"));
	char text[64];

	snprintf(text, sizeof(text), "%s%s", output_string(backend, "state"),
			overridden ? " (override)" : "");
	output_cell(table, text);
}

static void
cell_health(struct output_table *table, const json_t *backend)
{
	if (json_is_false(json_object_get(backend, "routed")))
		output_cell(table, "no route");
	else
		output_cell(table, output_string(backend, "health"));
}

/* -o wide: what was configured, why it has this share and this health, who has overridden it. */
static void
cells_wide(struct output_table *table, const json_t *backend)
{
	const json_t *checked = json_object_get(backend, "checked");
	const json_t *suspicions = json_object_get(checked, "suspicions");
	const json_t *factor = json_object_get(backend, "factor");
	char text[32] = "-";

	output_cell(table, output_string(json_object_get(backend, "configured"), "state"));
	output_cell_integer(
			table, json_object_get(json_object_get(backend, "configured"), "weight"));
	if (json_is_number(factor))
		snprintf(text, sizeof(text), "%.3f", json_number_value(factor));
	output_cell(table, text);
	output_cell(table, output_string(checked, "observed"));
	output_cell(table, output_string(checked, "judged"));
	output_cell_count(table, json_object_get(checked, "flaps"));
	output_cell_count(table, json_object_get(suspicions, "count"));
	output_cell(table, output_string(json_object_get(backend, "override"), "by"));
}

void
backend_table_show(const struct cli *cli, const json_t *backends, bool with_service)
{
	static const char *const headings[] = { "SERVICE", "BACKEND", "STATE", "HEALTH", ">WEIGHT",
		">EXPECTED", ">SLOTS", ">PACKETS", ">BYTES", ">NEW FLOWS", ">ACTIVE", NULL };
	static const char *const wide[] = { "CONFIGURED", ">WEIGHT", ">FACTOR", "OBSERVED",
		"JUDGED", ">FLAPS", ">SUSPECTED", "OVERRIDE BY", NULL };
	struct output_table table;
	size_t i;
	json_t *backend;

	output_table_begin(&table, with_service ? headings : headings + 1);
	if (cli->wide)
		output_table_widen(&table, wide);
	json_array_foreach(backends, i, backend)
	{
		if (with_service)
			output_cell(&table, output_string(backend, "service_name"));
		output_cell(&table, output_string(backend, "address"));
		cell_state(&table, backend);
		cell_health(&table, backend);
		output_cell_integer(&table, json_object_get(backend, "weight"));
		output_cell_share(&table, json_object_get(backend, "expected_share"));
		output_cell_share(&table, json_object_get(backend, "share"));
		output_cell_count(&table, json_object_get(backend, "packets"));
		output_cell_bytes(&table, json_object_get(backend, "bytes"));
		output_cell_count(&table, json_object_get(backend, "new_flows"));
		output_cell_count(&table, json_object_get(backend, "active_flows"));
		if (cli->wide)
			cells_wide(&table, backend);
	}
	output_table_end(&table, "no backends");
}
