/* SPDX-License-Identifier: BSD-3-Clause */
#include "change.h"
#include "override_table.h"
#include "query.h"
#include "topics.h"

static void
show_list(const struct cli *cli, const json_t *answer)
{
	override_table_show(cli, json_object_get(answer, "overrides"));
}

int
cmd_override_list(const struct cli *cli)
{
	return query_show(cli, client_path("/v1/overrides"), show_list);
}

int
cmd_override_reset(const struct cli *cli)
{
	char *path = client_path("/v1/overrides");

	if (cli->service != NULL)
		path = client_path_query(path, "service", cli->service);
	if (cli->backend != NULL)
		path = client_path_query(path, "backend", cli->backend);
	return change_send(cli, "DELETE", path, NULL);
}
