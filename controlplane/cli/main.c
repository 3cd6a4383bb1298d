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

#include "cli.h"

#define DEFAULT_SOCKET "/run/guideway/api.sock"
#define DEFAULT_TIMEOUT_S 10

static const struct cli_command commands[] = {
	{ "status", "", "is all well, and what is not", 0, 0, 0, cmd_status },
	{ "service list", "", "every service with its counters", 0, 0, 0, cmd_service_list },
	{ "service show", "SERVICE", "one service with its backends", 1, 1, 0, cmd_service_show },
	{ "backend list", "", "every backend, of every service or of one", 0, 0, OPTION_SERVICE,
			cmd_backend_list },
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
	{ "override list", "", "what operators have set by hand", 0, 0, 0, cmd_override_list },
	{ "override reset", "", "back to the configuration", 0, 0,
			OPTION_SERVICE | OPTION_BACKEND | OPTION_DRY_RUN, cmd_override_reset },
	{ "apply", "", "make a file the configuration", 0, 0,
			OPTION_FILE | OPTION_RESET_OVERRIDES | OPTION_DRY_RUN | OPTION_ALLOW_EMPTY,
			cmd_apply },
	{ "export", "", "the configuration as YAML", 0, 0, OPTION_EFFECTIVE, cmd_export },
	{ "stats", "[service|backend|worker|drops|port]", "counters", 0, 1, 0, cmd_stats },
	{ "history", "", "revisions of the configuration", 0, 0, OPTION_LIMIT, cmd_history },
	{ "audit", "", "who changed what", 0, 0, OPTION_LIMIT, cmd_audit },
};

#define NB_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Options without a short letter. */
enum {
	LONG_SOCKET = 256,
	LONG_TIMEOUT,
	LONG_NO_COLOR,
	LONG_VERSION,
	LONG_SERVICE,
	LONG_BACKEND,
	LONG_WEIGHT,
	LONG_STATE,
	LONG_RESET_OVERRIDES,
	LONG_DRY_RUN,
	LONG_ALLOW_EMPTY,
	LONG_EFFECTIVE,
	LONG_LIMIT,
};

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "socket", required_argument, NULL, LONG_SOCKET },
	{ "timeout", required_argument, NULL, LONG_TIMEOUT },
	{ "no-color", no_argument, NULL, LONG_NO_COLOR },
	{ "version", no_argument, NULL, LONG_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ "file", required_argument, NULL, 'f' },
	{ "service", required_argument, NULL, LONG_SERVICE },
	{ "backend", required_argument, NULL, LONG_BACKEND },
	{ "weight", required_argument, NULL, LONG_WEIGHT },
	{ "state", required_argument, NULL, LONG_STATE },
	{ "reset-overrides", no_argument, NULL, LONG_RESET_OVERRIDES },
	{ "dry-run", no_argument, NULL, LONG_DRY_RUN },
	{ "allow-empty", no_argument, NULL, LONG_ALLOW_EMPTY },
	{ "effective", no_argument, NULL, LONG_EFFECTIVE },
	{ "limit", required_argument, NULL, LONG_LIMIT },
	{ NULL, 0, NULL, 0 },
};

/* What the usage of a command says of its options. */
static const struct {
	unsigned int option;
	const char *text;
} option_help[] = {
	{ OPTION_SERVICE,
			"      --service SERVICE    name, or tcp/192.0.2.10:443; without it: all services" },
	{ OPTION_BACKEND, "      --backend ADDRESS    of this backend only" },
	{ OPTION_WEIGHT, "      --weight N           0..65535; 0: no new flows" },
	{ OPTION_STATE, "      --state STATE        enabled, draining or disabled" },
	{ OPTION_FILE, "  -f, --file FILE          YAML, or JSON if it ends in .json; -: standard input" },
	{ OPTION_RESET_OVERRIDES, "      --reset-overrides    forget what was set by hand" },
	{ OPTION_DRY_RUN, "      --dry-run            check, and show what would change" },
	{ OPTION_ALLOW_EMPTY, "      --allow-empty        even if no service is left" },
	{ OPTION_EFFECTIVE, "      --effective          with what was set by hand" },
	{ OPTION_LIMIT, "      --limit N            at most so many" },
};

static void
print_global_options(FILE *out)
{
	fputs("options of all commands:\n"
	      "  -o, --output table|json\n"
	      "      --socket PATH        guidewayd's (" DEFAULT_SOCKET "; or GUIDEWAY_SOCKET)\n"
	      "      --timeout SECONDS    (10)\n"
	      "      --no-color           also by NO_COLOR\n"
	      "  -h, --help               of a command, if one is named\n"
	      "      --version\n",
			out);
}

static void
print_help(FILE *out)
{
	fputs("usage: guideway COMMAND [ARGUMENT]... [OPTION]...\n\ncommands:\n", out);
	for (size_t i = 0; i < NB_COMMANDS; i++)
		fprintf(out, "  %-16s %s\n", commands[i].name, commands[i].help);
	fputc('\n', out);
	print_global_options(out);
	fputs("\nSee guideway(1).\n", out);
}

static void
print_command_help(FILE *out, const struct cli_command *command)
{
	fprintf(out, "usage: guideway %s%s%s [OPTION]...\n%s\n\n", command->name,
			command->arguments[0] != '\0' ? " " : "", command->arguments,
			command->help);
	for (size_t i = 0; i < sizeof(option_help) / sizeof(option_help[0]); i++)
		if (command->options & option_help[i].option)
			fprintf(out, "%s\n", option_help[i].text);
	print_global_options(out);
}

/* @return an exit code: usage. */
static int
misused(const struct cli_command *command, const char *why, const char *what)
{
	fprintf(stderr, "guideway: %s%s\n", why, what);
	fprintf(stderr, "hint: guideway %s%s--help\n", command != NULL ? command->name : "",
			command != NULL ? " " : "");
	return CLI_USAGE;
}

static int
take_output(struct cli *cli, const char *word)
{
	cli->json = strcmp(word, "json") == 0;
	if (cli->json || strcmp(word, "table") == 0)
		return -1;
	return misused(NULL, "-o takes table or json, not ", word);
}

static int
take_timeout(struct cli *cli, const char *word)
{
	char *end;

	cli->timeout_s = strtol(word, &end, 10);
	if (*word != '\0' && *end == '\0' && cli->timeout_s > 0 && cli->timeout_s <= 3600)
		return -1;
	return misused(NULL, "--timeout takes 1..3600 seconds, not ", word);
}

static void
take_flag(struct cli *cli, unsigned int option, const char **where, const char *value)
{
	cli->given |= option;
	if (where != NULL)
		*where = value;
}

/* Options that only some commands take. */
static void
take_command_option(struct cli *cli, int option)
{
	switch (option) {
	case 'f':
		take_flag(cli, OPTION_FILE, &cli->file, optarg);
		break;
	case LONG_SERVICE:
		take_flag(cli, OPTION_SERVICE, &cli->service, optarg);
		break;
	case LONG_BACKEND:
		take_flag(cli, OPTION_BACKEND, &cli->backend, optarg);
		break;
	case LONG_WEIGHT:
		take_flag(cli, OPTION_WEIGHT, &cli->weight, optarg);
		break;
	case LONG_STATE:
		take_flag(cli, OPTION_STATE, &cli->state, optarg);
		break;
	case LONG_LIMIT:
		take_flag(cli, OPTION_LIMIT, &cli->limit, optarg);
		break;
	case LONG_RESET_OVERRIDES:
		take_flag(cli, OPTION_RESET_OVERRIDES, NULL, NULL);
		break;
	case LONG_DRY_RUN:
		take_flag(cli, OPTION_DRY_RUN, NULL, NULL);
		break;
	case LONG_ALLOW_EMPTY:
		take_flag(cli, OPTION_ALLOW_EMPTY, NULL, NULL);
		break;
	default:
		take_flag(cli, OPTION_EFFECTIVE, NULL, NULL);
		break;
	}
}

/* @return -1: go on; else the exit code. */
static int
take_options(struct cli *cli, bool *help, int argc, char **argv)
{
	int option, ret = -1;

	while (ret < 0 && (option = getopt_long(argc, argv, "o:f:h", long_options, NULL)) != -1) {
		switch (option) {
		case '?':
			return CLI_USAGE;
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

static int
run(struct cli *cli, bool help)
{
	const struct cli_command *command = find_command(cli);

	if (command == NULL && (help || cli->nb_words == 0)) {
		print_help(help ? stdout : stderr);
		return help ? CLI_OK : CLI_USAGE;
	}
	if (command == NULL)
		return misused(NULL, "no such command: ", cli->words[0]);
	if (help) {
		print_command_help(stdout, command);
		return CLI_OK;
	}
	if (cli->nb_words < command->min_words)
		return misused(command, "missing: ", command->arguments);
	if (cli->nb_words > command->max_words)
		return misused(command, "unexpected: ", cli->words[command->max_words]);
	if (cli->given & ~command->options)
		return misused(command, "this command does not take one of the options given", "");
	return command->run(cli);
}

int
main(int argc, char **argv)
{
	const char *socket = getenv("GUIDEWAY_SOCKET");
	struct cli cli = {
		.socket = socket != NULL ? socket : DEFAULT_SOCKET,
		.color = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL,
		.timeout_s = DEFAULT_TIMEOUT_S,
	};
	bool help = false;
	int ret = take_options(&cli, &help, argc, argv);

	if (ret >= 0)
		return ret;
	cli.words = argv + optind;
	cli.nb_words = argc - optind;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return CLI_UNHEALTHY;
	ret = run(&cli, help);
	curl_global_cleanup();
	return ret;
}
