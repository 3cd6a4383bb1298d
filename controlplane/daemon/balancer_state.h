/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DAEMON_BALANCER_STATE_H
#define DAEMON_BALANCER_STATE_H

/**
 * @file
 * What a person wants of this balancer as a whole. It belongs to this balancer, not to the
 * configuration, which others have too.
 */

#include <stdint.h>

#include "service/service.h"

#include "controlplane/daemon/override.h"

struct balancer_state {
	/**
	 * enum backend_admin. Enabled: VIPs are advertised. Draining: routers shall prefer others.
	 * Disabled: VIPs are withdrawn. Packets that come are forwarded in any case.
	 */
	uint8_t admin;
	int64_t since_ms;	   /**< Unix time; 0: it has always been so. */
	char by[OVERRIDE_BY_SIZE]; /**< "uid 0 (root)"; "". */
};

/** As which its services are advertised at best. @return enum service_advertise. */
static inline uint8_t
balancer_advertise(const struct balancer_state *b)
{
	switch ((enum backend_admin)b->admin) {
	case ADMIN_DRAINING:
		return ADVERTISE_SPARE;
	case ADMIN_DISABLED:
		return ADVERTISE_NONE;
	default:
		return ADVERTISE_PREFERRED;
	}
}

#endif
