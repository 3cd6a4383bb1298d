/* SPDX-License-Identifier: BSD-3-Clause */
#include "topics.h"

static const struct cli_command commands[] = {
	{ "apply", "", "make a file the configuration",
			"Make a file (see doc/guideway.yaml.md) the whole configuration. It is one "
			"change: all of it goes into force, or, if anything is wrong with it, "
			"nothing. Every error is shown with file, line and column (up to 20). "
			"Services and backends that it does not name are removed. Overrides stay.",
			"guideway apply -f guideway.yaml --dry-run\n"
			"guideway apply -f guideway.yaml",
			OPTION_FILE | OPTION_RESET_OVERRIDES | OPTION_DRY_RUN | OPTION_ALLOW_EMPTY,
			OPTION_FILE, cmd_apply },
	{ "export", "", "the configuration as YAML",
			"Print the configuration as YAML, or as JSON with `-o json`, in a form that "
			"`apply` takes.",
			"guideway export --effective > guideway.yaml", OPTION_EFFECTIVE, 0,
			cmd_export },
	{ "history", "", "revisions of the configuration",
			"Revisions of the configuration, the newest first. \"refused\": the "
			"dataplane did not take it, and it was taken back.",
			NULL, OPTION_LIMIT | OPTION_WATCH, 0, cmd_history },
	{ "audit", "", "who changed what",
			"Who changed what, when, and what became of it, the newest first. A result "
			"of \"-\" is a change whose end the daemon did not live to see.",
			NULL, OPTION_LIMIT | OPTION_WATCH, 0, cmd_audit },
	{ "events", "", "what has just happened",
			"What has just happened, the oldest first: changes, health, suspicions, "
			"links, next hops, the dataplane coming and going. With `--follow` it goes "
			"on with each further event when it happens, until it is interrupted or the "
			"daemon ends (exit code 3); `--limit` says how many of those before are "
			"shown first (none). With `-o json` each is a line of its own.\n"
			"The daemon keeps 1024; what has to last is in the audit trail.",
			"guideway events --follow", OPTION_LIMIT | OPTION_FOLLOW, 0, cmd_events },
};

TOPIC(config, "The configuration", NULL);
