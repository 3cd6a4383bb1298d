/* SPDX-License-Identifier: BSD-3-Clause */
#include "topics.h"

static const struct cli_command commands[] = {
	{ "status", "", "is all well, and what is not",
			"What is wrong, if anything (lines that begin with \"problem:\"); version, "
			"revision and configuration file of the daemon; version and generation of "
			"the dataplane; how long the last change took; the overrides; load and "
			"flow tables of each worker. The exit code is 1 if there is a problem.",
			"guideway status -o json | jq -r '.problems[]'\n"
			"guideway status --watch",
			OPTION_WATCH, 0, cmd_status },
	{ "service list", "", "every service with its counters",
			"Every service with its mode, its backends, how many of them take new flows "
			"(USABLE), and its counters. `-o wide` adds how its VIP is "
			"advertised, how many of its backends are healthy, how many have to be, and "
			"how many that are not wait for leave because of that; the slots of its "
			"table; what becomes of the flows of a backend that is down.",
			NULL, OPTION_WATCH, 0, cmd_service_list },
	{ "service show", "SERVICE", "one service with its backends",
			"One service: address, mode, slots of its table, lifetimes of idle flows, "
			"and its backends.",
			"guideway service show payments\n"
			"guideway service show tcp/192.0.2.10:443",
			OPTION_WATCH, 0, cmd_service_show },
	{ "backend list", "", "every backend, of every service or of one",
			"The columns are:\n"
			"- STATE: `enabled`, `draining` (no new flows, those there are go on) or "
			"`disabled` (its flows go to others); followed by \"(override)\" if an "
			"operator has set it or the weight.\n"
			"- HEALTH: `up`, `down` or `unknown`; \"no route\" if no interface or "
			"gateway of the dataplane leads there.\n"
			"- WEIGHT: 0 to 65535; 0: no new flows.\n"
			"- EXPECTED: Its share of new flows by weight among the backends that take "
			"new flows.\n"
			"- SLOTS: The share of the Maglev table's slots that it has.\n"
			"- PACKETS: From clients, as received; so are BYTES.\n"
			"- NEW FLOWS: Flows that were given to it.\n"
			"- ACTIVE: Flows that are in the workers' tables now.\n"
			"With `-o wide` there are, besides:\n"
			"- CONFIGURED: Its state and its weight without overrides.\n"
			"- FACTOR: The part of its weight that slow start and agents leave it.\n"
			"- OBSERVED: What its checks say, and JUDGED what the service's guard makes "
			"of it.\n"
			"- FLAPS: How often it went down.\n"
			"- SUSPECTED: How often the dataplane had evidence against it.\n"
			"- OVERRIDE BY: Who has set state or weight.",
			NULL, OPTION_SERVICE | OPTION_WATCH, 0, cmd_backend_list },
	{ "backend show", "ADDRESS", "one backend: health, checks, counters",
			"One backend, of every service that has it or of one: state and weight with "
			"who has overridden them, health with its time in that state and how often "
			"it went down, what the dataplane suspected it of, what its agents say and "
			"how far its slow start is, its share, until when its certificates are "
			"valid, its counters, and its checks. The columns of the checks are:\n"
			"- LAST RESULT: `good`, or why it was not.\n"
			"- RECENT: The last 16 attempts, the newest first: `g`ood, `b`ad, "
			"`r`efused, `s`ilent (an agent that does not answer) or `t`rouble of this "
			"host; the latter two say nothing of the backend.\n"
			"- LATENCY: How long the last good attempt took; AVERAGE: good ones on "
			"average.",
			NULL, OPTION_SERVICE | OPTION_WATCH, 0, cmd_backend_show },
	{ "stats", "[service|backend|worker|main|drops|port]", "counters",
			"Counters, all of them or one table; with `-o json` always all. They start "
			"with the dataplane; rates are differences of two calls. Of a worker,\n"
			"- LOAD: is the part of the last second in which it had packets to work "
			"on,\n"
			"- HITS: are packets whose flow was known,\n"
			"- NEW: SYNs and UDP packets that began a flow,\n"
			"- MIDWAY: TCP packets without a flow that are no SYN: many of them mean "
			"broken connections,\n"
			"- MOVED: flows that went to another backend because theirs was down, "
			"disabled or removed,\n"
			"- TABLE FULL: new flows that were forwarded by the Maglev table alone,\n"
			"- PUNTED: packets given to the kernel.\n"
			"DROP REASON tells why packets were not forwarded; reasons that never "
			"occurred are not shown. MISSED of a port are packets that its queues had "
			"no room for: the workers are too slow.",
			"guideway stats worker --watch=1", OPTION_WATCH, 0, cmd_stats },
};

TOPIC(look, "What is", NULL);
