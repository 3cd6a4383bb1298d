/* SPDX-License-Identifier: BSD-3-Clause */
#include "topics.h"

#define CHANGE (OPTION_SERVICE | OPTION_DRY_RUN)

static const struct cli_command commands[] = {
	{ "backend add", "ADDRESS", "add a backend to a service",
			"Add a backend to the configuration. The weight is 100 and the state "
			"`enabled` if they are not given. The configuration file is not changed; "
			"see `export`.",
			"guideway backend add 10.0.1.4 --service payments --weight 10",
			CHANGE | OPTION_WEIGHT | OPTION_STATE, OPTION_SERVICE, cmd_backend_add },
	{ "backend remove", "ADDRESS", "take a backend out of a service, or of all",
			"Remove it from the configuration, and its overrides with it. Its flows go "
			"to others at once: drain it first.",
			NULL, CHANGE, 0, cmd_backend_remove },
	{ "backend set", "ADDRESS", "override its weight or state",
			"Override the weight, the state, or both; what is not given stays as it is. "
			"`configured` in place of a value takes the override back.",
			"guideway backend set 10.0.1.4 --service payments --weight 100\n"
			"guideway backend set 10.0.1.4 --weight configured",
			CHANGE | OPTION_WEIGHT | OPTION_STATE, 0, cmd_backend_set },
	{ "backend drain", "ADDRESS", "no new flows; those there are go on",
			"The same as `backend set --state draining`. Its flows go on; when `backend "
			"list` shows no active ones, it can be taken away.",
			"guideway backend drain 10.0.1.2", CHANGE, 0, cmd_backend_drain },
	{ "backend enable", "ADDRESS", "new flows again",
			"The same as `backend set --state enabled`, whatever the configuration says.",
			NULL, CHANGE, 0, cmd_backend_enable },
	{ "backend disable", "ADDRESS", "its flows go to others at once",
			"The same as `backend set --state disabled`.", NULL, CHANGE, 0,
			cmd_backend_disable },
};

TOPIC(backend, "Changing backends",
		"Without `--service` all but `add` act on every service that has this backend, as "
		"one change: all or nothing.");
