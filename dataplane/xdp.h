/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_XDP_H
#define DATAPLANE_XDP_H

/**
 * @file
 * XDP programs on the interfaces of af_xdp ports. DPDK attaches one and takes it off
 * at a clean end; a killed dataplane leaves it. Which program was ours is kept in a
 * file beside the channel's socket ("channel.sock.xdp-eth0"), under the same lock, so
 * that only our own is ever taken off: another one is somebody else's business.
 *
 * Thread safety: main thread only.
 */

#include <stdint.h>

#include "dataplane/config.h"

/** Let what libbpf says pass through our log, as DPDK's lines do. */
void xdp_capture_log(void);

/** Who attached the program that is on an interface now. */
enum xdp_owner {
	XDP_NONE = 0,
	XDP_OURS,  /**< Of a dataplane with this socket, which has ended. */
	XDP_OTHER, /**< Not ours to take off. */
};

/** @param id Of the program, for messages; 0 with XDP_NONE. */
enum xdp_owner xdp_owner(const struct dataplane_conf *conf, const char *interface, uint32_t *id);

/** Take off what a killed dataplane left; others' programs stay. */
void xdp_clear(const struct dataplane_conf *conf, const char *interface);

/** Remember the program that is attached now as ours. */
void xdp_record(const struct dataplane_conf *conf, const char *interface);

/** The port is closed: take off what is still there, forget the record. */
void xdp_forget(const struct dataplane_conf *conf, const char *interface);

#endif
