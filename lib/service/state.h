/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef SERVICE_STATE_H
#define SERVICE_STATE_H

/**
 * @file
 * Desired state of a dataplane, and how it becomes forwarding snapshots.
 *
 * The state is changed by transactions only: txn_begin(), changes, then
 * txn_prepare() builds a new snapshot from copies of the parts that the changes
 * touch; txn_finish() makes it the state, or txn_abort() forgets it. All or
 * nothing; the snapshot in force is never touched.
 *
 * Ids: a service's id, a member's index and its statistics index are given here
 * and stay in quarantine after a removal, until every worker's sweep has passed
 * over its whole flow table (state_quarantine_*()). A service or backend that
 * comes back while its number is in quarantine gets the same number back, so that
 * its flows go on. Numbers in quarantine count against max_services and max_members,
 * not against BACKEND_MAX distinct addresses.
 *
 * Thread safety: one thread (the control thread) owns a state, its transactions
 * and the release of snapshots. Snapshots themselves are read by any number.
 *
 * Memory: malloc(). With every allocation failing in turn, functions return
 * CONF_NO_MEMORY and leave the state as it was.
 */

#include <stdbool.h>
#include <stdint.h>

#include "service/service.h"
#include "service/snapshot.h"

struct state;
struct txn;

/** The way to a backend, as the dataplane's interfaces and gateways have it. */
struct backend_route {
	uint32_t nexthop;      /**< Index into the table of next hops; one reference is held. */
	struct ip_addr source; /**< The balancer's own address on the way out: outer source. */
	uint16_t mtu;
};

/** What a state needs of its owner; called on the control thread. */
struct state_hooks {
	void *context;
	/**
	 * Find the way to @p addr and take a reference on its next hop.
	 * @param on_link Mode direct: the backend must be reachable without a gateway.
	 * @return false: there is none; the backend then takes no flows (state_member.routed).
	 */
	bool (*route_get)(void *context, const struct ip_addr *addr, bool on_link,
			struct backend_route *out);
	/** Give the reference back: no snapshot in force names it any more. */
	void (*route_put)(void *context, uint32_t nexthop);
	/**
	 * A service or member has got its number or changed: update the directory. May be
	 * NULL. Removal is told when the number becomes free, at the end of the quarantine.
	 */
	void (*service_changed)(void *context, uint16_t id, const struct service_conf *conf,
			const struct snapshot_service *service);
	void (*member_changed)(void *context, uint32_t stats, uint16_t service_id, uint16_t member,
			const struct backend_conf *conf, bool routed);
	/** The numbers are free now; nobody counts there any more. May be NULL. */
	void (*service_freed)(void *context, uint16_t id);
	void (*member_freed)(void *context, uint32_t stats);
	/**
	 * A member owns another number of slots of the resolved table than before, also
	 * because of a change of others; 0 on its removal. After member_changed(). May be NULL.
	 */
	void (*slots_changed)(void *context, uint32_t stats, uint32_t slots);
};

/** Sizes that the owner gives; both at most the limits of service.h / 2^20. */
struct state_limits {
	uint32_t max_services;
	uint32_t max_members; /**< (service, backend) pairs; statistics indexes are below this. */
	uint32_t tick_ms; /**< Length of a flow table's tick: lifetimes are given to workers in ticks. */
};

/**
 * The first snapshot (generation 0) has no service.
 * @param limits Within their ranges, none is 0.
 * @return NULL: out of memory.
 */
struct state *state_create(const struct state_limits *limits, const struct state_hooks *hooks);
/**
 * Give back every route and all memory; a transaction under way is aborted. Legal
 * with NULL. No worker may hold a snapshot of this state any more.
 */
void state_destroy(struct state *state);

/** The snapshot in force; never NULL. */
const struct snapshot *state_snapshot(const struct state *state);
uint32_t state_nb_services(const struct state *state);
uint32_t state_nb_members(const struct state *state);
bool state_has_hash_key(const struct state *state);

/** A backend of a service, as state_find_member() finds it. */
struct state_member {
	uint32_t stats; /**< Its statistics index. */
	uint8_t mode;	/**< enum service_mode. */
	bool routed;	/**< There is a way to it: */
	struct backend_route route;
};

/** @return false: it is not in the configuration; @p out is untouched. */
bool state_find_member(const struct state *state, const struct service_key *service,
		const struct ip_addr *backend, struct state_member *out);

/**
 * Begin; one transaction at a time. Until txn_prepare(), the end of a quarantine and
 * new routes may pass it by.
 * @param replace_all The transaction is the whole desired state: what it does not
 *                    mention is removed, except the hash key. What is already so stays so.
 * @return NULL: out of memory.
 */
struct txn *txn_begin(struct state *state, bool replace_all);

/*
 * Changes. Each checks every field and leaves the transaction as it was on error.
 * Limits, and what a change of mode means for backends that are there, are checked
 * by txn_prepare(): only the final state counts, not the order of changes.
 */
MUST_CHECK enum conf_error txn_hash_key_set(struct txn *txn, const struct siphash_key *key);
/** Add a service or set all its fields; its backends stay. */
MUST_CHECK enum conf_error txn_service_set(struct txn *txn, const struct service_conf *conf);
/** Remove a service and its backends. */
MUST_CHECK enum conf_error txn_service_remove(struct txn *txn, const struct service_key *key);
/** Add a backend or set all its fields. */
MUST_CHECK enum conf_error txn_backend_set(struct txn *txn, const struct service_key *service,
		const struct backend_conf *conf);
MUST_CHECK enum conf_error txn_backend_remove(
		struct txn *txn, const struct service_key *service, const struct ip_addr *addr);

/**
 * Check the whole and build the snapshot that will be in force. On error the
 * transaction is as it was before.
 * @param generation The number that the new snapshot carries.
 * @param out        The new snapshot; publish it, then call txn_finish().
 */
MUST_CHECK enum conf_error txn_prepare(
		struct txn *txn, uint64_t generation, const struct snapshot **out);

/**
 * The snapshot of txn_prepare() is published and every worker has moved on:
 * make it the state, release the old one, tell the hooks, free the transaction.
 * @return true: something entered quarantine; see state_quarantine_begin().
 */
bool txn_finish(struct txn *txn);

/** Forget the transaction. Legal after txn_prepare() too, if nothing was published. */
void txn_abort(struct txn *txn);

/**
 * Quarantine. A batch is what one transaction removed. The owner notes each
 * worker's sweep count when the batch begins (after txn_finish()) and calls
 * state_quarantine_end() once every worker has completed two more sweeps.
 */
uint64_t state_quarantine_begin(struct state *state); /**< @return the batch's number, ascending. */
/** Is anything in quarantine? */
bool state_quarantine_any(const struct state *state);
/**
 * Free the numbers of all batches up to @p batch. Builds a snapshot without the
 * tombstones (same generation), to be published like that of a transaction. No
 * transaction may be between txn_prepare() and its end, and none may be prepared
 * before state_quarantine_finish().
 * @return CONF_OK and *out; CONF_NO_MEMORY: try again later.
 */
MUST_CHECK enum conf_error state_quarantine_end(
		struct state *state, uint64_t batch, const struct snapshot **out);
/** The snapshot of state_quarantine_end() is in force everywhere: release the old one. */
void state_quarantine_finish(struct state *state);

/**
 * Routes changed (an interface came or went, a gateway was set): find every
 * route anew and build a snapshot. Same protocol as state_quarantine_end().
 */
MUST_CHECK enum conf_error state_reroute(
		struct state *state, uint64_t generation, const struct snapshot **out);

#endif
