/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CLI_CLI_H
#define CLI_CLI_H

/**
 * @file
 * What the commands of guideway share: the command line as it was read, and the
 * commands themselves. Single-threaded.
 *
 * The CLI holds no logic that the API (doc/api.md) lacks: a command is a request and a
 * way to show its answer.
 */

#include <stdbool.h>

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
};

/** Options that only some commands take; cli_command.options is a set of them. Above all letters. */
enum cli_option {
	OPTION_SERVICE = 1 << 9,
	OPTION_WEIGHT = 1 << 10,
	OPTION_STATE = 1 << 11,
	OPTION_FILE = 1 << 12,
	OPTION_RESET_OVERRIDES = 1 << 13,
	OPTION_DRY_RUN = 1 << 14,
	OPTION_ALLOW_EMPTY = 1 << 15,
	OPTION_EFFECTIVE = 1 << 16,
	OPTION_LIMIT = 1 << 17,
	OPTION_BACKEND = 1 << 18,
	OPTION_FOLLOW = 1 << 19,
	OPTION_WAIT = 1 << 20,
};

/** The command line. Strings are argv's. */
struct cli {
	const char *socket;
	bool json;
	bool color;
	long timeout_s;
	unsigned int given; /**< Set of enum cli_option. */
	const char *service;
	const char *backend;
	const char *weight;
	const char *state;
	const char *file;
	const char *limit;
	const char *wait;
	int nb_words; /**< Words behind the command's name. */
	char **words;
};

/** A command. */
struct cli_command {
	const char *name;      /**< "backend set". */
	const char *arguments; /**< For the usage line; "" if none. */
	const char *help;      /**< One line. */
	int min_words;	       /**< Words behind the name. */
	int max_words;
	unsigned int options;		   /**< Those it takes. */
	int (*run)(const struct cli *cli); /**< @return enum cli_exit. */
};

int cmd_service_list(const struct cli *cli);
int cmd_service_show(const struct cli *cli);
int cmd_backend_list(const struct cli *cli);
int cmd_backend_show(const struct cli *cli);
int cmd_backend_add(const struct cli *cli);
int cmd_backend_set(const struct cli *cli);
int cmd_backend_drain(const struct cli *cli);
int cmd_backend_enable(const struct cli *cli);
int cmd_backend_disable(const struct cli *cli);
int cmd_backend_remove(const struct cli *cli);
int cmd_balancer_show(const struct cli *cli);
int cmd_balancer_drain(const struct cli *cli);
int cmd_balancer_enable(const struct cli *cli);
int cmd_balancer_disable(const struct cli *cli);
int cmd_override_list(const struct cli *cli);
int cmd_override_reset(const struct cli *cli);
int cmd_apply(const struct cli *cli);
int cmd_export(const struct cli *cli);
int cmd_status(const struct cli *cli);
int cmd_stats(const struct cli *cli);
int cmd_history(const struct cli *cli);
int cmd_audit(const struct cli *cli);
int cmd_events(const struct cli *cli);

#endif
