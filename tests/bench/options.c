/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

/* Of getopt_long(): an option of the table, or --help. */
#define LISTED 1
#define HELP 2

static void
print_default(FILE *out, const struct bench_option *o)
{
	switch (o->kind) {
	case BENCH_KIND_NUMBER:
		fprintf(out, ", %u to %u", o->min, o->max);
		if (*o->out.number >= o->min)
			fprintf(out, " (%u)", *o->out.number);
		break;
	case BENCH_KIND_WORD:
		fprintf(out, " (%s)", o->words[*o->out.number]);
		break;
	case BENCH_KIND_TEXT:
		if (*o->out.text != NULL)
			fprintf(out, " (%s)", *o->out.text);
		break;
	case BENCH_KIND_FLAG:
		break;
	}
	fprintf(out, "\n");
}

static void
usage(FILE *out, const struct bench_option *options, const char *command)
{
	static const char *const arguments[] = { [BENCH_KIND_NUMBER] = " N",
		[BENCH_KIND_WORD] = " ",
		[BENCH_KIND_TEXT] = " TEXT",
		[BENCH_KIND_FLAG] = "" };

	fprintf(out, "usage: guideway-bench %s [OPTION]...\n", command);
	for (const struct bench_option *o = options; o->name != NULL; o++) {
		int width = fprintf(out, "  --%s%s", o->name, arguments[o->kind]);

		for (size_t i = 0; o->kind == BENCH_KIND_WORD && o->words[i] != NULL; i++)
			width += fprintf(out, "%s%s", i == 0 ? "" : "|", o->words[i]);
		fprintf(out, "%*s%s", width < 36 ? 38 - width : 2, "", o->help);
		print_default(out, o);
	}
}

static bool
take_word(const struct bench_option *o, const char *word)
{
	for (uint32_t i = 0; o->words[i] != NULL; i++)
		if (strcmp(o->words[i], word) == 0) {
			*o->out.number = i;
			return true;
		}
	fprintf(stderr, "guideway-bench: --%s: '%s' is none of:", o->name, word);
	for (uint32_t i = 0; o->words[i] != NULL; i++)
		fprintf(stderr, " %s", o->words[i]);
	fprintf(stderr, "\n");
	return false;
}

static bool
take(const struct bench_option *o, const char *argument)
{
	switch (o->kind) {
	case BENCH_KIND_NUMBER:
		return bench_parse_number(o->name, argument, o->min, o->max, o->out.number);
	case BENCH_KIND_WORD:
		return take_word(o, argument);
	case BENCH_KIND_TEXT:
		*o->out.text = argument;
		break;
	case BENCH_KIND_FLAG:
		*o->out.flag = true;
		break;
	}
	return true;
}

int
bench_options_parse(const struct bench_option *options, int argc, char **argv)
{
	struct option longs[BENCH_MAX_OPTIONS + 2] = { { "help", no_argument, NULL, HELP } };
	int opt, index;

	for (size_t i = 0; i < BENCH_MAX_OPTIONS && options[i].name != NULL; i++)
		longs[i + 1] = (struct option){ options[i].name,
			options[i].kind == BENCH_KIND_FLAG ? no_argument : required_argument, NULL,
			LISTED };
	while ((opt = getopt_long(argc, argv, "", longs, &index)) != -1) {
		if (opt == HELP) {
			usage(stdout, options, argv[0]);
			return BENCH_EXIT_OK;
		}
		if (opt != LISTED) {
			fprintf(stderr, "guideway-bench: see guideway-bench %s --help\n", argv[0]);
			return BENCH_EXIT_USAGE; /* getopt_long() said what is wrong. */
		}
		if (!take(&options[index - 1], optarg))
			return BENCH_EXIT_USAGE;
	}
	if (optind != argc) {
		fprintf(stderr, "guideway-bench: %s takes no argument '%s'\n", argv[0],
				argv[optind]);
		return BENCH_EXIT_USAGE;
	}
	return -1;
}
