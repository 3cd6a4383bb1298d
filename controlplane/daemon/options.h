/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

/**
 * @file
 * The command line of guidewayd; doc/man/guidewayd.8 describes it.
 *
 * Thread safety: start-up only.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** Exit codes; documented in guidewayd(8). */
enum exit_code {
	EXIT_CODE_OK = 0,
	EXIT_CODE_FAILED = 1, /**< A file, a socket, the store. */
	EXIT_CODE_USAGE = 2,
	EXIT_CODE_RUNNING = 5, /**< Another guidewayd uses the state directory. */
	EXIT_CODE_INVALID = 6, /**< --check: the file is not acceptable. */
};

struct options {
	const char *config; /**< guideway.yaml. */
	const char *state_dir;
	const char *channel;	   /**< The dataplane's socket. */
	const char *api;	   /**< Our socket. */
	const char *access;	   /**< access.yaml. */
	bool access_given;	   /**< It must exist. */
	const char *pinger;	   /**< guideway-pinger's socket. */
	const char *hash_key_file; /**< NULL: hash.key in state_dir. */
	const char *check;	   /**< Only check this file; NULL: run. */
	gid_t api_group;	   /**< (gid_t)-1: none. */
	uint64_t audit_keep;	   /**< Records of the audit trail; 0: all. */
	bool audit_required;	   /**< Nothing is changed that cannot be recorded. */
	double max_change;	   /**< Part of a service's traffic that may move unforced. */
	int log_level;
};

/**
 * Read the command line. Says what is wrong on stderr; answers --help and --version.
 * @return -1: go on; else the exit code.
 */
int options_parse(int argc, char **argv, struct options *out);

#endif
