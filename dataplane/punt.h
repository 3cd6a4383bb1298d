/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PUNT_H
#define DATAPLANE_PUNT_H

/**
 * @file
 * Packets for the kernel and from it, through the TAP that a port is paired with:
 * unchanged, VLAN tags included.
 *
 * Thread safety: main lcore only; nobody else uses the TAPs' queues.
 */

#include <stdbool.h>

#include "dataplane/exception.h"

struct dataplane;

/** Does a port give packets to the kernel? */
bool punt_has_kernel(const struct dataplane *dp, uint16_t port);

/** Give a packet to the kernel; drops it if the port does not punt, or if it is for a VIP. Takes the mbuf. */
void punt_to_kernel(const struct dataplane *dp, const struct exception *x);

/** Send what the kernel has for the ports. @return number of packets. */
unsigned int punt_from_kernel(const struct dataplane *dp);

#endif
