/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PINGER_PRIVILEGES_H
#define PINGER_PRIVILEGES_H

/**
 * @file
 * Giving up every right for good, once what needed them is open.
 *
 * Thread safety: start-up only.
 */

#include <sys/types.h>

/**
 * Become an ordinary process: of @p user and @p group if we are root's, without
 * capabilities, without the hope of new ones, and not to be looked into by others of our user.
 * @return 0; -errno: it is not safe to go on.
 */
int privileges_drop(uid_t user, gid_t group);

#endif
