/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CHANNEL_LISTENER_H
#define CHANNEL_LISTENER_H

/**
 * @file
 * A listening socket of type SOCK_SEQPACKET, and the file that names it: the dataplane's,
 * and guideway-pinger's.
 *
 * Thread safety: one thread owns a listener.
 */

#include <sys/types.h>
#include <sys/un.h>

#include "base/compiler.h"

/** Longest path: room for a suffix while files are exchanged. */
#define LISTENER_PATH_MAX 90

struct listener {
	int fd; /**< -1: none. */
	struct sockaddr_un addr;
	dev_t dev; /**< Of our file, so that only ours is removed. */
	ino_t ino;
};

/**
 * Listen on @p path, mode 0660, owner @p owner (-1, or not permitted: ours). The file
 * of a process that has gone is replaced. The name appears only once it is served.
 * @return 0; -EADDRINUSE: somebody serves it; -ENOTSOCK: the path is something else;
 *         -ENAMETOOLONG; or another -errno. On error @p l holds nothing.
 */
MUST_CHECK int listener_open(struct listener *l, const char *path, uid_t owner);

/** Stop and remove the file if it is still ours. */
void listener_close(struct listener *l);

#endif
