/* SPDX-License-Identifier: BSD-3-Clause */
#include "command.h"

#include <string.h>

#include "topics.h"

const struct cli_topic *const cli_topics[] = {
	&topic_look,
	&topic_top,
	&topic_service,
	&topic_backend,
	&topic_balancer,
	&topic_override,
	&topic_config,
};

const size_t nb_cli_topics = sizeof(cli_topics) / sizeof(cli_topics[0]);

int
command_matches(const struct cli_command *command, int nb_words, char *const *words)
{
	const char *name = command->name;
	int nb = 0;

	while (*name != '\0') {
		size_t len = strcspn(name, " ");

		if (nb == nb_words || strlen(words[nb]) != len ||
				strncmp(words[nb], name, len) != 0)
			return 0;
		nb++;
		name += len + (name[len] == ' ');
	}
	return nb;
}

const struct cli_command *
command_find(int nb_words, char *const *words, int *nb_named)
{
	COMMAND_FOREACH(command)
	{
		*nb_named = command_matches(command, nb_words, words);
		if (*nb_named > 0)
			return command;
	}
	return NULL;
}

const struct cli_option *
option_by_name(const char *name, size_t len)
{
	for (size_t i = 0; i < nb_cli_options; i++)
		if (strncmp(cli_options[i].name, name, len) == 0 &&
				cli_options[i].name[len] == '\0')
			return &cli_options[i];
	return NULL;
}

const struct cli_option *
option_by_letter(char letter)
{
	for (size_t i = 0; i < nb_cli_options; i++)
		if (cli_options[i].letter == letter && letter != '\0')
			return &cli_options[i];
	return NULL;
}

bool
argument_next(const char **at, struct cli_argument *argument)
{
	const char *word = *at + strspn(*at, " ");
	size_t len = strcspn(word, " ");

	*at = word + len;
	argument->optional = word[0] == '[';
	argument->word = word + argument->optional;
	argument->len = len - 2 * argument->optional;
	argument->many = argument->len > 3 &&
			strncmp(argument->word + argument->len - 3, "...", 3) == 0;
	return len > 0;
}
