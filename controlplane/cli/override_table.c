/* SPDX-License-Identifier: BSD-3-Clause */
#include "override_table.h"

#include "output.h"

void
override_table_show(const struct cli *cli, const json_t *overrides)
{
	static const char *const headings[] = { "SERVICE", "BACKEND", "STATE", ">WEIGHT", "SINCE",
		"BY", "", NULL };
	static const char *const wide[] = { "ID", NULL };
	struct output_table table;
	size_t i;
	json_t *override;

	output_table_begin(&table, headings);
	if (cli->wide)
		output_table_widen(&table, wide);
	json_array_foreach(overrides, i, override)
	{
		output_cell(&table, output_string(override, "service_name"));
		output_cell(&table, output_string(override, "backend"));
		output_cell(&table, output_string(override, "state"));
		output_cell_integer(&table, json_object_get(override, "weight"));
		output_cell(&table, output_string(override, "since"));
		output_cell(&table, output_string(override, "by"));
		output_cell(&table,
				json_is_true(json_object_get(override, "dormant")) ? "dormant"
										   : "");
		if (cli->wide)
			output_cell(&table, output_string(override, "service"));
	}
	output_table_end(&table, "no overrides");
}
