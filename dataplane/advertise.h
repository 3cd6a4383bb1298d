/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_ADVERTISE_H
#define DATAPLANE_ADVERTISE_H

/**
 * @file
 * VIPs as addresses of interfaces of our own, for a routing daemon to advertise: BIRD's
 * `protocol direct`, FRR's `redistribute connected`. The interfaces go when this process
 * does, however it ends, and the routes with them; no code of ours has to run for that.
 *
 * A VIP is on the TAP, or on the spare one if routers shall prefer another balancer, by the best
 * enum service_advertise of its services. Packets for VIPs never come to the kernel's addresses:
 * the port takes them, and punt.c gives none of them to the kernel.
 *
 * Changes are made a few at a time by advertise_step(), after the snapshot that they belong
 * to is in force: thousands of VIPs hold up neither answers nor suspicions.
 *
 * Thread safety: the control thread only. All functions but create() are legal with NULL.
 */

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/config.h"

struct advertise;
struct snapshot;

/**
 * Make the interfaces that the configuration names.
 * @param out NULL if it names none.
 * @return 0, or -errno; the reason was logged.
 */
int advertise_create(const struct dataplane_conf *conf, struct advertise **out);
void advertise_destroy(struct advertise *a);

/** The VIPs of this snapshot are to be advertised from now on; it is only read here. */
void advertise_want(struct advertise *a, const struct snapshot *snapshot);

/**
 * Add or remove some addresses. What the kernel refuses is logged once and tried again
 * every second.
 * @return true: more is to be done at once.
 */
bool advertise_step(struct advertise *a, uint64_t now_ms);

#endif
