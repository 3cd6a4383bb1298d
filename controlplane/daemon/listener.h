/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

/**
 * @file
 * The sockets that the API listens on.
 *
 * Thread safety: pure but for system calls; listener_open_unix() changes the umask for a moment.
 */

#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/**
 * A Unix stream socket, mode 0660. A stale file is replaced; one that is served is not.
 * @param group Of the file; (gid_t)-1: ours.
 * @param error Filled on failure.
 * @return a descriptor, or -1.
 */
int listener_open_unix(const char *path, gid_t group, char *error, size_t error_size);

/** A TCP socket. @param text What to call it in errors. @return as above. */
int listener_open_tcp(const struct sockaddr *addr, socklen_t len, const char *text, char *error,
		size_t error_size);

#endif
