/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PINGER_SOCKETS_H
#define PINGER_SOCKETS_H

/**
 * @file
 * The raw sockets, which need CAP_NET_RAW when they are opened and never again. The kernel passes
 * only echo replies and unreachable destinations to them.
 *
 * Thread safety: one thread owns them.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/compiler.h"

/** @return a descriptor; -errno. */
MUST_CHECK int socket_open(enum ip_family family);

/** @param source IP_NONE: as the kernel chooses. @return 0; -errno. */
MUST_CHECK int socket_send(int fd, const struct ip_addr *to, const struct ip_addr *source,
		const uint8_t *message, size_t len);

/** @param from Filled. @return bytes; -EAGAIN: nothing is there; another -errno. */
ssize_t socket_receive(
		int fd, enum ip_family family, uint8_t *buf, size_t size, struct ip_addr *from);

#endif
