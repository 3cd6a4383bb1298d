/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_NOTIFY_H
#define DATAPLANE_NOTIFY_H

/**
 * @file
 * sd_notify(3) without libsystemd: one datagram to $NOTIFY_SOCKET.
 *
 * Thread safety: any thread but a worker.
 */

/** @param state "READY=1", "STOPPING=1". Nothing happens outside systemd. */
void notify_send(const char *state);

#endif
