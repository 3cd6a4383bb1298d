/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

/**
 * @file
 * Options of a subcommand, as a table of one line each, from which parsing and --help come:
 *
 *	const struct bench_option options[] = {
 *		BENCH_NUMBER("flows", &o.flows, 1, 1000, "known flows"),
 *		BENCH_WORD("family", &o.family, family_words, "of the clients"),
 *		BENCH_FLAG("json", &o.json, "one JSON object"),
 *		BENCH_OPTIONS_END,
 *	};
 *
 * What an option's variable holds beforehand is its default.
 *
 * Thread safety: none, like getopt_long().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bench_option_kind {
	BENCH_KIND_NUMBER,
	BENCH_KIND_WORD,
	BENCH_KIND_TEXT,
	BENCH_KIND_FLAG
};

/** One option, made by one of the macros below. */
struct bench_option {
	const char *name; /**< Without the dashes. */
	const char *help;
	enum bench_option_kind kind;
	union {
		uint32_t *number; /**< Of a word: its index. */
		const char **text;
		bool *flag;
	} out;
	uint32_t min;
	uint32_t max;
	const char *const *words;
};

/** A number from @p min_ to @p max_; @p out_: uint32_t *; less than @p min_ beforehand: no default. */
#define BENCH_NUMBER(name_, out_, min_, max_, help_)                                             \
	{                                                                                        \
		.name = (name_), .kind = BENCH_KIND_NUMBER, .out.number = (out_), .min = (min_), \
		.max = (max_), .help = (help_)                                                   \
	}
/** One of the strings @p words_, of which the last is NULL; @p out_: uint32_t *, its index. */
#define BENCH_WORD(name_, out_, words_, help_)                                                     \
	{                                                                                          \
		.name = (name_), .kind = BENCH_KIND_WORD, .out.number = (out_), .words = (words_), \
		.help = (help_)                                                                    \
	}
/** Any text; @p out_: const char **, may be NULL beforehand, lives as long as argv. */
#define BENCH_TEXT(name_, out_, help_)                                                        \
	{                                                                                     \
		.name = (name_), .kind = BENCH_KIND_TEXT, .out.text = (out_), .help = (help_) \
	}
/** Takes no argument; @p out_: bool *, becomes true. */
#define BENCH_FLAG(name_, out_, help_)                                                        \
	{                                                                                     \
		.name = (name_), .kind = BENCH_KIND_FLAG, .out.flag = (out_), .help = (help_) \
	}
#define BENCH_OPTIONS_END    \
	{                    \
		.name = NULL \
	}
/** More are ignored. */
#define BENCH_MAX_OPTIONS 32

/**
 * Parse a whole command line; argv[0] is the subcommand. --help is understood besides.
 * @return -1: go on; else the exit code to end with: what is wrong was said on stderr, or
 *         the help was printed.
 */
int bench_options_parse(const struct bench_option *options, int argc, char **argv);

#endif
