/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_ANNOUNCE_H
#define DATAPLANE_ANNOUNCE_H

/**
 * @file
 * Which addresses to announce, and when: every new one twice, two seconds apart
 * (RFC 5227 section 1.1), at most one a millisecond, so that thousands of VIPs are no storm.
 *
 * Thread safety: one thread owns it. Times are milliseconds of a monotonic clock.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define ANNOUNCE_TIMES 2
#define ANNOUNCE_INTERVAL_MS 2000

struct announce {
	struct ip_addr *addrs; /**< Sorted by ip_addr_compare(), distinct. */
	uint8_t *times;	       /**< How often each was announced. */
	uint32_t nb;
	uint32_t next;	   /**< Next to look at in this round. */
	uint64_t next_ms;  /**< Not earlier. */
	uint64_t round_ms; /**< When this round began. */
	bool done;	   /**< Everything was announced ANNOUNCE_TIMES times. */
};

/** Start with no address. */
void announce_init(struct announce *a);
void announce_fini(struct announce *a);

/**
 * The addresses are now @p addrs (sorted, distinct; copied). Those that were there
 * before are not announced again.
 * @return 0, or -ENOMEM: nothing changed; try again later.
 */
int announce_set(struct announce *a, const struct ip_addr *addrs, uint32_t nb, uint64_t now_ms);

/** Announce all of them again (a link came back). */
void announce_restart(struct announce *a, uint64_t now_ms);

/** @return the address to announce now, or NULL: none is due. */
const struct ip_addr *announce_next(struct announce *a, uint64_t now_ms);

#endif
