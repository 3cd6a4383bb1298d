/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway: the CLI of guidewayd.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "client.h"

#define DEFAULT_SOCKET "/run/guideway/api.sock"
#define DEFAULT_TIMEOUT_S 10

static const struct cli_command commands[] = {
	{ "status", "", "is all well, and what is not", 0, 0, 0, cmd_status },
	{ "service list", "", "every service with its counters", 0, 0, 0, cmd_service_list },
	{ "service show", "SERVICE", "one service with its backends", 1, 1, 0, cmd_service_show },
	{ "backend list", "", "every backend, of every service or of one", 0, 0, OPTION_SERVICE,
			cmd_backend_list },
	{ "backend show", "ADDRESS", "one backend: health, checks, counters", 1, 1, OPTION_SERVICE,
			cmd_backend_show },
	{ "backend add", "ADDRESS", "add a backend to a service", 1, 1,
			OPTION_SERVICE | OPTION_WEIGHT | OPTION_STATE | OPTION_DRY_RUN,
			cmd_backend_add },
	{ "backend set", "ADDRESS", "override weight or state; 'configured' takes it back", 1, 1,
			OPTION_SERVICE | OPTION_WEIGHT | OPTION_STATE | OPTION_DRY_RUN,
			cmd_backend_set },
	{ "backend drain", "ADDRESS", "no new flows; those there are go on", 1, 1,
			OPTION_SERVICE | OPTION_DRY_RUN, cmd_backend_drain },
	{ "backend enable", "ADDRESS", "new flows again", 1, 1, OPTION_SERVICE | OPTION_DRY_RUN,
			cmd_backend_enable },
	{ "backend disable", "ADDRESS", "its flows go to others at once", 1, 1,
			OPTION_SERVICE | OPTION_DRY_RUN, cmd_backend_disable },
	{ "backend remove", "ADDRESS", "take a backend out of a service, or of all", 1, 1,
			OPTION_SERVICE | OPTION_DRY_RUN, cmd_backend_remove },
	{ "balancer show", "", "does this balancer take traffic", 0, 0, 0, cmd_balancer_show },
	{ "balancer drain", "", "let routers prefer others; then withdraw the VIPs", 0, 0,
			OPTION_WAIT | OPTION_DRY_RUN, cmd_balancer_drain },
	{ "balancer enable", "", "advertise the VIPs again", 0, 0, OPTION_DRY_RUN,
			cmd_balancer_enable },
	{ "balancer disable", "", "withdraw the VIPs at once", 0, 0, OPTION_DRY_RUN,
			cmd_balancer_disable },
	{ "override list", "", "what operators have set by hand", 0, 0, 0, cmd_override_list },
	{ "override reset", "", "back to the configuration", 0, 0,
			OPTION_SERVICE | OPTION_BACKEND | OPTION_DRY_RUN, cmd_override_reset },
	{ "apply", "", "make a file the configuration", 0, 0,
			OPTION_FILE | OPTION_RESET_OVERRIDES | OPTION_DRY_RUN | OPTION_ALLOW_EMPTY,
			cmd_apply },
	{ "export", "", "the configuration as YAML", 0, 0, OPTION_EFFECTIVE, cmd_export },
	{ "stats", "[service|backend|worker|main|drops|port]", "counters", 0, 1, 0, cmd_stats },
	{ "history", "", "revisions of the configuration", 0, 0, OPTION_LIMIT, cmd_history },
	{ "audit", "", "who changed what", 0, 0, OPTION_LIMIT, cmd_audit },
	{ "events", "", "what has just happened", 0, 0, OPTION_LIMIT | OPTION_FOLLOW, cmd_events },
};

#define NB_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Options of all commands without a short letter. Those of some are enum cli_option itself. */
enum {
	LONG_SOCKET = 256,
	LONG_TIMEOUT,
	LONG_NO_COLOR,
	LONG_VERSION,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "socket", required_argument, NULL, LONG_SOCKET },
	{ "timeout", required_argument, NULL, LONG_TIMEOUT },
	{ "no-color", no_argument, NULL, LONG_NO_COLOR },
	{ "version", no_argument, NULL, LONG_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ "file", required_argument, NULL, 'f' },
	{ "service", required_argument, NULL, OPTION_SERVICE },
	{ "backend", required_argument, NULL, OPTION_BACKEND },
	{ "weight", required_argument, NULL, OPTION_WEIGHT },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "reset-overrides", no_argument, NULL, OPTION_RESET_OVERRIDES },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "allow-empty", no_argument, NULL, OPTION_ALLOW_EMPTY },
	{ "effective", no_argument, NULL, OPTION_EFFECTIVE },
	{ "limit", required_argument, NULL, OPTION_LIMIT },
	{ "follow", no_argument, NULL, OPTION_FOLLOW },
	{ "wait", required_argument, NULL, OPTION_WAIT },
	{ NULL, 0, NULL, 0 },
};

/* What the usage of a command says of its options. */
static const struct {
	unsigned int option;
	const char *text;
} option_help[] = {
	{ OPTION_SERVICE,
			"      --service SERVICE    its name, or tcp/192.0.2.10:443; without it: all" },
	{ OPTION_BACKEND, "      --backend ADDRESS    of this backend only" },
	{ OPTION_WEIGHT, "      --weight N           0..65535 (0: no new flows), or configured" },
	{ OPTION_STATE, "      --state STATE        enabled, draining, disabled, or configured" },
	{ OPTION_FILE, "  -f, --file FILE          YAML, or JSON if its name ends in .json; - is stdin" },
	{ OPTION_RESET_OVERRIDES, "      --reset-overrides    forget what was set by hand" },
	{ OPTION_DRY_RUN, "      --dry-run            check, and show what would change" },
	{ OPTION_ALLOW_EMPTY, "      --allow-empty        even if no service is left" },
	{ OPTION_EFFECTIVE, "      --effective          with what was set by hand" },
	{ OPTION_LIMIT, "      --limit N            the newest N of them, 1..1000 (100)" },
	{ OPTION_FOLLOW, "      --follow             and each further one when it happens" },
	{ OPTION_WAIT, "      --wait SECONDS       until it is done, at most so long" },
};

#define NB_OPTION_HELP (sizeof(option_help) / sizeof(option_help[0]))

/* @return the bit of one that only some commands take; 0: all take it. */
static unsigned int
option_of(int option)
{
	if (option == 'f')
		return OPTION_FILE;
	return option >= OPTION_SERVICE ? (unsigned int)option : 0;
}

static void
print_global_options(FILE *out)
{
	fputs("options of all commands:\n"
	      "  -o, --output table|json  json: the answer of the API as it is\n"
	      "      --socket PATH        (" DEFAULT_SOCKET ", or GUIDEWAY_SOCKET)\n"
	      "      --timeout SECONDS    wait at most so long for an answer (10)\n"
	      "      --no-color           as with NO_COLOR in the environment\n"
	      "  -h, --help               of a command, if one is named\n"
	      "      --version\n",
			out);
}

/* Is it @p group itself, or one of its commands ("backend": "backend list")? NULL: all are. */
static bool
in_group(const struct cli_command *command, const char *group)
{
	size_t len = group != NULL ? strlen(group) : 0;

	if (group == NULL)
		return true;
	return strncmp(command->name, group, len) == 0 &&
			(command->name[len] == ' ' || command->name[len] == '\0');
}

static bool
is_group(const char *word)
{
	for (size_t i = 0; i < NB_COMMANDS; i++)
		if (in_group(&commands[i], word))
			return true;
	return false;
}

/* @param group Of these commands only; NULL: of all. */
static void
print_help(FILE *out, const char *group)
{
	fprintf(out, "usage: guideway %s%sCOMMAND [ARGUMENT]... [OPTION]...\n\ncommands:\n",
			group != NULL ? group : "", group != NULL ? " " : "");
	for (size_t i = 0; i < NB_COMMANDS; i++)
		if (in_group(&commands[i], group))
			fprintf(out, "  %-16s %s\n", commands[i].name, commands[i].help);
	fputc('\n', out);
	print_global_options(out);
	fputs("\nSee guideway(1).\n", out);
}

static void
print_command_help(FILE *out, const struct cli_command *command)
{
	fprintf(out, "usage: guideway %s%s%s [OPTION]...\n\n%s\n\n", command->name,
			command->arguments[0] != '\0' ? " " : "", command->arguments,
			command->help);
	for (size_t i = 0; i < NB_OPTION_HELP; i++)
		if (command->options & option_help[i].option)
			fprintf(out, "%s\n", option_help[i].text);
	if (command->options != 0)
		fputc('\n', out);
	print_global_options(out);
}

/* @return an exit code: usage. */
static int
misused(const struct cli *cli, const struct cli_command *command, const char *why, const char *what)
{
	char message[512], hint[64];

	snprintf(message, sizeof(message), "%s%s", why, what);
	snprintf(hint, sizeof(hint), "guideway %s%s--help", command != NULL ? command->name : "",
			command != NULL ? " " : "");
	return client_error(cli, CLI_USAGE, "usage", message, hint);
}

/* Which of the options given does it not take? */
static int
misused_option(const struct cli *cli, const struct cli_command *command)
{
	const char *name = NULL;

	for (const struct option *o = long_options; o->name != NULL && name == NULL; o++)
		if (cli->given & ~command->options & option_of(o->val))
			name = o->name;
	return misused(cli, command, "this command does not take --", name);
}

/* What getopt_long() could not take. */
static int
misused_word(const struct cli *cli, int option, char **argv)
{
	const char letter[] = { (char)optopt, '\0' };

	if (option == ':')
		return misused(cli, NULL, "a value is missing behind ", argv[optind - 1]);
	if (optopt == 0)
		return misused(cli, NULL,
				"no such option, or an ambiguous one: ", argv[optind - 1]);
	if (optopt < LONG_SOCKET && argv[optind - 1][1] != '-')
		return misused(cli, NULL, "no such option: -", letter);
	return misused(cli, NULL, "this option takes no value: ", argv[optind - 1]);
}

/* @return -1: go on; else the exit code. */
static int
take_output(struct cli *cli, const char *word)
{
	cli->json = strcmp(word, "json") == 0;
	if (cli->json || strcmp(word, "table") == 0)
		return -1;
	return misused(cli, NULL, "-o takes table or json, not ", word);
}

static int
take_timeout(struct cli *cli, const char *word)
{
	char *end;

	cli->timeout_s = strtol(word, &end, 10);
	if (*word != '\0' && *end == '\0' && cli->timeout_s > 0 && cli->timeout_s <= 3600)
		return -1;
	return misused(cli, NULL, "--timeout takes 1..3600 seconds, not ", word);
}

/* Options that only some commands take. */
static void
take_command_option(struct cli *cli, int option)
{
	cli->given |= option_of(option);
	switch (option) {
	case 'f':
		cli->file = optarg;
		break;
	case OPTION_SERVICE:
		cli->service = optarg;
		break;
	case OPTION_BACKEND:
		cli->backend = optarg;
		break;
	case OPTION_WEIGHT:
		cli->weight = optarg;
		break;
	case OPTION_STATE:
		cli->state = optarg;
		break;
	case OPTION_LIMIT:
		cli->limit = optarg;
		break;
	case OPTION_WAIT:
		cli->wait = optarg;
		break;
	default: /* Without a value. */
		break;
	}
}

/* @return -1: go on; else the exit code. */
static int
take_options(struct cli *cli, bool *help, int argc, char **argv)
{
	int option, ret = -1;

	opterr = 0;
	while (ret < 0 && (option = getopt_long(argc, argv, ":o:f:h", long_options, NULL)) != -1) {
		switch (option) {
		case '?':
		case ':':
			return misused_word(cli, option, argv);
		case 'h':
			*help = true;
			break;
		case 'o':
			ret = take_output(cli, optarg);
			break;
		case LONG_SOCKET:
			cli->socket = optarg;
			break;
		case LONG_TIMEOUT:
			ret = take_timeout(cli, optarg);
			break;
		case LONG_NO_COLOR:
			cli->color = false;
			break;
		case LONG_VERSION:
			printf("guideway %s\n", GUIDEWAY_VERSION);
			return CLI_OK;
		default:
			take_command_option(cli, option);
			break;
		}
	}
	return ret;
}

/* How many of the words are the name of @p command? 0: it is another. */
static int
matches(const struct cli_command *command, int nb_words, char **words)
{
	const char *space = strchr(command->name, ' ');
	size_t first = space != NULL ? (size_t)(space - command->name) : strlen(command->name);

	if (nb_words < 1 || strlen(words[0]) != first ||
			strncmp(words[0], command->name, first) != 0)
		return 0;
	if (space == NULL)
		return 1;
	return nb_words >= 2 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

static const struct cli_command *
find_command(struct cli *cli)
{
	for (size_t i = 0; i < NB_COMMANDS; i++) {
		int nb = matches(&commands[i], cli->nb_words, cli->words);

		if (nb == 0)
			continue;
		cli->nb_words -= nb;
		cli->words += nb;
		return &commands[i];
	}
	return NULL;
}

/* No words, or some that are no command. */
static int
run_none(const struct cli *cli, bool help)
{
	const char *group = cli->nb_words > 0 ? cli->words[0] : NULL;

	if (group != NULL && !is_group(group))
		return misused(cli, NULL, "no such command: ", group);
	if (!help && cli->nb_words > 1) {
		char word[128];

		snprintf(word, sizeof(word), "%s %s", group, cli->words[1]);
		return misused(cli, NULL, "no such command: ", word);
	}
	print_help(help ? stdout : stderr, group);
	return help ? CLI_OK : CLI_USAGE;
}

/* An empty name or address means nothing, and in a path of the API something else. */
static bool
has_empty(const struct cli *cli)
{
	for (int i = 0; i < cli->nb_words; i++)
		if (cli->words[i][0] == '\0')
			return true;
	return (cli->service != NULL && cli->service[0] == '\0') ||
			(cli->backend != NULL && cli->backend[0] == '\0');
}

static int
run(struct cli *cli, bool help)
{
	const struct cli_command *command;

	if (cli->nb_words > 0 && strcmp(cli->words[0], "help") == 0) {
		help = true;
		cli->nb_words--;
		cli->words++;
	}
	command = find_command(cli);
	if (command == NULL)
		return run_none(cli, help);
	if (help) {
		print_command_help(stdout, command);
		return CLI_OK;
	}
	if (cli->nb_words < command->min_words)
		return misused(cli, command, "missing: ", command->arguments);
	if (cli->nb_words > command->max_words)
		return misused(cli, command, "unexpected: ", cli->words[command->max_words]);
	if (cli->given & ~command->options)
		return misused_option(cli, command);
	if (has_empty(cli))
		return misused(cli, command, "a name or an address is empty", "");
	return command->run(cli);
}

/* What was printed has to arrive: a full disk is no success. */
static int
check_output(const struct cli *cli, int ret)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return ret;
	return client_error(cli, CLI_UNHEALTHY, "cannot_write", "cannot write the output", "");
}

static bool
wants_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0') &&
			(term == NULL || strcmp(term, "dumb") != 0);
}

int
main(int argc, char **argv)
{
	const char *socket = getenv("GUIDEWAY_SOCKET");
	struct cli cli = {
		.socket = socket != NULL && socket[0] != '\0' ? socket : DEFAULT_SOCKET,
		.color = wants_color(),
		.timeout_s = DEFAULT_TIMEOUT_S,
	};
	bool help = false;
	int ret = take_options(&cli, &help, argc, argv);

	if (ret >= 0)
		return check_output(&cli, ret);
	cli.words = argv + optind;
	cli.nb_words = argc - optind;
	if (curl_global_init(CURL_GLOBAL_NOTHING) != CURLE_OK)
		return CLI_UNHEALTHY;
	ret = check_output(&cli, run(&cli, help));
	curl_global_cleanup();
	return ret;
}
