/* SPDX-License-Identifier: BSD-3-Clause */
#include "help.h"

#include <string.h>

#include "markup.h"

#define WIDTH 79
/* Where the help of an option begins. */
#define OPTION_COLUMN 28

/* The next word of a text that is wrapped. */
static void
print_word(FILE *out, const char *word, size_t len, size_t indent, size_t *column)
{
	size_t width = 0;

	for (size_t i = 0; i < len; i++)
		width += word[i] != '`';
	if (*column > indent && *column + 1 + width > WIDTH) {
		fprintf(out, "\n%*s", (int)indent, "");
		*column = indent;
	} else if (*column > indent) {
		fputc(' ', out);
		++*column;
	}
	for (size_t i = 0; i < len; i++)
		if (word[i] != '`')
			fputc(word[i], out);
	*column += width;
}

/* Wrapped, without its markup. The cursor stands at the column @p indent, and behind it at the next line's begin. */
static void
print_text(FILE *out, const char *text, size_t len, size_t indent)
{
	const char *end = text + len;
	size_t column = indent;

	while (text < end) {
		size_t word = strcspn(text, " \n");

		if (word > (size_t)(end - text))
			word = (size_t)(end - text);
		if (word > 0)
			print_word(out, text, word, indent, &column);
		text += word + 1;
	}
	fputc('\n', out);
}

static void
print_description(FILE *out, const char *text)
{
	const char *at = text, *before = text;
	bool in_list = false, first = true;
	struct markup_block block;
	size_t width = 0;

	for (; markup_next(&at, &block); before = at) {
		if (block.term != NULL && !in_list)
			width = markup_term_width(before);
		if (block.term == NULL && !first)
			fputc('\n', out);
		in_list = block.term != NULL;
		first = false;
		if (in_list)
			fprintf(out, "  %-*.*s  ", (int)width, (int)block.term_len, block.term);
		print_text(out, block.text, block.len, in_list ? width + 4 : 0);
	}
}

const char *
help_option(const struct cli_option *option, char *out, size_t size)
{
	const char *argument = option->argument != NULL ? option->argument : "";

	if (option->letter != '\0' && option->argument != NULL && !option->optional)
		snprintf(out, size, "-%c %s", option->letter, argument);
	else if (option->optional)
		snprintf(out, size, "--%s[=%s]", option->name, argument);
	else
		snprintf(out, size, "--%s%s%s", option->name, argument[0] != '\0' ? " " : "",
				argument);
	return out;
}

static void
print_option(FILE *out, const struct cli_option *option)
{
	const char letter[] = { option->letter, '\0' };
	char name[64];
	int column;

	snprintf(name, sizeof(name), "--%s%s%s%s", option->name,
			option->argument == NULL	   ? ""
					: option->optional ? "[="
							   : " ",
			option->argument != NULL ? option->argument : "",
			option->optional ? "]" : "");
	column = fprintf(out, "  %s%s%s%-*s", letter[0] != '\0' ? "-" : "  ", letter,
			letter[0] != '\0' ? ", " : "  ", OPTION_COLUMN - 8, name);
	if (column >= OPTION_COLUMN)
		fprintf(out, "\n%*s", OPTION_COLUMN, "");
	else
		fprintf(out, "%*s", OPTION_COLUMN - column, "");
	print_text(out, option->help, strlen(option->help), OPTION_COLUMN);
}

static void
print_options(FILE *out, const char *title, uint64_t set)
{
	bool first = true;

	for (size_t i = 0; i < nb_cli_options; i++) {
		if (!(set & cli_options[i].bit))
			continue;
		if (first)
			fprintf(out, "\n%s:\n", title);
		first = false;
		print_option(out, &cli_options[i]);
	}
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

bool
help_is_group(const char *word)
{
	COMMAND_FOREACH(command)
	{
		if (in_group(command, word))
			return true;
	}
	return false;
}

static void
print_topic(FILE *out, const struct cli_topic *topic, const char *group, size_t width)
{
	bool first = true;

	for (size_t i = 0; i < topic->nb_commands; i++) {
		const struct cli_command *command = &topic->commands[i];

		if (!in_group(command, group))
			continue;
		if (first)
			fprintf(out, "\n%s:\n", topic->title);
		first = false;
		fprintf(out, "  %-*s  %s\n", (int)width, command->name, command->help);
	}
}

void
help_print(FILE *out, const char *group)
{
	size_t width = 0;

	fprintf(out, "usage: guideway %s%sCOMMAND [ARGUMENT]... [OPTION]...\n",
			group != NULL ? group : "", group != NULL ? " " : "");
	COMMAND_FOREACH(command)
	{
		if (strlen(command->name) > width)
			width = strlen(command->name);
	}
	for (size_t i = 0; i < nb_cli_topics; i++)
		print_topic(out, cli_topics[i], group, width);
	print_options(out, "options of all commands", OPTIONS_OF_ALL);
	fputs("\nguideway help COMMAND says more of one; see guideway(1).\n", out);
}

/* "usage: guideway backend add ADDRESS --service SERVICE [OPTION]..." */
static void
print_usage(FILE *out, const struct cli_command *command)
{
	char text[64];

	fprintf(out, "usage: guideway %s%s%s", command->name,
			command->arguments[0] != '\0' ? " " : "", command->arguments);
	for (size_t i = 0; i < nb_cli_options; i++)
		if (command->required & cli_options[i].bit)
			fprintf(out, " %s", help_option(&cli_options[i], text, sizeof(text)));
	fputs(" [OPTION]...\n\n", out);
}

static void
print_examples(FILE *out, const char *examples)
{
	fputs("\nexamples:\n", out);
	while (*examples != '\0') {
		size_t len = strcspn(examples, "\n");

		fprintf(out, "  %.*s\n", (int)len, examples);
		examples += len + (examples[len] == '\n');
	}
}

void
help_print_command(FILE *out, const struct cli_command *command)
{
	print_usage(out, command);
	fprintf(out, "%s\n", command->help);
	if (command->description != NULL) {
		fputc('\n', out);
		print_description(out, command->description);
	}
	print_options(out, "options", command->options);
	print_options(out, "options of all commands", OPTIONS_OF_ALL);
	if (command->examples != NULL)
		print_examples(out, command->examples);
}
