/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_ACCESS_LOAD_H
#define DAEMON_ACCESS_LOAD_H

/**
 * @file
 * access.yaml and the files that it names, as they come into use: at start and at SIGHUP. One
 * that is not acceptable changes nothing; at start it leaves root and the daemon's own user
 * alone, and no TLS: nobody gets a role by a mistake.
 *
 * Thread safety: the main thread only.
 */

#include <stdbool.h>

struct daemon;

/** Read it for the first time, bind TLS sockets. @return false: out of memory. */
bool access_load_first(struct daemon *d);

/** Begin to serve TLS. */
void access_load_serve(struct daemon *d);

/** SIGHUP: read it again. */
void access_load_again(struct daemon *d);

/** Nobody is served any more. */
void access_load_stop(struct daemon *d);

#endif
