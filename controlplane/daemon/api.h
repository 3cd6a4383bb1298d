/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_API_H
#define DAEMON_API_H

/**
 * @file
 * The REST API; doc/api.md describes it. api.c finds the function for a request and
 * lets changes wait for each other; the functions are in api_*.c.
 *
 * Thread safety: the main thread only.
 */

#include <stdbool.h>

#include "controlplane/daemon/request.h"

struct daemon;

/** For http_conf: does the path exist, is the method known, may the peer do this? */
void api_check(struct request *r);
/** For http_conf: the request is whole. */
void api_handle(struct request *r);
/** Is a change under way, or planned? */
bool api_is_busy(const struct daemon *d);
/** No change is under way: start those that wait. */
void api_wake(struct daemon *d);
/** The daemon stops: reply to those that wait. */
void api_stop(struct daemon *d);

#endif
