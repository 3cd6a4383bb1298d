/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_EVIDENCE_H
#define DATAPLANE_EVIDENCE_H

/**
 * @file
 * Passive evidence against backends, from what passes by anyway: SYNs that are sent again,
 * RSTs before a connection is open, ICMP errors about what we encapsulated. It changes nothing
 * about forwarding: it is counted (channel/stats.h), and single signs go by rings to the
 * control thread, which judges them (suspects.h) and tells the daemon.
 *
 * A ring that is full loses signs, not counts: so a flood costs a bounded amount of work.
 *
 * Thread safety: a worker puts into its own ring, the main lcore into that of errors; the
 * control thread takes. It sleeps: the main lcore, which looks every millisecond anyway, wakes it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "dataplane/config.h"
#include "dataplane/exception.h"

struct dataplane;
struct snapshot_member;
struct spsc_ring;
struct worker;

/** Signs of a worker, or errors, that wait for the control thread. */
#define EVIDENCE_RING 256

/** One sign of a worker against a member. */
struct evidence_sign {
	uint32_t stats; /**< Statistics index of the member. */
	uint32_t flow;	/**< Tells flows apart, nearly always. */
	uint32_t kind;	/**< enum suspicion of channel/message.h. */
	uint32_t reserved;
	uint64_t opened; /**< member_evidence.opened of this worker, at the time. */
};

struct evidence {
	struct spsc_ring *signs[CONFIG_MAX_WORKERS]; /**< Of struct evidence_sign, by worker. */
	struct spsc_ring *unreachables; /**< Of struct unreachable (net/unreachable.h). */
	int wake_fd; /**< An eventfd: readable when the control thread should look. */
	bool exists;
};

/** @return 0, or -errno: nothing is held. */
MUST_CHECK int evidence_create(struct evidence *evidence, uint16_t nb_workers);
void evidence_destroy(struct evidence *evidence); /**< Legal when all is zero. */

/**
 * A TCP packet of a flow that was half open until then.
 * @param member    Whose flow it was.
 * @param flow      See struct evidence_sign.
 * @param tcp_flags Of the packet.
 * @param state     enum flow_state, after the packet.
 */
void evidence_of_half_open(struct worker *w, const struct snapshot_member *member, uint32_t flow,
		uint8_t tcp_flags, uint8_t state);

/**
 * An ICMP error for an address of ours; main lcore.
 * @return true: it is about what we encapsulated, and the mbuf was taken; false: it is the caller's.
 */
bool evidence_receive(const struct dataplane *dp, const struct exception *x);

/** Wake the control thread if anything waits for it; main lcore. @return whether it was. */
bool evidence_wake(const struct dataplane *dp);
/** The control thread is awake: wake_fd is not readable until the next evidence_wake(). */
void evidence_woken(const struct evidence *evidence);

#endif
