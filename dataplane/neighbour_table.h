/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef DATAPLANE_NEIGHBOUR_TABLE_H
#define DATAPLANE_NEIGHBOUR_TABLE_H

/**
 * @file
 * The state machine of neighbours, without packets: which next hop to ask when, whom
 * to believe, when to give up. After RFC 4861 section 7.3, for ARP too, but with
 * other priorities than a host's: every next hop here is in use for as long as it is
 * in the table, so it is asked again before its entry goes stale, and traffic flows on
 * meanwhile.
 *
 *     incomplete  asked by broadcast, once a second, 3 times; then failed
 *     reachable   for 15 to 45 s (30 s with RFC 4861's jitter); then probe
 *     probe       MAC address still in use; asked 3 times by unicast, then 3 times by
 *                 broadcast, once a second; then failed
 *     failed      asked once after 1, 2, 4, …, 30 s of rest, and at once (at most once
 *                 a second) when a packet wants to go there
 *     static      never asked, never changed
 *
 * Whom to believe: only an answer to a request of ours, sent at most 3 s ago, makes or
 * changes an entry. In state probe another MAC address than the one in use is
 * believed only once the owner of that one failed to answer 3 unicast probes. Every
 * other message (gratuitous or unsolicited, or a request from the neighbour) is at
 * most a hint: one that names another MAC starts a quick probe (3 by unicast, 250 ms
 * apart, then broadcast), at most once a second; one from a failed neighbour makes us ask
 * it at once. So a forged message costs one probe, and a server that really moved is
 * followed within a second.
 *
 * Requests of all next hops together are paced; what is due waits its turn.
 *
 * Thread safety: one thread owns a table. Times are milliseconds of a monotonic
 * clock. Memory: malloc() at creation only.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

#define NEIGHBOUR_RETRANS_MS 1000
#define NEIGHBOUR_QUICK_MS 250
#define NEIGHBOUR_MAX_REQUESTS 3
#define NEIGHBOUR_REACHABLE_MS 30000
#define NEIGHBOUR_ANSWER_MS 3000
#define NEIGHBOUR_BACKOFF_MAX_S 30
/** Requests of all next hops together: a second, and at once. */
#define NEIGHBOUR_REQUEST_RATE 8000
#define NEIGHBOUR_REQUEST_BURST 256

enum neighbour_state {
	NEIGHBOUR_FREE = 0, /**< The index is not in use. */
	NEIGHBOUR_INCOMPLETE,
	NEIGHBOUR_REACHABLE,
	NEIGHBOUR_PROBE,
	NEIGHBOUR_FAILED,
	NEIGHBOUR_STATIC,
};

/** A next hop; read only for others than the table. */
struct neighbour {
	struct ip_addr addr;
	uint8_t interface;
	uint8_t mac[6]; /**< In use in states reachable, probe and static. */
	uint8_t state;	/**< enum neighbour_state. */
	uint8_t asked;	/**< Requests sent in this state. */
	uint8_t backoff_s;
	bool quick;	    /**< Probe: because of a hint. */
	uint64_t asked_ms;  /**< When the last request was sent; 0: never. */
	uint64_t hinted_ms; /**< When a hint last started a probe; 0: never. */
};

struct neighbour_table;

/**
 * @param capacity Indexes 0..capacity - 1; a power of two.
 * @param seed     Of the jitter; any number.
 * @return NULL: out of memory.
 */
struct neighbour_table *neighbour_table_create(uint32_t capacity, uint64_t seed);
void neighbour_table_destroy(struct neighbour_table *t); /**< Legal with NULL. */

const struct neighbour *neighbour_table_get(const struct neighbour_table *t, uint32_t index);
/** May packets be sent to @p n? */
bool neighbour_is_resolved(const struct neighbour *n);

/** Enter a next hop at a free index. It is due to be asked at once. */
void neighbour_table_add(struct neighbour_table *t, uint32_t index, const struct ip_addr *addr,
		uint8_t interface, uint64_t now_ms);
void neighbour_table_add_static(struct neighbour_table *t, uint32_t index,
		const struct ip_addr *addr, uint8_t interface, const uint8_t *mac);
/** Free an index; legal if it is free. */
void neighbour_table_remove(struct neighbour_table *t, uint32_t index);

/** What is to be done for a next hop whose time has come. */
enum neighbour_action {
	NEIGHBOUR_ASK_ALL, /**< Send a request by broadcast or solicited-node multicast. */
	NEIGHBOUR_ASK_ONE, /**< Send a request to its MAC address. */
	NEIGHBOUR_GIVE_UP, /**< It is now failed: its MAC address is void, waiting packets drop. */
};

/**
 * The next thing to do; call until it returns false. What it returns counts as done.
 * @return false: nothing is due, or the pace does not allow a request now.
 */
bool neighbour_table_due(struct neighbour_table *t, uint64_t now_ms, uint32_t *index,
		enum neighbour_action *action);

/** What a message says: @p addr is at @p mac. */
struct neighbour_claim {
	struct ip_addr addr;
	uint8_t mac[6];
	bool has_mac; /**< NA in answer to a unicast NS may leave it out (RFC 4861 section 7.2.4). */
	uint8_t interface; /**< It came in there. */
	bool answer; /**< It has the form of an answer to us (ARP reply to us, solicited NA to us). */
	bool override; /**< May replace another MAC address (RFC 4861 section 7.2.5). */
};

enum neighbour_verdict {
	NEIGHBOUR_UNKNOWN,   /**< No next hop of ours: nothing is created. */
	NEIGHBOUR_IGNORED,   /**< Not believed, or no news. */
	NEIGHBOUR_HINT,	     /**< Not believed, but the next hop will be asked. */
	NEIGHBOUR_CONFIRMED, /**< It is where it was. */
	NEIGHBOUR_LEARNED,   /**< A new MAC address: publish it, send what waits. */
};

enum neighbour_verdict neighbour_table_learn(struct neighbour_table *t,
		const struct neighbour_claim *claim, uint64_t now_ms, uint32_t *index);

/** Would neighbour_table_learn() take @p claim as an answer that we are waiting for? */
bool neighbour_table_expects(const struct neighbour_table *t, const struct neighbour_claim *claim,
		uint64_t now_ms);

/** What to do with a packet for a next hop. */
enum neighbour_want {
	NEIGHBOUR_SEND,	  /**< It is resolved (again). */
	NEIGHBOUR_WAIT,	  /**< It is being asked: queue the packet. */
	NEIGHBOUR_NOBODY, /**< No such next hop any more. */
};

/** A packet wants to go to @p index: a failed next hop is asked at once. */
enum neighbour_want neighbour_table_want(
		struct neighbour_table *t, uint32_t index, uint64_t now_ms);

/** An interface has its link again: ask its failed next hops at once. */
void neighbour_table_link_up(struct neighbour_table *t, uint8_t interface, uint64_t now_ms);

#endif
