/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef CHANNEL_HANDSHAKE_H
#define CHANNEL_HANDSHAKE_H

/**
 * @file
 * What both ends of a session share: version choice, datagrams with descriptors,
 * doorbells. Internal to lib/channel.
 *
 * Thread safety: pure functions, or one thread a socket.
 */

#include <stdint.h>

#include "base/compiler.h"
#include "channel/session.h"

/** D, P, statistics: in this order. */
#define HANDSHAKE_NB_FDS 3

/** @return The highest version that both ranges hold; 0: none, or a range is empty or starts at 0. */
uint16_t handshake_version(uint16_t min_a, uint16_t max_a, uint16_t min_b, uint16_t max_b);

/**
 * Send a welcome; never blocks.
 * @param fds HANDSHAKE_NB_FDS descriptors, or NULL: none.
 * @return 0 or -errno.
 */
MUST_CHECK int handshake_send(int socket, const struct session_welcome *welcome, const int *fds);

/**
 * Receive a welcome; never blocks. Descriptors that a right welcome would not have
 * are closed.
 * @param fds HANDSHAKE_NB_FDS elements: descriptors (close on exec), the caller's; or all -1.
 * @return 0; -EAGAIN: nothing there yet; -ECONNREFUSED: the other side closed; -EPROTO: this
 *         is no welcome.
 */
MUST_CHECK int handshake_receive(int socket, struct session_welcome *welcome, int *fds);

/** Ring the other side's doorbell; never blocks. May get lost (its queue is full, it has gone). */
void doorbell_ring(int socket);

/**
 * Take doorbells off the socket, a bounded number: if more are there, the socket
 * stays readable. Never blocks.
 * @return 0; -ENOTCONN: the connection has ended.
 */
MUST_CHECK int doorbell_drain(int socket);

#endif
