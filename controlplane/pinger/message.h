/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PINGER_MESSAGE_H
#define PINGER_MESSAGE_H

/**
 * @file
 * What guidewayd and guideway-pinger say to each other, over a Unix socket of type
 * SOCK_SEQPACKET: packets of 1…PING_BATCH requests one way, of as many results the other.
 * Both ends are of one version, on one machine: host byte order.
 *
 * Each request is answered by PING_SENT or PING_FAILED; after PING_SENT there may come one
 * PING_ANSWERED or PING_UNREACHABLE, or nothing.
 */

#include <stdint.h>

#include "base/addr.h"

/** Most records of one packet. */
#define PING_BATCH 64
/** Echo requests that a pinger sends at most in a second, whoever wants them. */
#define PING_MAX_PER_S 20000

/** Send an echo request. */
struct ping_request {
	uint32_t id;	       /**< Of whoever asks; comes back. */
	struct ip_addr addr;   /**< To whom: unicast. */
	struct ip_addr source; /**< From which own address; IP_NONE: as the kernel chooses. */
};
_Static_assert(sizeof(struct ping_request) == 4 + 2 * sizeof(struct ip_addr), "no padding");

enum ping_kind {
	PING_SENT = 1,
	PING_ANSWERED = 2,
	PING_UNREACHABLE = 3, /**< Somebody on the way says so. */
	PING_FAILED = 4,      /**< It could not be sent: see error. */
};

struct ping_result {
	uint32_t id;
	uint8_t kind; /**< enum ping_kind. */
	uint8_t reserved[3];
	int32_t error; /**< PING_FAILED: an errno; else 0. */
};
_Static_assert(sizeof(struct ping_result) == 12, "no padding");

#endif
