/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#define VALUE(member_) .member = offsetof(struct cli, member_)

const struct cli_option cli_options[] = {
	/* Of some commands. */
	{ OPTION_SERVICE, "service", .argument = "SERVICE", VALUE(service),
			.help = "Only this service: its name, or `tcp/192.0.2.10:443`." },
	{ OPTION_BACKEND, "backend", .argument = "ADDRESS", VALUE(backend),
			.help = "Only this backend." },
	{ OPTION_WEIGHT, "weight", .argument = "N", VALUE(weight), .words = "configured",
			.help = "0 to 65535 (0: no new flows), or `configured`." },
	{ OPTION_STATE, "state", .argument = "STATE", VALUE(state),
			.words = "enabled draining disabled configured",
			.help = "`enabled`, `draining`, `disabled` or `configured`." },
	{ OPTION_FILE, "file", 'f', .argument = "FILE", VALUE(file),
			.help = "YAML, or JSON if the name ends in `.json`; `-` is the standard "
				"input (YAML, of which most JSON is a part)." },
	{ OPTION_RESET_OVERRIDES, "reset-overrides", .help = "Forget what was set by hand." },
	{ OPTION_ALLOW_EMPTY, "allow-empty",
			.help = "Even if no service is left. Without it a configuration that has no "
				"services is refused while there are some." },
	{ OPTION_DRY_RUN, "dry-run", .everywhere = true,
			.help = "Check, and show what would change." },
	{ OPTION_YES, "yes", 'y', .help = "Do not ask." },
	{ OPTION_FORCE, "force",
			.help = "Although the plan has warnings that need it: a service that goes, one "
				"that is left without backends, more than a set part of a service that "
				"moves at once." },
	{ OPTION_CONFIRM, "confirm", .argument = "TIME", VALUE(confirm),
			.help = "Revert it after this time, such as `60s` or `5m`, unless "
				"`guideway confirm` comes before." },
	{ OPTION_HEAD, "head", .argument = "LINE", VALUE(head),
			.help = "A line of the daemon's log with `audit head`, or `SEQ:HASH`." },
	{ OPTION_EFFECTIVE, "effective", .help = "With what was set by hand." },
	{ OPTION_LIMIT, "limit", .argument = "N", VALUE(limit),
			.help = "The newest N of them, 1 to 1000; default 100." },
	{ OPTION_FOLLOW, "follow", .help = "And each further one when it happens." },
	{ OPTION_WAIT, "wait", .argument = "SECONDS", VALUE(wait),
			.help = "Until it is done, at most so long (1 to 86400)." },
	{ OPTION_WATCH, "watch", 'w', .argument = "SECONDS", .optional = true, .everywhere = true,
			VALUE(watch),
			.help = "Show it anew every so many seconds, 0.1 to 3600; default 2. On a "
				"terminal in place; else one behind the other, with a line that "
				"begins with `---` before each (JSON has none). A daemon that is "
				"away is waited for." },
	{ OPTION_ONCE, "once", .help = "Print it once, without a terminal." },
	{ OPTION_INTERVAL, "interval", .argument = "SECONDS", VALUE(interval),
			.help = "Between two samples, 0.2 to 60; default 1." },
	/* Of all commands. */
	{ OPTION_OUTPUT, "output", 'o', .argument = "FORMAT", VALUE(output),
			.words = "table wide json yaml",
			.help = "`table` for people, `wide` with more columns where there are more; "
				"`json` or `yaml`, the API's own answer, for programs: errors are "
				"such, too, an object `error` with the strings `code`, `message`, "
				"`path` and `hint`." },
	{ OPTION_SOCKET, "socket", .argument = "PATH", VALUE(socket),
			.help = "The daemon's socket; default /run/guideway/api.sock, or what "
				"`GUIDEWAY_SOCKET` says." },
	{ OPTION_TIMEOUT, "timeout", .argument = "SECONDS", VALUE(timeout),
			.help = "How long to wait for an answer, 1 to 3600; default 10." },
	{ OPTION_NO_COLOR, "no-color",
			.help = "No colours, as with `NO_COLOR` in the environment. There are none "
				"either if the output is no terminal." },
	{ OPTION_HELP, "help", 'h',
			.help = "Of a command, of those that begin with the same word, or of all." },
	{ OPTION_VERSION, "version", .help = "Print the version." },
};

const size_t nb_cli_options = sizeof(cli_options) / sizeof(cli_options[0]);
