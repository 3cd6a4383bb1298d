/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "help.h"

/* What getopt_long() returns for the option at an index of cli_options; above all letters. */
#define FIRST_OPTION 256
#define MAX_OPTIONS 64

int
options_misused(const struct cli *cli, const struct cli_command *command, const char *why,
		const char *what)
{
	char message[512], hint[64];

	snprintf(message, sizeof(message), "%s%s", why, what);
	snprintf(hint, sizeof(hint), "guideway %s%s--help", command != NULL ? command->name : "",
			command != NULL ? " " : "");
	return client_error(cli, CLI_USAGE, "usage", message, hint);
}

/* What getopt_long() could not take. */
static int
misused_word(const struct cli *cli, int option, char **argv)
{
	const char letter[] = { (char)optopt, '\0' };

	if (option == ':')
		return options_misused(cli, NULL, "a value is missing behind ", argv[optind - 1]);
	if (optopt == 0)
		return options_misused(cli, NULL,
				"no such option, or an ambiguous one: ", argv[optind - 1]);
	if (optopt < FIRST_OPTION && argv[optind - 1][1] != '-')
		return options_misused(cli, NULL, "no such option: -", letter);
	return options_misused(cli, NULL, "this option takes no value: ", argv[optind - 1]);
}

/* @return -1, or an error. */
static int
take_output(struct cli *cli)
{
	const char *word = cli->output;

	if (word == NULL)
		return -1;
	cli->yaml = strcmp(word, "yaml") == 0;
	cli->json = cli->yaml || strcmp(word, "json") == 0;
	cli->wide = strcmp(word, "wide") == 0;
	if (cli->json || cli->wide || strcmp(word, "table") == 0)
		return -1;
	return options_misused(cli, NULL, "-o takes table, wide, json or yaml, not ", word);
}

/* @return -1, or an error. */
static int
take_timeout(struct cli *cli)
{
	char *end;

	if (cli->timeout == NULL)
		return -1;
	cli->timeout_s = strtol(cli->timeout, &end, 10);
	if (cli->timeout[0] != '\0' && *end == '\0' && cli->timeout_s > 0 && cli->timeout_s <= 3600)
		return -1;
	return options_misused(cli, NULL, "--timeout takes 1..3600 seconds, not ", cli->timeout);
}

/* What getopt_long() wants to know. */
static void
fill(struct option *longs, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < nb_cli_options; i++) {
		const struct cli_option *o = &cli_options[i];

		longs[i] = (struct option){ .name = o->name,
			.has_arg = o->argument == NULL ? no_argument
					: o->optional  ? optional_argument
						       : required_argument,
			.val = FIRST_OPTION + (int)i };
		if (o->letter == '\0')
			continue;
		*letters++ = o->letter;
		for (int colons = longs[i].has_arg; colons > 0; colons--)
			*letters++ = ':';
	}
	*letters = '\0';
}

static void
take(struct cli *cli, const struct cli_option *option, const char *value)
{
	cli->given |= option->bit;
	if (option->argument != NULL)
		memcpy((char *)cli + option->member, &value, sizeof(value));
}

int
options_read(struct cli *cli, int argc, char **argv)
{
	struct option longs[MAX_OPTIONS + 1] = { 0 };
	char letters[3 * MAX_OPTIONS + 2];
	int option, ret;

	fill(longs, letters);
	opterr = 0;
	while ((option = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (option == '?' || option == ':')
			return misused_word(cli, option, argv);
		take(cli,
				option >= FIRST_OPTION ? &cli_options[option - FIRST_OPTION]
						       : option_by_letter((char)option),
				optarg);
		/* At once: errors behind it are shown as it says. */
		if (option_by_letter('o')->bit & cli->given && (ret = take_output(cli)) >= 0)
			return ret;
	}
	if (cli->given & OPTION_NO_COLOR)
		cli->color = false;
	cli->words = argv + optind;
	cli->nb_words = argc - optind;
	return take_timeout(cli);
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
check_words(const struct cli *cli, const struct cli_command *command)
{
	const char *at = command->arguments;
	struct cli_argument argument;
	int nb_min = 0, nb_max = 0;

	while (argument_next(&at, &argument)) {
		nb_max = argument.many ? INT_MAX : nb_max + 1;
		nb_min += !argument.optional;
	}
	if (cli->nb_words < nb_min)
		return options_misused(cli, command, "missing: ", command->arguments);
	if (cli->nb_words > nb_max)
		return options_misused(cli, command, "unexpected: ", cli->words[nb_max]);
	return -1;
}

/* Which of the options given does it not take, which does it miss? */
static int
check_options(const struct cli *cli, const struct cli_command *command)
{
	char message[128], text[64];

	for (size_t i = 0; i < nb_cli_options; i++) {
		const struct cli_option *o = &cli_options[i];

		if (cli->given & ~command->options & ~OPTIONS_OF_ALL & o->bit)
			return options_misused(
					cli, command, "this command does not take --", o->name);
		if (!(command->required & ~cli->given & o->bit))
			continue;
		snprintf(message, sizeof(message), "%s needs %s", command->name,
				help_option(o, text, sizeof(text)));
		return options_misused(cli, command, message, "");
	}
	return -1;
}

int
options_check(const struct cli *cli, const struct cli_command *command)
{
	int ret = check_words(cli, command);

	if (ret < 0)
		ret = check_options(cli, command);
	if (ret < 0 && has_empty(cli))
		ret = options_misused(cli, command, "a name or an address is empty", "");
	return ret;
}
