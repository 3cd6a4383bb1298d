/* SPDX-License-Identifier: BSD-3-Clause */
#include "topics.h"

static const struct cli_command commands[] = {
	{ "balancer show", "", "does this balancer take traffic",
			"Whether this balancer takes traffic, since when it does or does not, and "
			"who said so.",
			NULL, OPTION_WATCH, 0, cmd_balancer_show },
	{ "balancer drain", "", "let routers prefer others; then withdraw the VIPs",
			"Let routers prefer other balancers, and withdraw the VIPs once no packets "
			"have come for three seconds. Packets that still come are forwarded. If "
			"there is no other balancer it keeps them, and stays `draining`.\n"
			"The command returns at once; with `--wait` when the VIPs are withdrawn, or "
			"with exit status 8 after so many seconds. The state is kept over restarts, "
			"and belongs to this balancer, not to the configuration.",
			"guideway balancer drain --wait 60", OPTION_WAIT | OPTION_DRY_RUN, 0,
			cmd_balancer_drain },
	{ "balancer enable", "", "advertise the VIPs again", NULL, NULL, OPTION_DRY_RUN, 0,
			cmd_balancer_enable },
	{ "balancer disable", "", "withdraw the VIPs at once",
			"Withdraw the VIPs at once, whether there is another balancer or not.",
			NULL, OPTION_DRY_RUN, 0, cmd_balancer_disable },
};

TOPIC(balancer, "The balancer", NULL);
