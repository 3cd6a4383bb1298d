/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "change.h"
#include "client.h"
#include "output.h"
#include "query.h"
#include "topics.h"
#include "wait.h"

/* "state       draining since 2026-11-27T13:00:00.000Z by uid 0 (root)" */
static void
show(const struct cli *cli, const json_t *balancer)
{
	(void)cli;
	const json_t *rate = json_object_get(balancer, "packets_per_s");

	printf("state       %s", output_string(balancer, "state"));
	if (json_is_string(json_object_get(balancer, "since")))
		printf(" since %s by %s", output_string(balancer, "since"),
				output_string(balancer, "by"));
	printf("\nadvertised  %s", output_string(balancer, "advertised"));
	if (!json_is_true(json_object_get(balancer, "has_routes")))
		printf(", but no dataplane that advertises VIPs is connected");
	putchar('\n');
	if (json_is_number(rate))
		printf("packets     %.0f a second still come\n", json_number_value(rate));
}

int
cmd_balancer_show(const struct cli *cli)
{
	return query_show(cli, client_path("/v1/balancer"), show);
}

static int
set_state(const struct cli *cli, const char *state)
{
	return change_send(cli, "PATCH", client_path("/v1/balancer"),
			json_pack("{s:s}", "state", state));
}

static bool
is_over(const json_t *balancer)
{
	return strcmp(output_string(balancer, "state"), "draining") != 0;
}

static int
wait_for_drained(const struct cli *cli, long seconds)
{
	json_t *balancer;
	int ret = wait_for(cli, "/v1/balancer", is_over, seconds, &balancer);
	bool drained;

	if (ret == CLI_TIMEOUT) {
		json_decref(balancer);
		return client_error(cli, CLI_TIMEOUT, "not_drained",
				"packets still come; it goes on draining",
				"guideway balancer show; do routers know of another balancer?");
	}
	if (ret != CLI_OK)
		return ret;
	drained = strcmp(output_string(balancer, "state"), "disabled") == 0;
	json_decref(balancer);
	if (!drained)
		return client_error(cli, CLI_CONFLICT, "not_drained",
				"somebody else has enabled it", "");
	if (!cli->json)
		puts("drained: no packets come any more, and the VIPs are withdrawn");
	return CLI_OK;
}

int
cmd_balancer_drain(const struct cli *cli)
{
	long seconds;
	int ret = wait_parse(cli, &seconds);

	if (ret == CLI_OK)
		ret = set_state(cli, "draining");
	if (ret != CLI_OK || seconds == 0 || (cli->given & OPTION_DRY_RUN) != 0)
		return ret;
	return wait_for_drained(cli, seconds);
}

int
cmd_balancer_enable(const struct cli *cli)
{
	return set_state(cli, "enabled");
}

int
cmd_balancer_disable(const struct cli *cli)
{
	return set_state(cli, "disabled");
}
