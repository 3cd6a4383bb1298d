/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_PEER_H
#define DAEMON_PEER_H

/**
 * @file
 * Who is at the other end of a Unix socket, and what they may do.
 *
 * Thread safety: pure but for system calls.
 */

#include <sys/types.h>

#include "controlplane/daemon/role.h"
#include "controlplane/daemon/store.h"

struct peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	/** ROLE_ADMIN: root, our own user, or a member of the API's group; others: ROLE_VIEWER. */
	enum role role;
};

/**
 * Look at a connected socket.
 * @param group The API's group; (gid_t)-1: none.
 * @return 0 or -errno: nothing is known, nothing may be done.
 */
int peer_identify(int fd, gid_t group, struct peer *out);

/** For the audit trail. */
struct actor peer_actor(const struct peer *peer);

/** The daemon itself. */
struct actor peer_self(void);

#endif
