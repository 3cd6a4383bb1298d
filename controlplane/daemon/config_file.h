/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_CONFIG_FILE_H
#define DAEMON_CONFIG_FILE_H

/**
 * @file
 * guideway.yaml: applied at start if it says something else than when it was last
 * applied (what the API changed since stays), and at SIGHUP always. A file that is not
 * acceptable changes nothing.
 *
 * Thread safety: the main thread only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct daemon;
struct complaints;
struct config;

/** What became of the file. */
enum config_file_state {
	CONFIG_FILE_ABSENT,
	CONFIG_FILE_APPLIED,
	CONFIG_FILE_UNCHANGED,
	CONFIG_FILE_REJECTED,
};

struct config_file {
	enum config_file_state state;
	char message[1024];
	int64_t at_ms;	       /**< Unix time of the last look; 0: not yet. */
	bool under_way;	       /**< Its change has not ended. */
	struct config *config; /**< Under way: what it says. */
};

/**
 * Read and check a file.
 * @param c Initialised; complaints about the file itself have no place.
 * @return the configuration; NULL: see @p c; @p error is an errno if the file could not be
 *         read at all, else 0.
 */
struct config *config_file_read(const char *path, struct complaints *c, int *error);

/** Read and apply. No change may be under way. @param always Even if it is known already. */
void config_file_apply(struct daemon *d, bool always);

const char *config_file_state_name(enum config_file_state state);

#endif
