/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_ADVERTISE_TAP_H
#define DATAPLANE_ADVERTISE_TAP_H

/**
 * @file
 * An interface without a wire (tun(4)) whose only purpose is to have addresses: /32 and
 * /128, by rtnetlink(7).
 *
 * Thread safety: none; the control thread owns it.
 */

#include "base/addr.h"

struct mnl_socket;

struct advertise_tap {
	int fd; /**< The interface lives as long as this; -1: there is none. */
	unsigned int index;
	struct mnl_socket *netlink;
};

/** @return 0 or -errno: nothing is held. */
int advertise_tap_open(struct advertise_tap *tap, const char *name);
void advertise_tap_close(struct advertise_tap *tap); /**< Legal twice. */

/** @return 0, also if it is so already; else -errno of the kernel. */
int advertise_tap_add(const struct advertise_tap *tap, const struct ip_addr *addr);
int advertise_tap_remove(const struct advertise_tap *tap, const struct ip_addr *addr);

#endif
