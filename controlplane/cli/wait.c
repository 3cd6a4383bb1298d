/* SPDX-License-Identifier: BSD-3-Clause */
#include "wait.h"

#include <time.h>

#include "client.h"
#include "duration.h"
#include "query.h"

#define LOOK_MS 250
#define MAX_S 86400

static double
now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int
wait_parse(const struct cli *cli, long *seconds)
{
	*seconds = 0;
	if (cli->wait == NULL || duration_parse(cli->wait, MAX_S, seconds))
		return CLI_OK;
	return client_error(cli, CLI_USAGE, "usage", "--wait takes 1..86400 seconds", "");
}

int
wait_for(const struct cli *cli, const char *resource, bool (*over)(const json_t *answer),
		long seconds, json_t **last)
{
	const struct timespec look = { .tv_nsec = LOOK_MS * 1000000L };
	double until_s = now_s() + (double)seconds;

	for (;;) {
		int ret = query_get(cli, client_path(resource), last);

		if (ret != CLI_OK || over(*last))
			return ret;
		if (now_s() >= until_s)
			return CLI_TIMEOUT;
		json_decref(*last);
		nanosleep(&look, NULL);
	}
}
