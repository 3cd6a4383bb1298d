/* SPDX-License-Identifier: BSD-3-Clause */
#include "topics.h"

static const struct cli_command commands[] = {
	{ "plan", "", "what a file would change, and do to traffic",
			"Show what a file would change as the configuration, as `diff` does, and what that "
			"does to traffic: the part of new flows that would go to other backends, "
			"established flows that would move, backends that would lose everything. "
			"Nothing is changed.\n"
			"What is marked with \"needs --force\" `apply` refuses without that option. The "
			"exit code is 0 if nothing would change, else 1.",
			"guideway plan -f guideway.yaml", OPTION_FILE | OPTION_RESET_OVERRIDES,
			OPTION_FILE, cmd_plan },
	{ "apply", "", "make a file the configuration",
			"Make a file (see doc/guideway.yaml.md) the whole configuration. What would "
			"change is shown as by `plan`, and the command asks; `--yes` does not ask. "
			"It is one change: all of it goes into force, or, if anything is wrong with it, "
			"nothing. Every error is shown with file, line and column (up to 20). "
			"Services and backends that it does not name are removed. Overrides stay.\n"
			"With `--confirm` the change reverts itself unless `guideway confirm` comes in "
			"time, so that one that cuts off its author heals. Until then the "
			"configuration cannot be changed further.\n"
			"The command ends when every worker uses the change; without a dataplane it is "
			"stored, and with `--wait` the command waits for one.",
			"guideway apply -f guideway.yaml\n"
			"guideway apply -f guideway.yaml --yes --confirm 60s",
			OPTION_FILE | OPTION_RESET_OVERRIDES | OPTION_DRY_RUN | OPTION_ALLOW_EMPTY |
					OPTION_YES | OPTION_FORCE | OPTION_CONFIRM | OPTION_WAIT,
			OPTION_FILE, cmd_apply },
	{ "confirm", "", "keep the change that waits for it",
			"Keep the change that was made with `--confirm`, which would revert itself.",
			NULL, OPTION_DRY_RUN, 0, cmd_confirm },
	{ "rollback", "[REVISION]", "go back to a revision",
			"Make a revision of `history` the configuration again, as a new revision; without "
			"one the revision before the current one, or that which a change that waits to "
			"be confirmed would revert to. Asks as `apply` does. Overrides stay.",
			"guideway rollback --yes\n"
			"guideway rollback 41",
			OPTION_DRY_RUN | OPTION_YES | OPTION_FORCE | OPTION_CONFIRM | OPTION_WAIT,
			0, cmd_rollback },
	{ "diff", "[REVISION] [REVISION]", "compare two revisions",
			"What differs from one revision to another; without a second one to the current "
			"one, without any between the current one and the one before. The exit code is "
			"0 if nothing differs, else 1.",
			"guideway diff 41 43", 0, 0, cmd_diff },
	{ "export", "", "the configuration as YAML",
			"Print the configuration as YAML, or as JSON with `-o json`, in a form that "
			"`apply` takes.",
			"guideway export --effective > guideway.yaml", OPTION_EFFECTIVE, 0,
			cmd_export },
	{ "history", "", "revisions of the configuration",
			"Revisions of the configuration, the newest first. \"refused\": the "
			"dataplane did not take it, and it was taken back.",
			NULL, OPTION_LIMIT | OPTION_WATCH, 0, cmd_history },
	{ "audit list", "", "who changed what",
			"Who changed what, when, and what became of it, the newest first; what was tried "
			"in vain, too. A result of \"-\" is a change whose end the daemon did not live to "
			"see. See doc/audit.md.",
			NULL, OPTION_LIMIT | OPTION_WATCH, 0, cmd_audit_list },
	{ "audit verify", "", "is the trail as it was written",
			"Make every hash of the audit trail anew and compare. With `--head` the record "
			"that a line of the log names must be in it as well: so that a trail that was cut "
			"off or written anew by whoever has this host is found. The exit code is 6 if it "
			"is not as it was written.",
			"guideway audit verify\n"
			"guideway audit verify --head 'audit head 812 5f1c... 2026-11-27... HtgO...'",
			OPTION_HEAD, 0, cmd_audit_verify },
	{ "audit export", "", "the trail, for others to verify",
			"Print all records with their hashes, a line of JSON each.",
			"guideway audit export > trail.jsonl", 0, 0, cmd_audit_export },
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
