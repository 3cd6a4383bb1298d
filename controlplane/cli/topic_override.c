/* SPDX-License-Identifier: BSD-3-Clause */
#include "topics.h"

static const struct cli_command commands[] = {
	{ "override list", "", "what operators have set by hand",
			"What operators have set by hand, since when, and who. \"dormant\": the "
			"configuration has no such backend now; it applies again if the backend "
			"comes back.",
			NULL, OPTION_WATCH, 0, cmd_override_list },
	{ "override reset", "", "back to the configuration",
			"Take back every override, or those of a service or a backend.",
			"guideway override reset --backend 10.0.1.2",
			OPTION_SERVICE | OPTION_BACKEND | OPTION_DRY_RUN, 0, cmd_override_reset },
};

TOPIC(override, "Overrides", NULL);
