/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "change.h"
#include "client.h"
#include "output.h"
#include "query.h"
#include "topics.h"

#define WAIT_LOOK_MS 250
#define WAIT_MAX_S 86400

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

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
wait_for_drained(const struct cli *cli, double until_s)
{
	const struct timespec look = { .tv_nsec = WAIT_LOOK_MS * 1000000L };
	char state[32] = "";
	json_t *balancer;
	int ret;

	while ((ret = query_get(cli, client_path("/v1/balancer"), &balancer)) == CLI_OK) {
		snprintf(state, sizeof(state), "%s", output_string(balancer, "state"));
		json_decref(balancer);
		if (strcmp(state, "draining") != 0 || now_s() >= until_s)
			break;
		nanosleep(&look, NULL);
	}
	if (ret != CLI_OK)
		return ret;
	if (strcmp(state, "disabled") == 0) {
		if (!cli->json)
			puts("drained: no packets come any more, and the VIPs are withdrawn");
		return CLI_OK;
	}
	if (strcmp(state, "draining") == 0)
		return client_error(cli, CLI_TIMEOUT, "not_drained",
				"packets still come; it goes on draining",
				"guideway balancer show; do routers know of another balancer?");
	return client_error(cli, CLI_CONFLICT, "not_drained", "somebody else has enabled it", "");
}

/* @return false: misused. */
static bool
parse_wait(const struct cli *cli, long *seconds)
{
	char *end;

	*seconds = strtol(cli->wait, &end, 10);
	return *end == '\0' && cli->wait[0] != '\0' && *seconds >= 1 && *seconds <= WAIT_MAX_S;
}

int
cmd_balancer_drain(const struct cli *cli)
{
	double begin_s = now_s();
	long seconds = 0;
	int ret;

	if (cli->wait != NULL && !parse_wait(cli, &seconds))
		return client_error(cli, CLI_USAGE, "usage", "--wait takes 1..86400 seconds", "");
	ret = set_state(cli, "draining");
	if (ret != CLI_OK || cli->wait == NULL || (cli->given & OPTION_DRY_RUN) != 0)
		return ret;
	return wait_for_drained(cli, begin_s + (double)seconds);
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
