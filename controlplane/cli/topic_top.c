/* SPDX-License-Identifier: BSD-3-Clause */
#include "topics.h"

static const struct cli_command commands[] = {
	{ "top", "[service|backend|worker]", "rates, live, on the whole screen",
			"Rates of services, backends or workers, anew every second, the busiest "
			"first; above them the sums of all workers. A rate is the difference of two "
			"samples; \"-\" is one that is not known yet, or not without a dataplane. "
			"Rates of services and backends count what comes from clients. A daemon "
			"that goes away is named and waited for. The keys are:\n"
			"- s b w Tab: Services, backends, workers; the next of them.\n"
			"- < >: Sort by the column to the left or to the right.\n"
			"- r: Reverse the order.\n"
			"- /: Show only rows that contain what is typed; Enter ends typing, Escape "
			"shows all again.\n"
			"- arrows: Scroll; so do Page Up, Page Down, Home and End.\n"
			"- q: Quit.\n"
			"With `--once` or `-o json` two samples are taken and the rates printed, "
			"for scripts.",
			"guideway top\n"
			"guideway top backend --service payments\n"
			"guideway top worker -o json",
			OPTION_SERVICE | OPTION_ONCE | OPTION_INTERVAL, 0, cmd_top },
};

TOPIC(top, "What happens now", NULL);
