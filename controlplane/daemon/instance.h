/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_INSTANCE_H
#define DAEMON_INSTANCE_H

/**
 * @file
 * The state directory, and that one daemon only uses it.
 *
 * Thread safety: start-up only.
 */

#include <stddef.h>

/**
 * Make @p dir if it is missing (0700), lock it.
 * @param error Filled on failure.
 * @return the lock's descriptor, to be kept open; -EEXIST: another daemon has it; another -errno.
 */
int instance_lock(const char *dir, char *error, size_t error_size);

/** Make the directory that @p path lies in, if it is missing. @return 0 or -errno. */
int instance_make_parent(const char *path);

#endif
