/* SPDX-License-Identifier: BSD-3-Clause */
#include "complete.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "complete_names.h"

/* A command line as far as it is typed. */
struct line {
	struct cli *cli;
	const struct cli_option *pending; /* Its value is the next word. */
	bool ended;			  /* By "--": no more options. */
	int nb_plain;
	char **plain; /* Words that are no options and no values of theirs. */
};

static void
take(struct line *line, const struct cli_option *option, const char *value)
{
	memcpy((char *)line->cli + option->member, &value, sizeof(value));
	line->cli->given |= option->bit;
}

static bool
wants_word(const struct cli_option *option)
{
	return option != NULL && option->argument != NULL && !option->optional;
}

/* "--service", "--service=pay", "-f". */
static void
take_option(struct line *line, const char *word)
{
	size_t len = strcspn(word, "=");
	const struct cli_option *option = word[1] == '-' ? option_by_name(word + 2, len - 2)
							 : option_by_letter(word[1]);

	if (!wants_word(option))
		return;
	if (word[1] == '-' && word[len] == '=')
		take(line, option, word + len + 1);
	else if (word[1] != '-' && word[2] != '\0')
		take(line, option, word + 2);
	else
		line->pending = option;
}

static void
take_word(struct line *line, char *word)
{
	if (line->pending != NULL) {
		take(line, line->pending, word);
		line->pending = NULL;
	} else if (!line->ended && strcmp(word, "--") == 0) {
		line->ended = true;
	} else if (!line->ended && word[0] == '-' && word[1] != '\0') {
		take_option(line, word);
	} else {
		line->plain[line->nb_plain++] = word;
	}
}

/* One of "a|b c", whatever stands between. */
static void
offer_words(const struct offer *offer, const char *words, size_t len)
{
	for (const char *end = words + len; words < end;) {
		size_t n = strcspn(words, "| ");
		char word[64];

		if (n > (size_t)(end - words))
			n = (size_t)(end - words);
		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		offer_one(offer, word, "");
		words += n + 1;
	}
}

static void
offer_value(const struct line *line, const struct offer *offer, const struct cli_option *option)
{
	if (option->words != NULL)
		offer_words(offer, option->words, strlen(option->words));
	else
		offer_named(line->cli, offer, option->argument, strlen(option->argument));
}

static void
offer_options(const struct offer *offer, uint64_t set)
{
	for (size_t i = 0; i < nb_cli_options; i++) {
		char name[64], help[256];
		size_t len = 0;

		if (!(set & cli_options[i].bit))
			continue;
		snprintf(name, sizeof(name), "--%s", cli_options[i].name);
		for (const char *c = cli_options[i].help; *c != '\0' && len < sizeof(help) - 1; c++)
			if (*c != '`')
				help[len++] = *c;
		help[len] = '\0';
		offer_one(offer, name, help);
	}
}

/* Does the name of @p command begin with these words, and go on? @return what goes on. */
static const char *
goes_on(const struct cli_command *command, int nb, char *const *words)
{
	const char *name = command->name;

	for (int i = 0; i < nb; i++) {
		size_t len = strlen(words[i]);

		if (strncmp(name, words[i], len) != 0 || name[len] != ' ')
			return NULL;
		name += len + 1;
	}
	return name;
}

/* The next word of commands' names. */
static void
offer_commands(const struct offer *offer, int nb, char *const *words)
{
	char last[64] = "";

	COMMAND_FOREACH(command)
	{
		const char *word = goes_on(command, nb, words);
		char text[64];
		size_t len;

		if (word == NULL)
			continue;
		len = strcspn(word, " ");
		snprintf(text, sizeof(text), "%.*s", (int)len, word);
		if (strcmp(text, last) != 0)
			offer_one(offer, text, word[len] == '\0' ? command->help : "");
		snprintf(last, sizeof(last), "%s", text);
	}
}

/* @param nb Those before it. */
static void
offer_argument(const struct line *line, const struct offer *offer,
		const struct cli_command *command, int nb)
{
	const char *at = command->arguments;
	struct cli_argument argument;

	while (argument_next(&at, &argument)) {
		if (nb-- > 0)
			continue;
		if (memchr(argument.word, '|', argument.len) != NULL)
			offer_words(offer, argument.word, argument.len);
		else
			offer_named(line->cli, offer, argument.word, argument.len);
		return;
	}
}

static void
offer_all(const struct line *line, struct offer *offer)
{
	bool help = line->nb_plain > 0 && strcmp(line->plain[0], "help") == 0;
	char *const *words = line->plain + help;
	int nb = line->nb_plain - help, nb_named;
	const struct cli_command *command = command_find(nb, words, &nb_named);
	const char *equals = strchr(offer->typed, '=');
	const struct cli_option *option = NULL;

	if (line->pending != NULL) {
		offer_value(line, offer, line->pending);
	} else if (!line->ended && offer->typed[0] == '-') {
		if (equals != NULL && offer->typed[1] == '-')
			option = option_by_name(
					offer->typed + 2, (size_t)(equals - offer->typed) - 2);
		offer->head = option != NULL ? (size_t)(equals - offer->typed) + 1 : 0;
		if (option != NULL && option->argument != NULL)
			offer_value(line, offer, option);
		else
			offer_options(offer,
					OPTIONS_OF_ALL | (command != NULL ? command->options : 0));
	} else if (command != NULL && !help) {
		offer_argument(line, offer, command, nb - nb_named);
	} else {
		offer_commands(offer, nb, words);
		if (nb == 0 && !help)
			offer_one(offer, "help", "what a command does");
	}
}

void
complete(struct cli *cli, int nb_words, char **words)
{
	struct line line = { .cli = cli };
	struct offer offer = { .typed = nb_words > 0 ? words[nb_words - 1] : "" };

	line.plain = calloc((size_t)nb_words + 1, sizeof(*line.plain));
	if (line.plain == NULL)
		return;
	for (int i = 0; i + 1 < nb_words; i++)
		take_word(&line, words[i]);
	offer_all(&line, &offer);
	free(line.plain);
}
