/* SPDX-License-Identifier: BSD-3-Clause */
#include "manual.h"

#include <ctype.h>
#include <string.h>

#include "command.h"
#include "markup.h"

/* One sentence a line, as mdoc wants it. What is literal is bold. */
static void
put_text(FILE *out, const char *text, size_t len)
{
	bool literal = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '`') {
			literal = !literal;
			fputs(literal ? "\\fB" : "\\fP", out);
		} else if (text[i] == '\\') {
			fputs("\\e", out);
		} else if (text[i] == '-' && literal) {
			fputs("\\-", out);
		} else if (i > 0 && i + 1 < len && text[i] == ' ' && text[i - 1] == '.') {
			fputs("\n", out);
		} else {
			fputc(text[i], out);
		}
	}
	fputc('\n', out);
}

static void
put_description(FILE *out, const char *text)
{
	const char *at = text, *before = text;
	bool in_list = false, first = true;
	struct markup_block block;

	for (; markup_next(&at, &block); before = at) {
		if (in_list && block.term == NULL)
			fputs(".El\n", out);
		if (!first && (block.term == NULL || !in_list))
			fputs(".Pp\n", out);
		if (block.term != NULL && !in_list)
			fprintf(out, ".Bl -tag -width \"%.*s\" -compact\n",
					(int)markup_term_width(before),
					"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
		in_list = block.term != NULL;
		first = false;
		if (in_list)
			fprintf(out, ".It %.*s\n", (int)block.term_len, block.term);
		put_text(out, block.text, block.len);
	}
	if (in_list)
		fputs(".El\n", out);
}

/* "ADDRESS" becomes "Ar address", "a|b" "Cm a | b". */
static void
put_argument(FILE *out, const char *word, size_t len)
{
	bool literal = memchr(word, '|', len) != NULL || islower((unsigned char)word[0]);

	fputs(literal ? " Cm " : " Ar ", out);
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '|')
			fputs(" | ", out);
		else
			fputc(tolower((unsigned char)word[i]), out);
	}
}

/* "Fl f , Fl -file Ar file"; a value that can be left away: "Fl -watch Ns Op = Ns Ar seconds". */
static void
put_option(FILE *out, const struct cli_option *option, bool with_letter)
{
	if (with_letter && option->letter != '\0')
		fprintf(out, " Fl %c ,", option->letter);
	fprintf(out, " Fl -%s", option->name);
	if (option->argument == NULL)
		return;
	if (option->optional)
		fputs(" Ns Oo = Ns", out);
	put_argument(out, option->argument, strlen(option->argument));
	if (option->optional)
		fputs(" Oc", out);
}

static void
put_command(FILE *out, const struct cli_command *command)
{
	const char *at = command->arguments;
	struct cli_argument argument;

	fprintf(out, ".It Cm %s", command->name);
	while (argument_next(&at, &argument)) {
		fputs(argument.optional ? " Oo" : "", out);
		put_argument(out, argument.word, argument.len);
		fputs(argument.optional ? " Oc" : "", out);
	}
	for (size_t i = 0; i < nb_cli_options; i++) {
		const struct cli_option *option = &cli_options[i];
		bool required = command->required & option->bit;

		if (!(command->options & option->bit) || option->everywhere)
			continue;
		fputs(required ? "" : " Oo", out);
		put_option(out, option, false);
		fputs(required ? "" : " Oc", out);
	}
	fputc('\n', out);
	if (command->description != NULL) {
		put_description(out, command->description);
	} else {
		fputc(toupper((unsigned char)command->help[0]), out);
		fprintf(out, "%s.\n", command->help + 1);
	}
}

static void
put_commands(FILE *out)
{
	for (size_t i = 0; i < nb_cli_topics; i++) {
		const struct cli_topic *topic = cli_topics[i];

		fprintf(out, ".Ss %s\n", topic->title);
		if (topic->introduction != NULL)
			put_description(out, topic->introduction);
		fputs(".Bl -tag -width Ds\n", out);
		for (size_t j = 0; j < topic->nb_commands; j++)
			put_command(out, &topic->commands[j]);
		fputs(".El\n", out);
	}
}

static void
put_options(FILE *out, bool of_all)
{
	fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < nb_cli_options; i++) {
		if (((cli_options[i].bit & OPTIONS_OF_ALL) != 0) != of_all)
			continue;
		fputs(".It", out);
		put_option(out, &cli_options[i], true);
		fputc('\n', out);
		put_text(out, cli_options[i].help, strlen(cli_options[i].help));
	}
	fputs(".El\n", out);
}

void
manual_print(FILE *template, FILE *out)
{
	char line[1024];

	while (fgets(line, sizeof(line), template) != NULL) {
		if (strcmp(line, "@COMMANDS@\n") == 0)
			put_commands(out);
		else if (strcmp(line, "@OPTIONS_OF_ALL@\n") == 0)
			put_options(out, true);
		else if (strcmp(line, "@OPTIONS_OF_SOME@\n") == 0)
			put_options(out, false);
		else
			fputs(line, out);
	}
}
