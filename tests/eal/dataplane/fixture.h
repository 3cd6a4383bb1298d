/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_EAL_FIXTURE_H
#define TESTS_EAL_FIXTURE_H

/**
 * @file
 * A dataplane without workers and control thread: two ports whose outboxes the test
 * reads, port 0 with an untagged interface, VLAN 100 and a TAP (a ring device that gives
 * back what it gets), port 1 with an untagged interface and neither.
 *
 *     port 0 untagged  10.0.0.1/24, 2001:db8::1/64, gateway 10.0.0.254
 *     port 0 VLAN 100  10.100.0.1/24
 *     port 1 untagged  10.1.0.1/24, static neighbour 10.1.0.9
 *     VIPs             10.0.0.80, 192.0.2.80, 2001:db8::80
 */

#include "dataplane/dataplane.h"
#include "dataplane/neighbour.h"
#include "service/snapshot.h"

extern struct dataplane dp;
extern struct main_stats *stats;

/** Once: EAL. @return 0. */
int fixture_start_eal(void);

/** Each test: everything anew. */
int fixture_setup(void **state);
/** Every mbuf must be back. */
int fixture_teardown(void **state);

/** Put a snapshot with these VIPs into force; sorted; NULL ends. */
void fixture_vips(const char *const *texts);

struct ip_addr addr_of(const char *text);

/** An mbuf with these bytes. */
struct rte_mbuf *mbuf_of(const void *bytes, unsigned int len);
/** The next frame that was sent on a port, or NULL. The caller frees it. */
struct rte_mbuf *sent(unsigned int port);
/** Free what was sent on a port. @return how many frames. */
unsigned int sent_drop(unsigned int port);
/** The next frame must have exactly these bytes. */
void assert_sent(unsigned int port, const void *bytes, unsigned int len);
void assert_nothing_sent(unsigned int port);
uint64_t drops(enum drop_reason reason);

#endif
