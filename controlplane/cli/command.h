/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

/**
 * @file
 * What there is to say to guideway: commands and options with their words. This is the one
 * source of --help, of the manual page (manual.h) and of what shells complete (complete.h);
 * how many arguments a command takes, and what completes them, follows from its words, too.
 *
 * A new command is an entry in the topic_*.c where it belongs; a new option is a bit and, if
 * it has a value, a member of struct cli (cli.h), and an entry in option_table.c.
 *
 * Everything here is constant.
 */

#include <stddef.h>

#include "cli.h"

/** A command. */
struct cli_command {
	const char *name; /**< "backend set": one word or two. */
	/**
	 * Its arguments, words between spaces: a placeholder (ADDRESS) or words of which one is
	 * chosen (service|backend|worker), either in brackets if it can be left away; the last one
	 * may end with "...": as many as are given. "": none.
	 */
	const char *arguments;
	const char *help;		   /**< One line. */
	const char *description;	   /**< More about it (markup.h); NULL: nothing. */
	const char *examples;		   /**< Command lines, one a line; NULL: none. */
	uint64_t options;		   /**< Those it takes besides OPTIONS_OF_ALL. */
	uint64_t required;		   /**< Of options: it does not go without. */
	int (*run)(const struct cli *cli); /**< @return enum cli_exit. */
};

/** Commands that belong together. */
struct cli_topic {
	const char *title;
	const char *introduction; /**< markup.h; NULL: none. */
	const struct cli_command *commands;
	size_t nb_commands;
};

/** An option. */
struct cli_option {
	uint64_t bit;
	const char *name;
	char letter;	      /**< '\0': none. */
	const char *argument; /**< Placeholder of its value; NULL: it has none. */
	bool optional;	      /**< The value can be left away; it stands behind "=". */
	bool everywhere;      /**< Many commands take it: synopses leave it out. */
	size_t member;	      /**< Of its value in struct cli. */
	const char *words;    /**< Some values, between spaces; NULL: none that are known. */
	const char *help;     /**< Markup. */
};

/** In the order of the manual. */
extern const struct cli_topic *const cli_topics[];
extern const size_t nb_cli_topics;

extern const struct cli_option cli_options[];
extern const size_t nb_cli_options;

/** For each command there is, in order. */
#define COMMAND_FOREACH(command)                                                                  \
	for (size_t t_ = 0; t_ < nb_cli_topics; t_++)                                             \
		for (const struct cli_command *command = cli_topics[t_]->commands;                \
				command < cli_topics[t_]->commands + cli_topics[t_]->nb_commands; \
				command++)

/** How many of these words are its name: 0 if they are not. */
int command_matches(const struct cli_command *command, int nb_words, char *const *words);
/** @param nb_named How many of the words are its name. @return NULL: none. */
const struct cli_command *command_find(int nb_words, char *const *words, int *nb_named);

/** @return the option called so; NULL: none. */
const struct cli_option *option_by_name(const char *name, size_t len);
const struct cli_option *option_by_letter(char letter);

/** One of the words of cli_command.arguments. */
struct cli_argument {
	const char *word; /**< Without brackets. */
	size_t len;
	bool optional;
	bool many; /**< Any number of them. */
};

/** @param at Where to go on; moved. @return false: there are no more. */
bool argument_next(const char **at, struct cli_argument *argument);

#endif
