/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/**
 * @file
 * Telling the service manager how the daemon is: the datagrams of sd_notify(3),
 * without libsystemd. Without NOTIFY_SOCKET in the environment nothing happens.
 *
 * Thread safety: the main thread only.
 */

/** Send @p state, e.g. "READY=1\nSTATUS=serving". Never blocks; failure is ignored. */
void notify_send(const char *state);

/** Half of WATCHDOG_USEC in seconds, if it is set for this process; else 0. */
double notify_watchdog_interval(void);

#endif
