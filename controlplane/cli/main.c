/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guideway: the CLI of guidewayd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "complete.h"
#include "help.h"
#include "manual.h"
#include "options.h"
#include "watch.h"

#define DEFAULT_SOCKET "/run/guideway/api.sock"
#define DEFAULT_TIMEOUT_S 10

/* No words, or some that are no command. */
static int
run_none(const struct cli *cli, bool help)
{
	const char *group = cli->nb_words > 0 ? cli->words[0] : NULL;

	if (group != NULL && !help_is_group(group))
		return options_misused(cli, NULL, "no such command: ", group);
	if (!help && cli->nb_words > 1) {
		char word[128];

		snprintf(word, sizeof(word), "%s %s", group, cli->words[1]);
		return options_misused(cli, NULL, "no such command: ", word);
	}
	help_print(help ? stdout : stderr, group);
	return help ? CLI_OK : CLI_USAGE;
}

static int
run(struct cli *cli)
{
	bool help = cli->given & OPTION_HELP;
	const struct cli_command *command;
	int nb_named, ret;

	if (cli->nb_words > 0 && strcmp(cli->words[0], "help") == 0) {
		help = true;
		cli->nb_words--;
		cli->words++;
	}
	command = command_find(cli->nb_words, cli->words, &nb_named);
	if (command == NULL)
		return run_none(cli, help);
	if (help) {
		help_print_command(stdout, command);
		return CLI_OK;
	}
	cli->words += nb_named;
	cli->nb_words -= nb_named;
	ret = options_check(cli, command);
	if (ret >= 0)
		return ret;
	return cli->given & OPTION_WATCH ? watch_run(cli, command) : command->run(cli);
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

/* What shells and our own build ask for; no option, since it is for nobody else. */
static int
run_hidden(struct cli *cli, int argc, char **argv)
{
	if (strcmp(argv[1], "--print-man") == 0)
		manual_print(stdin, stdout);
	else
		complete(cli, argc - 2, argv + 2);
	return CLI_OK;
}

static bool
is_hidden(const char *word)
{
	return strcmp(word, "--complete") == 0 || strcmp(word, "--print-man") == 0;
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
	int ret;

	if (argc > 1 && is_hidden(argv[1])) {
		ret = run_hidden(&cli, argc, argv);
	} else {
		ret = options_read(&cli, argc, argv);
		if (ret < 0 && (cli.given & OPTION_VERSION)) {
			printf("guideway %s\n", GUIDEWAY_VERSION);
			ret = CLI_OK;
		} else if (ret < 0) {
			ret = run(&cli);
		}
	}
	return check_output(&cli, ret);
}
