/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_PORT_DEVICE_H
#define DATAPLANE_PORT_DEVICE_H

/**
 * @file
 * DPDK devices from the words of dataplane.yaml. Part of port.c.
 */

#include <stdint.h>

#include "dataplane/config.h"
#include "dataplane/port_plan.h"

/**
 * Make (or, on the PCI bus, find) the device of a port. Members of a bond must exist.
 * @param id DPDK's port id.
 * @return 0 or -errno; the cause was logged.
 */
int port_device_make(const struct dataplane_conf *conf, const struct port_conf *port,
		const struct port_plan *plan, uint16_t *id);

/**
 * Give the kernel's interface of a port, if it has one, the planned MTU: frames are as
 * large as it lets them be. To be repeated after bonds have started: net_bonding sets
 * its members to 1500. @return 0 or -errno, logged.
 */
int port_device_set_mtu(const struct port_conf *port, const struct port_plan *plan);

/** The TAP that is paired with a port. @param mac The port's. */
int port_device_make_tap(const struct port_conf *port, const uint8_t mac[6], uint16_t *id);

#endif
