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

void
backend_table_show(const json_t *backends, bool with_service)
{
	static const char *const headings[] = { "SERVICE", "BACKEND", "STATE", "HEALTH", ">WEIGHT",
		">EXPECTED", ">SLOTS", ">PACKETS", ">BYTES", ">NEW FLOWS", ">ACTIVE", NULL };
	struct output_table table;
	size_t i;
	json_t *backend;

	output_table_begin(&table, with_service ? headings : headings + 1);
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
	}
	output_table_end(&table, "no backends");
}
