/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_EVIDENCE_H
#define DATAPLANE_EVIDENCE_H

/**
 * @file
 * Passive evidence against backends, from what passes by anyway. It changes nothing about
 * forwarding: it is counted (channel/stats.h).
 *
 * Thread safety: a worker counts its own.
 */

#include <stdint.h>

struct snapshot_member;
struct worker;

/**
 * A TCP packet of a flow that was half open until then.
 * @param member    Whose flow it was.
 * @param tcp_flags Of the packet.
 * @param state     enum flow_state, after the packet.
 */
void evidence_of_half_open(struct worker *w, const struct snapshot_member *member,
		uint8_t tcp_flags, uint8_t state);

#endif
