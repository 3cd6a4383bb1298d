/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/**
 * @file
 * What the commands of guideway share: the command line as it was read. Single-threaded.
 *
 * The CLI holds no logic that the API (doc/api.md) lacks: a command is a request and a
 * way to show its answer.
 */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/** Exit codes; doc/man/guideway.1 says when. */
enum cli_exit {
	CLI_OK = 0,
	CLI_UNHEALTHY = 1, /**< Differs, unhealthy, or failed in another way. */
	CLI_USAGE = 2,
	CLI_CONNECT = 3,
	CLI_NOT_FOUND = 4,
	CLI_CONFLICT = 5,
	CLI_INVALID = 6,
	CLI_DENIED = 7,
	CLI_TIMEOUT = 8,
	CLI_PARTLY = 9, /**< Some of what was asked for is done. */
};

/** Options: sets of them are uint64_t. Each has its words in option_table.c. */
enum cli_option_bit {
	OPTION_SERVICE = 1ULL << 0,
	OPTION_WEIGHT = 1ULL << 1,
	OPTION_STATE = 1ULL << 2,
	OPTION_FILE = 1ULL << 3,
	OPTION_RESET_OVERRIDES = 1ULL << 4,
	OPTION_DRY_RUN = 1ULL << 5,
	OPTION_ALLOW_EMPTY = 1ULL << 6,
	OPTION_EFFECTIVE = 1ULL << 7,
	OPTION_LIMIT = 1ULL << 8,
	OPTION_BACKEND = 1ULL << 9,
	OPTION_FOLLOW = 1ULL << 10,
	OPTION_WAIT = 1ULL << 11,
	OPTION_WATCH = 1ULL << 12,
	OPTION_ONCE = 1ULL << 13,
	OPTION_INTERVAL = 1ULL << 14,
	OPTION_YES = 1ULL << 20,
	OPTION_FORCE = 1ULL << 21,
	OPTION_CONFIRM = 1ULL << 22,
	OPTION_HEAD = 1ULL << 23,
	/* Every command takes these. */
	OPTION_OUTPUT = 1ULL << 57,
	OPTION_SOCKET = 1ULL << 58,
	OPTION_TIMEOUT = 1ULL << 59,
	OPTION_NO_COLOR = 1ULL << 60,
	OPTION_HELP = 1ULL << 61,
	OPTION_VERSION = 1ULL << 62,
};

#define OPTIONS_OF_ALL                                                                 \
	((uint64_t)(OPTION_OUTPUT | OPTION_SOCKET | OPTION_TIMEOUT | OPTION_NO_COLOR | \
			OPTION_HELP | OPTION_VERSION))

/** The command line. Strings are argv's; those of options are NULL where it was not given. */
struct cli {
	const char *socket;
	bool json; /**< For programs: the API's answer as it is, as JSON or YAML. */
	bool yaml; /**< That, as YAML. */
	bool wide; /**< For people, with more columns. */
	bool color;
	long timeout_s;
	uint64_t given; /**< Set of enum cli_option_bit. */
	const char *service;
	const char *backend;
	const char *weight;
	const char *state;
	const char *file;
	const char *limit;
	const char *wait;
	const char *confirm;
	const char *head;
	const char *watch; /**< NULL although given: without a value. */
	const char *interval;
	const char *output;
	const char *timeout;
	int nb_words; /**< Words behind the command's name. */
	char **words;
};

#endif
