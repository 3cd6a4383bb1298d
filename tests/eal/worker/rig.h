/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_EAL_RIG_H
#define TESTS_EAL_RIG_H

/**
 * @file
 * One worker with its real flow tables and the control thread's real state, without
 * devices and threads: what the worker sends ends in the ports' outboxes, what it raises in
 * the real rings of exceptions.
 *
 *     interface 0   port 0 untagged   MTU 1500   10.0.0.1, 2001:db8::1   punts
 *     interface 1   port 0 VLAN 100   MTU 1500
 *     interface 2   port 1 untagged   MTU 1400   10.1.0.1                does not punt
 *
 * The way to a backend follows from the last byte of its address, b: interface b % 3; no
 * route if b % 16 = 15; a next hop without MAC address if b % 16 = 7. Next hops are the
 * last two bytes, IPv6 from 32768 on.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/control_internal.h"
#include "dataplane/worker.h"

#define RIG_MAX_SERVICES 16
#define RIG_MAX_MEMBERS 512

#define RIG_MAX_WORKERS 4

struct rig_conf {
	uint32_t flows4;
	uint32_t flows6;
	uint16_t nb_workers; /**< 0: one. */
};

extern struct dataplane dp;
extern struct control control; /**< Its state only: no thread, no session. */
extern struct worker *worker;  /**< The first. */

/** Once. @return 0. */
int rig_start_eal(void);
/** Each test. */
void rig_setup(const struct rig_conf *conf);
/** Every mbuf must be back, every reference on a next hop given back. */
void rig_teardown(void);

/** Is there a way to it, by the rule above? */
bool rig_is_routed(const struct ip_addr *addr);
uint32_t rig_nexthop(const struct ip_addr *addr);
struct ip_addr rig_own(uint8_t family);

/** 1.2.x.y or the like; must parse. */
struct ip_addr rig_addr(const char *text);

/** Begin a transaction; end it like the control thread: publish, quarantine. */
struct txn *rig_begin(bool replace_all);
void rig_commit(struct txn *txn);

/** Configurations of their own: port 80, 251 slots; weight 100, enabled, up. */
struct service_conf rig_service(const char *vip, uint8_t protocol, uint8_t mode);
struct backend_conf rig_backend(const char *addr);

/** Sweep to the end of a pass over both tables. */
void rig_sweep(void);

/** Sum of all members' gauge. */
uint64_t rig_active_flows(void);
/** The gauge of one live backend. */
uint64_t rig_member_flows(const struct service_key *service, const struct ip_addr *backend);
uint64_t rig_drops(enum drop_reason reason);

struct rte_mbuf *rig_mbuf(const void *bytes, uint32_t len);
/** The pipeline and worker_flush() on what came in on @p port. */
void rig_run(uint16_t port, struct rte_mbuf **frames, uint16_t nb);
/** What was sent on a port, or NULL. */
struct rte_mbuf *rig_sent(uint16_t port);
/** Buffers that are not in the pool. */
unsigned int rig_in_use(void);

#endif
