/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_ECHO_H
#define DATAPLANE_ECHO_H

/**
 * @file
 * Answers to ICMP and ICMPv6 echo requests for VIPs and our own addresses; for no
 * others.
 *
 * Thread safety: main lcore, while it is online (QSBR).
 */

#include <stdbool.h>

#include "dataplane/exception.h"

struct dataplane;

/**
 * Answer an echo request to where it came from.
 * @return true: the mbuf was taken (answered, or dropped for a reason); false: not an echo
 *         request for us, or one that net/echo.h does not answer; the mbuf is the caller's.
 */
bool echo_receive(const struct dataplane *dp, const struct exception *x);

#endif
